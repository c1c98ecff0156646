"""The state of every resource in an operation, as a tree in which stacks contain their resources."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from pcluster_cfn.deploy.events import Activity, Event


@dataclass
class Line:
    """The state of one resource in the running operation.

    Attributes:
        name: Logical id, or the stack's name.
        event: Its newest event.
        since: When it started to change, by CloudFormation's clock.
        since_monotonic_s: The same by this machine's clock.
        failure: Its first failure that no other failure caused.
        failed_after_s: Seconds from its start to that failure, by CloudFormation's clock.
        before_deletion: Its state when its deletion began.
        activity: What it does, as its logs say; empty if they do not.
        resources: What it contains.
    """

    name: str
    event: Event
    since: datetime
    since_monotonic_s: float
    failure: Event | None = None
    failed_after_s: float = 0.0
    before_deletion: Event | None = None
    activity: str = ""
    resources: "dict[str, Line]" = field(default_factory=dict)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the resource started to change; by CloudFormation's clock once it is done."""
        if self.event.running:
            return time.monotonic() - self.since_monotonic_s
        return (self.event.at - self.since).total_seconds()

    @property
    def is_settled(self) -> bool:
        """Whether there is no reason to look at it: it is done and did not fail, and neither did a part."""
        return self.event.done and not self.has_failure

    @property
    def has_failure(self) -> bool:
        """Whether it, or a part of it, failed by itself."""
        return self.failure is not None or any(each.has_failure for each in self.resources.values())

    def count_settled(self) -> int:
        """Returns the number of settled resources below it that contain no others."""
        return sum(
            each.count_settled() if each.resources else each.is_settled for each in self.resources.values()
        )


class Progress:
    """The lines of an operation."""

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
        if event.failed and not event.is_consequence and line.failure is None:
            line.failure = event
            line.failed_after_s = (event.at - line.since).total_seconds()
        if event.status == "DELETE_IN_PROGRESS" and line.event.status != event.status:
            line.before_deletion = line.event
        if not event.running:
            line.activity = ""
        line.event = event
        return line

    def observe_activity(self, activity: Activity) -> None:
        """Applies what a resource does."""
        if line := self._find(activity.path):
            line.activity = activity.text

    def status_of(self, event: Event) -> str | None:
        """Returns the present status of an event's resource; None before its first event."""
        line = self._find(event.path)
        return line.event.status if line else None

    def lines(self, *, fold: bool, only_running: bool = False) -> Iterator[tuple[int, Line]]:
        """Yields each line with its nesting depth.

        Args:
            fold: Leave out the resources of nested stacks that have succeeded.
            only_running: Leave out all that have succeeded, too, but for the stack itself.
        """
        if self.root is not None:
            yield from _walk(self.root, 0, fold=fold, only_running=only_running)

    def _find(self, path: tuple[str, ...]) -> Line | None:
        line = self.root
        for name in path:
            line = line.resources.get(name) if line else None
        return line

    @staticmethod
    def _line(name: str, event: Event) -> Line:
        return Line(name, event, event.at, time.monotonic())


def _walk(line: Line, depth: int, *, fold: bool, only_running: bool) -> Iterator[tuple[int, Line]]:
    yield depth, line
    if fold and depth > 0 and line.is_settled:
        return
    for inner in line.resources.values():
        # A cluster's stack has some 30 resources: those that are done are counted, not listed.
        in_cluster = inner.event.cluster and line.event.cluster
        if inner.is_settled and (only_running or in_cluster):
            continue
        yield from _walk(inner, depth + 1, fold=fold, only_running=only_running)
