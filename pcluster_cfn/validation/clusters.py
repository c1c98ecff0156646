"""The resources of a template that this project's provider answers for."""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cfn_template.limits import Place
from cfn_template.loops import PREFIX
from cfn_template.values import Map, place_of
from cluster_schema.conversion import Schema
from pcluster_cfn.validation.foresight import Foresight, section

#: Made from the provider's own schema: ``make schemas``.
RESOURCES = Path(__file__).with_name("resources.json")
CLUSTER = "Custom::PclusterCluster"
CONFIGURATION = "ClusterConfiguration"
#: How much of a name two names share for one to be a slip of the other: two wrong letters of twenty.
_NEAR = 0.88


@dataclass(frozen=True)
class Resource:
    """A resource that this project's provider answers for, or was meant to.

    Args:
        logical_id: Its name.
        kind: One of ``schemas()``.
        place: Of its name.
        properties: As they stand in the template.
        meant: The type that its own type is a slip of; None if the type is right.
        type_at: Where its type is.
    """

    logical_id: str
    kind: str
    place: Place
    properties: Any
    meant: str | None
    type_at: Place


def resources(template: Foresight) -> Iterator[Resource]:
    """Yields the resources whose properties this project knows, but for those known not to be made."""
    for logical_id, definition in section(template.root, "Resources").items():
        if not isinstance(definition, dict) or logical_id.startswith(PREFIX):
            continue
        kind, meant = _kind(definition.get("Type"), definition.get("Properties"))
        if kind is not None and template.exists(definition):
            place = place_of(template.root, ("Resources", logical_id)) or Place(1, 1)
            properties = definition["Properties"] if "Properties" in definition else Map(place)
            type_at = place_of(definition, ("Type",)) or place
            yield Resource(logical_id, kind, place, properties, meant, type_at)


@cache
def schemas() -> Mapping[str, Schema]:
    """Returns the schema of each resource type's properties, with its attributes in ``x-attributes``."""
    read: Mapping[str, Schema] = json.loads(RESOURCES.read_text(encoding="utf-8"))
    return read


def _kind(kind: Any, properties: Any) -> tuple[str | None, str | None]:
    """Returns which schema a resource has, and the type that was meant where its own is a slip."""
    if not isinstance(kind, str):
        return None, None
    if kind in schemas():
        return str(kind), None
    keys = properties if isinstance(properties, dict) else {}
    is_custom = kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource"
    if is_custom and CONFIGURATION in keys:
        return CLUSTER, None  # the provider takes every other name for a cluster's
    near = _near_type(kind)
    if near is not None:
        return near, near
    if is_custom and difflib.get_close_matches(
        CONFIGURATION.lower(), [key.lower() for key in keys], n=1, cutoff=_NEAR
    ):
        return CLUSTER, None
    return None, None


def _near_type(kind: str) -> str | None:
    known = {name.lower(): name for name in schemas()}
    name = kind.lower()
    if name.startswith("aws::") and name.rpartition("::")[2] not in {each[8:] for each in known}:
        return None  # a type of AWS's own
    ends = {each.removeprefix("custom::"): each for each in known}
    near = ends.get(name.rpartition(":")[2]) or next(
        iter(difflib.get_close_matches(name, known, n=1, cutoff=_NEAR)), None
    )
    return known[near] if near else None
