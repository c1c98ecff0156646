"""Intrinsic functions: what a piece of a template evaluates to."""

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from localcloud.cloudformation.errors import UnresolvedValueError
from localcloud.cloudformation.template.numbers import float_text

#: What ``Ref: AWS::NoValue`` evaluates to: the key or list item that holds it is left out.
NO_VALUE: Any = object()

_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class Values(Protocol):
    """What the resources of a stack can be asked for."""

    def ref(self, logical_id: str) -> Any:
        """Returns what ``Ref`` gives."""
        ...

    def attribute(self, logical_id: str, name: str) -> Any:
        """Returns what ``Fn::GetAtt`` gives; the name may hold dots."""
        ...


@dataclass(frozen=True)
class Scope:
    """All that functions in one template can see.

    Attributes:
        names: Parameters and pseudo parameters by name.
        import_value: Finds the value of an export.
        zones: Lists the Availability Zones of a Region.
    """

    names: Mapping[str, Any]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, Any]
    values: Values
    import_value: Callable[[str], str]
    zones: Callable[[str], list[str]]
    _decided: dict[str, bool] = field(default_factory=dict)

    def evaluate(self, node: Any) -> Any:
        """Returns a copy of a piece of a template with every function replaced by its value.

        Raises:
            UnresolvedValueError: A function has no value.
        """
        if isinstance(node, list):
            return [value for value in map(self.evaluate, node) if value is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (name,) = node
            function = _FUNCTIONS.get(name)
            if function is not None:
                return self._call(name, function, node[name])
            if isinstance(name, str) and name.startswith("Fn::"):
                raise UnresolvedValueError(f"Template error: localcloud does not know the function {name}")
        evaluated = {key: self.evaluate(value) for key, value in node.items()}
        return {key: value for key, value in evaluated.items() if value is not NO_VALUE}

    def _call(self, name: str, function: "Callable[[Scope, Any], Any]", arguments: Any) -> Any:
        try:
            return function(self, arguments)
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise UnresolvedValueError(
                f"Template error: {name} cannot take these arguments: {error}"
            ) from error

    def holds(self, name: str) -> bool:
        """Says whether a condition of the template is true."""
        if name not in self._decided:
            if name not in self.conditions:
                raise UnresolvedValueError(f"Template format error: Unresolved condition {name}")
            self._decided[name] = self._test(self.conditions[name])
        return self._decided[name]

    def choose(self, node: Any) -> Any:
        """Returns a copy of a piece of a template with every ``Fn::If`` replaced by the branch it takes."""
        if isinstance(node, list):
            return [value for value in map(self.choose, node) if value != {"Ref": "AWS::NoValue"}]
        if not isinstance(node, dict):
            return node
        if set(node) == {"Fn::If"}:
            return self.choose(self.branch(node["Fn::If"]))
        chosen = {key: self.choose(value) for key, value in node.items()}
        return {key: value for key, value in chosen.items() if value != {"Ref": "AWS::NoValue"}}

    def branch(self, arguments: Any) -> Any:
        """Returns the branch that ``Fn::If`` takes, as it stands in the template."""
        condition, if_true, if_false = _exactly(arguments, 3, "Fn::If")
        return if_true if self.holds(condition) else if_false

    def _test(self, node: Any) -> bool:
        if not isinstance(node, dict) or len(node) != 1:
            raise UnresolvedValueError("Template format error: a condition must be one condition function")
        ((name, arguments),) = node.items()
        match name:
            case "Condition":
                return self.holds(arguments)
            case "Fn::Equals":
                left, right = _exactly(arguments, 2, name)
                return bool(_comparable(self.evaluate(left)) == _comparable(self.evaluate(right)))
            case "Fn::Not":
                (only,) = _exactly(arguments, 1, name)
                return not self._test(only)
            case "Fn::And":
                return all(self._test(argument) for argument in arguments)
            case "Fn::Or":
                return any(self._test(argument) for argument in arguments)
        raise UnresolvedValueError(f"Template error: localcloud does not know the condition function {name}")

    def name(self, name: str) -> Any:
        """Returns the value of a parameter, a pseudo parameter or a resource."""
        if name == "AWS::NoValue":
            return NO_VALUE
        return self.names[name] if name in self.names else self.values.ref(name)


def as_text(value: Any) -> str:
    """Returns a scalar the way CloudFormation writes it into text.

    Raises:
        UnresolvedValueError: The value is a list or a map.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, str | int):
        return str(value)
    raise UnresolvedValueError(f"Template error: a string was expected, not {json.dumps(value, default=str)}")


def stringify(value: Any) -> Any:
    """Returns a copy in which every scalar is a string and lists and maps keep their shape.

    Source: AWS CDK, docs/CLOUDFORMATION.md: what a custom resource receives.
    """
    if isinstance(value, dict):
        return {key: stringify(item) for key, item in value.items()}
    if isinstance(value, list):
        return [stringify(item) for item in value]
    return as_text(value)


def _comparable(value: Any) -> Any:
    return value if isinstance(value, list | dict) else as_text(value)


def _exactly(arguments: Any, count: int, name: str) -> list[Any]:
    if not isinstance(arguments, list) or len(arguments) != count:
        raise UnresolvedValueError(f"Template error: every {name} object requires {count} arguments")
    return arguments


def _ref(scope: Scope, name: Any) -> Any:
    return scope.name(name)


def split_attribute(arguments: Any) -> tuple[Any, Any]:
    """Returns logical id and attribute name of ``Fn::GetAtt``, which may be a list or dotted text.

    Raises:
        UnresolvedValueError: There are fewer than two parts.
    """
    match arguments.split(".", maxsplit=1) if isinstance(arguments, str) else arguments:
        case [logical_id, name]:
            return logical_id, name
        case [logical_id, *names] if names:
            return logical_id, ".".join(names)
    raise UnresolvedValueError(
        "Template error: every Fn::GetAtt object requires two non-empty parameters, "
        "the resource name and the resource attribute"
    )


def _get_att(scope: Scope, arguments: Any) -> Any:
    logical_id, name = split_attribute(arguments)
    return scope.values.attribute(logical_id, as_text(scope.evaluate(name)))


def _sub(scope: Scope, arguments: Any) -> str:
    text, local = (arguments, {}) if isinstance(arguments, str) else _exactly(arguments, 2, "Fn::Sub")

    def replace(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name.startswith("!"):
            return "${" + name[1:] + "}"
        if name in local:
            return as_text(scope.evaluate(local[name]))
        if "." in name:
            return as_text(_get_att(scope, name))
        return as_text(scope.name(name))

    return _VARIABLE.sub(replace, text)


def _join(scope: Scope, arguments: Any) -> str:
    delimiter, items = _exactly(arguments, 2, "Fn::Join")
    return as_text(delimiter).join(as_text(item) for item in _list(scope, items, "Fn::Join"))


def _split(scope: Scope, arguments: Any) -> list[str]:
    delimiter, text = _exactly(arguments, 2, "Fn::Split")
    return as_text(scope.evaluate(text)).split(as_text(delimiter))


def _select(scope: Scope, arguments: Any) -> Any:
    index, items = _exactly(arguments, 2, "Fn::Select")
    position = int(scope.evaluate(index))
    values = _list(scope, items, "Fn::Select")
    if not 0 <= position < len(values):
        raise UnresolvedValueError(
            f"Template error: Fn::Select cannot select nonexistent value at index {position}"
        )
    return values[position]


def _list(scope: Scope, items: Any, name: str) -> list[Any]:
    values = scope.evaluate(items)
    if not isinstance(values, list):
        raise UnresolvedValueError(f"Template error: every {name} object needs a list")
    return values


def _if(scope: Scope, arguments: Any) -> Any:
    return scope.evaluate(scope.branch(arguments))


def _find_in_map(scope: Scope, arguments: Any) -> Any:
    name, first, second, *options = [scope.evaluate(argument) for argument in arguments]
    found = scope.mappings.get(name, {}).get(as_text(first), {}).get(as_text(second), NO_VALUE)
    if found is not NO_VALUE:
        return found
    if options and "DefaultValue" in options[0]:
        return options[0]["DefaultValue"]
    raise UnresolvedValueError(f"Template error: Unable to get mapping for {name}::{first}::{second}")


def _import_value(scope: Scope, argument: Any) -> str:
    return scope.import_value(as_text(scope.evaluate(argument)))


def _get_azs(scope: Scope, argument: Any) -> list[str]:
    return scope.zones(scope.evaluate(argument) or scope.names["AWS::Region"])


def _base64(scope: Scope, argument: Any) -> str:
    return base64.b64encode(as_text(scope.evaluate(argument)).encode()).decode()


def _cidr(scope: Scope, arguments: Any) -> list[str]:
    block, count, *bits = [scope.evaluate(argument) for argument in arguments]
    network = ipaddress.ip_network(block, strict=False)
    prefix = network.max_prefixlen - int(bits[0] if bits else 8)
    subnets = network.subnets(new_prefix=prefix)
    return [str(subnet) for subnet, _ in zip(subnets, range(int(count)), strict=False)]


def _to_json(scope: Scope, argument: Any) -> str:
    return json.dumps(scope.evaluate(argument), separators=(",", ":"))


def _length(scope: Scope, argument: Any) -> int:
    return len(_list(scope, argument, "Fn::Length"))


_FUNCTIONS: dict[str, Callable[[Scope, Any], Any]] = {
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
