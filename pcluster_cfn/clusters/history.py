"""The events of clusters and of their owners, in one order, with the failures that caused the others."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pcluster_cfn.deploy.events import Event
from pcluster_cfn.deploy.feed import EventFeed
from pcluster_cfn.deploy.outcome import Outcome

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

#: The first event of an operation. Source: CloudFormation user guide, "Stack status codes".
_BEGINNINGS = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"})


@dataclass(frozen=True)
class Watched:
    """A stack whose events are wanted.

    Args:
        name: Name of the stack.
        stack_id: Its ARN.
        logical_id: The one resource whose events are wanted; None for all.
    """

    name: str
    stack_id: str
    logical_id: str | None = None


@dataclass(frozen=True)
class Happening:
    """An event of a watched stack."""

    stack_name: str
    event: Event

    @property
    def where(self) -> str:
        """The stack and the logical ids that lead to the resource."""
        return "/".join((self.stack_name, *self.event.path))

    def as_json(self, *, is_root_cause: bool) -> dict[str, Any]:
        """Returns the event as JSON values."""
        return {
            "at": self.event.at.isoformat(),
            "resource": self.where,
            "type": self.event.type,
            "status": self.event.status,
            "reason": self.event.reason,
            "rootCause": is_root_cause,
        }

    def line(self, *, is_root_cause: bool) -> str:
        """Returns the event as a line of text; that of a root cause begins with >."""
        mark = ">" if is_root_cause else " "
        reason = f"  {self.event.reason}" if self.event.reason else ""
        at = f"{self.event.at:%Y-%m-%d %H:%M:%S}"
        return f"{mark} {at}  {self.event.status:<20}  {self.where}  {self.event.type}{reason}"


class History:
    """Reads the events of several stacks and of the stacks nested in them, from the beginning."""

    def __init__(self, cloudformation: "CloudFormationClient") -> None:
        self._cloudformation = cloudformation
        self._feeds: dict[str, tuple[Watched, EventFeed]] = {}
        self._events: dict[str, list[Event]] = {}

    def watch(self, stacks: Iterable[Watched]) -> None:
        """Adds stacks that are not watched yet."""
        for each in stacks:
            self._feeds.setdefault(each.stack_id, (each, EventFeed(self._cloudformation, None)))
            self._events.setdefault(each.stack_id, [])

    def poll(self) -> list[Happening]:
        """Returns the events since the last poll, oldest first."""
        fresh: list[Happening] = []
        for watched, feed in self._feeds.values():
            events = [each for each in feed.poll(watched.stack_id) if _is_wanted(each, watched)]
            self._events[watched.stack_id] += events
            fresh += [Happening(watched.name, each) for each in events]
        return sorted(fresh, key=lambda each: each.event.at)

    def root_causes(self) -> list[Event]:
        """Returns the first failure of each operation that no other failure caused, oldest first."""
        found = [
            cause
            for events in self._events.values()
            for operation in _operations(events)
            for cause in _first_cause(operation)
        ]
        return sorted(found, key=lambda event: event.at)


def _is_wanted(event: Event, watched: Watched) -> bool:
    return watched.logical_id is None or event.path == (watched.logical_id,)


def _operations(events: list[Event]) -> Iterator[list[Event]]:
    """Yields the events of each operation of a stack; all of them where its own events are not wanted."""
    operation: list[Event] = []
    for event in events:
        if not event.path and event.status in _BEGINNINGS and operation:
            yield operation
            operation = []
        operation.append(event)
    yield operation


def _first_cause(events: list[Event]) -> list[Event]:
    return Outcome("", "", "", "", {}, events).root_causes()[:1]
