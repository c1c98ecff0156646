"""Local templates that nest local templates: no circle, and no deeper than anybody nests."""

from pathlib import Path

from pcluster_cfn.errors import CommandError

#: Templates in each other, the outermost included. CloudFormation limits only how many changes all stacks
#: that are nested in one make at a time, to 2,500; nobody nests a tenth of this.
#: Source: CloudFormation quotas, "Maximum number of operations on nested stacks".
NESTING_MAX = 30


Chain = tuple[Path, ...]


def nested(chain: Chain, path: Path, place: str) -> Chain:
    """Returns a chain of templates that nest each other with one more at its end.

    Args:
        chain: Files of templates, the outermost first, as this function returned them; empty to begin with.
        path: The template that the last one nests.
        place: The property that names it, for messages.

    Raises:
        CommandError: It is in the chain already, or the chain gets too long.
    """
    resolved = path.resolve()
    if resolved in chain:
        circle = " nests ".join(each.name for each in (*chain[chain.index(resolved) :], resolved))
        raise CommandError(f"{place} makes a circle: {circle}", "name another template there")
    if len(chain) >= NESTING_MAX:
        raise CommandError(
            f"{place} nests a template more than {NESTING_MAX} deep", "nest less, or name an address in S3"
        )
    return (*chain, resolved)
