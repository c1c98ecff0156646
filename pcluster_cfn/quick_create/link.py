"""A quick-create link: writing it, and reading it back.

Source: CloudFormation user guide, "Create quick-create links for stacks": the form, and that encoding is
supported. What the guide leaves open is encoded as RFC 3986 has it, a space as ``%20``, so that nobody can
read anything else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlsplit

from pcluster_cfn.errors import CommandError
from pcluster_cfn.quick_create.regions import region_named

#: Longer links may be cut on their way, by browsers, mail and proxies; nobody promises more.
#: Source: RFC 9110, section 4.1, what all recipients should support at a minimum.
MAX_LINK_CHARACTERS = 8_000
_ROUTE = "/stacks/create/review"
_PARAMETER = "param_"


@dataclass(frozen=True)
class QuickCreateLink:
    """What a link says; ``stack_name`` is None where the console shall ask for it."""

    region: str
    template_url: str
    stack_name: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    def url(self) -> str:
        """Returns the link, in ASCII, with the parameters in their order.

        Raises:
            CommandError: The Region is unknown.
        """
        query = [("templateURL", self.template_url)]
        if self.stack_name is not None:
            query.append(("stackName", self.stack_name))
        query += [(f"{_PARAMETER}{name}", value) for name, value in self.parameters.items()]
        written = "&".join(f"{_encode(name)}={_encode(value)}" for name, value in query)
        return f"{region_named(self.region).console_url}?region={self.region}#{_ROUTE}?{written}"


def parse(url: str) -> QuickCreateLink:
    """Returns what a link says, exactly as it was put in.

    Raises:
        CommandError: It is no quick-create link.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:  # brackets that hold no address of version 6
        raise CommandError(f"{url!r} is no quick-create link", "take the link as it was made") from error
    route, _, query = parts.fragment.partition("?")
    said = dict(parse_qsl(query, keep_blank_values=True))
    region = dict(parse_qsl(parts.query)).get("region", "")
    if route != _ROUTE or "templateURL" not in said:
        raise CommandError(f"{url!r} is no quick-create link", f"one has #{_ROUTE}?templateURL=… in it")
    if f"{parts.scheme}://{parts.netloc}{parts.path}" != region_named(region).console_url:
        raise CommandError(
            f"{url!r} is not at the console of Region {region}", "take the link as it was made"
        )
    return QuickCreateLink(
        region,
        said["templateURL"],
        said.get("stackName"),
        {name.removeprefix(_PARAMETER): value for name, value in said.items() if name.startswith(_PARAMETER)},
    )


def _encode(text: str) -> str:
    """Returns text in which nothing is left that a URL, Markdown or HTML could take for its own."""
    return quote(text, safe="")
