"""One step of a request: look, decide, act. What is to be sent is written down here, and sent elsewhere.

Order of effects: record the call, send it, observe what came of it, write the outcome. A crash at any seam
leaves an armed wake-up that goes on from what it sees.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from cluster_provider import adoption, answers
from cluster_provider.answers import Answer
from cluster_provider.core import bookkeeping, calls, conclusion, deadline, keeping
from cluster_provider.core.actions import (
    Action,
    Adopt,
    Examine,
    Fail,
    Leave,
    Nothing,
    Resend,
    Start,
    Succeed,
    Wait,
)
from cluster_provider.core.consent import Consent
from cluster_provider.core.decision import decide
from cluster_provider.core.decision.case import waited_for_until
from cluster_provider.core.engine_call import CONFIGURED, Operation
from cluster_provider.core.errors import NotAccepted, Unavailable
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import ClusterStack, Observed
from cluster_provider.core.progress import Phase, absorb
from cluster_provider.core.record import OperationRecord, OwnerRecord
from cluster_provider.logs import concern
from cluster_provider.observation import cluster_end, observe
from cluster_provider.ports import Ports
from cluster_provider.records import Records

logger = logging.getLogger(__name__)

#: When the sweep looks again at an answer that may not have arrived, in seconds.
RESEND_AFTER_S = 30

#: What is begun only as long as CloudFormation waits for the request.
_WANTED_ONLY = CONFIGURED | {Operation.STOP_FLEET}

#: For how long CloudFormation's word at the acceptance of a request counts, in seconds.
_CONFIRMED_FOR_S = 10

#: A resource that the parent stack calls over is asked about again after this many seconds.
_UNWANTED_FOR_S = 30


class Steps:
    """Takes open requests a step further; the caller holds the owner's lease.

    Args:
        ports: The world.
        records: What was written down.
        log_group: The provider's log group, named where something did not fit into an answer.
        consent: Which clusters may be taken over.
    """

    def __init__(self, ports: Ports, records: Records, log_group: str, consent: Consent) -> None:
        self._ports = ports
        self._records = records
        self._log_group = log_group
        self._consent = consent

    def take(self, owner: Owner, record: OwnerRecord, holder: str) -> Answer | None:
        """Takes one: load, observe, decide, act. What is written last gives the lease back.

        Args:
            owner: Whose request.
            record: What is known of the owner.
            holder: Who has the lease.

        Returns:
            An answer to deliver, or None if the request waits or is over.

        Raises:
            Superseded: A newer request was accepted meanwhile.
            Unavailable: AWS cannot answer just now.
        """
        operation = self._records.open_operation(owner, record)
        if operation is None:
            return None
        concern(operation.names)
        now = self._ports.clock.now()
        operation, observed = self._look(operation, record, now)
        action = decide(operation.request, observed, operation.progress, now)
        logger.info("step", extra={**operation.names, "action": type(action).__name__, "why": _why(action)})
        match action:
            case Nothing():
                self._end(operation, action)
            case Leave():
                # Written as it is, the record takes its place in the queue again.
                self._records.change(owner, lambda record: record, holder=holder)
            case Resend():
                return answers.written(operation)
            case Wait():
                self._wait(operation, action, now, holder)
            case Start():
                self._start(operation, action, now, holder)
            case Adopt():
                return self._adopt(operation, action.cluster, now, holder)
            case Examine():
                return self._examine(operation, action, holder)
            case Succeed() | Fail():
                return self._conclude(operation, record, action, now, holder)
            case _:
                assert_never(action)
        return None

    def _look(
        self, operation: OperationRecord, record: OwnerRecord, now: datetime
    ) -> tuple[OperationRecord, Observed]:
        """The request with what its engine reported and this look told, and what was seen."""
        own_call = record.call if record.call and record.call.request_id == record.newest_request_id else None
        progress = absorb(operation.progress, own_call, deletes=operation.request.deletes)
        operation = replace(operation, progress=replace(progress, wakes=progress.wakes + 1))
        observed, progress = observe(self._ports.stacks, self._ports.engines.versions, record, operation, now)
        owes = conclusion.owes(record, replace(operation, progress=progress))
        operation = replace(operation, progress=replace(progress, owes=owes))
        return operation, replace(observed, consent=self._consent)

    def _end(self, operation: OperationRecord, action: Nothing) -> None:
        """Nothing is left to do, or can be done."""
        if action.gave_up:
            logger.error(action.why, extra=operation.names)
        self._records.close(operation, operation.progress.ended or Phase.DROPPED)

    def _wait(self, operation: OperationRecord, action: Wait, now: datetime, holder: str) -> None:
        """Nobody waits past the deadline: that is when the answer goes out, whatever was seen."""
        progress, request = operation.progress, operation.request
        wake_at = min(action.until or deadline.next_wake(progress.accepted_at, now), operation.act_by)
        self._records.change(
            request.owner,
            lambda record: bookkeeping.waiting(record, progress, wake_at, action.watching, operation.act_by),
            operation,
            holder=holder,
        )

    def _start(self, operation: OperationRecord, action: Start, now: datetime, holder: str) -> None:
        """Records the call, then sends it: a crash in between costs a fence's time and nothing else.

        The lease is kept until it was sent, since what comes of the sending is written, too.
        """
        request, before = operation.request, operation.progress
        if action.operation in _WANTED_ONLY and not self._is_wanted(operation, now):
            self._leave(operation, now, holder)
            return
        version = self._version_for(operation, action)
        operation, call = calls.next_call(operation, action, version, now)
        wake_at = min(
            deadline.next_wake(operation.progress.accepted_at, now),
            call.not_after,
            waited_for_until(call, operation.act_by),
        )
        self._records.change(
            request.owner,
            lambda record: bookkeeping.started(record, call, action, version, wake_at),
            operation,
        )
        try:
            self._ports.engines.invoke(version, calls.payload(operation, action, call))
        except NotAccepted as error:
            logger.warning("the engine was not started: %s", error, extra=operation.names)
            self._records.engine_ended(request.owner, call.call_id, keeping.kept(calls.not_started(error)))
        except Unavailable as error:
            # It may have been accepted all the same: only the fence tells that it can act no more. It does
            # not count as a try, since it says nothing about the request.
            logger.warning("the engine could not be invoked: %s", error, extra=operation.names)
            uncounted = replace(operation.progress, attempts=before.attempts)
            self._records.change(request.owner, lambda record: record, replace(operation, progress=uncounted))

    def _adopt(
        self, operation: OperationRecord, cluster: ClusterStack, now: datetime, holder: str
    ) -> Answer | None:
        """Claims a cluster that somebody else made, records whose it is, and decides again."""
        request, ports = operation.request, self._ports
        if not self._is_wanted(operation, now):
            self._leave(operation, now, holder)
            return None
        owner = request.owner
        whose = adoption.take_over(ports.claims, ports.operations, ports.stacks, owner, cluster)
        if whose == owner:
            operation = bookkeeping.taken_over(operation, cluster)
            self._records.change(
                owner,
                lambda record: bookkeeping.adopted(record, cluster, request.request_id, now),
                operation,
            )
        else:
            operation = replace(operation, progress=replace(operation.progress, rival=whose.key))
            self._records.change(owner, lambda record: record, operation)
        return self._decide_again(owner, holder)

    def _examine(self, operation: OperationRecord, action: Examine, holder: str) -> Answer | None:
        """Finds out whether whom a cluster's mark names has it still, records that, and decides again."""
        owner, ports = operation.request.owner, self._ports
        gave_up = adoption.gives_up(ports.operations, ports.stacks, owner, action.holder, action.cluster)
        examined = bookkeeping.examined(operation, action.holder, gave_up=gave_up)
        self._records.change(owner, lambda record: record, examined)
        return self._decide_again(owner, holder)

    def _decide_again(self, owner: Owner, holder: str) -> Answer | None:
        record = self._ports.operations.load(owner)
        return self.take(owner, record, holder) if record is not None else None

    def _is_wanted(self, operation: OperationRecord, now: datetime) -> bool:
        """Whether CloudFormation still wants this; if it cannot be asked, the gate's fence protects.

        When a request is accepted it has just said so.
        """
        if now < operation.progress.accepted_at + timedelta(seconds=_CONFIRMED_FOR_S):
            return True
        try:
            return self._ports.stacks.awaits_answer(operation.request.owner)
        except Unavailable as error:
            logger.warning("the parent stack could not be asked: %s", error)
            return True

    def _leave(self, operation: OperationRecord, now: datetime, holder: str) -> None:
        """Drops what CloudFormation no longer wants, once it said so twice: its reads may be late."""
        first_at = operation.progress.unwanted_at
        if first_at is not None and now >= first_at + timedelta(seconds=_UNWANTED_FOR_S):
            logger.warning("dropped: the resource is no longer being made", extra=operation.names)
            self._records.close(operation, Phase.DROPPED)
            return
        progress = replace(operation.progress, unwanted_at=first_at or now)
        again = Wait("the parent stack does not wait for this", now + timedelta(seconds=_UNWANTED_FOR_S))
        self._wait(replace(operation, progress=progress), again, now, holder)

    def _version_for(self, operation: OperationRecord, action: Start) -> str:
        """A new cluster's engine is pinned; an existing one's is that of its own version.

        The newest engine deletes and describes what older versions made, if theirs is gone.
        Source: aws-parallelcluster 3.16.1, api/controllers/common.py (check_cluster_version).
        """
        engines = self._ports.engines
        wanted = action.version or operation.progress.engine_version
        return wanted if wanted in engines.versions else calls.newest(engines.versions)

    def _conclude(
        self,
        operation: OperationRecord,
        record: OwnerRecord,
        action: Succeed | Fail,
        now: datetime,
        holder: str,
    ) -> Answer:
        """Writes the answer down with everything that follows from it, before it is sent."""
        ended_at = cluster_end(self._ports.stacks, operation)
        wake_at = now + timedelta(seconds=RESEND_AFTER_S)
        owes = conclusion.owes(conclusion.concluded(record, operation, action, wake_at), operation)
        progress = answers.write(operation, record, action, self._log_group)
        operation = replace(operation, progress=replace(progress, cluster_ended_at=ended_at, owes=owes))
        self._records.change(
            operation.request.owner,
            lambda present: conclusion.concluded(present, operation, action, wake_at),
            operation,
            holder=holder,
        )
        return answers.written(operation)


def _why(action: Action) -> str:
    match action:
        case Nothing() | Wait():
            return action.why
        case Start():
            return action.operation.value
        case Adopt():
            return f"cluster {action.cluster.name} exists and is taken over"
        case Examine():
            return f"the mark of cluster {action.cluster.name} names {action.holder.key}"
        case Fail():
            return str(action.error)
        case Leave():
            return f"the answer is being sent, until {action.until.isoformat()}"
        case Succeed() | Resend():
            return ""
    assert_never(action)
