"""Composes the text of a template into a tree of YAML nodes, within limits.

Nodes are made from the parser's events, one by one. So a text that nests too deep or repeats too much is
refused at the event that exceeds a limit, before any function recurses into it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode
from yaml.resolver import Resolver

from cfn_template.json_text import compose_json
from cfn_template.limits import (
    AliasError,
    Amount,
    Place,
    TemplateError,
    require_depth,
    require_digits,
    require_key,
    require_size,
    shown,
)

PREFIX = "tag:yaml.org,2002:"
_MERGE = PREFIX + "merge"
_TIMESTAMP = PREFIX + "timestamp"
_NUMBERS = {PREFIX + "int", PREFIX + "float"}
#: Characters that YAML does not allow. Source: YAML 1.1, "Character Set"; a byte order mark may start a text.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
#: Source: YAML 1.1, "Line Break Characters".
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
#: The parser is libyaml's where PyYAML has it, which is ten times as fast.
_Parser = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
#: Numbers that YAML 1.1 calls text: digits with a leading zero that are not octal, and an exponent without a
#: point. CloudFormation's parser is Java's, so 012345678901 arrives as 1.2345678901E10. Source: SnakeYAML,
#: Resolver.FLOAT, tried after Resolver.INT; aws/aws-cli issues 2934, 3991, 6908; aws-cloudformation/rain 27.
_FLOAT_WITHOUT_POINT = re.compile(r"[-+]?[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?$")
#: The types of plain scalars, by first character: YAML 1.1's without dates, which stay text, and with
#: SnakeYAML's numbers. Resolvers that others in this process add to PyYAML have no effect here.
IMPLICIT = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in Resolver.yaml_implicit_resolvers.items()
}
for _first in "-+0123456789":
    # The last one: what YAML calls an integer stays one.
    IMPLICIT[_first] = [*IMPLICIT.get(_first, []), (PREFIX + "float", _FLOAT_WITHOUT_POINT)]


def compose(text: str, *, aliases: bool = True) -> Node | None:
    """Returns the root node of a text, with merges (``<<``) carried out; None for an empty text.

    Args:
        text: JSON if it starts with a brace, else YAML.
        aliases: Whether the text may have aliases (``*name``).

    Raises:
        AliasError: It has an alias and may not.
        TemplateError: It is neither YAML nor JSON, exceeds a limit, merges something that is no map, has a
            key that is a list or a map, or a node that contains itself.
    """
    require_size(text)
    if is_json(text):
        return compose_json(text)
    _require_characters(text)
    composer = _Composer(aliases=aliases)
    try:
        for event in yaml.parse(text, Loader=_Parser):
            composer.take(event)
    except yaml.MarkedYAMLError as error:
        place = None if error.problem_mark is None else _inside(text, error.problem_mark)
        raise TemplateError(error.problem or "it cannot be read", place) from error
    except yaml.YAMLError as error:
        raise TemplateError("it cannot be read") from error
    return composer.root


def is_json(text: str) -> bool:
    """Whether a text is meant as JSON."""
    return text.lstrip("\ufeff \t\r\n").startswith("{")


def in_file(mark: yaml.Mark) -> Place:
    """Returns the place of a YAML mark."""
    return Place(mark.line + 1, mark.column + 1)


def _require_characters(text: str) -> None:
    if half := _HALF_CHARACTER.search(text):
        raise _half_character(f"U+{ord(half[0]):04X}", _place_at(text, half.start()))
    unprintable = _UNPRINTABLE.search(text, 1 if text.startswith("\ufeff") else 0)
    if unprintable:
        raise TemplateError(
            f"the character U+{ord(unprintable[0]):04X} cannot stand in YAML: remove it, or write it as an "
            "escape in double quotes",
            _place_at(text, unprintable.start()),
        )


def _half_character(what: str, place: Place) -> TemplateError:
    return TemplateError(
        f"{what} has half of a character, which is no text: write the whole character", place
    )


def _place_at(text: str, index: int) -> Place:
    begins = [0, *(found.end() for found in _LINE_BREAK.finditer(text, 0, index))]
    return Place(len(begins), index - begins[-1] + 1)


def _inside(text: str, mark: yaml.Mark) -> Place:
    """Returns a place within the text: libyaml reports a missing end on the line after the last."""
    lines = text.rstrip().split("\n")
    if mark.line < len(lines):
        return in_file(mark)
    return Place(len(lines), len(lines[-1]) + 1)


@dataclass
class _Open:
    """A list or map that has started and not ended.

    Args:
        node: Its node.
        anchor: Its name for aliases; None if it has none.
        before: The values and characters counted before it.
        items: Its items so far; of a map, keys and values in turn.
    """

    node: CollectionNode
    anchor: str | None
    before: tuple[int, int]
    items: list[Node] = field(default_factory=list)


class _Composer:
    """Makes nodes from a parser's events, and refuses the first event that exceeds a limit."""

    def __init__(self, *, aliases: bool) -> None:
        self.root: Node | None = None
        self._aliases = aliases
        self._open: list[_Open] = []
        self._amount = Amount()
        #: Nodes with an anchor, and their values and characters; None until the node ends.
        self._anchored: dict[str, tuple[Node, tuple[int, int] | None]] = {}

    def take(self, event: Event) -> None:
        """Takes the next event.

        Raises:
            TemplateError: It exceeds a limit or is not valid.
        """
        mark = cast("yaml.Mark", event.start_mark)  # a parser's events have one
        match event:
            case ScalarEvent():
                self._scalar(event, mark)
            case CollectionStartEvent():
                self._begin(event, mark)
            case CollectionEndEvent():
                self._end(event)
            case AliasEvent():
                self._alias(event, mark)
            case DocumentStartEvent() if self.root is not None:
                raise TemplateError("a second document begins, and only one is read", in_file(mark))

    def _alias(self, event: AliasEvent, mark: yaml.Mark) -> None:
        name = str(event.anchor)  # an alias has one
        if name not in self._anchored:
            raise TemplateError(f"the alias {shown(name)} is not defined", in_file(mark))
        if not self._aliases:
            raise AliasError(f"the alias {shown(name)} is not allowed: write it out", in_file(mark))
        node, size = self._anchored[name]
        if size is None:
            raise TemplateError("an alias refers to a node that contains it", in_file(mark))
        self._count(*size, mark)
        self._put(node, mark)

    def _scalar(self, event: ScalarEvent, mark: yaml.Mark) -> None:
        text = event.value
        self._count(1, len(text), mark)
        tag = event.tag
        if tag is None or tag == "!":
            tag = _implicit_tag(text) if event.implicit[0] else PREFIX + "str"
        if tag in _NUMBERS:
            require_digits(text, in_file(mark), "YAML")
        if _HALF_CHARACTER.search(text):
            raise _half_character(shown(text), in_file(mark))
        node = ScalarNode(tag, text, mark, cast("yaml.Mark", event.end_mark), style=event.style)
        self._name(event, node, (1, len(text)), mark)
        self._put(node, mark)

    def _begin(self, event: CollectionStartEvent, mark: yaml.Mark) -> None:
        require_depth(len(self._open) + 1, in_file(mark), "YAML")
        kind: Any = MappingNode if isinstance(event, MappingStartEvent) else SequenceNode
        tag = event.tag
        if tag is None or tag == "!":
            tag = PREFIX + ("map" if kind is MappingNode else "seq")
        node = kind(tag, [], mark, None, flow_style=event.flow_style)
        before = (self._amount.values, self._amount.characters)
        self._count(1, 0, mark)
        self._name(event, node, None, mark)
        self._put(node, mark)
        self._open.append(_Open(node, event.anchor, before))

    def _end(self, event: CollectionEndEvent) -> None:
        ended = self._open.pop()
        ended.node.end_mark = cast("yaml.Mark", event.end_mark)
        ended.node.value = ended.items
        if isinstance(ended.node, MappingNode):
            ended.node.value = _merged(list(zip(ended.items[::2], ended.items[1::2], strict=True)))
        if ended.anchor is not None:
            values, characters = ended.before
            size = (self._amount.values - values, self._amount.characters - characters)
            self._anchored[ended.anchor] = (ended.node, size)

    def _count(self, values: int, characters: int, mark: yaml.Mark) -> None:
        if problem := self._amount.add(values, characters):
            raise TemplateError(problem, in_file(mark))

    def _name(self, event: NodeEvent, node: Node, size: tuple[int, int] | None, mark: yaml.Mark) -> None:
        if event.anchor is None:
            return
        if event.anchor in self._anchored:
            raise TemplateError(f"the anchor {shown(event.anchor)} is defined twice", in_file(mark))
        self._anchored[event.anchor] = (node, size)

    def _put(self, node: Node, mark: yaml.Mark) -> None:
        """Adds a node to the innermost open list or map, or makes it the root."""
        if not self._open:
            self.root = node
            return
        opened = self._open[-1]
        if isinstance(opened.node, MappingNode) and len(opened.items) % 2 == 0:
            if not isinstance(node, ScalarNode):
                raise TemplateError("a key must be text, and this one is a list or a map", in_file(mark))
            require_key(node.value, in_file(mark), "YAML")
        opened.items.append(node)


def _implicit_tag(text: str) -> str:
    for tag, pattern in IMPLICIT.get(text[:1], ()):
        if pattern.match(text):
            return str(tag)
    return PREFIX + "str"


def _merged(pairs: list[tuple[Node, Node]]) -> list[tuple[Node, Node]]:
    """Returns a map's pairs and those that it merges. Its own keys win, then those of the first merged map.

    A merged map has ended, since no map can contain itself, so its own merges are carried out already.

    Source: YAML 1.1, "Merge Key Language-Independent Type".
    """
    own = [(key, value) for key, value in pairs if key.tag != _MERGE]
    if len(own) == len(pairs):
        return pairs
    names = {key.value for key, _ in own}
    merged: list[tuple[Node, Node]] = []
    for source in _sources(pairs):
        merged += [(key, value) for key, value in source.value if key.value not in names]
        names |= {key.value for key, _ in source.value}
    return [*merged, *own]


def _sources(pairs: list[tuple[Node, Node]]) -> Iterator[MappingNode]:
    for key, value in pairs:
        if key.tag == _MERGE:
            is_list = isinstance(value, SequenceNode) and not value.tag.startswith("!")
            for source in value.value if is_list else [value]:
                if not isinstance(source, MappingNode) or source.tag.startswith("!"):
                    raise TemplateError("<< merges something that is not a map", in_file(source.start_mark))
                yield source
