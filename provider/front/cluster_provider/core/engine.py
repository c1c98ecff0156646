"""What an engine is asked, and what it reports: the words of docs/reference/engine.md as types."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cluster_provider.core import deadline
from cluster_provider.core.document import stored_as
from cluster_provider.core.identity import Owner


class EngineAction(StrEnum):
    """What an engine is asked to do; the words of docs/reference/engine.md."""

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


#: Operations that change nothing: what they report is a description.
READS = frozenset(
    {
        EngineAction.DESCRIBE,
        EngineAction.LIST_CLUSTERS,
        EngineAction.LIST_OFFICIAL_IMAGES,
        EngineAction.DESCRIBE_IMAGE,
    }
)

#: Operations that make a stack that was not there, and those that are given a configuration.
MAKES = frozenset({EngineAction.CREATE, EngineAction.BUILD_IMAGE})
CONFIGURED = MAKES | {EngineAction.UPDATE}

#: Operations after which something is gone.
DELETES = frozenset({EngineAction.DELETE, EngineAction.DELETE_IMAGE})

#: Operations on the compute fleet of a cluster, whose stack they leave alone.
ABOUT_FLEET = frozenset({EngineAction.STOP_FLEET, EngineAction.START_FLEET})

#: Operations after which an answer is as true as before: nothing comes of them but what was to be.
HARMLESS = READS | {EngineAction.START_FLEET}

#: Engine errors that say nothing about the request: wait and try again, as often as time allows.
TRANSIENT = frozenset({"Throttled", "ClusterBusy", "Fenced", "Denied"})

#: What AWS denies may be allowed a little later: IAM tells its services of a new role or policy within
#: seconds, rarely minutes. A denial within so many seconds of a request's issue is no answer.
#: Source: AWS IAM user guide, "Troubleshoot IAM" (changes are not always immediately visible);
#: aws-samples/amazon-opensearch-service-sample-cdk pull request 146 (denied after the policy was complete).
PERMISSIONS_SETTLE_S = 180

#: Engine errors that may pass: tried again, a bounded number of times.
RETRIED = frozenset({"Internal", "AlreadyExists"})

#: An engine error that tells why a configuration cannot be put in force.
REFUSED = "UpdateRejected"

#: An engine error that names another resource whose the cluster is by its mark.
OTHER_OWNER = "OtherOwner"

#: An engine error that does not tell whether CloudFormation had accepted the call before it.
UNTOLD = "Internal"


@dataclass(frozen=True)
class EngineError:
    """An error of the engine, as docs/reference/engine.md defines it.

    Args:
        code: What went wrong.
        message: Sentences for the template's author.
        details: Objects whose keys depend on the code.
        denied: Calls that AWS denied on the way, as in ``ec2:DescribeVpcs``.
    """

    code: str
    message: str
    details: list[dict[str, Any]] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)

    def unless_settling(self, since: datetime, at: datetime) -> "EngineError":
        """The error, or one that may pass where its cause may be a permission that is not in effect yet.

        Args:
            since: When the request was issued; roles and policies that it depends on are older.
            at: When the call was sent that ended with this error.
        """
        if not self.denied or (at - since).total_seconds() >= PERMISSIONS_SETTLE_S:
            return self
        calls = ", ".join(self.denied)
        return EngineError("Denied", f"AWS denied {calls}: {self.message}", denied=self.denied)

    @property
    def marked_owner(self) -> Owner | None:
        """Whose the cluster is by its mark, where that kept the engine from its work; None if unreadable."""
        if self.code != OTHER_OWNER or not self.details:
            return None
        named = self.details[0]
        return Owner(str(named.get("stack_id")), str(named.get("logical_id")))


@dataclass(frozen=True)
class EngineResult:
    """What an engine reported, as in docs/reference/engine.md; a crash is reported as ``Internal``."""

    status: str
    stack_id: str | None = None
    sent: bool = False
    cluster: dict[str, Any] | None = None
    head_node: str | None = None
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
        call_id: Its id; client request tokens derive from it.
        request_id: The request it was made for.
        action: What was asked.
        cluster_name: Of which cluster.
        sent_at: When it was recorded, just before it was sent.
        not_after: Its fence: past it the gate sends nothing.
        version: ParallelCluster version of the engine.
        ended_at: When its end was reported; None until then.
        result: What it reported.
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
        """Whether its end says that something was done, or was done already."""
        return self.result is not None and (self.result.sent or self.result.error is None)

    @property
    def has_reported(self) -> bool:
        """Whether its end was reported, and says what was done."""
        error = self.result.error if self.result is not None else None
        return self.result is not None and (error is None or error.code != UNTOLD)

    def may_act(self, now: datetime) -> bool:
        """Whether this call may still do something, or say something."""
        return self.ended_at is None and not deadline.is_over(self.not_after, now)
