"""A stack operation as CloudFormation reports it: its events, its end, and why it failed."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from pcluster_cfn.errors import CommandError

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackEventTypeDef, StackTypeDef

_NESTED_STACK = "AWS::CloudFormation::Stack"
#: How the reason begins for a resource that failed only because another one did.
#: Source: observed stack events; no page of the documentation lists them.
_CONSEQUENCES = (
    "Resource creation cancelled",
    "Resource update cancelled",
    "Embedded stack ",
    "The following resource(s) failed",
)


class Operation(Enum):
    """A kind of operation; its value is the set of statuses in which it has succeeded."""

    DEPLOY = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
    DELETE = frozenset({"DELETE_COMPLETE"})

    def may_end_in(self, status: str) -> bool:
        """Whether an operation can end in a status, successful or not; a deletion only in one of its own."""
        is_of_it = self is not Operation.DELETE or status.startswith("DELETE_")
        return is_of_it and not status.endswith("_IN_PROGRESS")


_SUCCESSES = Operation.DEPLOY.value | Operation.DELETE.value


class View(Protocol):
    """Shows an operation while it runs."""

    def show(self, events: "list[Event]") -> None:
        """Shows the events since the last call, oldest first; possibly none."""

    def note(self, text: str) -> None:
        """Shows one line that is not an event."""


@dataclass(frozen=True)
class Event:
    """One change of one resource's status.

    Attributes:
        path: Logical ids from the operation's stack to the resource, one per nesting level; empty for the
            stack's own events.
        at: When it happened, by CloudFormation's clock.
    """

    path: tuple[str, ...]
    type: str
    status: str
    reason: str
    physical_id: str
    at: datetime

    @property
    def failed(self) -> bool:
        """Whether the resource failed, or was cancelled because another one did."""
        return self.status.endswith("_FAILED")

    @property
    def begins_rollback(self) -> bool:
        """Whether a stack starts to roll back and gives a reason."""
        return self.status.endswith("ROLLBACK_IN_PROGRESS") and bool(self.reason)

    @property
    def done(self) -> bool:
        """Whether the resource reached the status that the operation wants."""
        return self.status in _SUCCESSES

    @property
    def running(self) -> bool:
        """Whether more events will follow for this resource."""
        return self.status.endswith("_IN_PROGRESS")


@dataclass(frozen=True)
class Outcome:
    """How an operation on a stack ended."""

    stack_name: str
    stack_id: str
    status: str
    reason: str
    outputs: dict[str, str]
    events: list[Event] = field(default_factory=list)
    changed: bool = True
    operation: Operation = Operation.DEPLOY

    @property
    def succeeded(self) -> bool:
        """Whether the stack reached a status that the operation wants."""
        return self.status in self.operation.value

    def as_json(self) -> dict[str, Any]:
        """Returns the outcome as JSON values, with CloudFormation's names."""
        causes = [] if self.succeeded else self.root_causes()
        return {
            "StackName": self.stack_name,
            "StackId": self.stack_id,
            "StackStatus": self.status,
            "StackStatusReason": self.reason,
            "Changed": self.changed,
            "Outputs": self.outputs,
            "RootCauses": [
                {"Resource": self.name_of(event), "ResourceType": event.type, "Reason": event.reason}
                for event in causes
            ],
        }

    def name_of(self, event: Event) -> str:
        """Returns the logical ids that lead to an event's resource; the stack's name for its own events."""
        return "/".join(event.path) or self.stack_name

    def root_causes(self) -> list[Event]:
        """Returns the failures that no other failure caused, oldest first.

        If no resource failed, as with an export that is not allowed, it is the stack's own first failure.
        """
        failures = [event for event in self.events if event.failed and event.path]
        causes = [event for event in failures if not event.reason.startswith(_CONSEQUENCES)]
        own = (event for event in self.events if not event.path and event.begins_rollback)
        return causes or failures or list(islice(own, 1))


class EventFeed:
    """Reads the events of one operation of a stack and of the stacks nested in it.

    Create it before the operation starts: it skips the events that the stack has by then.
    """

    def __init__(self, cloudformation: "CloudFormationClient", stack: str | None) -> None:
        self._cloudformation = cloudformation
        self._seen: dict[str, str] = {}  # newest event id already returned, by stack id
        self._paths: dict[str, tuple[str, ...]] = {}
        self._started_at: datetime | None = None
        newest = next(self._newest_first(stack), None) if stack else None
        if newest:
            self._seen[newest["StackId"]] = newest["EventId"]

    def poll(self, stack_id: str) -> list[Event]:
        """Returns the events since the last poll, oldest first."""
        self._paths.setdefault(stack_id, ())
        events: list[Event] = []
        polled: set[str] = set()
        while stacks := [stack for stack in self._paths if stack not in polled]:
            for stack in stacks:
                polled.add(stack)
                events += self._poll_one(stack)
        return sorted(events, key=lambda event: event.at)

    def _poll_one(self, stack_id: str) -> Iterator[Event]:
        path = self._paths[stack_id]
        for raw in reversed(self._unseen(stack_id)):
            self._seen[stack_id] = raw["EventId"]
            if self._started_at is None:
                self._started_at = raw["Timestamp"]
            physical_id = raw.get("PhysicalResourceId", "")
            own = physical_id == stack_id
            if own and path:
                continue  # the parent has the same event about this nested stack
            event = _event(raw, path if own else (*path, raw["LogicalResourceId"]))
            if event.type == _NESTED_STACK and event.path and physical_id.startswith("arn:"):
                self._paths.setdefault(physical_id, event.path)
            yield event

    def _unseen(self, stack_id: str) -> "list[StackEventTypeDef]":
        unseen = []
        for raw in self._newest_first(stack_id):
            earlier = self._started_at is not None and raw["Timestamp"] < self._started_at
            if raw["EventId"] == self._seen.get(stack_id) or earlier:
                break
            unseen.append(raw)
        return unseen

    def _newest_first(self, stack: str) -> "Iterator[StackEventTypeDef]":
        paginator = self._cloudformation.get_paginator("describe_stack_events")
        for page in paginator.paginate(StackName=stack):
            yield from page["StackEvents"]


def follow(
    cloudformation: "CloudFormationClient",
    stack_id: str,
    feed: EventFeed,
    view: View,
    *,
    operation: Operation,
    poll_s: float,
    timeout_s: float,
) -> Outcome:
    """Shows an operation until it ends, and returns its outcome.

    CloudFormation accepts a request before it starts the operation, so the stack's status may still be that
    of the operation before. The operation has ended when the stack's own newest event since the request is an
    end, and the status, read later, agrees with it.

    Args:
        cloudformation: Client in the stack's Region.
        stack_id: ARN of the stack: its name no longer resolves after a deletion.
        feed: Created before the operation was started.
        view: Where to show the operation.
        operation: The kind of operation.
        poll_s: Seconds between two requests for events.
        timeout_s: Seconds after which to give up.

    Raises:
        CommandError: The operation still runs after ``timeout_s``.
    """
    events: list[Event] = []
    give_up_at_s = time.monotonic() + timeout_s
    while True:
        fresh = feed.poll(stack_id)
        view.show(fresh)
        events += fresh
        stack = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
        status = stack["StackStatus"]
        newest = next((event.status for event in reversed(events) if not event.path), None)
        if newest == status and operation.may_end_in(status):
            return outcome(stack, events, operation=operation)
        if time.monotonic() > give_up_at_s:
            raise CommandError(
                f"stack {stack['StackName']} is {status} after {timeout_s:.0f} s",
                "CloudFormation continues; look at the stack's events",
            )
        time.sleep(poll_s)


def outcome(
    stack: "StackTypeDef",
    events: list[Event],
    *,
    changed: bool = True,
    operation: Operation = Operation.DEPLOY,
) -> Outcome:
    """Returns the outcome of an operation on a stack, from the stack's description."""
    return Outcome(
        stack_name=stack["StackName"],
        stack_id=stack["StackId"],
        status=stack["StackStatus"],
        reason=stack.get("StackStatusReason", ""),
        outputs={item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])},
        events=events,
        changed=changed,
        operation=operation,
    )


def _event(raw: "StackEventTypeDef", path: tuple[str, ...]) -> Event:
    return Event(
        path=path,
        type=raw.get("ResourceType", ""),
        status=raw.get("ResourceStatus", ""),
        reason=raw.get("ResourceStatusReason", ""),
        physical_id=raw.get("PhysicalResourceId", ""),
        at=raw["Timestamp"],
    )
