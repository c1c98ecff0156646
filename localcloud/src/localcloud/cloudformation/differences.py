"""What an update would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfn_template.references import names_in
from localcloud.cloudformation.errors import UnresolvedValueError
from localcloud.cloudformation.handlers import target_of
from localcloud.cloudformation.request import Change

if TYPE_CHECKING:
    from localcloud.cloudformation.stack import Stack
    from localcloud.cloudformation.template.compiled import CompiledTemplate


def differs(stack: Stack, template: CompiledTemplate, tags: dict[str, str]) -> bool:
    """Returns whether an update to a template changes anything."""
    old = stack.template
    return (
        old is None
        or tags != stack.tags
        or {n: (p.text, p.resolved) for n, p in old.parameters.items()}
        != {n: (p.text, p.resolved) for n, p in template.parameters.items()}
        or old.outputs != template.outputs
        or bool(changes(stack, template, tags))
    )


def changes(stack: Stack, template: CompiledTemplate, tags: dict[str, str]) -> list[Change]:
    """Returns the resources that an update would add, modify and remove, as far as the template shows."""
    old = stack.template.definitions if stack.template else {}
    found = []
    for logical_id, definition in template.definitions.items():
        resource = stack.resources.get(logical_id)
        if logical_id not in old or resource is None or resource.made is None:
            found.append(Change("Add", logical_id, definition["Type"], None))
        elif _modified(stack, template, logical_id, tags):
            found.append(Change("Modify", logical_id, definition["Type"], resource.physical_id))
    for logical_id, resource in stack.resources.items():
        if logical_id not in template.definitions and resource.made is not None:
            found.append(Change("Remove", logical_id, resource.resource_type, resource.physical_id))
    return found


def _modified(stack: Stack, template: CompiledTemplate, logical_id: str, tags: dict[str, str]) -> bool:
    """Returns whether a resource would change; True where its properties cannot be evaluated yet."""
    made = stack.resources[logical_id].made
    definition = template.definitions[logical_id]
    if made is None:
        return True
    if any(name in template.definitions and name not in stack.resources for name in names_in(definition)):
        return True
    try:
        target = target_of(stack, logical_id, template, tags)
        return target.handler.differs(target, made)
    except UnresolvedValueError:
        return True
