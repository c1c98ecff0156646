"""The edge to the terminal: what comes from a file, an event or AWS cannot give it orders.

A terminal obeys control characters: they move its cursor, set its title, write to its clipboard. Characters
that change the direction of writing show a line other than it is. Both are written as escapes of JSON, so
that JSON stays JSON.
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
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f]"
)
_BMP_MAX = 0xFFFF


def harmless(text: str, encoding: str | None = None) -> str:
    """Returns a text that a terminal shows and does not obey.

    Args:
        text: Anything. Newlines and tabs stay.
        encoding: Of the terminal; what it cannot show is escaped as well.
    """
    shown = _OBEYED.sub(lambda found: _escaped(found[0]), text)
    try:
        shown.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return "".join(_encodable(character, encoding or "utf-8") for character in shown)
    return shown


def one_line(text: str) -> str:
    """Returns a text with its line ends as escapes, so that no name in a file makes up a line of output."""
    return text.replace("\r", "\\r").replace("\n", "\\n")


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
    """A text stream that makes everything harmless on its way."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        #: Where rich writes, whose colours are orders that we give; ``Console`` sees to what is in them.
        self.rich_proxied_file = stream

    def write(self, text: str) -> int:
        """Writes a text, made harmless; returns how much of it was taken."""
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
    """Makes harmless whatever is written to standard output and standard error inside."""
    with redirect_stdout(_Harmless(sys.stdout)), redirect_stderr(_Harmless(sys.stderr)):
        yield


class Console(RichConsole):
    """A console whose colours reach the terminal and whose texts are made harmless.

    That is done to each part before it is cut and aligned, so tables stay tables.
    """

    @property
    def file(self) -> IO[str]:
        """Where it writes: past what makes other output harmless, also while a live view is shown."""
        file = super().file
        return cast("IO[str]", getattr(file, "rich_proxied_file", file))

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yields what a renderable consists of."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield segment._replace(text=harmless(segment.text, self.encoding))
