"""Which parts of a template speak of which others, and the order that follows."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.cloudformation.errors import UnresolvedValueError, ValidationError
from localcloud.cloudformation.template.functions import split_attribute

_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")


def names_in(node: Any) -> Iterator[str]:
    """Yields every name that a piece of a template reads through Ref, GetAtt or Sub."""
    if isinstance(node, list):
        for item in node:
            yield from names_in(item)
        return
    if not isinstance(node, dict):
        return
    if len(node) == 1:
        ((key, value),) = node.items()
        if key == "Ref" and isinstance(value, str):
            yield value
            return
        if key == "Fn::GetAtt":
            logical_id, name = split_attribute(value)
            yield logical_id
            yield from names_in(name)
            return
        if key == "Fn::Sub":
            yield from _names_in_sub(value)
            return
    for item in node.values():
        yield from names_in(item)


def _names_in_sub(arguments: Any) -> Iterator[str]:
    text, local = (arguments, {}) if isinstance(arguments, str) else _text_and_map(arguments)
    yield from names_in(list(local.values()))
    for name in _VARIABLE.findall(text):
        if name.strip() not in local:
            yield name.strip().split(".", maxsplit=1)[0]


def _text_and_map(arguments: Any) -> tuple[str, dict[str, Any]]:
    match arguments:
        case [str(text), dict(local)]:
            return text, local
    raise UnresolvedValueError(
        "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. "
        "Specify a string as first argument, and an optional second argument to specify a mapping of values"
    )


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
    left = {name: set(names) for name, names in needs.items()}
    while ready := [name for name, names in left.items() if not names]:
        for name in ready:
            del left[name]
        for names in left.values():
            names.difference_update(ready)
    if left:
        raise ValidationError(f"Circular dependency between resources: [{', '.join(sorted(left))}]")


def reversed_order(needs: Mapping[str, set[str]], among: set[str]) -> dict[str, set[str]]:
    """Returns, for each resource among some, those that must be gone before it."""
    order: dict[str, set[str]] = {name: set() for name in among}
    for name, needed in needs.items():
        for other in needed:
            if name in among and other in among:
                order[other].add(name)
    return order
