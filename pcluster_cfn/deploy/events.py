"""Events of a stack operation: what CloudFormation reports of one resource at one moment."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from types_boto3_cloudformation.type_defs import StackEventTypeDef

WAIT_CONDITION = "AWS::CloudFormation::WaitCondition"
#: How the reason begins for a resource that failed only because another one did.
#: Source: observed stack events; no page of the documentation lists them.
_CONSEQUENCES = (
    "Resource creation cancelled",
    "Resource creation Cancelled",
    "Resource update cancelled",
    "Resource deletion cancelled",
    "Embedded stack ",
    "The following resource(s) failed",
)
#: Reasons that repeat the status. Source: observed stack events.
_NO_NEWS = {"User Initiated", "Resource creation Initiated", "Transformation succeeded"}
#: A resource that is kept when its stack is deleted ends as DELETE_SKIPPED.
_SUCCESSES = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE", "DELETE_SKIPPED"}


@dataclass(frozen=True)
class Event:
    """One change of one resource's status.

    Attributes:
        path: Logical ids from the operation's stack to the resource, one per nesting level; empty for the
            stack's own events. A cluster's stack is below its custom resource, under its own name.
        at: When it happened, by CloudFormation's clock.
        stack_id: The stack that reported it.
        cluster: Name of the cluster from whose stack, or from a stack nested in it, the event is; empty for
            the user's own stacks.
        cluster_name: Property ``ClusterName`` of a custom resource; empty if it has none.
    """

    path: tuple[str, ...]
    type: str
    status: str
    reason: str
    physical_id: str
    at: datetime
    stack_id: str = ""
    cluster: str = ""
    cluster_name: str = ""

    @property
    def failed(self) -> bool:
        """Whether the resource failed, or was cancelled because another one did."""
        return self.status.endswith("_FAILED")

    @property
    def is_consequence(self) -> bool:
        """Whether the reason says that another resource failed, and nothing else."""
        return self.reason in _NO_NEWS or self.reason.startswith(_CONSEQUENCES)

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

    @property
    def news(self) -> str:
        """The reason; empty if it only repeats the status."""
        return "" if self.reason in _NO_NEWS else self.reason

    def as_json(self, stack_name: str) -> dict[str, Any]:
        """Returns the event as JSON values, with CloudFormation's names where it has one."""
        return {
            "Type": "event",
            "Timestamp": self.at.isoformat(),
            "Resource": "/".join(self.path) or stack_name,
            "ResourceType": self.type,
            "ResourceStatus": self.status,
            "ResourceStatusReason": self.reason,
            "PhysicalResourceId": self.physical_id,
            "StackId": self.stack_id,
            "Cluster": self.cluster,
        }


@dataclass(frozen=True)
class Activity:
    """What a running resource does, as far as its own logs say.

    Attributes:
        path: The resource, as in ``Event``.
        text: What it does, in a few words.
        at: When it logged that.
    """

    path: tuple[str, ...]
    text: str
    at: datetime

    def as_json(self, stack_name: str) -> dict[str, Any]:
        """Returns the activity as JSON values."""
        return {
            "Type": "activity",
            "Timestamp": self.at.isoformat(),
            "Resource": "/".join(self.path) or stack_name,
            "Text": self.text,
        }


class View(Protocol):
    """Shows an operation while it runs."""

    def show(self, events: list[Event]) -> None:
        """Shows the events since the last call, oldest first; possibly none."""

    def show_activity(self, activity: Activity) -> None:
        """Shows what a running resource does now."""


def read_event(raw: "StackEventTypeDef", path: tuple[str, ...], cluster: str = "") -> Event:
    """Returns an event as DescribeStackEvents reports it.

    Args:
        raw: Item of the answer.
        path: The resource, as in ``Event``.
        cluster: Name of the cluster whose stack reported it, if one did.
    """
    return Event(
        path=path,
        type=raw.get("ResourceType", ""),
        status=raw.get("ResourceStatus", ""),
        reason=raw.get("ResourceStatusReason", ""),
        physical_id=raw.get("PhysicalResourceId", ""),
        at=raw["Timestamp"],
        stack_id=raw.get("StackId", ""),
        cluster=cluster,
        cluster_name=_cluster_name(raw),
    )


def _cluster_name(raw: "StackEventTypeDef") -> str:
    """Returns the property ``ClusterName``, with all functions evaluated, as CloudFormation sent it.

    Source: API reference, StackEvent: ResourceProperties is a blob of the properties used.
    """
    try:
        properties = json.loads(raw.get("ResourceProperties") or "{}")
    except ValueError:  # cut, or not JSON
        return ""
    name = properties.get("ClusterName", "") if isinstance(properties, dict) else ""
    return name if isinstance(name, str) else ""
