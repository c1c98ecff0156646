"""The vocabulary of docs/reference/engine.md as types: what an engine is asked to do, and what it reports."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cluster_provider.core import deadline
from cluster_provider.core.document import stored_as
from cluster_provider.core.identity import Owner


class EngineAction(StrEnum):
    """An action that an engine is asked for, as in docs/reference/engine.md."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    DESCRIBE = "describe"
    LIST_CLUSTERS = "list-clusters"
    LIST_OFFICIAL_IMAGES = "list-official-images"
    STOP_FLEET = "stop-fleet"
    START_FLEET = "start-fleet"
    BUILD_IMAGE = "build-image"
    DESCRIBE_IMAGE = "describe-image"
    DELETE_IMAGE = "delete-image"


#: Actions that change nothing; their result is a description.
READS = frozenset(
    {
        EngineAction.DESCRIBE,
        EngineAction.LIST_CLUSTERS,
        EngineAction.LIST_OFFICIAL_IMAGES,
        EngineAction.DESCRIBE_IMAGE,
    }
)

#: Actions that create a stack, and actions that receive a configuration.
MAKES = frozenset({EngineAction.CREATE, EngineAction.BUILD_IMAGE})
CONFIGURED = MAKES | {EngineAction.UPDATE}

#: Actions that delete.
DELETES = frozenset({EngineAction.DELETE, EngineAction.DELETE_IMAGE})

#: Actions on a cluster's compute fleet, which do not change the cluster's stack.
ABOUT_FLEET = frozenset({EngineAction.STOP_FLEET, EngineAction.START_FLEET})

#: Actions that cannot make an answer wrong if they act after it was sent: reads, and the start of the fleet,
#: which has only the intended effect.
HARMLESS = READS | {EngineAction.START_FLEET}

#: Engine errors that do not depend on the request. The call is repeated as often as time allows.
TRANSIENT = frozenset({"Throttled", "ClusterBusy", "Fenced", "Denied"})

#: For this many seconds after a request was issued, a denied call counts as transient. IAM propagates a new
#: role or policy to the services within seconds, rarely minutes.
#: Source: AWS IAM user guide, "Troubleshoot IAM" (changes are not always immediately visible).
#: Source: aws-samples/amazon-opensearch-service-sample-cdk pull request 146 (denied after the policy was
#: complete).
PERMISSIONS_SETTLE_S = 180

#: Engine errors that may pass. The call is repeated a bounded number of times.
RETRIED = frozenset({"Internal", "AlreadyExists"})

#: The engine error for an update that ParallelCluster refuses.
REFUSED = "UpdateRejected"

#: The engine error for a cluster whose mark names another owner.
OTHER_OWNER = "OtherOwner"

#: The engine error after which it is unknown whether CloudFormation accepted the call's change.
OUTCOME_UNKNOWN = "Internal"


@dataclass(frozen=True)
class EngineError:
    """An error that the engine reported, as docs/reference/engine.md defines it.

    Args:
        code: The error's code.
        message: Sentences for the template's author.
        details: Objects whose keys depend on the code.
        denied: AWS calls that were denied on the way, such as ``ec2:DescribeVpcs``.
    """

    code: str
    message: str
    details: list[dict[str, Any]] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)

    def unless_settling(self, since: datetime, at: datetime) -> "EngineError":
        """Returns the error, or a transient one if a new permission may not be in effect yet.

        Args:
            since: When the request was issued; the roles and policies that it depends on are older.
            at: When the call was sent that ended with this error.
        """
        if not self.denied or (at - since).total_seconds() >= PERMISSIONS_SETTLE_S:
            return self
        calls = ", ".join(self.denied)
        return EngineError("Denied", f"AWS denied {calls}: {self.message}", denied=self.denied)

    @property
    def marked_owner(self) -> Owner | None:
        """The owner that the cluster's mark names; None for another error, or if the mark is unreadable."""
        if self.code != OTHER_OWNER or not self.details:
            return None
        named = self.details[0]
        return Owner(str(named.get("stack_id")), str(named.get("logical_id")))


@dataclass(frozen=True)
class HeadNodeLogs:
    """The decisive lines in the logs of a head node that did not start.

    Args:
        lines: Objects with ``log`` and ``text``, in the order in which they were written.
        unread: What could not be read, and why; empty if everything was read.
    """

    lines: list[dict[str, str]] = field(default_factory=list)
    unread: str = ""


@dataclass(frozen=True)
class EngineResult:
    """The result that an engine reported (docs/reference/engine.md); a crash has the code ``Internal``."""

    status: str
    stack_id: str | None = None
    sent: bool = False
    cluster: dict[str, Any] | None = None
    head_node: str | None = None
    head_node_logs: HeadNodeLogs | None = None
    dynamic_nodes: int | None = None
    validation_messages: list[dict[str, str]] = field(default_factory=list)
    change_set: list[dict[str, Any]] = field(default_factory=list)
    clusters: list[dict[str, Any]] = field(default_factory=list)
    cluster_count: int = 0
    image: dict[str, Any] | None = None
    images: list[dict[str, Any]] = field(default_factory=list)
    fleet_status: str | None = None
    error: EngineError | None = None


@dataclass(frozen=True)
class EngineCall:
    """One asynchronous invocation of an engine.

    Args:
        call_id: Id of the call; client request tokens derive from it.
        request_id: The request that it was made for.
        action: The action.
        cluster_name: Name of the cluster or image.
        sent_at: When it was recorded, just before it was sent.
        not_after: Its fence: after this instant the engine's gate sends no change.
        version: ParallelCluster version of the engine.
        ended_at: When its end was reported; None until then.
        result: What the engine reported.
    """

    call_id: str
    request_id: str
    action: EngineAction = field(metadata=stored_as("operation"))
    cluster_name: str
    sent_at: datetime
    not_after: datetime
    version: str = ""
    ended_at: datetime | None = None
    result: EngineResult | None = None

    @property
    def has_acted(self) -> bool:
        """Whether its end reports that a change was made, or had been made before."""
        return self.result is not None and (self.result.sent or self.result.error is None)

    @property
    def has_reported(self) -> bool:
        """Whether its end was reported, and says whether a change was made."""
        error = self.result.error if self.result is not None else None
        return self.result is not None and (error is None or error.code != OUTCOME_UNKNOWN)

    def may_act(self, now: datetime) -> bool:
        """Returns whether this call may still make a change or report its end."""
        return self.ended_at is None and not deadline.is_over(self.not_after, now)
