"""Rows of the live table for any width: names shortened in the middle, statuses whole, reasons below."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

#: Columns between those of the table, and those of the spinner.
_GAP, _SPINNER = 2, 2
#: A name gets at least this many columns; a status that leaves fewer stands on a line of its own.
_NAME_MIN = 16
#: Width of "Elapsed".
_ELAPSED_MIN = 7
#: Lines of a reason in the table. The report that follows a failure has all of it.
_REASON_LINES = 5
_ELLIPSIS = "…"
_COLOURS = {"_FAILED": "red", "_COMPLETE": "green", "_IN_PROGRESS": "yellow"}


@dataclass(frozen=True)
class Row:
    """One resource.

    Attributes:
        depth: Its nesting depth.
        name: Its name.
        status: Its status.
        elapsed: Its time, as text.
        note: What is to be said about it, below its line.
        is_running: Whether it has a spinner.
        is_stack: Whether its name is emphasised.
    """

    depth: int
    name: str
    status: str
    elapsed: str
    note: str = ""
    is_running: bool = False
    is_stack: bool = False


def lay_out(rows: Sequence[Row], width: int, spinner: Text) -> list[Text]:
    """Returns the lines of a table, none wider than the terminal.

    Args:
        rows: The rows.
        width: Columns of the terminal.
        spinner: The sign beside what runs, one column wide.
    """
    elapsed_width = max([_ELAPSED_MIN, *(cell_len(row.elapsed) for row in rows)])
    room = width - elapsed_width - _SPINNER - 2 * _GAP - _NAME_MIN
    status_width = max([0, *(len(row.status) for row in rows if len(row.status) <= room)])
    wanted = max([0, *(2 * row.depth + cell_len(row.name) for row in rows)])
    available = width - status_width - elapsed_width - _SPINNER - 2 * _GAP
    name_width = max(1, min(wanted, available))
    lines: list[Text] = []
    for row in rows:
        lines += _row(row, name_width, status_width, elapsed_width, spinner)
        lines += _note(row, width)
    return lines


def _row(row: Row, name_width: int, status_width: int, elapsed_width: int, spinner: Text) -> Iterator[Text]:
    indent = 2 * min(row.depth, max(name_width // 4, 0))
    name = " " * indent + shorten(row.name, max(name_width - indent, 1))
    line = Text(set_cell_size(name, name_width), style="bold" if row.is_stack else "", no_wrap=True)
    line.append(" ")
    line.append_text(spinner if row.is_running else Text(" "))
    line.append(" ")
    fits = len(row.status) <= status_width
    line.append(row.status.ljust(status_width) if fits else " " * status_width, style=colour(row.status))
    line.append(" " * _GAP + row.elapsed.rjust(elapsed_width), style="not bold")
    yield line
    if not fits:
        yield Text(" " * (indent + _GAP) + row.status, style=colour(row.status), no_wrap=True)


def _note(row: Row, width: int) -> Iterator[Text]:
    indent = " " * min(2 * row.depth + 4, width // 3)
    wrapped = wrap(row.note, width, indent, indent)
    if len(wrapped) > _REASON_LINES:
        wrapped = wrapped[:_REASON_LINES]
        wrapped[-1] = f"{wrapped[-1][: width - len(_ELLIPSIS) - 1]} {_ELLIPSIS}"
    style = "red" if colour(row.status) == "red" else "dim"
    for line in wrapped:
        shown = line if cell_len(line) <= width else set_cell_size(line, width - 1) + _ELLIPSIS
        yield Text(shown, style=style, no_wrap=True)


def wrap(text: str, width: int, first: str = "", others: str = "") -> list[str]:
    """Returns the lines of a text, broken between words. A word that is wider than a line stays whole."""
    return textwrap.wrap(
        text,
        max(width, 1),
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def shorten(name: str, width: int) -> str:
    """Returns a name without its middle if it is wider than a column: both ends tell names apart."""
    if cell_len(name) <= width:
        return name
    if width <= len(_ELLIPSIS) + 1:
        return set_cell_size(name, width)
    end = (width - len(_ELLIPSIS)) // 2
    begin = width - len(_ELLIPSIS) - end
    return set_cell_size(name, begin) + _ELLIPSIS + name[-end:]


def colour(status: str) -> str:
    """Returns the colour of a status; a rollback is red even if it succeeds."""
    if "ROLLBACK" in status:
        return "red"
    return next((name for suffix, name in _COLOURS.items() if status.endswith(suffix)), "")


def duration(seconds: float) -> str:
    """Returns a time such as ``7m 05s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02}m {rest:02}s"
    return f"{minutes}m {rest:02}s" if minutes else f"{rest}s"
