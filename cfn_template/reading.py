"""Reads the text of a template as values: functions in long form, numbers as CloudFormation reads them."""

from typing import Any

from yaml.constructor import SafeConstructor
from yaml.nodes import Node, ScalarNode, SequenceNode

from cfn_template.composing import PREFIX, compose, in_file, is_json
from cfn_template.json_text import load_json
from cfn_template.limits import TemplateError, require_size, shown
from cfn_template.values import List, Map, Real, Text, Whole

#: Functions whose name has no prefix ``Fn::``. Source: CloudFormation user guide, "Intrinsic function
#: reference" and "Condition functions".
_UNPREFIXED = {"Ref", "Condition"}
#: Source: YAML 1.1, "Boolean Language-Independent Type"; what is not here is false.
_TRUE = {"true", "yes", "on", "y"}
_BOOLEAN = PREFIX + "bool"
_JSON_BOOLEANS = {"true", "false"}


def read(text: str) -> Any:
    """Returns a template as values with places; None for an empty text.

    Functions are in long form: ``!Sub x`` is ``{"Fn::Sub": "x"}``.

    Args:
        text: YAML or JSON.

    Raises:
        TemplateError: It cannot be read.
    """
    root = compose(text)
    return None if root is None else _value(root, located=True)


def read_plain(text: str, *, aliases: bool = True) -> Any:
    """Returns a template as ``read`` does, but as plain values without places.

    Args:
        text: YAML or JSON.
        aliases: Whether the text may have aliases (``*name``), which CloudFormation refuses.

    Raises:
        AliasError: It has an alias and may not.
        TemplateError: It cannot be read.
    """
    if is_json(text):
        require_size(text)
        if (loaded := load_json(text)) is not None:
            return loaded
    root = compose(text, aliases=aliases)
    return None if root is None else _value(root, located=False)


def value_of(node: Node) -> Any:
    """Returns a node as a value with places.

    Raises:
        TemplateError: It has a tag that is not valid in a template, or a number that is not one.
    """
    return _value(node, located=True)


def _value(node: Node, *, located: bool) -> Any:
    tag = str(node.tag)
    if tag.startswith("!"):
        return _called(node, tag[1:], located=located)
    if isinstance(node, ScalarNode):
        return _scalar(node, tag, located=located)
    return _list(node, located=located) if isinstance(node, SequenceNode) else _map(node, located=located)


def _list(node: SequenceNode, *, located: bool, names: int = 0) -> Any:
    """Returns a list. The first ``names`` items are names, as in some functions."""
    values = [
        _written(item, located=located) if index < names else _value(item, located=located)
        for index, item in enumerate(node.value)
    ]
    if not located:
        return values
    made = List(in_file(node.start_mark))
    for value, item in zip(values, node.value, strict=True):
        made.add(value, in_file(item.start_mark))
    return made


def _map(node: Node, *, located: bool) -> Any:
    made: Any = Map(in_file(node.start_mark)) if located else {}
    for key, item in node.value:
        if not key.tag.startswith(PREFIX):
            raise TemplateError("a key must be text, and this one is a function", in_file(key.start_mark))
        value = _argument(key.value, item, located=located)
        if located:
            made.put(key.value, value, in_file(key.start_mark), in_file(item.start_mark))
        else:
            made[str(key.value)] = value
    return made


def _argument(key: str, node: Node, *, located: bool) -> Any:
    """Returns the value of a key, which may be the name of a function."""
    if key in _UNPREFIXED:
        return _written(node, located=located)
    if key == "Fn::If" and isinstance(node, SequenceNode) and not node.tag.startswith("!"):
        return _list(node, located=located, names=1)
    return _value(node, located=located)


def _written(node: Node, *, located: bool) -> Any:
    """Returns a name as written: a resource or a condition may have the name ``Yes``."""
    is_boolean = isinstance(node, ScalarNode) and node.tag == _BOOLEAN and node.value not in _JSON_BOOLEANS
    if not is_boolean:
        return _value(node, located=located)
    return Text(node.value, in_file(node.start_mark)) if located else str(node.value)


def _called(node: Node, name: str, *, located: bool) -> Any:
    """Returns the long form of a function."""
    key = name if name in _UNPREFIXED else f"Fn::{name}"
    place = in_file(node.start_mark)
    argument: Any
    if isinstance(node, ScalarNode):
        argument = Text(node.value, place, node.style) if located else str(node.value)
        if name == "GetAtt":
            parts = str(node.value).split(".", maxsplit=1)
            argument = _listed(parts, node) if located else parts
    elif isinstance(node, SequenceNode):
        argument = _list(node, located=located, names=1 if name == "If" else 0)
    else:
        argument = _map(node, located=located)
    if not located:
        return {key: argument}
    made = Map(place)
    made.put(key, argument, place, place)
    return made


def _listed(parts: list[str], node: Node) -> List:
    made = List(in_file(node.start_mark))
    for part in parts:
        made.add(Text(part, made.place), made.place)
    return made


def _scalar(node: ScalarNode, tag: str, *, located: bool) -> Any:
    value = _typed(node, tag)
    if not located or isinstance(value, bool) or value is None:
        return value
    place = in_file(node.start_mark)
    if isinstance(value, str):
        return Text(value, place, node.style)
    number: Whole | Real = Whole(value) if isinstance(value, int) else Real(value)
    number.place = place
    return number


def _typed(node: ScalarNode, tag: str) -> Any:
    text = str(node.value)
    match tag.removeprefix(PREFIX):
        case "str" | "value" | "merge":
            return text
        case "null":
            return None
        case "bool":
            return text.lower() in _TRUE
        case "int":
            return _number(node, _CONSTRUCTOR.construct_yaml_int)
        case "float":
            return _number(node, _CONSTRUCTOR.construct_yaml_float)
    raise TemplateError(
        f"the tag {shown(tag.replace(PREFIX, '!!'))} is not supported in a template: remove it",
        in_file(node.start_mark),
    )


_CONSTRUCTOR: Any = SafeConstructor()


def _number(node: ScalarNode, construct: Any) -> int | float:
    try:
        number: int | float = construct(node)
    except (ArithmeticError, LookupError, ValueError) as error:
        raise TemplateError(
            f"{shown(str(node.value))} looks like a number and is none: quote it if it is meant as text",
            in_file(node.start_mark),
        ) from error
    return number
