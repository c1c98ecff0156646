"""Writes what the embedded cloud knows about its resource types: attributes, identifiers and so on.

Source: CloudFormation registry, as cfn-lint has it. ``make resource-types`` writes the file.
A test fails if it is not current.
"""

import json
from pathlib import Path
from typing import Any

from cfnlint.schema import ResourceNotFoundError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from moto.cloudformation import parsing

import localcloud.server  # noqa: F401 - its imports define the models of all services
from localcloud import resources

FILE = Path(__file__).parents[1] / "localcloud/src/localcloud/cloudformation/resource_types.json"
_REGION = "us-east-1"
#: Types without a model of moto's.
_OWN = {
    "AWS::CloudFormation::LambdaHook",
    "AWS::CloudFormation::WaitCondition",
    "AWS::CloudFormation::WaitConditionHandle",
    "AWS::ImageBuilder::Image",
}


def as_json() -> str:
    """Returns the content of the file: a line for each type that cloud and registry know."""
    resources.register()
    types = sorted(_OWN | set(parsing.get_model_map()) - {"AWS::CloudFormation::Stack"})
    found = {name: described for name in types if (described := _described(name)) is not None}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(found[name])}" for name in found)
    return "{\n" + lines + "\n}\n"


def _described(resource_type: str) -> dict[str, Any] | None:
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, resource_type)
    except ResourceNotFoundError:
        return None
    identifiers = [path.removeprefix("/properties/") for path in schema.schema["primaryIdentifier"]]
    return {
        "attributes": sorted(schema.get_atts),
        "identifier": identifiers[0] if len(identifiers) == 1 else None,
        "required": sorted(schema.schema.get("required", [])),
    }


if __name__ == "__main__":
    FILE.write_text(as_json())
