"""In which order resources are made, and gone."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from cfn_template.references import names_in
from localcloud.cloudformation.errors import ValidationError


def dependencies(definitions: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """Returns, for each resource, the resources that must be complete before it.

    Args:
        definitions: Resources that exist in this stack, by logical id, without untaken branches.

    Raises:
        ValidationError: Resources wait for each other in a circle.
    """
    needs = {}
    for logical_id, definition in definitions.items():
        explicit = definition.get("DependsOn", [])
        names = {explicit} if isinstance(explicit, str) else set(explicit)
        names.update(names_in(definition.get("Properties", {})))
        needs[logical_id] = {name for name in names if name in definitions}
    _refuse_circles(needs)
    return needs


def _refuse_circles(needs: Mapping[str, set[str]]) -> None:
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        left = set(needs)
        while ready := sorter.get_ready():
            sorter.done(*ready)
            left.difference_update(ready)
        listed = ", ".join(sorted(left))
        raise ValidationError(f"Circular dependency between resources: [{listed}]") from error


def reversed_order(needs: Mapping[str, set[str]], among: set[str]) -> dict[str, set[str]]:
    """Returns, for each resource among some, those that must be gone before it."""
    order: dict[str, set[str]] = {name: set() for name in among}
    for name, needed in needs.items():
        for other in needed:
            if name in among and other in among:
                order[other].add(name)
    return order
