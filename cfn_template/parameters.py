"""Values of parameters, validated by the template's declarations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cfn_template.patterns import matches
from cfn_template.texts import as_text

#: The prefix of the types of parameters whose values are in Parameter Store.
SSM_PREFIX = "AWS::SSM::Parameter::Value<"


class ParameterError(ValueError):
    """A value is missing, not declared or not valid; the message is CloudFormation's."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a stack.

    Attributes:
        text: The given value, or the default.
        value: The value of ``Ref``: text, a number or a list.
        resolved: The text in Parameter Store; None for other parameters.
        no_echo: Whether descriptions mask the value.
    """

    text: str
    value: Any
    resolved: str | None
    no_echo: bool


def resolve(
    declarations: Mapping[str, Mapping[str, Any]],
    supplied: Mapping[str, str],
    read_ssm: Callable[[str], str | None],
) -> dict[str, Parameter]:
    """Returns every declared parameter with its value.

    Args:
        declarations: The section ``Parameters`` of the template.
        supplied: Texts by name.
        read_ssm: Reads a parameter of Parameter Store; None if there is none.

    Raises:
        ParameterError: A value is missing, not declared, or outside its constraints.
    """
    if unknown := [name for name in supplied if name not in declarations]:
        raise ParameterError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    if missing := [n for n, d in declarations.items() if n not in supplied and "Default" not in d]:
        raise ParameterError(f"Parameters: [{', '.join(missing)}] must have values")
    return {
        name: _resolve_one(name, declaration, supplied.get(name), read_ssm)
        for name, declaration in declarations.items()
    }


def _resolve_one(
    name: str, declaration: Mapping[str, Any], supplied: str | None, read_ssm: Callable[[str], str | None]
) -> Parameter:
    text = default_text(declaration) if supplied is None else supplied
    kind = declaration.get("Type", "String")
    _check(name, declaration, kind, text)
    resolved = None
    if kind.startswith(SSM_PREFIX):
        kind = kind.removeprefix(SSM_PREFIX).removesuffix(">")
        resolved = read_ssm(text)
        if resolved is None:
            raise ParameterError(f"Parameter {name} should either have input value or default value")
    value = typed(name, kind, text if resolved is None else resolved)
    return Parameter(text, value, resolved, str(declaration.get("NoEcho", False)).lower() == "true")


def default_text(declaration: Mapping[str, Any]) -> str:
    """Returns the text of a declared default.

    Raises:
        EvaluationError: It is a map.
    """
    default = declaration["Default"]
    return ",".join(map(as_text, default)) if isinstance(default, list) else as_text(default)


def is_list(kind: str) -> bool:
    """Whether ``Ref`` returns a list for a parameter of a type."""
    return kind == "CommaDelimitedList" or kind.startswith("List<")


def typed(name: str, kind: str, text: str) -> Any:
    """Returns the value of ``Ref`` for a parameter.

    Args:
        name: The parameter, for messages.
        kind: Its type.
        text: Its value as text.

    Raises:
        ParameterError: A ``Number`` is not a number.
    """
    if kind == "Number":
        return _number(name, text)
    if is_list(kind):
        items = _items(text)
        return [_number(name, item) for item in items] if kind == "List<Number>" else items
    return str(text)  # without the place of the default, which is not the place of the reference


def _items(text: str) -> list[str]:
    """Returns the items of a list parameter; an empty text has one empty item.

    Source: aws-cloudformation/cfn-language-discussion issue 102; aws-cloudformation/cfn-lint issue 4396.
    """
    return [item.strip() for item in text.split(",")]


def _number(name: str, text: str) -> int | str:
    """Returns what ``Ref`` gives for a number: its text, as an integer only where that is the same.

    moto's models want integers where AWS has them. Source: CloudFormation user guide, "Parameters": where a
    ``Number`` is used, it is a literal string.
    """
    _value(name, text)
    try:
        number = int(text)
    except ValueError:
        return str(text)
    return number if str(number) == text else str(text)


def _value(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ParameterError(f"Parameter '{name}' must be a number.") from error


def _check(name: str, declaration: Mapping[str, Any], kind: str, text: str) -> None:
    for problem in _problems(name, declaration, kind, text):
        description = declaration.get("ConstraintDescription")
        raise ParameterError(
            f"Parameter '{name}' failed to satisfy constraint: {description}" if description else problem
        )


def _problems(name: str, declaration: Mapping[str, Any], kind: str, text: str) -> list[str]:
    problems = []
    items = _items(text) if kind == "CommaDelimitedList" else [text]
    allowed = [default_text({"Default": value}) for value in declaration.get("AllowedValues", [])]
    pattern = declaration.get("AllowedPattern")
    if allowed and any(item not in allowed for item in items):
        problems.append(f"Parameter '{name}' must be one of AllowedValues")
    # A match that is not known counts as one: CloudFormation reads more patterns, and faster.
    if pattern and matches(pattern, items) is False:
        problems.append(f"Parameter '{name}' must match pattern {pattern}")
    if kind == "Number":
        number = _value(name, text)
        if "MinValue" in declaration and number < float(declaration["MinValue"]):
            problems.append(f"Parameter '{name}' must be a number not less than {declaration['MinValue']}")
        if "MaxValue" in declaration and number > float(declaration["MaxValue"]):
            problems.append(f"Parameter '{name}' must be a number not greater than {declaration['MaxValue']}")
    if "MinLength" in declaration and len(text) < int(declaration["MinLength"]):
        problems.append(f"Parameter '{name}' must contain at least {declaration['MinLength']} characters")
    if "MaxLength" in declaration and len(text) > int(declaration["MaxLength"]):
        problems.append(f"Parameter '{name}' must contain at most {declaration['MaxLength']} characters")
    return problems
