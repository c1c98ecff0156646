"""CloudFormation templates as YAML nodes.

A template is read, searched and changed as the node tree its text stands for, never as Python values: so
``!Sub`` stays ``!Sub``, ``007`` stays ``007`` and a date stays text, whatever YAML would make of them. What
is not changed leaves as it came, but for comments and layout. JSON templates are YAML, too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cluster_schema.composing import compose
from cluster_schema.limits import UnreadableError
from pcluster_cfn.errors import CommandError
from pcluster_cfn.files import read_text

_TEXT = "tag:yaml.org,2002:str"
_MAP = "tag:yaml.org,2002:map"
_BOOLEAN = "tag:yaml.org,2002:bool"
#: Source: YAML 1.1, "Boolean Language-Independent Type".
_TRUE = {"true", "yes", "on", "y"}


@dataclass(frozen=True)
class Resource:
    """One entry of a template's ``Resources``."""

    logical_id: str
    type: str
    properties: MappingNode


@dataclass(frozen=True)
class Parameter:
    """One entry of a template's ``Parameters``; ``default`` is None where the template has none."""

    name: str
    type: str
    default: str | None


@dataclass(frozen=True)
class Template:
    """A template's node tree, which its methods hand out for reading and changing in place."""

    root: MappingNode

    @staticmethod
    def parse(text: str, source: str) -> "Template":
        """Reads a template's text.

        Args:
            text: YAML or JSON.
            source: Where the text comes from, for error messages.

        Raises:
            CommandError: The text is no YAML, or is no CloudFormation template.
        """
        try:
            root = compose(text)
        except UnreadableError as error:
            if error.mark is None:
                raise CommandError(f"{source}: {error.problem}", "a template is YAML or JSON text") from error
            where = f"{source}:{error.mark.line + 1}:{error.mark.column + 1}"
            raise CommandError(f"{where}: {error.problem}", "fix the text there") from error
        if not isinstance(root, MappingNode) or not isinstance(child(root, "Resources"), MappingNode):
            raise CommandError(f"{source} has no Resources", "give the path of a CloudFormation template")
        return Template(root)

    @staticmethod
    def read(path: Path) -> "Template":
        """Reads a template file.

        Raises:
            CommandError: There is no such file, or it holds no template.
        """
        return Template.parse(read_text(path), str(path))

    def text(self) -> str:
        """Returns the template as YAML, as CloudFormation reads it: in block style, aliases written out.

        Inside ``[…]`` the emitter would write ``1:02:03`` with a tag of YAML's. Source: CloudFormation user
        guide, "Template formats": neither such tags nor aliases are supported.
        """
        return yaml.serialize(_plain(self.root), Dumper=yaml.SafeDumper, width=10_000, allow_unicode=True)

    def resources(self) -> Iterator[Resource]:
        """Yields the resources in the order of the text."""
        for logical_id, node in entries(child(self.root, "Resources")):
            properties = child(node, "Properties")
            yield Resource(
                logical_id,
                scalar(child(node, "Type")) or "",
                properties if isinstance(properties, MappingNode) else MappingNode(_MAP, []),
            )

    def parameters(self) -> dict[str, Parameter]:
        """Returns the template's parameters by name."""
        return {
            name: Parameter(name, scalar(child(node, "Type")) or "String", value(child(node, "Default")))
            for name, node in entries(child(self.root, "Parameters"))
        }


def entries(node: Node | None) -> Iterator[tuple[str, Node]]:
    """Yields a mapping's keys and values; nothing for any other node."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield str(key.value), value


def child(node: Node | None, key: str) -> Node | None:
    """Returns the value of a key of a mapping, None where there is none."""
    return next((value for name, value in entries(node) if name == key), None)


def scalar(node: Node | None) -> str | None:
    """Returns a plain value's text as written; None for lists, maps and intrinsic functions (``!Sub …``)."""
    if isinstance(node, ScalarNode) and not node.tag.startswith("!"):
        return str(node.value)
    return None


def value(node: Node | None) -> str | None:
    """Returns a plain value as CloudFormation hands it over; None where ``scalar`` returns it, too."""
    if isinstance(node, ScalarNode) and not node.tag.startswith("!"):
        return handed_over(node)
    return None


def handed_over(node: ScalarNode) -> str:
    """Returns a scalar's text as CloudFormation hands it over: a boolean in the spelling of JSON."""
    if node.tag == _BOOLEAN:
        return "true" if node.value.lower() in _TRUE else "false"
    return str(node.value)


def reference(node: Node | None) -> str | None:
    """Returns the name that ``!Ref name`` or ``{Ref: name}`` refers to; None for any other node."""
    if isinstance(node, ScalarNode) and node.tag == "!Ref":
        return str(node.value)
    return scalar(child(node, "Ref"))


def text_of(node: Node | None) -> str:
    """Returns all text in a node, for searching: intrinsic functions' arguments included."""
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
    """Returns a copy in block style in which no node is met twice."""
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
