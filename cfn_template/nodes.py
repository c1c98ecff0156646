"""Templates as YAML nodes, for code that changes a template and passes it on.

In a tree of nodes ``!Sub`` stays ``!Sub``, ``007`` stays ``007`` and a date stays text. Everything that is
not changed is written as it was read, except comments and layout.
"""

from collections.abc import Iterator
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cfn_template.composing import IMPLICIT, PREFIX

_TEXT = PREFIX + "str"
_MAP = PREFIX + "map"
_BOOLEAN = PREFIX + "bool"
#: Source: YAML 1.1, "Boolean Language-Independent Type".
_TRUE = {"true", "yes", "on", "y"}


class _Dumper(yaml.SafeDumper):
    """Writes scalars plain if the reader reads them back as the same type."""


_Dumper.yaml_implicit_resolvers = IMPLICIT


def serialize(root: Node) -> str:
    """Returns a tree as YAML for CloudFormation: in block style, with aliases expanded.

    Inside ``[…]`` the emitter would write ``1:02:03`` with a tag of YAML's. Source: CloudFormation user
    guide, "Template formats": neither such tags nor aliases are supported.
    """
    text: Any = yaml.serialize(_plain(root), Dumper=_Dumper, width=10_000, allow_unicode=True)
    return str(text)


def empty_map() -> MappingNode:
    """Returns a map without entries."""
    return MappingNode(_MAP, [])


def entries(node: Node | None) -> Iterator[tuple[str, Node]]:
    """Yields the keys and values of a mapping; nothing for any other node."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield str(key.value), value


def child(node: Node | None, key: str) -> Node | None:
    """Returns the value of a key of a mapping; None if there is none."""
    return next((value for name, value in entries(node) if name == key), None)


def scalar(node: Node | None) -> str | None:
    """Returns a plain value's text as written; None for lists, maps and functions (``!Sub …``)."""
    if isinstance(node, ScalarNode) and not node.tag.startswith("!"):
        return str(node.value)
    return None


def value(node: Node | None) -> str | None:
    """Returns a plain value as CloudFormation delivers it; None for lists, maps and functions."""
    if isinstance(node, ScalarNode) and not node.tag.startswith("!"):
        return handed_over(node)
    return None


def handed_over(node: ScalarNode) -> str:
    """Returns a scalar's text as CloudFormation delivers it: booleans as ``true`` and ``false``."""
    if node.tag == _BOOLEAN:
        return "true" if node.value.lower() in _TRUE else "false"
    return str(node.value)


def reference(node: Node | None) -> str | None:
    """Returns the name that ``!Ref name`` or ``{Ref: name}`` refers to; None for any other node."""
    if isinstance(node, ScalarNode) and node.tag == "!Ref":
        return str(node.value)
    return scalar(child(node, "Ref"))


def text_of(node: Node | None) -> str:
    """Returns all text in a node for searching, arguments of functions included."""
    if isinstance(node, ScalarNode):
        return str(node.value)
    if isinstance(node, SequenceNode):
        return " ".join(text_of(item) for item in node.value)
    return " ".join(text_of(value) for _, value in entries(node))


def put(node: MappingNode, key: str, value: str | dict[str, str]) -> None:
    """Replaces the value of a key of a mapping by text or by a flat map of texts."""
    replacement = _node(value)
    node.value = [(name, replacement if name.value == key else old) for name, old in node.value]


def _plain(node: Node) -> Node:
    """Returns a copy in block style, in which no node occurs twice."""
    if isinstance(node, SequenceNode):
        return SequenceNode(node.tag, [_plain(item) for item in node.value], flow_style=False)
    if isinstance(node, MappingNode):
        pairs = [(_plain(key), _plain(value)) for key, value in node.value]
        return MappingNode(node.tag, pairs, flow_style=False)
    return ScalarNode(node.tag, node.value, style=node.style if isinstance(node, ScalarNode) else None)


def _node(value: str | dict[str, str]) -> Node:
    if isinstance(value, str):
        return ScalarNode(_TEXT, value)
    return MappingNode(_MAP, [(_node(key), _node(text)) for key, text in value.items()])
