"""Event patterns: which are valid, and which events they match.

Source: Amazon EventBridge user guide, "Event patterns" and "Comparison operators"; the README of
aws/event-ruler, which is EventBridge's matcher; the refusals are those that AWS was recorded to give.
"""

import json
import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from glob import escape
from ipaddress import ip_address, ip_network
from itertools import pairwise
from operator import eq, ge, gt, le, lt
from typing import Any

Pattern = dict[str, Any]
_OR = "$or"
_OR_MIN = 2
_IGNORE_CASE = "equals-ignore-case"
#: What can be within ``anything-but``, where it may have a list of arguments.
_NEGATED = {"prefix", "suffix", "wildcard", _IGNORE_CASE}
_NOT_A_VALUE = "Value of anything-but must be an array or single string/number value."
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}
#: A character of a wildcard, with the backslash that escapes it.
_TOKEN = re.compile(r"\\[*\\]|.", re.DOTALL)
#: Stands for a field that an event does not have.
_ABSENT: Any = object()


class InvalidPatternError(ValueError):
    """A pattern that EventBridge refuses; the message is its reason."""


def parse(text: str) -> Pattern:
    """Returns a pattern that EventBridge accepts.

    Raises:
        InvalidPatternError: The text is not JSON, or not a valid pattern.
    """
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise InvalidPatternError("Invalid JSON") from error
    if not isinstance(pattern, dict):
        raise InvalidPatternError("Filter is not an object")
    _check_fields(pattern)
    return pattern


def matches(pattern: Pattern, event: Any) -> bool:
    """Returns whether an event, or a part of one, matches a valid pattern."""
    return _matches_fields(_without_dots(pattern), _without_dots(event))


def _check_fields(pattern: Pattern) -> None:
    if not pattern:
        raise InvalidPatternError("Empty objects are not allowed")
    for name, value in pattern.items():
        if not isinstance(value, dict | list):
            raise InvalidPatternError(f'"{name}" must be an object or an array')
        if value == []:
            raise InvalidPatternError("Empty arrays are not allowed")
        check = _check_fields if _is_or(name, value) else _check_condition
        for part in value if isinstance(value, list) else []:
            check(part)
        if isinstance(value, dict):
            _check_fields(value)


def _is_or(name: str, value: Any) -> bool:
    """Whether this is the operator, and not a field of that name."""
    is_list = isinstance(value, list) and len(value) >= _OR_MIN
    return name == _OR and is_list and all(isinstance(item, dict) for item in value)


def _check_condition(condition: Any) -> None:
    if isinstance(condition, list):
        raise InvalidPatternError("Match value must be String, number, true, false, or null")
    if not isinstance(condition, dict):
        return
    if len(condition) != 1:
        raise InvalidPatternError("Only one key allowed in match expression")
    ((name, argument),) = condition.items()
    if name not in _OPERATORS:
        raise InvalidPatternError(f"Unrecognized match type {name}")
    check, _ = _OPERATORS[name]
    check(name, argument)


def _check_text(name: str, argument: Any) -> None:
    if not isinstance(argument, str):
        raise InvalidPatternError(f"{name} match pattern must be a string")


def _check_affix(name: str, argument: Any) -> None:
    if isinstance(argument, dict):
        if set(argument) != {_IGNORE_CASE}:
            raise InvalidPatternError(f"Unsupported {name} pattern: {next(iter(argument), '')}")
        _check_text(_IGNORE_CASE, argument[_IGNORE_CASE])
    else:
        _check_text(name, argument)


def _check_wildcard(name: str, argument: Any) -> None:
    _check_text(name, argument)
    before = ""
    for token in _TOKEN.finditer(argument):
        if token[0] == before == "*":
            raise InvalidPatternError(f"Consecutive wildcard characters at pos {token.start()}")
        if token[0] == "\\":
            raise InvalidPatternError(f"Invalid escape character at pos {token.end()}")
        before = token[0]


def _check_exists(name: str, argument: Any) -> None:
    if not isinstance(argument, bool):
        raise InvalidPatternError(f"{name} match pattern must be either true or false.")


def _check_cidr(_: str, argument: Any) -> None:
    _check_text("prefix", argument)  # AWS's words for it
    address, slash, bits = argument.partition("/")
    if not slash or "/" in bits:
        raise InvalidPatternError("Malformed CIDR, one '/' required")
    try:
        version = ip_address(address).version
    except ValueError as error:
        raise InvalidPatternError(f"Nonstandard IP address: {address}") from error
    if not bits.isdecimal():
        raise InvalidPatternError("Malformed CIDR, mask bits must be an integer")
    if int(bits) > (most := 32 if version == 4 else 128):  # noqa: PLR2004 - IPv4
        raise InvalidPatternError(f"IPv{version} mask bits must be < {most}")


def _check_numeric(_: str, argument: Any) -> None:
    """Checks ``["=", number]``, or one or two bounds, the second of which is on the other side."""
    if not isinstance(argument, list):
        raise InvalidPatternError("Value of numeric must be an array.")
    operator, number, *rest = [*argument, None] if len(argument) == 1 else argument or ["", None]
    if not isinstance(operator, str) or operator not in _COMPARISONS:
        raise InvalidPatternError(f"Unrecognized numeric range operator: {operator}")
    _check_number("equals" if operator == "=" else operator, number)
    if not rest:
        return
    if operator == "=":
        raise InvalidPatternError("Too many elements in numeric expression")
    second, other, *more = [*rest, None] if len(rest) == 1 else rest
    if not isinstance(second, str) or second not in _COMPARISONS or second[0] in {operator[0], "="}:
        raise InvalidPatternError(f"Bad numeric range operator: {second}")
    _check_number(second, other)
    if more:
        raise InvalidPatternError("Too many terms in numeric range expression")
    if (number >= other) if operator[0] == ">" else (other >= number):
        raise InvalidPatternError("Bottom must be less than top")


def _check_number(operator: str, value: Any) -> None:
    if not _is_number(value):
        raise InvalidPatternError(f"Value of {operator} must be numeric")


def _check_anything_but(_: str, argument: Any) -> None:
    name, given = next(iter(argument.items()), ("", "")) if isinstance(argument, dict) else ("", argument)
    if isinstance(argument, dict) and (len(argument) != 1 or name not in _NEGATED):
        raise InvalidPatternError(f"Unsupported anything-but pattern: {name}")
    if given is None or isinstance(given, dict | bool):
        raise InvalidPatternError(_NOT_A_VALUE)
    if given == []:
        raise InvalidPatternError("Empty arrays are not allowed")
    _check_values(name, given if isinstance(given, list) else [given])


def _check_values(name: str, values: list[Any]) -> None:
    """Checks what an event's value must not be, or what the operator of this name must not find."""
    are_texts = {isinstance(value, str) for value in values}
    if name == "wildcard":
        for value in values:
            _check_wildcard(name, value)
    elif name == _IGNORE_CASE and are_texts != {True}:
        raise InvalidPatternError(
            f"Inside anything-but/{name} list, number|start|null|boolean is not supported."
        )
    elif name and are_texts != {True}:
        raise InvalidPatternError("prefix/suffix match pattern must be a string")
    elif name in {"prefix", "suffix"} and "" in values:
        raise InvalidPatternError("Null prefix/suffix not allowed")
    elif not all(isinstance(value, str) or _is_number(value) for value in values):
        raise InvalidPatternError("Inside anything but list, start|null|boolean is not supported.")
    elif len(are_texts) > 1:
        raise InvalidPatternError("Inside anything but list, either all values are number or string.")


def _without_dots(node: Any) -> Any:
    """Returns a copy in which the field ``a.b`` is ``b`` within ``a``, which is the same to EventBridge."""
    if isinstance(node, list):
        return [_without_dots(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain: dict[str, Any] = {}
    for name, value in node.items():
        first, dot, rest = name.partition(".")
        if name in _OPERATORS or not dot:
            first, inner = name, _without_dots(value)
        else:
            inner = _without_dots({rest: value})
        before = plain.get(first)
        plain[first] = {**before, **inner} if isinstance(before, dict) and isinstance(inner, dict) else inner
    return plain


def _matches_fields(pattern: Pattern, event: Any) -> bool:
    if isinstance(event, list) and event:
        # The fields of a pattern must be those of one item.
        return any(_matches_fields(pattern, item) for item in event)
    fields = event if isinstance(event, dict) else {}
    return all(_matches_field(name, value, fields) for name, value in pattern.items())


def _matches_field(name: str, wanted: Any, fields: Mapping[str, Any]) -> bool:
    if _is_or(name, wanted):
        return any(_matches_fields(alternative, fields) for alternative in wanted)
    value = fields.get(name, _ABSENT)
    if isinstance(wanted, dict):
        return _matches_fields(wanted, value)
    values = list(_leaves(value))
    return any(_meets(condition, each) for condition in wanted for each in values or [_ABSENT])


def _leaves(value: Any) -> list[Any]:
    """The values of a field: the items of its lists; objects are no values."""
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [] if value is _ABSENT or isinstance(value, dict) else [value]


def _meets(condition: Any, value: Any) -> bool:
    if not isinstance(condition, dict):
        return _same(condition, value)
    ((name, argument),) = condition.items()
    return (value is not _ABSENT or name == "exists") and _OPERATORS[name][1](argument, value)


def _same(wanted: Any, value: Any) -> bool:
    if _is_number(wanted) and _is_number(value):
        return bool(wanted == value)
    return type(wanted) is type(value) and wanted == value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text_that(holds: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    """Returns the test of an operator on texts, whose argument may be a map that says to ignore the case."""

    def test(argument: Any, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        if isinstance(argument, dict):
            return holds(value.lower(), argument[_IGNORE_CASE].lower())
        return holds(value, argument)

    return test


def _fits(value: str, wildcard: str) -> bool:
    glob = "".join(each if each == "*" else escape(each[-1]) for each in _TOKEN.findall(wildcard))
    return fnmatchcase(value, glob)


def _is_within(argument: str, value: Any) -> bool:
    try:
        return isinstance(value, str) and ip_address(value) in ip_network(argument, strict=False)
    except ValueError:
        return False


def _compares(argument: list[Any], value: Any) -> bool:
    pairs = list(pairwise(argument))[::2]
    return _is_number(value) and all(_COMPARISONS[operator](value, number) for operator, number in pairs)


def _is_other(argument: Any, value: Any) -> bool:
    name, given = next(iter(argument.items())) if isinstance(argument, dict) else ("", argument)
    test = _OPERATORS[name][1] if name else _same
    return not any(test(each, value) for each in (given if isinstance(given, list) else [given]))


_OPERATORS: dict[str, tuple[Callable[[str, Any], None], Callable[[Any, Any], bool]]] = {
    "prefix": (_check_affix, _text_that(str.startswith)),
    "suffix": (_check_affix, _text_that(str.endswith)),
    _IGNORE_CASE: (_check_text, _text_that(lambda value, text: value.lower() == text.lower())),
    "wildcard": (_check_wildcard, _text_that(_fits)),
    "exists": (_check_exists, lambda wanted, value: (value is not _ABSENT) is wanted),
    "cidr": (_check_cidr, _is_within),
    "numeric": (_check_numeric, _compares),
    "anything-but": (_check_anything_but, _is_other),
}
