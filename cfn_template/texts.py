"""Evaluated values as text, and the errors of functions that have no value."""

import json
import math
from decimal import Decimal
from typing import Any

from cfn_template.limits import TEXT_MAX_BYTES
from cfn_template.values import PartialText, Unknown, copied_list, copied_map

#: From the first number on, and below the second one, numbers have an exponent. Source: Java,
#: Double.toString.
_LARGE = 1e7
_SMALL = 1e-3


class EvaluationError(ValueError):
    """A function has no value; the message is CloudFormation's own where that is known."""


class TooLargeError(EvaluationError):
    """The values of functions exceed CloudFormation's limit, or the limit of the evaluation."""


class UnknownFunctionError(EvaluationError):
    """A function that the evaluator does not know.

    Args:
        name: ``Fn::Transform``, for instance.
        kind: ``function`` or ``condition function``.
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
        return _float_text(float(value))
    if isinstance(value, int):
        return str(int(value))
    raise EvaluationError(f"Template error: a string was expected, not {as_shown(value)}")


def _float_text(number: float) -> str:
    """Returns a number as CloudFormation's runtime, which is Java's, writes it."""
    if number == 0 or _SMALL <= abs(number) < _LARGE or not math.isfinite(number):
        return repr(number)
    mantissa, exponent = f"{Decimal(repr(number)).normalize():E}".split("E")
    return f"{mantissa if '.' in mantissa else f'{mantissa}.0'}E{int(exponent)}"


def stringify(value: Any) -> Any:
    """Returns a copy in which every scalar is text and lists and maps keep their shape.

    Unknown values stay as they are.

    Source: AWS CDK, docs/CLOUDFORMATION.md: what a custom resource receives.

    Raises:
        EvaluationError: It contains a null.
    """
    if isinstance(value, dict):
        return copied_map(value, {key: stringify(item) for key, item in value.items()})
    if isinstance(value, list):
        return copied_list(value, [(index, stringify(item)) for index, item in enumerate(value)])
    return value if isinstance(value, Unknown) else as_text(value)


def as_shown(value: Any) -> str:
    """Returns a value as text for a message."""
    return json.dumps(value, default=str)


def exactly(arguments: Any, count: int, name: str) -> list[Any]:
    """Returns the arguments of a function.

    Raises:
        EvaluationError: There are not exactly ``count`` of them.
    """
    if not isinstance(arguments, list) or len(arguments) != count:
        raise EvaluationError(f"Template error: every {name} object requires {count} arguments")
    return arguments


def require_length(name: str, characters: int) -> None:
    """Refuses a text that is longer than any template.

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
