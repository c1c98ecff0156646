"""What is known of the work on a request: attempts, effects seen, what the engine reported."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cluster_provider.core import deadline
from cluster_provider.core.engine_call import (
    ABOUT_FLEET,
    READS,
    TRANSIENT,
    EngineCall,
    EngineError,
    EngineResult,
    Operation,
)
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import Cluster, ClusterStack
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
class Progress:
    """The work on one request so far.

    Args:
        accepted_at: When the request was recorded.
        phase: How far it has come.
        engine_version: The engine pinned at acceptance.
        cluster_name: The cluster it is about.
        tags: Tags for the configuration, taken from the parent stack when the work started.
        attempts: Engine calls made about ``cluster_name``, by operation, without those that AWS throttled
            or that came too late.
        stack_id: ARN of the cluster stack, once this request's effect on it was seen.
        effect_seen: Whether CloudFormation accepted this request's change of the cluster stack.
        validation_messages: As the engine reported them.
        notes: What the provider has to say itself, in the same form.
        call: The last call of this request that ended and was to change the cluster's stack.
        deleted: Names of the images that an engine deleted for this request, or found nothing of.
        fleet_calls: The last ones that ended and were to stop or to start the compute fleet, by operation.
        description: The engine's last description.
        described_at: When it was made, or tried.
        described_by: Id of the engine call that was to make it.
        not_described: Why the last try to describe came to nothing; None if it came to something.
        describe_failures: How many tries in a row came to nothing, without those that AWS throttled.
        rival: Key of another owner who has the cluster that was to be taken over; empty if nobody has.
        unwanted_at: When the parent stack first said that it no longer waits for this.
        outcome: The answer.
        cluster_ended_at: When the cluster's stack came to the end that is answered, by CloudFormation's own
            time; None where nothing was done to it.
        owes: Whether the compute fleet, which an update had stopped, is still to be started, as of the last
            look.
        signals: Whether a wait condition is told how the work ended, after the answer.
        signal: What it is told.
        wakes: How often this request was looked at.
        calls: How many engine calls were made for it, all counted.
    """

    accepted_at: datetime
    phase: Phase = Phase.OPEN
    engine_version: str = ""
    cluster_name: str = ""
    tags: dict[str, str] | None = None
    attempts: dict[str, int] = field(default_factory=dict)
    stack_id: str | None = None
    effect_seen: bool = False
    validation_messages: list[dict[str, str]] = field(default_factory=list)
    notes: list[dict[str, str]] = field(default_factory=list)
    call: EngineCall | None = None
    deleted: list[str] = field(default_factory=list)
    fleet_calls: dict[str, EngineCall] = field(default_factory=dict)
    description: EngineResult | None = None
    described_at: datetime | None = None
    described_by: str = ""
    not_described: EngineError | None = None
    describe_failures: int = 0
    rival: str = ""
    unwanted_at: datetime | None = None
    outcome: Outcome | None = None
    cluster_ended_at: datetime | None = None
    owes: bool = False
    signals: bool = False
    signal: Outcome | None = None
    wakes: int = 0
    calls: int = 0

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
        """Whether the fleet is started after the end of the work; that is tried once."""
        return self.owes and self.phase is not Phase.RESTARTING

    @property
    def follows(self) -> bool:
        """Whether the work goes on once the answer has arrived; after a failure CloudFormation rolls back."""
        told = self.outcome is not None and not self.outcome.code
        return self.signals and self.phase is Phase.ANSWERING and told

    def attempted(self, operation: Operation) -> int:
        """How many calls of this kind count as tries."""
        return self.attempts.get(operation, 0)

    def failure(self, operation: Operation) -> EngineError | None:
        """The error with which the last call ended, if it was of this kind."""
        call = self.call
        if call is None or (call.operation, call.cluster_name) != (operation, self.cluster_name):
            return None
        return call.result.error if call.result is not None else None


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
    def act_by(self) -> datetime:
        """The instant after which nothing is begun any more: somebody listens until a little later."""
        return act_by(self.request, self.progress)


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
class Waiting:
    """An open request, as the sweep sees it.

    Args:
        owner: Whose.
        wake_at: When it is to be looked at.
        late_at: When half of its time has passed; None if that is not known.
        watching: ARN of a stack without whose end there is nothing to do; None if there is none.
        act_by: The instant at which there is something to do all the same.
    """

    owner: Owner
    wake_at: datetime
    late_at: datetime | None = None
    watching: str | None = None
    act_by: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be looked at now."""
        return self.wake_at <= now

    def is_idle(self, in_progress: Collection[str], now: datetime) -> bool:
        """Whether nothing can have happened: the stack that it waits for is still in progress."""
        return self.watching in in_progress and self.act_by is not None and now < self.act_by


def backlog(waiting: Collection[Waiting], now: datetime) -> Backlog:
    """How many of the open requests there are, and how many are late."""
    late = [item for item in waiting if item.late_at is not None and item.late_at <= now]
    return Backlog(len(waiting), len(late))


@dataclass(frozen=True)
class Undo:
    """An Update that failed without effect: its swap succeeds without doing anything."""

    digest: str
    old_digest: str


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
        wake_at: When the sweep looks next; None if nothing is waited for.
        watching: ARN of the stack without whose end there is nothing to do; None if there is none.
        act_by: When there is something to do all the same.
        late_at: When half of the newest request's time has passed.
        login_pools: Largest number of login pools ever reported; their attribute names stay.
        released: ARNs of clusters that were taken over and let go again; nothing is done to them.
        heard: Names of clusters of this owner that CloudFormation itself has named in a request.
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
    wake_at: datetime | None = None
    watching: str | None = None
    act_by: datetime | None = None
    late_at: datetime | None = None
    login_pools: int = 0
    released: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    handles: list[str] = field(default_factory=list)

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
        return self.at_work or bool(self.clusters or self.released)

    @property
    def at_work(self) -> bool:
        """Whether there is anything left to do for the newest request."""
        return self.is_open or self.restarts


def act_by(request: Request, progress: Progress) -> datetime:
    """Until when work on a request makes sense: the answer's deadline, later the wait condition's.

    A fleet that is still to be started then has some hours more.
    """
    if progress.phase is Phase.RESTARTING:
        return (request.signal_by or request.deadline) + timedelta(seconds=deadline.RESTART_MAX_S)
    followed = progress.phase in {Phase.FOLLOWING, Phase.SIGNALLING}
    return request.signal_by if followed and request.signal_by is not None else request.deadline


def absorb(progress: Progress, call: EngineCall | None) -> Progress:
    """Takes what an ended call of this request reported over into its progress; changes nothing twice."""
    if call is None or call.ended_at is None or call.result is None:
        return progress
    result = call.result
    taken = (progress.call, *progress.fleet_calls.values())
    if call.call_id in {other.call_id for other in taken if other is not None}:
        return progress
    if call.operation in READS:
        return _described(progress, call, result)
    if call.operation is Operation.DELETE_IMAGE and (result.error is None or result.error.code == "NotFound"):
        progress = replace(progress, deleted=[*progress.deleted, call.cluster_name])
    if call.cluster_name != progress.cluster_name:
        return replace(progress, call=replace(call, result=_told_of(result)))
    attempts = dict(progress.attempts)
    if result.error is not None and result.error.code in TRANSIENT:
        attempts[call.operation] = max(0, attempts.get(call.operation, 0) - 1)
    if call.operation in ABOUT_FLEET:
        # Asked again and again until the fleet is there: only failures in a row count.
        attempts |= {call.operation: 0} if result.error is None else {}
        calls = {**progress.fleet_calls, call.operation: replace(call, result=_told_of(result))}
        return replace(progress, fleet_calls=calls, attempts=attempts)
    messages = result.validation_messages
    if result.error is None:
        messages = messages or progress.validation_messages
    return replace(
        progress,
        call=replace(call, result=replace(result, validation_messages=[])),
        attempts=attempts,
        stack_id=progress.stack_id or (result.stack_id if result.error is None or result.sent else None),
        effect_seen=progress.effect_seen or result.sent,
        validation_messages=messages,
    )


def _described(progress: Progress, call: EngineCall, result: EngineResult) -> Progress:
    if call.call_id == progress.described_by:
        return progress
    error, failures = result.error, progress.describe_failures
    if error is None:
        progress = replace(progress, description=result, describe_failures=0)
    elif error.code not in TRANSIENT:
        progress = replace(progress, describe_failures=failures + 1)
    return replace(
        progress, described_at=call.ended_at, described_by=call.call_id, not_described=_told_of(result).error
    )


def _told_of(result: EngineResult) -> EngineResult:
    """A result without lists, where nobody asks for them."""
    error = replace(result.error, details=[]) if result.error is not None else None
    return replace(result, validation_messages=[], error=error)
