"""The schemas that people and the command use, made from those that the engine and the provider use.

Usage: ``make schemas``, which is ``python -m tools.published_schemas``. It writes two kinds of file:

- ``build/schemas``: for editors, a schema of each ParallelCluster version's configuration, and one of the
  properties of each resource type.
- ``pcluster_cfn/validation/resources.json``: the latter once more, committed. The command reads it, because
  the command does not import the provider. A test compares it with what this module makes.
"""

import copy
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from cluster_provider.core import attributes, image_properties, properties, questions
from cluster_provider.core.checking import Rules
from cluster_provider.core.deadline import SERVICE_TIMEOUT_MAX_S
from cluster_provider.core.identity import Kind
from pcluster_cfn.editor_schemas import DRAFT, JsonSchema, files
from pcluster_cfn.validation.resource_check import RESOURCES

FOLDER = Path(__file__).parents[1] / "build" / "schemas"
TYPES = {
    "Custom::PclusterCluster": properties.RULES,
    "Custom::PclusterClusterInfo": questions.CLUSTER_INFO,
    "Custom::PclusterImage": image_properties.RULES,
    "Custom::PclusterOfficialImage": questions.OFFICIAL_IMAGE,
}
#: Added to every answer about a cluster or an image. Source: docs/reference/cluster.md, "Attributes".
_MESSAGES = ("validationMessages",)
#: What ``Fn::GetAtt`` reads; N stands for the number of a login node pool.
ATTRIBUTES: dict[str, Iterable[str]] = {
    "Custom::PclusterCluster": (*attributes.cluster_attributes(None, None), *_MESSAGES),
    "Custom::PclusterClusterInfo": attributes.information_attributes(Kind.CLUSTER_INFO, None),
    "Custom::PclusterImage": (*attributes.image_attributes(None, None), *_MESSAGES),
    "Custom::PclusterOfficialImage": attributes.information_attributes(Kind.OFFICIAL_IMAGE, None),
}


def write(folder: Path, for_command: Path) -> None:
    """Writes every schema into a folder, and the one of the resources once more for the command."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = dict(published())
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    for_command.write_text(texts[RESOURCES.name], encoding="utf-8")


def published() -> Iterator[tuple[str, str]]:
    """Yields the name of each file in ``build/schemas`` and its content."""
    yield from files()
    yield RESOURCES.name, json.dumps(resources(), indent=1) + "\n"


def resources() -> JsonSchema:
    """Returns the schema of each resource type's properties, with what its error messages expect."""
    return {name: _resource(name, rules) for name, rules in TYPES.items()}


def _resource(name: str, rules: Rules) -> JsonSchema:
    known = copy.deepcopy(dict(rules.schema["properties"]))
    # Digits in the provider's schema, where every scalar is text; the range is the provider's, too.
    known["ServiceTimeout"] = {"type": "integer", "minimum": 1, "maximum": SERVICE_TIMEOUT_MAX_S}
    for key, expected in rules.expected.items():
        known[key]["x-expected"] = expected
    required = ["ServiceToken", *rules.schema.get("required", [])]  # CloudFormation's own demand comes first
    return {**rules.schema, "$schema": DRAFT, "title": name, "required": required, "properties": known} | {
        "x-attributes": sorted(each.replace("loginNodes.0.", "loginNodes.N.") for each in ATTRIBUTES[name])
    }


if __name__ == "__main__":
    write(FOLDER, RESOURCES)
    sys.stdout.write(f"The schemas are in {FOLDER}.\n")
