"""Intrinsic functions, each as a Python function of a scope and its argument.

Source: CloudFormation template reference, "Intrinsic function reference".
"""

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Protocol

from cfn_template.texts import EvaluationError, as_shown, as_text, exactly, known_text, require_length
from cfn_template.values import HOLE, NO_VALUE, PartialText, Unknown, first_unknown, unplaced

VARIABLE = re.compile(r"\$\{([^}]*)\}")
#: The place of an item in a list; none has a billion.
_INDEX = re.compile("[0-9]{1,9}")
#: CloudFormation's words for arguments that are wrong as they stand in the template.
_SELECT = "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
#: Source: template reference, "Fn::Cidr": the number of CIDRs is between 1 and 256.
_CIDR_COUNT_MAX = 256


class Context(Protocol):
    """Supplies values from outside the template. Each may be Unknown; exceptions pass through."""

    def name(self, name: str) -> Any:
        """Returns the value of ``Ref`` for a parameter, a pseudo parameter or a resource."""
        ...

    def attribute(self, logical_id: str, name: str) -> Any:
        """Returns the value of ``Fn::GetAtt``; the attribute's name may have dots."""
        ...

    def export(self, name: str) -> Any:
        """Returns the value of an export."""
        ...

    def zones(self, region: str) -> Any:
        """Returns the Availability Zones of a Region, or of the stack's Region if the name is empty."""
        ...

    def failed(self, error: EvaluationError, node: Any) -> Any:
        """Returns a replacement for a function that has no value, or raises.

        Args:
            error: Why it has no value.
            node: The function, as it stands in the template.
        """
        ...


class Scope(Protocol):
    """Evaluates a function's arguments."""

    context: Context
    mappings: Mapping[str, Any]

    def evaluate(self, node: Any) -> Any:
        """Returns a copy of a piece of a template with every function replaced by its value."""
        ...

    def branch(self, arguments: Any) -> Any:
        """Returns the branch that ``Fn::If`` takes, as it stands in the template."""
        ...


def split_attribute(arguments: Any) -> tuple[Any, Any]:
    """Returns logical id and attribute name of ``Fn::GetAtt``, which may be a list or dotted text.

    Raises:
        EvaluationError: There are fewer than two parts.
    """
    match arguments.split(".", maxsplit=1) if isinstance(arguments, str) else arguments:
        case [str(logical_id), name]:
            return logical_id, name
        case [str(logical_id), *names] if names and all(isinstance(name, str) for name in names):
            return logical_id, ".".join(names)
    raise EvaluationError(
        "Template error: every Fn::GetAtt object requires two non-empty parameters, "
        "the resource name and the resource attribute"
    )


def text_and_variables(arguments: Any) -> tuple[str, Mapping[str, Any]]:
    """Returns the text of ``Fn::Sub`` and the map of its own variables.

    Raises:
        EvaluationError: It has other arguments.
    """
    match arguments:
        case str():
            return arguments, {}
        case [str(text), dict(local)]:
            return text, local
    raise EvaluationError(
        "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. "
        "Specify a string as first argument, and an optional second argument to specify a mapping of values"
    )


def _ref(scope: Scope, name: Any) -> Any:
    if not isinstance(name, str):
        raise EvaluationError("Template format error: every Ref object must have a single String value.")
    return NO_VALUE if name == "AWS::NoValue" else scope.context.name(name)


def _get_att(scope: Scope, arguments: Any) -> Any:
    logical_id, name = split_attribute(arguments)
    known = known_text(scope.evaluate(name))
    return known if isinstance(known, Unknown) else scope.context.attribute(logical_id, known)


def _sub(scope: Scope, arguments: Any) -> str:
    text, local = text_and_variables(arguments)
    values: dict[str, Any] = {}
    pieces: list[str] = []
    end, characters = 0, 0
    reason = ""
    for variable in VARIABLE.finditer(text):
        name = variable[1].strip()
        if name not in values:  # once, however often the text says it
            values[name] = _variable(scope, name, local)
        value = values[name]
        if isinstance(value, Unknown):
            # As wide as its name, so that what is behind it stays where it is.
            pieces += [text[end : variable.start()], HOLE * len(variable[0])]
            reason = reason or value.reason
        else:
            reason = reason or (value.reason if isinstance(value, PartialText) else "")
            pieces += [text[end : variable.start()], as_text(value)]
        end = variable.end()
        characters += len(pieces[-1])
        require_length("Fn::Sub", characters)
    return _partial("".join([*pieces, text[end:]]), reason)


def _variable(scope: Scope, name: str, local: Mapping[str, Any]) -> Any:
    """Returns what a variable of ``Fn::Sub`` stands for."""
    if name.startswith("!"):
        return "${" + name[1:] + "}"
    if name in local:
        return scope.evaluate(local[name])
    return _get_att(scope, name) if "." in name else _ref(scope, name)


def _join(scope: Scope, arguments: Any) -> str | Unknown:
    delimiter, items = exactly(arguments, 2, "Fn::Join")
    between = as_text(delimiter)
    values = _list(scope, items, "Fn::Join")
    if isinstance(values, Unknown):
        return values
    reason = next((item.reason for item in values if isinstance(item, Unknown | PartialText)), "")
    texts = [HOLE if isinstance(item, Unknown) else as_text(item) for item in values]
    require_length("Fn::Join", sum(map(len, texts)) + len(between) * len(texts))
    return _partial(between.join(texts), reason)


def _partial(text: str, reason: str) -> str:
    return PartialText.of(text, reason) if reason else text


def _split(scope: Scope, arguments: Any) -> list[str] | Unknown:
    delimiter, source = exactly(arguments, 2, "Fn::Split")
    between = as_text(delimiter)
    if not between:
        raise EvaluationError("Template error: every Fn::Split object requires a delimiter that is not empty")
    text = known_text(scope.evaluate(source))
    return Unknown(text.reason, is_list=True) if isinstance(text, Unknown) else text.split(between)


def _select(scope: Scope, arguments: Any) -> Any:
    if not isinstance(arguments, list) or len(arguments) != 2:  # noqa: PLR2004 - index and list
        raise EvaluationError(_SELECT)
    index, items = arguments
    position = known_text(scope.evaluate(index))
    values = scope.evaluate(items)
    if isinstance(position, Unknown):
        return position
    if isinstance(values, Unknown):
        return Unknown(values.reason)  # what is in the list is not known to be a list
    if not isinstance(values, list) or not _INDEX.fullmatch(position.removeprefix("-")):
        raise EvaluationError(_SELECT)
    if not 0 <= int(position) < len(values):
        if isinstance(items, list):
            raise EvaluationError(_SELECT)
        raise EvaluationError(
            f"Template error: Fn::Select cannot select nonexistent value at index {position}"
        )
    return values[int(position)]


def _list(scope: Scope, items: Any, name: str) -> list[Any] | Unknown:
    values = scope.evaluate(items)
    if not isinstance(values, list | Unknown):
        raise EvaluationError(f"Template error: every {name} object needs a list")
    return values


def _if(scope: Scope, arguments: Any) -> Any:
    branch = scope.branch(arguments)
    return branch if isinstance(branch, Unknown) else scope.evaluate(branch)


def _find_in_map(scope: Scope, arguments: Any) -> Any:
    options = arguments[3:] if isinstance(arguments, list) else []
    parts = exactly(arguments if len(options) != 1 else arguments[:3], 3, "Fn::FindInMap")
    names = [known_text(scope.evaluate(part)) for part in parts]
    found: Any = scope.mappings
    for name in names:
        if isinstance(name, Unknown):
            return name
        found = found.get(name, NO_VALUE) if isinstance(found, dict) else NO_VALUE
    if found is not NO_VALUE:
        return _of_mapping(found)
    if options and isinstance(options[0], dict) and "DefaultValue" in options[0]:
        return scope.evaluate(options[0]["DefaultValue"])
    raise EvaluationError(f"Template error: Unable to get mapping for {'::'.join(map(str, names))}")


def _of_mapping(value: Any) -> Any:
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
        raise EvaluationError("Template format error: Every Mappings attribute must be a String or a List.")
    return unplaced(value)


def _import_value(scope: Scope, argument: Any) -> Any:
    name = known_text(scope.evaluate(argument))
    return name if isinstance(name, Unknown) else scope.context.export(name)


def _get_azs(scope: Scope, argument: Any) -> Any:
    region = known_text(scope.evaluate(argument))
    if isinstance(region, Unknown):
        return Unknown(region.reason, is_list=True)
    return scope.context.zones(region)


def _base64(scope: Scope, argument: Any) -> str | Unknown:
    text = known_text(scope.evaluate(argument))
    return text if isinstance(text, Unknown) else base64.b64encode(text.encode()).decode()


def _cidr(scope: Scope, arguments: Any) -> list[str] | Unknown:
    if not isinstance(arguments, list) or len(arguments) not in {2, 3}:
        raise EvaluationError("Template error: every Fn::Cidr object requires 2 or 3 arguments")
    texts = [known_text(scope.evaluate(argument)) for argument in arguments]
    known = [text for text in texts if not isinstance(text, Unknown)]
    for text in texts:
        if isinstance(text, Unknown):
            return Unknown(text.reason, is_list=True)
    block, count, bits = [*known, "8"][:3]
    try:
        network = ipaddress.ip_network(block, strict=False)
        subnets = network.subnets(new_prefix=network.max_prefixlen - int(bits))
        return [str(subnet) for subnet in islice(subnets, min(int(count), _CIDR_COUNT_MAX))]
    except ValueError as error:
        raise EvaluationError(
            f"Template error: Fn::Cidr cannot take these arguments: {as_shown(block)} cannot be divided into "
            f"{as_shown(count)} blocks with {as_shown(bits)} bits for hosts"
        ) from error


def _to_json(scope: Scope, argument: Any) -> str | Unknown:
    value = scope.evaluate(argument)
    return first_unknown(value) or json.dumps(value, separators=(",", ":"))


def _length(scope: Scope, argument: Any) -> int | Unknown:
    values = _list(scope, argument, "Fn::Length")
    if isinstance(values, Unknown):
        return values
    # What is not known may turn out to be AWS::NoValue and so no item at all.
    doubt = next((item for item in values if isinstance(item, Unknown)), None)
    return doubt or len(values)


#: Each function's code, by its name.
FUNCTIONS: dict[str, Callable[[Scope, Any], Any]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::Select": _select,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::ImportValue": _import_value,
    "Fn::GetAZs": _get_azs,
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::ToJsonString": _to_json,
    "Fn::Length": _length,
}
