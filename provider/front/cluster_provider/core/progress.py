"""What is known of the work on a request: attempts, effects seen, what the engine reported."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from cluster_provider.core.engine_call import (
    ABOUT_FLEET,
    DELETES,
    READS,
    REFUSED,
    TRANSIENT,
    EngineCall,
    EngineError,
    EngineResult,
    Operation,
)
from cluster_provider.core.observed import StackFailure


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
        calls: How many engine calls had been made for the request then.
        cause: Its oldest failed resource, nested stacks' included; None if no event named one.
    """

    status: str
    calls: int
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
        attempts: Engine calls made, by operation, and by name where that is not ``cluster_name``; without
            those that AWS throttled or that came too late.
        stack_id: ARN of the cluster stack, once this request's effect on it was seen.
        effect_seen: Whether CloudFormation accepted this request's change of the cluster stack.
        failing: How that change was seen to fail; None as long as it was not.
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
        rival: Key of another owner who has the cluster that was to be taken over, updated or deleted; empty
            if nobody has.
        former: Key of an owner whose mark the cluster has and that gave it up; empty if there is none.
        unwanted_at: When the parent stack first said that it no longer waits for this.
        outcome: The answer.
        cluster_ended_at: When the cluster's stack came to the end that is answered, by CloudFormation's own
            time; None where nothing was done to it.
        owes: Name of the cluster whose compute fleet, which an update had stopped, is still to be started, as
            of the last look; empty if there is none.
        signals: Whether a wait condition is told how the work ended, after the answer.
        signal: What it is told.
        wakes: How often this request was looked at.
        calls: How many engine calls were made for it, all counted.
    """

    accepted_at: datetime
    phase: Phase = Phase.OPEN
    ended: Phase | None = None
    engine_version: str = ""
    cluster_name: str = ""
    tags: dict[str, str] | None = None
    attempts: dict[str, int] = field(default_factory=dict)
    stack_id: str | None = None
    effect_seen: bool = False
    failing: Failing | None = None
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
    former: str = ""
    unwanted_at: datetime | None = None
    outcome: Outcome | None = None
    cluster_ended_at: datetime | None = None
    owes: str = ""
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
        """Whether a fleet is started after the end of the work; that is tried once for each."""
        return bool(self.owes) and (self.phase is not Phase.RESTARTING or self.owes != self.cluster_name)

    def turned_to_fleet(self, ended: Phase) -> "Progress":
        """The work on a request that ended so, but for the fleet of a cluster, its own or another."""
        left = replace(self, phase=Phase.RESTARTING, ended=ended)
        if self.owes == self.cluster_name:
            return left
        return replace(left, cluster_name=self.owes, stack_id=None, fleet_calls={})

    @property
    def follows(self) -> bool:
        """Whether the work goes on once the answer has arrived; after a failure CloudFormation rolls back."""
        told = self.outcome is not None and not self.outcome.code
        return self.signals and self.phase is Phase.ANSWERING and told

    def attempted(self, operation: Operation, cluster_name: str | None = None) -> int:
        """How many calls of this kind count as tries; without a name about the request's own cluster."""
        return self.attempts.get(self.counted_as(operation, cluster_name), 0)

    def counted_as(self, operation: Operation, cluster_name: str | None) -> str:
        """Under which key a call's tries are counted."""
        own = operation in READS or cluster_name in {None, self.cluster_name}
        return operation.value if own else f"{operation.value} {cluster_name}"

    def failure(self, operation: Operation) -> EngineError | None:
        """The error with which the last call ended, if it was of this kind."""
        call = self.call
        if call is None or (call.operation, call.cluster_name) != (operation, self.cluster_name):
            return None
        return call.result.error if call.result is not None else None


def absorb(progress: Progress, call: EngineCall | None, *, deletes: bool = False) -> Progress:
    """Takes what an ended call of this request reported over into its progress; changes nothing twice.

    Args:
        progress: The work so far.
        call: The owner's last call; None if there is none.
        deletes: Whether the request is a Delete. What another one deletes is what an earlier one left.
    """
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
    attempts = dict(progress.attempts)
    if result.error is not None and result.error.code in TRANSIENT:
        counted_as = progress.counted_as(call.operation, call.cluster_name)
        attempts[counted_as] = max(0, attempts.get(counted_as, 0) - 1)
    if result.error is not None and result.error.code == REFUSED and not progress.fleet_calls:
        # The engine works. Once the fleet is stopped it has all its tries, and refusals count from there.
        attempts[progress.counted_as(call.operation, call.cluster_name)] = 0
    about_leftover = call.operation in DELETES and not deletes
    if call.cluster_name != progress.cluster_name or about_leftover:
        return replace(progress, call=replace(call, result=_told_of(result)), attempts=attempts)
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
