"""Composes the text of a configuration into a tree of YAML nodes, within limits.

Nodes are made from the parser's events, one by one. So a text that nests too deep or repeats too much is
refused at the event that exceeds a limit, before any function recurses into it. ``cfn_template.composing``
does the same for templates; docs/decisions/0025 says why there are two.
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

from cluster_schema.json_as_yaml import as_yaml
from cluster_schema.limits import (
    DEPTH_MAX,
    DIGITS_MAX,
    KEY_MAX_CHARACTERS,
    VALUES_MAX,
    WRITTEN_OUT_MAX_CHARACTERS,
    UnreadableError,
    mark_at,
    require_size,
    shown,
)

_MERGE = "tag:yaml.org,2002:merge"
_NUMBERS = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
#: Characters that YAML does not allow. Source: YAML 1.1, "Character Set"; a byte order mark may start a text.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_HALF = "{} has half of a character, which is no text: write the whole character"
#: The parser is libyaml's where PyYAML has it, which is ten times as fast.
_Parser = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def compose(text: str) -> Node | None:
    """Returns the root node of a text, with merges (``<<``) carried out; None for an empty text.

    Raises:
        UnreadableError: It is neither YAML nor JSON, exceeds a limit, merges something that is no map, has a
            key that is a list or a map, or a node that contains itself.
    """
    require_size(text)
    if half := _HALF_CHARACTER.search(text):
        raise UnreadableError(_HALF.format(f"U+{ord(half[0]):04X}"), mark_at(text, half.start()))
    unprintable = _UNPRINTABLE.search(text, 1 if text.startswith("\ufeff") else 0)
    if unprintable:
        raise UnreadableError(
            f"the character U+{ord(unprintable[0]):04X} cannot stand in YAML: remove it, or write it as an "
            "escape in double quotes",
            mark_at(text, unprintable.start()),
        )
    readable, filler = as_yaml(text)
    composer = _Composer(filler)
    try:
        for event in yaml.parse(readable, Loader=_Parser):
            composer.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark and _inside(text, error.problem_mark)
        raise UnreadableError(error.problem or "it cannot be read", mark) from error
    except yaml.YAMLError as error:
        raise UnreadableError("it cannot be read", None) from error
    return composer.root


@dataclass
class _Open:
    """A list or map that has started and not ended.

    Args:
        node: Its node.
        anchor: Its name for aliases; None if it has none.
        before: The size counted before it.
        items: Its items so far; of a map, keys and values in turn.
    """

    node: CollectionNode
    anchor: str | None
    before: "_Size"
    items: list[Node] = field(default_factory=list)

    @property
    def awaits_key(self) -> bool:
        """Whether the next node is a key."""
        return isinstance(self.node, MappingNode) and len(self.items) % 2 == 0


@dataclass(frozen=True)
class _Size:
    """The size of something, aliases expanded."""

    values: int = 0
    characters: int = 0

    def __add__(self, other: "_Size") -> "_Size":
        return _Size(self.values + other.values, self.characters + other.characters)

    def __sub__(self, other: "_Size") -> "_Size":
        return _Size(self.values - other.values, self.characters - other.characters)


class _Composer:
    """Makes nodes from a parser's events, and refuses the first event that exceeds a limit."""

    def __init__(self, filler: str) -> None:
        self.root: Node | None = None
        self._filler = filler
        self._resolver = Resolver()
        self._open: list[_Open] = []
        self._written = _Size()
        #: Nodes with an anchor, and their sizes; None until the node ends.
        self._anchored: dict[str, tuple[Node, _Size | None]] = {}

    def take(self, event: Event) -> None:
        """Takes the next event.

        Raises:
            UnreadableError: It exceeds a limit or is not valid.
        """
        mark = cast("yaml.Mark", event.start_mark)  # a parser's events have one
        match event:
            case DocumentStartEvent() if self.root is not None:
                raise UnreadableError("a second document begins, and only one is read", mark)
            case AliasEvent():
                self._alias(event, mark)
            case ScalarEvent():
                self._scalar(event, mark)
            case CollectionStartEvent():
                self._begin(event, mark)
            case CollectionEndEvent():
                self._end(event)

    def _alias(self, event: AliasEvent, mark: yaml.Mark) -> None:
        name = str(event.anchor)  # an alias has one
        if name not in self._anchored:
            raise UnreadableError(f"the alias {shown(name)} is not defined", mark)
        node, size = self._anchored[name]
        if size is None:
            raise UnreadableError("an alias refers to a node that contains it", mark)
        self._count(size, mark)
        self._put(node, mark)

    def _scalar(self, event: ScalarEvent, mark: yaml.Mark) -> None:
        size = _Size(1, len(event.value))
        self._count(size, mark)
        tag = self._tag(event.tag, ScalarNode, event.value, event.implicit)
        if tag in _NUMBERS and len(event.value) > DIGITS_MAX:
            raise UnreadableError(
                f"the number {shown(event.value)} has {len(event.value):,} characters, and at most "
                f"{DIGITS_MAX:,} are read: quote it if it is meant as text",
                mark,
            )
        if _HALF_CHARACTER.search(event.value):
            raise UnreadableError(_HALF.format(shown(event.value)), mark)
        text = event.value.replace(self._filler, "") if self._filler else event.value
        node = ScalarNode(tag, text, mark, cast("yaml.Mark", event.end_mark), style=event.style)
        self._name(event, node, size, mark)
        self._put(node, mark)

    def _begin(self, event: CollectionStartEvent, mark: yaml.Mark) -> None:
        if len(self._open) >= DEPTH_MAX:
            raise UnreadableError(
                f"lists and maps are more than {DEPTH_MAX} deep in each other: nest less", mark
            )
        kind: type[CollectionNode] = MappingNode if isinstance(event, MappingStartEvent) else SequenceNode
        tag = self._tag(event.tag, kind, None, event.implicit)
        node = kind(tag, [], mark, None, flow_style=event.flow_style)
        before = self._written
        self._count(_Size(1), mark)
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
            self._anchored[ended.anchor] = (ended.node, self._written - ended.before)

    def _count(self, size: _Size, mark: yaml.Mark) -> None:
        self._written += size
        for amount, limit, what in (
            (self._written.values, VALUES_MAX, "keys and values"),
            (self._written.characters, WRITTEN_OUT_MAX_CHARACTERS, "characters"),
        ):
            if amount > limit:
                raise UnreadableError(
                    f"with its aliases written out, the text has more than {limit:,} {what}: repeat less",
                    mark,
                )

    def _name(self, event: NodeEvent, node: Node, size: _Size | None, mark: yaml.Mark) -> None:
        if event.anchor is None:
            return
        if event.anchor in self._anchored:
            raise UnreadableError(f"the anchor {shown(event.anchor)} is defined twice", mark)
        self._anchored[event.anchor] = (node, size)

    def _tag(self, written: str | None, kind: type[Node], value: str | None, implicit: Any) -> str:
        if written is not None and written != "!":
            return written
        return cast("str", self._resolver.resolve(kind, value, implicit))  # type: ignore[no-untyped-call]

    def _put(self, node: Node, mark: yaml.Mark) -> None:
        """Adds a node to the innermost open list or map, or makes it the root."""
        if not self._open:
            self.root = node
            return
        if self._open[-1].awaits_key:
            _require_key(node, mark)
        self._open[-1].items.append(node)


def _require_key(node: Node, mark: yaml.Mark) -> None:
    if not isinstance(node, ScalarNode):
        raise UnreadableError("a key must be text, and this one is a list or a map", mark)
    if len(node.value) > KEY_MAX_CHARACTERS:
        raise UnreadableError(
            f"the key {shown(node.value)} has {len(node.value):,} characters, and at most "
            f"{KEY_MAX_CHARACTERS:,} are read: shorten it",
            mark,
        )


def _merged(pairs: list[tuple[Node, Node]]) -> list[tuple[Node, Node]]:
    """Returns a map's pairs and those that it merges. Its own keys win, then those of the first merged map.

    A merged map has ended, since no map can contain itself, so its own merges are carried out already.

    Source: YAML 1.1, "Merge Key Language-Independent Type".
    """
    own = [(key, value) for key, value in pairs if key.tag != _MERGE]
    if len(own) == len(pairs):
        return pairs
    names = {(key.tag, key.value) for key, _ in own}
    merged: list[tuple[Node, Node]] = []
    for source in _sources(pairs):
        merged += [(key, value) for key, value in source.value if (key.tag, key.value) not in names]
        names |= {(key.tag, key.value) for key, _ in source.value}
    return [*merged, *own]


def _sources(pairs: list[tuple[Node, Node]]) -> Iterator[MappingNode]:
    for key, value in pairs:
        if key.tag == _MERGE:
            is_list = isinstance(value, SequenceNode) and not value.tag.startswith("!")
            for source in value.value if is_list else [value]:
                if not isinstance(source, MappingNode) or source.tag.startswith("!"):
                    raise UnreadableError("<< merges something that is not a map", source.start_mark)
                yield source


def _inside(text: str, mark: yaml.Mark) -> yaml.Mark:
    """Returns a mark within the text: libyaml reports a missing end on the line after the last."""
    lines = text.rstrip().split("\n")
    if mark.line < len(lines):
        return mark
    return yaml.Mark(mark.name, mark.index, len(lines) - 1, len(lines[-1]), None, 0)
