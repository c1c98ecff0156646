"""Reads the text of a configuration as values, as strictly as ParallelCluster and within limits.

The engine reads configurations with it, and the command those that a template has as text.
"""

import json
import re
from collections.abc import Hashable
from typing import Any, ClassVar

import yaml
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cluster_schema.composing import compose
from cluster_schema.limits import (
    DEPTH_MAX,
    DIGITS_MAX,
    KEY_MAX_CHARACTERS,
    VALUES_MAX,
    UnreadableError,
    mark_at,
    require_size,
    shown,
)

_PREFIX = "tag:yaml.org,2002:"
#: The types of scalars. Sets, ordered maps and bytes are not valid in a configuration.
_KINDS = {
    "timestamp": "date",
    "int": "whole number",
    "float": "number",
    "bool": "boolean",
    "null": "nothing",
    "str": "text",
}
#: Errors of PyYAML's constructors for 2026-31-12, 0b_ and !!int '', for example. They have no place.
_SCALAR_ERRORS = (ArithmeticError, AttributeError, LookupError, ValueError, yaml.constructor.ConstructorError)
#: JSON's structure: brackets, commas, colons, and texts as one piece each, even if one has no end.
_STRUCTURE = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)|[\[\]{},:]', re.DOTALL)
#: Source: RFC 8259, section 2, "ws".
_SPACE = " \t\r\n"
#: Escapes in JSON: two halves of a character, half of one alone, any other. Source: RFC 8259, section 7.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


class _Scalars(SafeConstructor):
    """Constructs YAML's own scalars. Changes that others in this process make to SafeLoader have no effect.

    Source: pcluster/utils.py, yaml_load, which replaces constructors of SafeLoader.
    """

    yaml_constructors: ClassVar[Any] = {
        _PREFIX + name: SafeConstructor.yaml_constructors[_PREFIX + name] for name in _KINDS
    }
    yaml_multi_constructors: ClassVar[Any] = {}


def value_of(text: str) -> Any:
    """Returns the value of a JSON or YAML text; None for an empty one.

    JSON is read with JSON's types: 1e3 is a number in JSON, and text in YAML 1.1.

    Raises:
        UnreadableError: The text is neither, exceeds a limit of ``limits``, repeats a key, or has a value
            that is not valid. Has the place if there is one.
    """
    require_size(text)
    broken: UnreadableError | None = None
    try:
        if _is_json_within_limits(text):
            return _json_value(text)
    except UnreadableError as error:
        broken = error  # JSON is YAML as well, and the reader of YAML finds the place
    except ValueError:
        pass  # not JSON
    root = compose(text)
    value = None if root is None else _value(root)
    if broken is not None:
        raise broken
    return value


def json_value(text: str) -> Any:
    """Returns the value of a JSON text. The caller limits its length.

    Raises:
        UnreadableError: It exceeds another limit, repeats a key, or has half of a character.
        ValueError: It is not JSON.
    """
    if not _is_json_within_limits(text):
        raise UnreadableError(
            f"lists and maps are more than {DEPTH_MAX} deep in each other, or there are more than "
            f"{VALUES_MAX:,} keys and values: nest less and repeat less"
        )
    return _json_value(text)


def _json_value(text: str) -> Any:
    value = json.loads(text, object_pairs_hook=_pairs, parse_int=_whole_number, parse_float=_number)
    for escape in _ESCAPE.finditer(text):
        if escape["half"]:
            problem = (
                f"\\{escape['half']} is half of a character, which is no text: write the whole character"
            )
            raise UnreadableError(problem, mark_at(text, escape.start()))
    return value


def scalar_value(node: ScalarNode) -> Any:
    """Returns the value of a scalar with its YAML type.

    Raises:
        UnreadableError: It looks like a date or a number and is none, or has a tag that is not valid.
    """
    kind = _KINDS.get(node.tag.removeprefix(_PREFIX))
    if kind is None:
        raise _bad_tag(node)
    if kind == "text":
        return node.value
    try:
        return _Scalars().construct_object(node)
    except _SCALAR_ERRORS as error:
        problem = f"{shown(node.value)} is read as a {kind} and is none: quote it if it is meant as text"
        raise UnreadableError(problem, node.start_mark) from error


def _value(node: Node) -> Any:
    if isinstance(node, ScalarNode):
        return scalar_value(node)
    if isinstance(node, SequenceNode) and node.tag == _PREFIX + "seq":
        return [_value(item) for item in node.value]
    if isinstance(node, MappingNode) and node.tag == _PREFIX + "map":
        return _map(node)
    raise _bad_tag(node)


def _map(node: MappingNode) -> dict[Hashable, Any]:
    values: dict[Hashable, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value if key_node.tag == _PREFIX + "value" else scalar_value(key_node)
        if key is not None and not isinstance(key, str | int | float):
            problem = f"the key {shown(key_node.value)} is read as a date: quote it"
            raise UnreadableError(problem, key_node.start_mark)
        if key in values:
            problem = f"the key {shown(key_node.value)} is there twice: keep one of them"
            raise UnreadableError(problem, key_node.start_mark)
        values[key] = _value(value_node)
    return values


def _bad_tag(node: Node) -> UnreadableError:
    tag = node.tag.replace(_PREFIX, "!!")
    return UnreadableError(
        f"the tag {shown(tag)} is not supported in a configuration: remove it", node.start_mark
    )


def _is_json_within_limits(text: str) -> bool:
    """Returns whether Python's reader of JSON, which recurses once per level, may read a text.

    The text need not be JSON. Up to the first place that is not JSON, the levels are counted correctly.
    """
    if not text.lstrip(_SPACE).startswith(("{", "[")):
        return True  # a scalar, or nothing that the reader of JSON looks far into
    depth, values = 0, 1
    for found in _STRUCTURE.finditer(text):
        opens = found[0] in "{["
        depth += 1 if opens else -1 if found[0] in "}]" else 0
        values += opens or found[0] in ",:"
        if depth > DEPTH_MAX or values > VALUES_MAX:
            return False
    return True


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if len(key) > KEY_MAX_CHARACTERS:
            raise UnreadableError(
                f"the key {shown(key)} has {len(key):,} characters, and at most {KEY_MAX_CHARACTERS:,} "
                "are read: shorten it"
            )
        if key in found:
            raise UnreadableError(f"the key {shown(key)} is there twice: keep one of them")
        found[key] = value
    return found


def _whole_number(text: str) -> int:
    return int(_short(text))


def _number(text: str) -> float:
    return float(_short(text))


def _short(text: str) -> str:
    if len(text) > DIGITS_MAX:
        raise UnreadableError(
            f"the number {shown(text)} has {len(text):,} characters, and at most {DIGITS_MAX:,} are read: "
            "quote it if it is meant as text"
        )
    return text
