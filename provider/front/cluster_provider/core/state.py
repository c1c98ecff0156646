"""The state that the operations table keeps: one record per owner, and one per request with its progress."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cluster_provider.core import deadline, ledger, upgrades
from cluster_provider.core.document import stored_as
from cluster_provider.core.engine import READS, EngineAction, EngineCall, EngineResult
from cluster_provider.core.identity import Owner
from cluster_provider.core.ledger import CallHistory
from cluster_provider.core.observed import Cluster, ClusterStack, StackFailure
from cluster_provider.core.request import Request, RequestType


class Phase(StrEnum):
    """The phase of a request.

    OPEN, ANSWERING and ANSWERED are the usual way. A wait condition adds FOLLOWING and SIGNALLING. A pending
    restart of the compute fleet adds RESTARTING. A request ends as ANSWERED or DROPPED.
    """

    OPEN = "open"
    ANSWERING = "answering"
    FOLLOWING = "following"
    SIGNALLING = "signalling"
    RESTARTING = "restarting"
    ANSWERED = "answered"
    DROPPED = "dropped"


@dataclass(frozen=True)
class Outcome:
    """An answer or a signal, recorded before it is sent and resent byte for byte.

    Args:
        status: SUCCESS or FAILED; a signal has FAILURE in its body.
        physical_id: The physical resource id that it names.
        body: The JSON text that is sent.
        code: The error's code; empty for SUCCESS.
        reason: The error's text; empty for SUCCESS.
    """

    status: str
    physical_id: str
    body: str
    code: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Failing:
    """A failure of the cluster's stack, observed before or after the stack has settled.

    Args:
        status: The stack's status when its events were last read.
        calls_made: Number of engine calls made for the request by then.
        cause: The oldest failed resource, nested stacks included; None if no event named one.
    """

    status: str
    calls_made: int = field(metadata=stored_as("calls"))
    cause: StackFailure | None = None


@dataclass(frozen=True)
class Progress:
    """The work on one request so far.

    Args:
        accepted_at: When the request was recorded.
        phase: The phase.
        ended: ANSWERED or DROPPED, while a restart of the fleet is pending after that; None before.
        engine_version: Version of the engine, pinned at acceptance.
        cluster_name: Name of the request's cluster or image.
        tags: Tags for the configuration, read from the parent stack when the work started.
        calls: The ledger of the request's engine calls, by ``ledger.key``.
        calls_made: Number of engine calls made for the request, without exception.
        stack_id: ARN of the cluster's stack, once this request's effect on it was observed.
        effect_seen: Whether CloudFormation accepted this request's change of the cluster's stack.
        failing: The observed failure of that change; None if there is none.
        validation_messages: Validation messages, as the engine reported them.
        notes: Messages of the provider, in the same form.
        current_owner: Key of another owner that has the cluster to be adopted, updated or deleted; empty if
            there is none.
        previous_owner: Key of an owner that the cluster's mark names and that gave the cluster up; empty if
            there is none.
        unwanted_at: When the parent stack first reported that it no longer waits for the request.
        outcome: The answer.
        cluster_ended_at: When the cluster's stack reached the state that is answered, by CloudFormation's
            clock; None if the stack was not changed.
        fleet_restart_pending: Name of the cluster whose compute fleet an update stopped and that is still to
            be started, as of the last pass; empty if there is none.
        rolls_back: Whether the parent stack was rolling back when the request was accepted; read only for
            an Update of a cluster whose name is generated, or that is bounded.
        drain_s: How long this Delete waits for the dynamic nodes of a replaced cluster, in seconds.
        signals: Whether the result of the work is signalled to a wait condition, after the answer.
        signal: The signal.
        wakes: Number of passes over the request.
    """

    accepted_at: datetime
    phase: Phase = Phase.OPEN
    ended: Phase | None = None
    engine_version: str = ""
    cluster_name: str = ""
    tags: dict[str, str] | None = None
    calls: dict[str, CallHistory] = field(default_factory=dict, metadata=stored_as("ledger"))
    calls_made: int = field(default=0, metadata=stored_as("calls"))
    stack_id: str | None = None
    effect_seen: bool = False
    failing: Failing | None = None
    validation_messages: list[dict[str, str]] = field(default_factory=list)
    notes: list[dict[str, str]] = field(default_factory=list)
    current_owner: str = field(default="", metadata=stored_as("rival"))
    previous_owner: str = field(default="", metadata=stored_as("former"))
    unwanted_at: datetime | None = None
    outcome: Outcome | None = None
    cluster_ended_at: datetime | None = None
    fleet_restart_pending: str = field(default="", metadata=stored_as("owes"))
    rolls_back: bool = False
    drain_s: int = 0
    signals: bool = False
    signal: Outcome | None = None
    wakes: int = 0

    @staticmethod
    def upgrade_document(document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the document of an earlier release in the present form."""
        return upgrades.upgrade_progress(document)

    @property
    def written(self) -> Outcome | None:
        """The recorded outcome that is being sent; None if there is none."""
        match self.phase:
            case Phase.ANSWERING:
                return self.outcome
            case Phase.SIGNALLING:
                return self.signal
            case _:
                return None

    @property
    def restarts(self) -> bool:
        """Whether the work continues to start a compute fleet; each cluster's fleet gets one such phase."""
        pending = self.fleet_restart_pending
        return bool(pending) and (self.phase is not Phase.RESTARTING or pending != self.cluster_name)

    def turned_to_fleet(self, ended: Phase) -> "Progress":
        """Returns the work that remains after the request ended: the start of a cluster's compute fleet.

        The cluster may be another one than the request's own.

        Args:
            ended: ANSWERED or DROPPED.
        """
        left = replace(self, phase=Phase.RESTARTING, ended=ended)
        if self.fleet_restart_pending == self.cluster_name:
            return left
        return replace(left, cluster_name=self.fleet_restart_pending, stack_id=None)

    @property
    def follows(self) -> bool:
        """Whether the cluster is followed once the answer has arrived.

        After a failure it is not, because CloudFormation rolls the change back.
        """
        succeeded = self.outcome is not None and not self.outcome.code
        return self.signals and self.phase is Phase.ANSWERING and succeeded

    def history(self, action: EngineAction, subject: str | None = None) -> CallHistory:
        """Returns the calls of an action on a subject.

        Args:
            action: The action.
            subject: Name of a cluster or an image; None for the request's own.
        """
        name = self.cluster_name if subject is None else subject
        return self.calls.get(ledger.key(action, name), CallHistory())

    def with_history(self, action: EngineAction, subject: str, history: CallHistory) -> "Progress":
        """Returns the progress with another history of the calls of an action on a subject.

        Args:
            action: The action.
            subject: Name of a cluster or an image.
            history: The new history.
        """
        return replace(self, calls={**self.calls, ledger.key(action, subject): history})

    @property
    def reads(self) -> CallHistory:
        """The calls that only read; a request makes at most one kind of them."""
        return next((self.calls[action] for action in READS if action in self.calls), CallHistory())

    @property
    def description(self) -> EngineResult | None:
        """The engine's last description of the cluster or image, or its last list; None if there is none."""
        return self.reads.found

    def has_deleted_image(self, name: str) -> bool:
        """Returns whether an engine deleted this image for the request, or found no such image."""
        history = self.history(EngineAction.DELETE_IMAGE, name)
        return history.last is not None and (history.error is None or history.error.code == "NotFound")


@dataclass(frozen=True)
class OperationRecord:
    """A request and the work on it, as the table keeps them.

    Args:
        request: The request.
        progress: The work on it.
    """

    request: Request
    progress: Progress

    @property
    def names(self) -> dict[str, str]:
        """The names that identify the request in log lines."""
        return {
            "request_id": self.request.request_id,
            "request_type": self.request.type.value,
            "stack_id": self.request.owner.stack_id,
            "logical_id": self.request.owner.logical_id,
            "cluster_name": self.progress.cluster_name,
        }

    @property
    def deadline_at(self) -> datetime:
        """The instant after which no work is started; CloudFormation accepts the answer a little longer."""
        return deadline_of(self.request, self.progress)


@dataclass(frozen=True)
class Backlog:
    """The requests that are not answered yet, or whose work continues after the answer.

    Args:
        open: Their number.
        late: The number of those that have used more than half of their time.
    """

    open: int
    late: int


@dataclass(frozen=True)
class QueueEntry:
    """An owner that waits for a pass, as the sweep reads it.

    Args:
        owner: The owner.
        requeue_at: When the owner is due.
        half_time_at: When half of the request's time has passed; None if that is not known.
        watching: ARN of a stack without whose end a pass has nothing to do; None if there is none.
        deadline_at: When a pass has something to do in any case; None if that is not known.
    """

    owner: Owner
    requeue_at: datetime
    half_time_at: datetime | None = None
    watching: str | None = None
    deadline_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Returns whether the owner is due."""
        return self.requeue_at <= now

    def is_late(self, now: datetime) -> bool:
        """Returns whether the request has reached its deadline, so that it must be answered now."""
        return self.deadline_at is not None and now >= self.deadline_at

    def is_idle(self, in_progress: Collection[str], now: datetime) -> bool:
        """Returns whether a pass would have nothing to do, because the watched stack is still in progress."""
        return self.watching in in_progress and self.deadline_at is not None and now < self.deadline_at


def backlog(waiting: Collection[QueueEntry], now: datetime) -> Backlog:
    """Returns the number of open requests, and of those that are late."""
    late = [item for item in waiting if item.half_time_at is not None and item.half_time_at <= now]
    return Backlog(len(waiting), len(late))


@dataclass(frozen=True)
class Undo:
    """An Update that failed without effect.

    Its rollback arrives as an Update with the two sets of properties swapped. That Update succeeds without
    any work.

    Args:
        digest: Digest of the failed Update's properties.
        old_digest: Digest of its old properties.
    """

    digest: str
    old_digest: str

    def is_by(self, request: Request) -> bool:
        """Returns whether a request is the rollback of this Update."""
        return (request.digest, request.old_digest) == (self.old_digest, self.digest)


@dataclass(frozen=True)
class Replacement:
    """An Update that was answered with a new cluster in place of another.

    Its rollback arrives as an Update with the two sets of properties swapped, and with the new cluster's id.
    Properties without ClusterName do not say which cluster was there before; this does.

    Args:
        digest: Digest of the Update's properties.
        old_digest: Digest of its old properties.
        name: Name of the new cluster.
        old_name: Name of the cluster that it replaced.
        drain_timeout_s: The Update's property DrainTimeout, in seconds.
    """

    digest: str
    old_digest: str
    name: str
    old_name: str
    drain_timeout_s: int = 0

    def is_undone_by(self, request: Request) -> bool:
        """Returns whether a request is the rollback of this Update."""
        digests = (request.digest, request.old_digest)
        return digests == (self.old_digest, self.digest) and request.physical_id == self.name


@dataclass(frozen=True)
class OwnerRecord:
    """Everything that is known of one owner, as the table keeps it.

    Args:
        newest_request_id: The newest accepted request; work is done for this request only.
        newest_issued_at: When that request was issued.
        newest_type: Its type.
        is_open: Whether it is still to be answered, or its cluster to be followed after the answer.
        restarts: Whether only a restart of the compute fleet is pending.
        following: Name of the cluster that it is about; events of that stack wake the owner.
        clusters: The owner's clusters and images, made or adopted, that are not known to be gone, by name.
        call: The last engine call made for this owner.
        undo: The last Update that failed without effect.
        replacement: The last Update that replaced a cluster, as long as it may be rolled back.
        requeue_at: When the owner is due; None if it waits for nothing.
        watching: ARN of the stack without whose end a pass has nothing to do; None if there is none.
        deadline_at: When a pass has something to do in any case, however far in the future the owner was
            requeued.
        half_time_at: When half of the newest request's time has passed.
        login_pools: Largest number of login pools ever reported; the attributes of so many are always
            answered.
        disowned: ARNs of clusters that were adopted and then disowned; no request changes them.
        acknowledged: Names of the owner's clusters that CloudFormation itself has named in a request.
        is_answering: Whether an answer is recorded and being sent.
        confirmed_since: Since when CloudFormation has been making the change of the newest request, by its
            own clock; None for a request that was accepted before this was recorded.
        handles: Digests of the wait condition handles of this owner; each is signalled for one request only.
    """

    newest_request_id: str
    newest_issued_at: datetime
    newest_type: RequestType
    is_open: bool = True
    restarts: bool = False
    following: str = ""
    clusters: dict[str, Cluster] = field(default_factory=dict)
    call: EngineCall | None = None
    undo: Undo | None = None
    replacement: Replacement | None = None
    requeue_at: datetime | None = field(default=None, metadata=stored_as("wake_at"))
    watching: str | None = None
    deadline_at: datetime | None = field(default=None, metadata=stored_as("act_by"))
    half_time_at: datetime | None = field(default=None, metadata=stored_as("late_at"))
    login_pools: int = 0
    disowned: list[str] = field(default_factory=list, metadata=stored_as("released"))
    acknowledged: list[str] = field(default_factory=list, metadata=stored_as("heard"))
    handles: list[str] = field(default_factory=list)
    is_answering: bool = False
    confirmed_since: datetime | None = None

    def has(self, stack: ClusterStack) -> bool:
        """Returns whether this owner made or adopted the cluster, and has not disowned it since."""
        known = self.clusters.get(stack.name)
        return known is not None and known.stack_id in {None, stack.stack_id}

    @property
    def lasts(self) -> bool:
        """Whether the record must outlive the time within which a delivery may arrive late.

        CloudFormation repeats a Delete whose answer it did not acknowledge, however late. Such a Delete must
        not destroy a disowned cluster, even if tags of an earlier time still name this owner.
        """
        return self.at_work or bool(self.clusters or self.disowned)

    @property
    def at_work(self) -> bool:
        """Whether there is work left for the newest request."""
        return self.is_open or self.restarts


def newly_disowned(before: OwnerRecord | None, after: OwnerRecord) -> list[str]:
    """Returns the ARNs of the clusters that a change of a record disowned.

    Args:
        before: The record before; None if there was none.
        after: The record after.
    """
    earlier = before.disowned if before is not None else []
    return [arn for arn in after.disowned if arn not in earlier]


def deadline_of(request: Request, progress: Progress) -> datetime:
    """Returns when work on a request ends: at the answer's deadline, or later at the wait condition's.

    A pending restart of the fleet has ``deadline.RESTART_MAX_S`` more.
    """
    if progress.phase is Phase.RESTARTING:
        return (request.signal_deadline_at or request.deadline) + timedelta(seconds=deadline.RESTART_MAX_S)
    followed = progress.phase in {Phase.FOLLOWING, Phase.SIGNALLING}
    return (
        request.signal_deadline_at
        if followed and request.signal_deadline_at is not None
        else request.deadline
    )
