"""Writes what the embedded cloud knows about IAM's actions and CloudFormation's handlers.

Source: Service Authorization Reference and CloudFormation registry, as cfn-lint has them. ``make
resource-types`` writes the file. A test fails if it is not current.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfnlint.schema import ResourceNotFoundError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tools.permissions.reference import services

_CLOUD = Path(__file__).parents[1] / "localcloud/src/localcloud"
FILE = _CLOUD / "iam/reference.json"
_REGION = "us-east-1"
#: Services that functions call, and no handler.
_CALLED = {"pricing", "resource-groups", "sts", "tag", "xray"}


def as_json() -> str:
    """Returns the content of the file: a line for each service and for each resource type."""
    known = json.loads((_CLOUD / "cloudformation/resource_types.json").read_text(encoding="utf-8"))
    types = [*known, "AWS::CloudFormation::Stack"]
    handlers = {name: found for name in sorted(types) if (found := _handlers(name))}
    named = {
        action.partition(":")[0]
        for found in handlers.values()
        for text in found.values()
        for action in text.split()
    }
    actions = {service: _actions(service) for service in sorted(named | _CALLED) if service in services()}
    return f'{{"actions": {_lines(actions)},\n"handlers": {_lines(handlers)}}}\n'


def _lines(content: Mapping[str, Any]) -> str:
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(content[name])}" for name in content) + "\n}"


def _actions(service: str) -> tuple[str, str]:
    """The actions that can be limited to resources, and the others."""
    found = services()[service]["Actions"]
    limited = {name for name, described in found.items() if described.get("Resources")}
    return " ".join(sorted(limited)), " ".join(sorted(set(found) - limited))


def _handlers(resource_type: str) -> dict[str, str]:
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, resource_type).schema
    except ResourceNotFoundError:
        return {}
    named = {
        name: set(handler.get("permissions", ())) for name, handler in schema.get("handlers", {}).items()
    }
    read = named.get("read", set())
    asked = {"CREATE": named.get("create", set()) | read, "UPDATE": named.get("update", set()) | read}
    asked["DELETE"] = named.get("delete", set())
    return {action: " ".join(sorted(names)) for action, names in asked.items()} if named else {}


if __name__ == "__main__":
    FILE.write_text(as_json(), encoding="utf-8")
