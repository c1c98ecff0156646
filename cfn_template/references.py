"""Finds the parameters and resources that a piece of a template refers to, and where."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cfn_template.functions import VARIABLE, split_attribute, text_and_variables
from cfn_template.limits import Place


@dataclass(frozen=True)
class Reference:
    """A name that ``Ref``, ``Fn::GetAtt`` or ``Fn::Sub`` reads.

    Args:
        name: The parameter, pseudo parameter or resource.
        attribute: The attribute in ``Fn::GetAtt``: text or a function; None for ``Ref``.
        place: The function's place; None in values without places.
    """

    name: str
    attribute: Any
    place: Place | None


def references(node: Any) -> Iterator[Reference]:
    """Yields the references in a piece of a template, those in both branches of ``Fn::If`` included.

    Raises:
        EvaluationError: A function's arguments are not valid.
    """
    if isinstance(node, list):
        for item in node:
            yield from references(item)
        return
    if not isinstance(node, dict):
        return
    if len(node) == 1:
        ((key, value),) = node.items()
        place = getattr(value, "place", None) or getattr(node, "place", None)
        if key == "Ref" and isinstance(value, str):
            yield Reference(value, None, place)
            return
        if key == "Fn::GetAtt":
            logical_id, attribute = split_attribute(value)
            yield Reference(logical_id, attribute, place)
            yield from references(attribute)
            return
        if key == "Fn::Sub":
            yield from _in_sub(value, place)
            return
    for item in node.values():
        yield from references(item)


def names_in(node: Any) -> Iterator[str]:
    """Yields every name that a piece of a template refers to by Ref, GetAtt or Sub.

    Raises:
        EvaluationError: A function's arguments are not valid.
    """
    return (reference.name for reference in references(node))


def _in_sub(arguments: Any, place: Place | None) -> Iterator[Reference]:
    text, local = text_and_variables(arguments)
    yield from references(list(local.values()))
    for variable in VARIABLE.findall(text):
        name = variable.strip()
        if not name or name.startswith("!") or name in local:
            continue
        logical_id, dot, attribute = name.partition(".")
        yield Reference(logical_id, attribute if dot else None, place)
