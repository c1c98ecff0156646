"""A command's output as a terminal shows it, as an SVG."""

import codecs
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

from rich.console import Console
from rich.text import Text

COLUMNS, ROWS = 84, 30
_CHUNK_BYTES = 65_536
#: Orders of a terminal: those that move and erase, colours, and others that show nothing.
_ORDERS = re.compile(r"\x1b\[(\d*(?:;\d+)*)([A-Za-z])|\x1b\[\?\d+[hl]|\x1b\][^\x07]*\x07")


class Screen:
    """What a terminal shows: lines, of which a live table replaces the last ones again and again."""

    def __init__(self) -> None:
        self.lines = [""]
        self._row = 0

    def write(self, text: str) -> None:
        """Takes in output, orders included."""
        position = 0
        for order in _ORDERS.finditer(text):
            self._print(text[position : order.start()])
            self._obey(order)
            position = order.end()
        self._print(text[position:])

    def _print(self, text: str) -> None:
        for part in re.split(r"(\r?\n|\r)", text):
            if part.endswith("\n"):
                self._row += 1
                self.lines += [""] * (self._row + 1 - len(self.lines))
            elif part != "\r":
                self.lines[self._row] += part

    def _obey(self, order: re.Match[str]) -> None:
        match order[2]:
            case "A":
                self._row = max(self._row - int(order[1] or 1), 0)
            case "K":
                self.lines[self._row] = ""
            case "m":
                self.lines[self._row] += order[0]


def frames(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    columns: int = COLUMNS,
    answers: Mapping[str, str] = MappingProxyType({}),
    ends_with: Collection[int] = (0,),
) -> Iterator[list[str]]:
    """Runs a command in a terminal of its own and yields the lines on its screen after each output.

    Args:
        command: The command.
        environment: Its environment.
        columns: Columns of the terminal.
        answers: What to type when the screen has a text; each once.
        ends_with: Exit codes that are expected.

    Raises:
        CalledProcessError: The command ended with another exit code.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    environment = {**environment, "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": str(ROWS)}
    left = dict(answers)
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        screen, decoder = Screen(), codecs.getincrementaldecoder("utf-8")()
        for part in _read(ours):
            screen.write(decoder.decode(part))
            yield list(screen.lines)
            for question in [each for each in left if any(each in line for line in screen.lines)]:
                os.write(ours, left.pop(question).encode())
    if process.returncode not in ends_with:
        raise subprocess.CalledProcessError(process.returncode, command)


def _read(descriptor: int) -> Iterator[bytes]:
    with os.fdopen(descriptor, "rb", buffering=0) as output:
        while True:
            try:
                part = output.read(_CHUNK_BYTES)
            except OSError:  # how Linux reports that the other end is closed. Source: pty(7).
                return
            if not part:
                return
            yield part


def plain(lines: Sequence[str]) -> str:
    """Returns lines as a terminal shows them, without colours."""
    return "".join(f"{Text.from_ansi(line).plain.rstrip()}\n" for line in lines)


def svg(title: str, lines: Sequence[str], columns: int = COLUMNS) -> str:
    """Returns a picture of a terminal with these lines, which may have colours."""
    console = Console(
        record=True, width=columns, file=io.StringIO(), force_terminal=True, legacy_windows=False
    )
    for line in lines:
        console.print(Text.from_ansi(line), no_wrap=True, crop=True)
    picture = console.export_svg(title=title, unique_id="terminal")
    return re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)  # fonts that a browser would fetch
