"""Whether CloudFormation replaces a resource when a property of it changes."""

from functools import cache
from pathlib import Path
from typing import Literal

import yaml

Recreation = Literal["Never", "Conditionally", "Always"]
#: Behind the name of a property that needs a replacement for some of its values, or in some states.
_SOMETIMES = "?"
_TABLE = Path(__file__).with_name("replacements.yaml")


def requires_recreation(resource_type: str, property_name: str) -> Recreation:
    """Returns what a change of a property means; Conditionally for a type of which nothing is known.

    A custom resource is such a type: its function decides with each response.
    Source: CloudFormation user guide, "Custom resource response objects", PhysicalResourceId.
    """
    listed = listed_types().get(resource_type)
    if listed is None or property_name + _SOMETIMES in listed:
        return "Conditionally"
    return "Always" if property_name in listed else "Never"


@cache
def listed_types() -> dict[str, frozenset[str]]:
    """Returns the properties that need a replacement, by resource type."""
    table: dict[str, str] = yaml.safe_load(_TABLE.read_text())
    return {resource_type: frozenset(names.split()) for resource_type, names in table.items()}
