"""Evaluated values as text, and the errors of functions that have no value."""

import json
from typing import Any

from cfn_template.limits import TEXT_MAX_BYTES
from cfn_template.numbers import float_text
from cfn_template.values import PartialText, Unknown, copied_list, copied_map


class EvaluationError(ValueError):
    """A function has no value; the text is CloudFormation's own where that is known."""


class TooLargeError(EvaluationError):
    """What functions give is larger than what CloudFormation takes, or than what is evaluated."""


class UnknownFunctionError(EvaluationError):
    """A function that nobody carries out here.

    Args:
        name: ``Fn::Transform``, for instance.
        kind: What it would be: ``function`` or ``condition function``.
    """

    def __init__(self, name: str, kind: str = "function") -> None:
        super().__init__(f"Template error: the {kind} {name} is not known")
        self.name = name
        self.kind = kind


def as_text(value: Any) -> str:
    """Returns a scalar the way CloudFormation writes it into text.

    Raises:
        EvaluationError: The value is a list, a map or nothing.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(float(value))
    if isinstance(value, int):
        return str(int(value))
    raise EvaluationError(f"Template error: a string was expected, not {as_shown(value)}")


def stringify(value: Any) -> Any:
    """Returns a copy in which every scalar is text and lists and maps keep their shape.

    What is not known stays as it is.

    Source: AWS CDK, docs/CLOUDFORMATION.md: what a custom resource receives.

    Raises:
        EvaluationError: There is a null in it.
    """
    if isinstance(value, dict):
        return copied_map(value, {key: stringify(item) for key, item in value.items()})
    if isinstance(value, list):
        return copied_list(value, [(index, stringify(item)) for index, item in enumerate(value)])
    return value if isinstance(value, Unknown) else as_text(value)


def as_shown(value: Any) -> str:
    """Returns a value as it can stand in a message."""
    return json.dumps(value, default=str)


def exactly(arguments: Any, count: int, name: str) -> list[Any]:
    """Returns the arguments of a function that takes so many.

    Raises:
        EvaluationError: There are more or less.
    """
    if not isinstance(arguments, list) or len(arguments) != count:
        raise EvaluationError(f"Template error: every {name} object requires {count} arguments")
    return arguments


def require_length(name: str, characters: int) -> None:
    """Refuses a text that no template can hold.

    Raises:
        TooLargeError: It has more than ``TEXT_MAX_BYTES`` characters.
    """
    if characters > TEXT_MAX_BYTES:
        raise TooLargeError(
            f"{name} makes a text of more than {TEXT_MAX_BYTES:,} characters, which no template can have"
        )


def known_text(value: Any) -> str | Unknown:
    """Returns a scalar as text; Unknown if not all of it is known.

    Raises:
        EvaluationError: The value is a list, a map or nothing.
    """
    if isinstance(value, PartialText):
        return Unknown(value.reason)
    return value if isinstance(value, Unknown) else as_text(value)
