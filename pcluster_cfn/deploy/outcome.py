"""How a stack operation ended, and which resources were the cause of a failure."""

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from pcluster_cfn.deploy.events import Event

if TYPE_CHECKING:
    from types_boto3_cloudformation.type_defs import StackTypeDef


class Operation(Enum):
    """A kind of operation; its value is the set of statuses in which it has succeeded."""

    DEPLOY = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
    DELETE = frozenset({"DELETE_COMPLETE"})

    def may_end_in(self, status: str) -> bool:
        """Whether an operation can end in a status, successful or not; a deletion only in one of its own."""
        is_of_it = self is not Operation.DELETE or status.startswith("DELETE_")
        return is_of_it and not status.endswith("_IN_PROGRESS")


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

    @property
    def region(self) -> str:
        """The stack's Region; empty if the ARN has none."""
        return (self.stack_id.split(":") + [""] * 4)[3]

    @property
    def clusters(self) -> list[str]:
        """Names of the clusters that the operation created, changed or deleted."""
        return list(dict.fromkeys(event.cluster for event in self.events if event.cluster))

    @property
    def why(self) -> str:
        """Why the stack has its status: CloudFormation's words in the description, or in the first event."""
        if self.reason or self.succeeded:
            return self.reason
        own = [event for event in self.events if not event.path and event.news]
        rollback = (event.reason for event in own if event.begins_rollback or event.failed)
        return next(rollback, "")

    def name_of(self, event: Event) -> str:
        """Returns the logical ids that lead to an event's resource; the stack's name for its own events."""
        return "/".join(event.path) or self.stack_name

    def root_causes(self) -> list[Event]:
        """Returns the failures that no other failure caused, oldest first; none of a success.

        What failed in a cluster's stack counts only if the cluster's resource does not report it, because
        the provider's reason says it with ParallelCluster's own words. If no resource failed, as with an
        export that is not allowed, it is the stack's own first failure.
        """
        if self.succeeded:
            return []
        once = {(event.path, event.reason): event for event in reversed(self.events) if event.failed}
        failures = [event for event in reversed(once.values()) if event.path]
        causes = [event for event in failures if not event.is_consequence]
        reported = [event for event in causes if not event.cluster]
        own = [event for event in self.events if not event.path and (event.begins_rollback or event.failed)]
        first_own = [event for event in own if not event.is_consequence][:1]
        return reported or causes or first_own or failures[:1] or own[:1]

    def failures_in_cluster(self, resource: Event) -> list[Event]:
        """Returns the failures in the stack of a cluster's resource that no other failure caused."""
        depth = len(resource.path)
        return [
            event
            for event in self.events
            if event.cluster and event.failed and not event.is_consequence
            if event.path[:depth] == resource.path and depth and event.type != resource.type
        ]


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
