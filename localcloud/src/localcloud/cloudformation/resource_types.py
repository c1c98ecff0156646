"""The attributes and required properties of resource types, which CloudFormation knows beforehand.

``tools/resource_types.py`` makes the file beside this module. A type that it lacks is judged when it is made.
"""

import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any

_STACK = "AWS::CloudFormation::Stack"


@cache
def _types() -> Mapping[str, Any]:
    text = resources.files("localcloud.cloudformation").joinpath("resource_types.json").read_text()
    types: Mapping[str, Any] = json.loads(text)
    return types


def has_attribute(resource_type: str, name: str) -> bool:
    """Returns whether ``Fn::GetAtt`` may name an attribute; True for types whose attributes are not known."""
    if resource_type == _STACK:
        return name.startswith("Outputs.")
    if resource_type not in _types():
        return True
    # An asterisk stands for the place in a list.
    return any(fnmatchcase(name, attribute) for attribute in _types()[resource_type]["attributes"])


def identifier(resource_type: str) -> str | None:
    """Returns the attribute that is the same as ``Ref``, if there is one."""
    found: str | None = _types().get(resource_type, {}).get("identifier")
    return found


def missing_properties(resource_type: str, given: Iterable[str]) -> list[str]:
    """Returns the required properties that a resource does not have."""
    required = _types().get(resource_type, {}).get("required", [])
    return sorted(set(required) - set(given))
