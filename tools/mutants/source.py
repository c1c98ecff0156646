"""A module's text, the spans of its syntax nodes, and edits of it."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

#: Syntax nodes that have a place in the text.
Placed = ast.stmt | ast.expr | ast.keyword | ast.pattern


@dataclass(frozen=True)
class Edit:
    """A replacement of some bytes of a module.

    Args:
        start: Offset of the first byte replaced.
        end: Offset behind the last one.
        text: What stands there instead.
    """

    start: int
    end: int
    text: str


class Source:
    """A module's text with its syntax tree.

    Args:
        text: Python source, which must compile.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        self._bytes = text.encode()
        lengths = [len(line) for line in self._bytes.splitlines(keepends=True)]
        self._starts = [0, *accumulate(lengths)]

    def start(self, node: Placed) -> int:
        """Offset of a node's first byte."""
        return self._starts[node.lineno - 1] + node.col_offset

    def end(self, node: Placed) -> int:
        """Offset behind a node's last byte."""
        if node.end_lineno is None or node.end_col_offset is None:
            raise ValueError("a parsed node has an end")
        return self._starts[node.end_lineno - 1] + node.end_col_offset

    def segment(self, node: Placed) -> str:
        """A node's own text."""
        return self.between(self.start(node), self.end(node))

    def between(self, start: int, end: int) -> str:
        """The text between two offsets."""
        return self._bytes[start:end].decode()

    def replace(self, node: Placed, text: str) -> Edit:
        """The edit that puts a text in a node's place."""
        return Edit(self.start(node), self.end(node), text)

    def drop(self, parts: Sequence[tuple[int, int]], number: int) -> Edit:
        """The edit that takes one of several comma-separated parts away, with its comma.

        Args:
            parts: Start and end of every part, in order.
            number: Which one, from 0.
        """
        start, end = parts[number]
        if number > 0:
            return Edit(parts[number - 1][1], end, "")
        if len(parts) > 1:
            return Edit(start, parts[1][0], "")
        rest = self._bytes[end:].decode()
        comma = len(rest) - len(rest.lstrip().removeprefix(",")) if rest.lstrip().startswith(",") else 0
        return Edit(start, end + len(rest[:comma].encode()), "")

    def edited(self, edit: Edit) -> str:
        """The module's text after an edit."""
        return (self._bytes[: edit.start] + edit.text.encode() + self._bytes[edit.end :]).decode()


def changed_lines(before: str, after: str) -> tuple[str, str]:
    """The lines in which two texts differ, each side as one line without indentation.

    Lines that are equal at the begin and at the end are left out.
    """
    old, new = before.splitlines(), after.splitlines()
    first = 0
    while first < min(len(old), len(new)) and old[first] == new[first]:
        first += 1
    last = 0
    while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
        last += 1
    return _joined(old[first : len(old) - last]), _joined(new[first : len(new) - last])


def _joined(lines: Sequence[str]) -> str:
    return " ".join(line.strip() for line in lines)
