"""Composes the text of a JSON template into a tree of YAML nodes, with the place of every value and key."""

import json
import re
from bisect import bisect_right
from json.decoder import scanstring  # type: ignore[attr-defined] # the standard reader's own, in C
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cfn_template.limits import (
    DEPTH_MAX,
    DIGITS_MAX,
    Amount,
    Place,
    TemplateError,
    require_depth,
    require_digits,
    require_key,
    shown,
)

_PREFIX = "tag:yaml.org,2002:"
_SPACE = re.compile(r"[ \t\n\r]*")
#: Source: RFC 8259, section 6.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS = {"true": "bool", "false": "bool", "null": "null"}
#: Everything but brackets outside quotes.
_NO_BRACKETS = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\[\]{}"])+')
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_LONG_NUMBER = re.compile(rf"[0-9]{{{DIGITS_MAX}}}")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


def compose_json(text: str) -> Node:
    """Returns the root node of a JSON text.

    Args:
        text: At most ``TEXT_MAX_BYTES``; may start with a byte order mark.

    Raises:
        TemplateError: It is not JSON, exceeds a limit, or contains half of a character.
    """
    reader = _Reader(text.removeprefix("\ufeff"))
    root, end = reader.value(reader.skipped(0), 0)
    reader.require_end(reader.skipped(end))
    return root


def load_json(text: str) -> Any:
    """Returns a JSON text as plain values, read by the standard library, which is a hundred times as fast.

    Returns:
        The values; None if the text is not valid, or if only ``compose_json`` can tell whether it is.
    """
    depth = deepest = 0
    for bracket in _NO_BRACKETS.sub("", text):
        depth += 1 if bracket in "{[" else -1
        deepest = max(deepest, depth)
    if deepest > DEPTH_MAX or _ESCAPED_SURROGATE.search(text) or _LONG_NUMBER.search(text):
        return None
    try:
        return json.loads(text.removeprefix("\ufeff"), parse_constant=_refuse)
    except ValueError:
        return None


def _refuse(constant: str) -> Any:
    """Refuses what Python reads and JSON does not have: NaN and Infinity."""
    raise ValueError(constant)


class _Reader:
    """Reads values out of a text, each from an index on."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._amount = Amount()
        self._begins = [0, *(found.end() for found in re.finditer("\n", text))]

    def skipped(self, index: int) -> int:
        """Returns the index of the next character that is no space."""
        found = _SPACE.match(self._text, index)
        return found.end() if found else index

    def require_end(self, index: int) -> None:
        """Refuses what is behind the value of a whole text.

        Raises:
            TemplateError: There is something.
        """
        if index != len(self._text):
            raise self._error("there is more behind the end of the value", index)

    def value(self, index: int, depth: int) -> tuple[Node, int]:
        """Returns the value at an index and the index behind it.

        Args:
            index: Of its first character.
            depth: How many lists and maps it is in.
        """
        match self._text[index : index + 1]:
            case "{":
                return self._map(index, depth + 1)
            case "[":
                return self._list(index, depth + 1)
            case '"':
                return self._string(index)
        if number := _NUMBER.match(self._text, index):
            require_digits(number[0], self._place(index), "JSON")
            kind = "float" if number[1] or number[2] else "int"
            return self._scalar(kind, number[0], index, number.end())
        for word, kind in _WORDS.items():
            if self._text.startswith(word, index):
                return self._scalar(kind, word, index, index + len(word))
        raise self._error("a value is missing here", index)

    def _map(self, index: int, depth: int) -> tuple[Node, int]:
        pairs: list[tuple[Node, Node]] = []
        end = self._begin(index, depth)
        while self._text[end : end + 1] != "}":
            end = self._next(end, "}") if pairs else end
            if self._text[end : end + 1] == "}":
                break  # CloudFormation accepts a comma after the last member
            if self._text[end : end + 1] != '"':
                raise self._error("a key in double quotes is missing here", end)
            key, behind = self._string(end)
            require_key(key.value, self._place(end), "JSON")
            colon = self.skipped(behind)
            if self._text[colon : colon + 1] != ":":
                raise self._error("a colon is missing here", colon)
            item, end = self.value(self.skipped(colon + 1), depth)
            pairs.append((key, item))
            end = self.skipped(end)
        return MappingNode(_PREFIX + "map", pairs, self._mark(index), self._mark(end + 1)), end + 1

    def _list(self, index: int, depth: int) -> tuple[Node, int]:
        items: list[Node] = []
        end = self._begin(index, depth)
        while self._text[end : end + 1] != "]":
            end = self._next(end, "]") if items else end
            if self._text[end : end + 1] == "]":
                break
            item, end = self.value(end, depth)
            items.append(item)
            end = self.skipped(end)
        return SequenceNode(_PREFIX + "seq", items, self._mark(index), self._mark(end + 1)), end + 1

    def _begin(self, index: int, depth: int) -> int:
        place = self._place(index)
        require_depth(depth, place, "JSON")
        self._count(1, 0, index)
        return self.skipped(index + 1)

    def _next(self, index: int, end: str) -> int:
        if self._text[index : index + 1] != ",":
            raise self._error(f"a comma or {end} is missing here", index)
        return self.skipped(index + 1)

    def _string(self, index: int) -> tuple[Node, int]:
        try:
            text, end = scanstring(self._text, index + 1, True)
        except json.JSONDecodeError as error:
            raise self._error(
                "the text in quotes has no end, a control character, or an escape that JSON does not have",
                error.pos,
            ) from error
        if _HALF_CHARACTER.search(text):
            raise self._error(
                f"{shown(text)} has half of a character, which is no text: write the whole character", index
            )
        return self._scalar("str", text, index, end, style='"')

    def _scalar(
        self, kind: str, text: str, index: int, end: int, style: str | None = None
    ) -> tuple[Node, int]:
        self._count(1, len(text), index)
        return ScalarNode(_PREFIX + kind, text, self._mark(index), self._mark(end), style=style), end

    def _count(self, values: int, characters: int, index: int) -> None:
        if problem := self._amount.add(values, characters):
            raise self._error(problem, index)

    def _error(self, problem: str, index: int) -> TemplateError:
        return TemplateError(problem, self._place(index), "JSON")

    def _place(self, index: int) -> Place:
        mark = self._mark(index)
        return Place(mark.line + 1, mark.column + 1)

    def _mark(self, index: int) -> yaml.Mark:
        line = bisect_right(self._begins, index) - 1
        arguments: tuple[Any, ...] = ("", index, line, index - self._begins[line], None, 0)
        return yaml.Mark(*arguments)
