"""The provider stacks of a Region, and the files that templates are written into."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pcluster_cfn.aws import Aws
from pcluster_cfn.errors import CommandError
from pcluster_cfn.planning.guardrails import FORBID, Guardrails
from pcluster_cfn.template import reason

#: Outputs that a provider stack has. Source: template.yaml.
_OUTPUTS = {"ServiceToken", "EngineRole", "ProviderRole"}


@dataclass(frozen=True)
class ProviderStack:
    """A provider stack, with the value of its parameter ``ClusterAdoption``."""

    stack_name: str
    service_token: str
    adoption: str

    def allows(self, tags: Mapping[str, str]) -> bool:
        """Whether the operator lets templates take over a cluster whose stack has these tags."""
        return Guardrails(self.adoption).permits_adoption(tags)


def providers(aws: Aws) -> list[ProviderStack]:
    """Returns the provider stacks of the Region that work, by name."""
    found = []
    for page in aws.client("cloudformation").get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            outputs = {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
            if set(outputs) >= _OUTPUTS and stack["StackStatus"].endswith("_COMPLETE"):
                given = {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}
                adoption = given.get("ClusterAdoption", FORBID)
                found.append(ProviderStack(stack["StackName"], outputs["ServiceToken"], adoption))
    return sorted(found, key=lambda provider: provider.stack_name)


def write_template(path: Path, text: str, *, force: bool) -> None:
    """Writes a template into a new file, or into an existing one with ``force``.

    Raises:
        CommandError: The file exists, or cannot be written.
    """
    try:
        with path.open("w" if force else "x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError as error:
        raise CommandError(f"{path} exists", "name another file with --output, or give --force") from error
    except OSError as error:
        raise CommandError(
            f"cannot write {path}: {reason(error)}", "name another file with --output"
        ) from error
