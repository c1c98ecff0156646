"""Dynamic references: ``{{resolve:service:name}}`` in text, which CloudFormation replaces on deployment.

Source: CloudFormation user guide, "Get values stored in other services using dynamic references".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cfn_template.values import PartialText, Text, Unknown, copied_list, copied_map

_REFERENCE = re.compile(r"\{\{resolve:([a-z-]+):([^{}]*)\}\}")
#: Services whose values never appear in text. Source: the same, "Considerations": not in custom resources.
SECURE_SERVICES = {"ssm-secure", "secretsmanager"}


@dataclass(frozen=True)
class DynamicReference:
    """One reference.

    Args:
        service: ``ssm``, ``ssm-secure`` or ``secretsmanager``.
        name: The rest: a parameter with its version, or a secret with its key.
        text: The whole reference, as written.
    """

    service: str
    name: str
    text: str


def references_in(text: str) -> list[DynamicReference]:
    """Returns the dynamic references in a text, in their order."""
    return [_reference(found) for found in _REFERENCE.finditer(text)]


def _reference(found: re.Match[str]) -> DynamicReference:
    return DynamicReference(found[1], found[2], found[0])


def resolve_references(value: Any, resolve: Callable[[DynamicReference], str | Unknown]) -> Any:
    """Returns a copy of an evaluated value in which dynamic references are resolved.

    Args:
        value: Lists, maps and scalars without functions.
        resolve: Returns the replacement of a reference, or the reference's own text to keep it.

    Returns:
        The copy. Text with a reference of unknown value is Unknown as a whole.
    """
    if isinstance(value, dict):
        return copied_map(value, {key: resolve_references(item, resolve) for key, item in value.items()})
    if isinstance(value, list):
        return copied_list(value, [(at, resolve_references(item, resolve)) for at, item in enumerate(value)])
    if not isinstance(value, str) or isinstance(value, PartialText):
        return value
    parts, end = [], 0
    for found in _REFERENCE.finditer(value):
        resolved = resolve(_reference(found))
        if isinstance(resolved, Unknown):
            return resolved
        parts += [value[end : found.start()], resolved]
        end = found.end()
    text = "".join([*parts, value[end:]])
    if text == value:
        return value
    return Text(text, value.place, value.style) if isinstance(value, Text) else text
