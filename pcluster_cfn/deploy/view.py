"""Shows a stack operation: a live table on a terminal, one line per event elsewhere, or lines of JSON."""

import json
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

from rich.console import Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from pcluster_cfn.deploy.events import Activity, Event, View
from pcluster_cfn.deploy.head_node_boot import is_head_node_s
from pcluster_cfn.deploy.layout import Row, duration, lay_out
from pcluster_cfn.deploy.progress import Line, Progress
from pcluster_cfn.deploy.reasons import read_reason
from pcluster_cfn.terminal import Console, one_line

#: Lines of the terminal that the live table leaves free: title and cursor.
_SPARE_LINES = 3
#: Characters of a reason in a line about an event. The report that follows a failure has all of it.
_REASON_LENGTH = 120


class OpenView(View, AbstractContextManager["OpenView"], Protocol):
    """A view that is closed at the end of the operation."""


class _LineView:
    """Prints lines, which stay as they are when the view is closed."""

    def __init__(self, console: Console, stack_name: str) -> None:
        self._console = console
        self._stack_name = stack_name

    def _print(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leaves the printed lines as they are."""


class PlainView(_LineView):
    """Prints one line per event, for logs and pipes."""

    def __init__(self, console: Console, stack_name: str) -> None:
        super().__init__(console, stack_name)
        self._progress = Progress()

    def show(self, events: list[Event]) -> None:
        """Prints events."""
        for event in events:
            if self._progress.status_of(event) == event.status:
                continue  # CloudFormation reports a start twice: at the request, and with the physical id
            line = self._progress.observe(event, self._stack_name)
            took = "" if event.running else f"  {duration(line.elapsed_s)}"
            reason = f"  {headline(event)}" if event.news else ""
            where = f"{self._where(event.path)}  {event.type}"
            self._print(one_line(f"{event.at:%H:%M:%S}  {event.status:<20}  {where}{took}{reason}"))

    def show_activity(self, activity: Activity) -> None:
        """Prints what a resource does."""
        where = self._where(activity.path)
        self._print(one_line(f"{activity.at:%H:%M:%S}  {'':<20}  {where}  {activity.text}"))

    def _where(self, path: tuple[str, ...]) -> str:
        return "/".join((self._stack_name, *path))


class JsonView(_LineView):
    """Prints one JSON object per line for each event, as CloudFormation reports it."""

    def show(self, events: list[Event]) -> None:
        """Prints events."""
        for event in events:
            self._print(json.dumps(event.as_json(self._stack_name)))

    def show_activity(self, activity: Activity) -> None:
        """Prints what a resource does."""
        self._print(json.dumps(activity.as_json(self._stack_name)))


class LiveView:
    """A table with one line per resource, updated in place, with nested stacks indented."""

    def __init__(self, console: Console, stack_name: str) -> None:
        self._console = console
        self._stack_name = stack_name
        self._progress = Progress()
        self._spinner = Spinner("dots")
        self._is_closed = False
        self._live = Live(console=console, get_renderable=self._now, refresh_per_second=4)

    def show(self, events: list[Event]) -> None:
        """Updates the lines."""
        for event in events:
            self._progress.observe(event, self._stack_name)

    def show_activity(self, activity: Activity) -> None:
        """Updates the line of what a resource does."""
        self._progress.observe_activity(activity)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leaves the last state on the screen: what failed as failed, what succeeded without its parts."""
        self._is_closed = True
        self._live.stop()

    def _now(self) -> Group:
        return self.table(is_final=self._is_closed)

    def table(self, *, is_final: bool) -> Group:
        """Returns the table for the console's size.

        Args:
            is_final: Whether the operation has ended. What failed is shown as failed then, whatever became
                of it in the rollback, and what succeeded is shown without its parts.
        """
        room = self._console.height - _SPARE_LINES
        choices = [(True, False)] if is_final else [(False, False), (True, False)]
        lines: list[Text] = []
        for fold, only_running in [*choices, (True, True)]:
            shown = list(self._progress.lines(fold=fold, only_running=only_running))
            rows = [_row(depth, line, is_final=is_final) for depth, line in shown]
            lines = lay_out(rows, self._console.width, self._spinner_now())
            if is_final or len(lines) <= room:
                return Group(*lines)
        left = len(lines) - room + 1
        return Group(*lines[: room - 1], Text(f"… {left} more lines: the terminal is too low", style="dim"))

    def _spinner_now(self) -> Text:
        rendered = self._spinner.render(time.monotonic())
        return rendered if isinstance(rendered, Text) else Text(" ")


def _row(depth: int, line: Line, *, is_final: bool) -> Row:
    shown, elapsed_s = line.event, line.elapsed_s
    # The rollback has deleted what failed by the end; that it failed is what counts.
    if line.failure and (is_final or line.event.failed):
        shown, elapsed_s = line.failure, line.failed_after_s
    elif is_final and line.has_failure and line.before_deletion:
        shown = line.before_deletion
    return Row(
        depth=depth,
        name=line.name,
        status=shown.status,
        elapsed=duration(elapsed_s),
        note=_note(depth, line),
        is_running=line.event.running,
        is_stack=depth == 0 or bool(line.resources),
    )


def _note(depth: int, line: Line) -> str:
    if line.failure:
        return _first_mistake(line.failure)
    if line.event.running and (line.activity or is_head_node_s(line.event)):
        return line.activity or "the head node boots"
    if depth == 0 and line.event.begins_rollback:
        return "" if line.event.is_consequence else line.event.reason
    if line.event.cluster and line.event.running and (done := line.count_settled()):
        return f"{done} of its resources done"
    return ""


def headline(event: Event) -> str:
    """Returns the beginning of an event's reason: the code, and the first mistake in one line."""
    text = _first_mistake(event)
    return text if len(text) <= _REASON_LENGTH else f"{text[: _REASON_LENGTH - 1].rstrip()}…"


def _first_mistake(event: Event) -> str:
    cause = read_reason(event.reason)
    first = cause.mistakes[0]
    return ": ".join(filter(None, (cause.code, first.place, first.text)))


def view_for(console: Console, stack_name: str, *, as_json: bool = False) -> PlainView | LiveView | JsonView:
    """Returns a live view for a terminal, a plain one for anything else, or one of JSON."""
    if as_json:
        return JsonView(console, stack_name)
    return (LiveView if console.is_terminal else PlainView)(console, stack_name)
