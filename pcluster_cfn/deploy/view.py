"""Shows a stack operation: a live table on a terminal, one line per event elsewhere."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from pcluster_cfn.deploy.events import Event, Outcome
from pcluster_cfn.terminal import Console

_COLOURS = {"_FAILED": "red", "_COMPLETE": "green", "_IN_PROGRESS": "yellow"}
#: Lines of the terminal that the live table leaves free: header, title and cursor.
_SPARE_LINES = 4
#: Columns of the terminal between those of the live table, and the spinner's.
_GAPS = 4 * 2 + 1


@dataclass
class Line:
    """The state of one resource in the running operation."""

    name: str
    event: Event
    since: datetime
    since_monotonic_s: float
    resources: "dict[str, Line]" = field(default_factory=dict)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the resource started to change; by CloudFormation's clock once it is done."""
        if self.event.running:
            return time.monotonic() - self.since_monotonic_s
        return (self.event.at - self.since).total_seconds()


class Progress:
    """The state of every resource in an operation, as a tree in which stacks contain their resources."""

    def __init__(self) -> None:
        self.root: Line | None = None

    def observe(self, event: Event, stack_name: str) -> Line:
        """Applies one event and returns the line that it changed."""
        if self.root is None:
            self.root = self._line(stack_name, event)
        line = self.root
        for name in event.path:
            line = line.resources.setdefault(name, self._line(name, event))
        # A rollback or a clean-up starts the resource's time anew.
        if event.running and not line.event.running:
            line.since, line.since_monotonic_s = event.at, time.monotonic()
        line.event = event
        return line

    def status_of(self, event: Event) -> str | None:
        """Returns the present status of an event's resource; None before its first event."""
        line = self.root
        for name in event.path:
            line = line.resources.get(name) if line else None
        return line.event.status if line else None

    def lines(self, *, fold: bool) -> Iterator[tuple[int, Line]]:
        """Yields each line with its nesting depth.

        Args:
            fold: Leave out the resources of nested stacks that have succeeded.
        """
        if self.root is not None:
            yield from _walk(self.root, 0, fold=fold)

    @staticmethod
    def _line(name: str, event: Event) -> Line:
        return Line(name, event, event.at, time.monotonic())


def _walk(line: Line, depth: int, *, fold: bool) -> Iterator[tuple[int, Line]]:
    yield depth, line
    if fold and depth > 0 and line.event.done:
        return
    for inner in line.resources.values():
        yield from _walk(inner, depth + 1, fold=fold)


class PlainView:
    """Prints one line per event, for logs and pipes."""

    def __init__(self, console: Console, stack_name: str) -> None:
        self._console = console
        self._stack_name = stack_name
        self._progress = Progress()

    def show(self, events: list[Event]) -> None:
        """Prints events."""
        for event in events:
            if self._progress.status_of(event) == event.status:
                continue  # CloudFormation reports a start twice: at the request, and with the physical id
            line = self._progress.observe(event, self._stack_name)
            where = "/".join((self._stack_name, *event.path))
            took = "" if event.running else f"  {_duration(line.elapsed_s)}"
            reason = f"  {event.reason}" if event.reason else ""
            self.note(f"{event.at:%H:%M:%S}  {event.status:<20}  {where}  {event.type}{took}{reason}")

    def note(self, text: str) -> None:
        """Prints one line."""
        _print_line(self._console, text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leaves the printed lines as they are."""


class LiveView:
    """A table with one line per resource, updated in place, with nested stacks indented."""

    def __init__(self, console: Console, stack_name: str) -> None:
        self._console = console
        self._stack_name = stack_name
        self._progress = Progress()
        self._spinner = Spinner("dots")
        self._fold = False
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=4)

    def show(self, events: list[Event]) -> None:
        """Updates the lines."""
        for event in events:
            self._progress.observe(event, self._stack_name)

    def note(self, text: str) -> None:
        """Prints one line above the table."""
        _print_line(self._console, text, style="dim")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leaves the last state on the screen, with nested stacks that have succeeded folded."""
        self._fold = True
        self._live.stop()

    def _table(self) -> Table:
        lines = list(self._progress.lines(fold=self._fold))
        if len(lines) > self._console.height - _SPARE_LINES:
            lines = list(self._progress.lines(fold=True))
        table = Table(box=None, pad_edge=False, show_header=bool(lines), header_style="dim")
        for heading in ("Resource", "", "Status", "Elapsed", "Reason"):
            table.add_column(heading, justify="right" if heading == "Elapsed" else "left", no_wrap=True)
        rows = [self._row(depth, line) for depth, line in lines]
        taken = sum(max((len(row[column]) for row in rows), default=0) for column in range(3)) + _GAPS
        for (name, status, elapsed, reason), (_, line) in zip(rows, lines, strict=True):
            # On a narrow terminal only the reasons are shortened.
            reason.truncate(max(self._console.width - taken, 0), overflow="ellipsis")
            spinner = self._spinner if line.event.running else ""
            table.add_row(name, spinner, status, elapsed, reason)
        return table

    @staticmethod
    def _row(depth: int, line: Line) -> tuple[Text, Text, Text, Text]:
        return (
            Text("  " * depth + line.name, style="bold" if depth == 0 or line.resources else ""),
            Text(line.event.status, style=colour(line.event.status)),
            Text(_duration(line.elapsed_s).rjust(len("Elapsed"))),
            Text(line.event.reason.replace("\n", " ")),
        )


def view_for(console: Console, stack_name: str) -> PlainView | LiveView:
    """Returns a live view for a terminal and a plain one for anything else."""
    return (LiveView if console.is_terminal else PlainView)(console, stack_name)


def print_outcome(console: Console, outcome: Outcome) -> None:
    """Prints an outcome: the outputs of a success, the root causes of a failure."""
    if not outcome.succeeded:
        for event in outcome.root_causes():
            _print_line(console, f"{outcome.name_of(event)} ({event.type}): {event.reason}", style="red")
        end = f"Stack {outcome.stack_name} is {outcome.status}. {outcome.reason}"
        _print_line(console, end.rstrip(), style="bold red")
        return
    if not outcome.changed:
        _print_line(console, f"Stack {outcome.stack_name} has no changes.")
    if outcome.outputs:
        _print_outputs(console, outcome.outputs)


def _print_outputs(console: Console, outputs: dict[str, str]) -> None:
    if not console.is_terminal:
        for key, value in outputs.items():
            _print_line(console, f"{key} = {value}")
        return
    table = Table(title="Outputs", title_justify="left", title_style="bold")
    table.add_column("Key", style="bold", no_wrap=True)
    table.add_column("Value", overflow="fold")
    for key, value in outputs.items():
        table.add_row(key, Text(value))
    console.print(table)


def _print_line(console: Console, text: str, style: str = "") -> None:
    # A styled Text: the style argument of print would colour a live table that is redrawn below, too.
    console.print(Text(text, style=style), soft_wrap=True)


def colour(status: str) -> str:
    """Returns the colour of a status; a rollback is red even if it succeeds."""
    if "ROLLBACK" in status:
        return "red"
    return next((name for suffix, name in _COLOURS.items() if status.endswith(suffix)), "")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest:02}s" if minutes else f"{rest}s"
