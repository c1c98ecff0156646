"""Output in which no text from a file, an event or AWS can control the terminal.

Control characters move a terminal's cursor, set its title or write to its clipboard. Characters that change
the direction of writing disguise a line. Both are written as JSON escapes, so JSON output stays valid.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import IO, Any, TextIO, cast

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment

#: C0 but for tab and newline, DEL and C1; marks, embeddings, overrides and isolates of direction; separators
#: of lines and paragraphs; halves of characters; tags, which nobody sees. Source: Unicode, chapters 23.1,
#: 23.2 and 23.9, and UAX #9, "Explicit Directional Formatting Characters".
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f]"
)
_BMP_MAX = 0xFFFF


def harmless(text: str, encoding: str | None = None) -> str:
    """Returns a text with every character escaped that would control a terminal.

    Args:
        text: Any text. Newlines and tabs stay.
        encoding: Encoding of the terminal; characters that it lacks are escaped, too. Default: UTF-8.
    """
    shown = _CONTROLS.sub(lambda found: _escaped(found[0]), text)
    try:
        shown.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return "".join(_encodable(character, encoding or "utf-8") for character in shown)
    return shown


def one_line(text: str) -> str:
    """Returns a text with its line ends escaped, so that a name in a file cannot forge a line of output."""
    return text.replace("\r", "\\r").replace("\n", "\\n")


def columns(rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yields rows as lines with aligned columns, each cell on one line."""
    cells = [[one_line(harmless(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _encodable(character: str, encoding: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return _escaped(character)
    return character


def _escaped(character: str) -> str:
    code = ord(character)
    if code <= _BMP_MAX:
        return f"\\u{code:04x}"
    units = character.encode("utf-16-be").hex()
    return f"\\u{units[:4]}\\u{units[4:]}"


class _Harmless:
    """A text stream that escapes control characters in everything written to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        #: Where rich writes: its colours are control characters of ours. ``Console`` escapes the texts.
        self.rich_proxied_file = stream

    def write(self, text: str) -> int:
        """Writes a text, escaped; returns its number of characters before that."""
        self._stream.write(harmless(text, self._stream.encoding))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Writes several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def harmless_output() -> Iterator[None]:
    """Escapes control characters in everything that the block writes to standard output and error."""
    with redirect_stdout(_Harmless(sys.stdout)), redirect_stderr(_Harmless(sys.stderr)):
        yield


class Console(RichConsole):
    """A console whose colours reach the terminal and whose texts are escaped.

    Each part is escaped before it is cut and aligned, so columns of tables stay aligned.
    """

    @property
    def file(self) -> IO[str]:
        """The stream behind ``harmless_output``, also while a live view is shown."""
        file = super().file
        return cast("IO[str]", getattr(file, "rich_proxied_file", file))

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yields the parts of a renderable, with their texts escaped."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield segment._replace(text=harmless(segment.text, self.encoding))
