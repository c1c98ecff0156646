"""What the table keeps: of each owner, and of each request and the work on it."""

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
    """How far a request has come."""

    OPEN = "open"
    ANSWERING = "answering"
    FOLLOWING = "following"
    SIGNALLING = "signalling"
    RESTARTING = "restarting"
    ANSWERED = "answered"
    DROPPED = "dropped"


@dataclass(frozen=True)
class Outcome:
    """An answer or a signal, written down before it is sent and resent byte for byte.

    Args:
        status: SUCCESS or FAILED.
        physical_id: The physical resource id it names.
        body: Its JSON text.
        code: The error's code; empty for SUCCESS.
        reason: Its Reason.
    """

    status: str
    physical_id: str
    body: str
    code: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Failing:
    """A stack that was seen to fail, with the cause as soon as CloudFormation's events name it.

    Args:
        status: Its status when its events were last read.
        calls_made: How many engine calls had been made for the request then.
        cause: Its oldest failed resource, nested stacks' included; None if no event named one.
    """

    status: str
    calls_made: int = field(metadata=stored_as("calls"))
    cause: StackFailure | None = None


@dataclass(frozen=True)
class Progress:
    """The work on one request so far.

    Args:
        accepted_at: When the request was recorded.
        phase: How far it has come.
        ended: How it ended, while its cluster's fleet is still to be started; None before.
        engine_version: The engine pinned at acceptance.
        cluster_name: The cluster it is about.
        tags: Tags for the configuration, taken from the parent stack when the work started.
        calls: The ledger of its engine calls, by ``ledger.key``.
        calls_made: How many engine calls were made for it, all counted.
        stack_id: ARN of the cluster stack, once this request's effect on it was seen.
        effect_seen: Whether CloudFormation accepted this request's change of the cluster stack.
        failing: How that change was seen to fail; None as long as it was not.
        validation_messages: As the engine reported them.
        notes: What the provider itself reports, in the same form.
        current_owner: Key of another owner who has the cluster that was to be taken over, updated or deleted;
            empty if nobody has.
        previous_owner: Key of an owner whose mark the cluster has and who gave it up; empty if there is none.
        unwanted_at: When the parent stack first said that it no longer waits for this.
        outcome: The answer.
        cluster_ended_at: When the cluster's stack came to the end that is answered, by CloudFormation's own
            time; None where nothing was done to it.
        fleet_restart_pending: Name of the cluster whose compute fleet, which an update had stopped, is still
            to be started, as of the last pass; empty if there is none.
        signals: Whether a wait condition is signalled how the work ended, after the answer.
        signal: The signal.
        wakes: How many passes there were over this request.
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
    signals: bool = False
    signal: Outcome | None = None
    wakes: int = 0

    @staticmethod
    def upgrade_document(document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns what an earlier release stored in the present form."""
        return upgrades.upgrade_progress(document)

    @property
    def written(self) -> Outcome | None:
        """What was written down and is being sent."""
        match self.phase:
            case Phase.ANSWERING:
                return self.outcome
            case Phase.SIGNALLING:
                return self.signal
            case _:
                return None

    @property
    def restarts(self) -> bool:
        """Whether a fleet is started after the end of the work; that is tried once for each."""
        pending = self.fleet_restart_pending
        return bool(pending) and (self.phase is not Phase.RESTARTING or pending != self.cluster_name)

    def turned_to_fleet(self, ended: Phase) -> "Progress":
        """The work on a request that ended so, but for the fleet of a cluster, its own or another."""
        left = replace(self, phase=Phase.RESTARTING, ended=ended)
        if self.fleet_restart_pending == self.cluster_name:
            return left
        return replace(left, cluster_name=self.fleet_restart_pending, stack_id=None)

    @property
    def follows(self) -> bool:
        """Whether the work goes on once the answer has arrived; after a failure CloudFormation rolls back."""
        succeeded = self.outcome is not None and not self.outcome.code
        return self.signals and self.phase is Phase.ANSWERING and succeeded

    def history(self, action: EngineAction, subject: str | None = None) -> CallHistory:
        """The calls of an action; without a subject those on the request's own cluster or image."""
        name = self.cluster_name if subject is None else subject
        return self.calls.get(ledger.key(action, name), CallHistory())

    def with_history(self, action: EngineAction, subject: str, history: CallHistory) -> "Progress":
        """The work with another history of the calls of an action on a subject."""
        return replace(self, calls={**self.calls, ledger.key(action, subject): history})

    @property
    def reads(self) -> CallHistory:
        """The calls that only read: a request makes one kind of them."""
        return next((self.calls[action] for action in READS if action in self.calls), CallHistory())

    @property
    def description(self) -> EngineResult | None:
        """What the engine found when it last described the cluster or image, or listed what was asked for."""
        return self.reads.found

    def has_deleted_image(self, name: str) -> bool:
        """Whether an engine deleted this image for the request, or found nothing of it."""
        history = self.history(EngineAction.DELETE_IMAGE, name)
        return history.last is not None and (history.error is None or history.error.code == "NotFound")


@dataclass(frozen=True)
class OperationRecord:
    """A request and the work on it, as the table keeps them."""

    request: Request
    progress: Progress

    @property
    def names(self) -> dict[str, str]:
        """What a log line is told apart by."""
        return {
            "request_id": self.request.request_id,
            "request_type": self.request.type.value,
            "stack_id": self.request.owner.stack_id,
            "logical_id": self.request.owner.logical_id,
            "cluster_name": self.progress.cluster_name,
        }

    @property
    def deadline_at(self) -> datetime:
        """The instant after which nothing is begun any more: somebody listens until a little later."""
        return deadline_of(self.request, self.progress)


@dataclass(frozen=True)
class Backlog:
    """Requests that are not answered yet, or left a compute fleet to be started.

    Args:
        open: How many there are.
        late: How many of them have used more than half of their time.
    """

    open: int
    late: int


@dataclass(frozen=True)
class QueueEntry:
    """An open request, as the sweep sees it.

    Args:
        owner: Whose.
        requeue_at: When it is to be looked at.
        half_time_at: When half of its time has passed; None if that is not known.
        watching: ARN of a stack without whose end there is nothing to do; None if there is none.
        deadline_at: The instant at which there is something to do all the same.
    """

    owner: Owner
    requeue_at: datetime
    half_time_at: datetime | None = None
    watching: str | None = None
    deadline_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be looked at now."""
        return self.requeue_at <= now

    def is_late(self, now: datetime) -> bool:
        """Whether its request is to be answered now, whatever is known."""
        return self.deadline_at is not None and now >= self.deadline_at

    def is_idle(self, in_progress: Collection[str], now: datetime) -> bool:
        """Whether nothing can have happened: the stack that it waits for is still in progress."""
        return self.watching in in_progress and self.deadline_at is not None and now < self.deadline_at


def backlog(waiting: Collection[QueueEntry], now: datetime) -> Backlog:
    """How many of the open requests there are, and how many are late."""
    late = [item for item in waiting if item.half_time_at is not None and item.half_time_at <= now]
    return Backlog(len(waiting), len(late))


@dataclass(frozen=True)
class Undo:
    """An Update that failed without effect: its swap succeeds without doing anything."""

    digest: str
    old_digest: str

    def is_by(self, request: Request) -> bool:
        """Whether a request is the swap."""
        return (request.digest, request.old_digest) == (self.old_digest, self.digest)


@dataclass(frozen=True)
class OwnerRecord:
    """Everything known of one owner, as the table keeps it.

    Args:
        newest_request_id: The newest request accepted; it alone is worked on.
        newest_issued_at: When that one was issued.
        newest_type: What it asks for.
        is_open: Whether it is still to be answered, or its cluster to be followed after the answer.
        restarts: Whether it is over but for the compute fleet, which is still to be started.
        following: Name of the cluster it is about; events of that stack wake it.
        clusters: Clusters this owner made and that were not seen gone, by name.
        call: The engine call of this owner that was made last.
        undo: The last Update that failed without effect.
        requeue_at: When the sweep looks next; None if nothing is waited for.
        watching: ARN of the stack without whose end there is nothing to do; None if there is none.
        deadline_at: When there is something to do all the same, however far the owner was moved back.
        half_time_at: When half of the newest request's time has passed.
        login_pools: Largest number of login pools ever reported; their attribute names stay.
        disowned: ARNs of clusters that were taken over and disowned again; nothing is done to them.
        acknowledged: Names of clusters of this owner that CloudFormation itself has named in a request.
        is_answering: Whether an answer is written down and being sent.
        confirmed_since: Since when CloudFormation did to the resource what the newest request asks for, by
            its own clock; None for a request that was accepted before this was recorded.
        handles: Digests of the wait condition handles it was given; each is signalled for one request only.
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
        """Whether this owner made the cluster or took it over, and did not let it go since."""
        known = self.clusters.get(stack.name)
        return known is not None and known.stack_id in {None, stack.stack_id}

    @property
    def lasts(self) -> bool:
        """Whether it is needed for longer than a delivery may be late.

        A Delete whose answer was not heard is repeated, however late. It must not destroy what was let go of,
        though tags from an earlier time may say that the cluster is this owner's.
        """
        return self.at_work or bool(self.clusters or self.disowned)

    @property
    def at_work(self) -> bool:
        """Whether there is anything left to do for the newest request."""
        return self.is_open or self.restarts


def newly_disowned(before: OwnerRecord | None, after: OwnerRecord) -> list[str]:
    """ARNs of the clusters that were taken over and that a change of their owner's record lets go of."""
    earlier = before.disowned if before is not None else []
    return [arn for arn in after.disowned if arn not in earlier]


def deadline_of(request: Request, progress: Progress) -> datetime:
    """Until when work on a request makes sense: the answer's deadline, later the wait condition's.

    A fleet that is still to be started then has some hours more.
    """
    if progress.phase is Phase.RESTARTING:
        return (request.signal_deadline_at or request.deadline) + timedelta(seconds=deadline.RESTART_MAX_S)
    followed = progress.phase in {Phase.FOLLOWING, Phase.SIGNALLING}
    return (
        request.signal_deadline_at
        if followed and request.signal_deadline_at is not None
        else request.deadline
    )
