"""Carries decisions out: records an effect, performs it, and records its result.

This is the stage decision -> effect of the flow. The order of effects is fixed: record the call, send it,
observe its effect, record the outcome, send the response. After a crash between two of these, the owner is
still in the queue, and the next pass continues from what it observes.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from cluster_provider import ownership
from cluster_provider.core import deadline, engine_protocol, truncation
from cluster_provider.core.actions import Adopt, Examine, Fail, Nothing, Replace, Start, Succeed, Wait
from cluster_provider.core.decision.case import waited_for_until
from cluster_provider.core.engine import CONFIGURED, EngineAction
from cluster_provider.core.errors import NotAccepted, Unavailable
from cluster_provider.core.state import OperationRecord, OwnerRecord, Phase
from cluster_provider.core.transitions import conclusion, work
from cluster_provider.delivery import Answer, write, written
from cluster_provider.observation import cluster_end
from cluster_provider.ports import Ports
from cluster_provider.repository import Repository

logger = logging.getLogger(__name__)

#: Delay until the sweep handles an answer that may not have arrived, in seconds.
RESEND_AFTER_S = 30

#: Actions that are started only while CloudFormation waits for the request.
_WANTED_ONLY = CONFIGURED | {EngineAction.STOP_FLEET}

#: For this many seconds after its acceptance, a request needs no second confirmation by CloudFormation.
_CONFIRMED_FOR_S = 10

#: Delay until the parent stack is asked a second time whether it waits for the request, in seconds.
_UNWANTED_FOR_S = 30


class Effects:
    """The effects of decisions; the caller holds the owner's lease.

    Args:
        ports: The outside world.
        repository: Changes records.
        log_group: The provider's log group, named in an answer that had to be truncated.
    """

    def __init__(self, ports: Ports, repository: Repository, log_group: str) -> None:
        self._ports = ports
        self._repository = repository
        self._log_group = log_group

    def end(self, operation: OperationRecord, action: Nothing) -> None:
        """Closes a request that needs no further work, or for which no further work is possible."""
        if action.gave_up:
            logger.error(action.why, extra=operation.names)
        self._repository.close(operation, operation.progress.ended or Phase.DROPPED, action.why)

    def leave_in_queue(self, operation: OperationRecord, holder: str) -> None:
        """Releases the lease and leaves the record unchanged, which puts the owner back at its recorded time.

        Args:
            operation: The request and the work on it.
            holder: Name of this invocation in the lease.
        """
        self._repository.change(operation.request.owner, lambda record: record, holder=holder)

    def wait(self, operation: OperationRecord, action: Wait, now: datetime, holder: str) -> None:
        """Requeues the owner, at the latest for the request's deadline, when the answer must be sent.

        Args:
            operation: The request and the work on it.
            action: The decision; without ``until``, the request's age sets the delay.
            now: The current time.
            holder: Name of this invocation in the lease.
        """
        progress, request = operation.progress, operation.request
        requeue_at = min(
            action.until or deadline.next_poll_at(progress.accepted_at, now), operation.deadline_at
        )
        self._repository.change(
            request.owner,
            lambda record: work.requeue(record, progress, requeue_at, action.watching, operation.deadline_at),
            operation,
            holder=holder,
        )

    def start_engine(self, operation: OperationRecord, start: Start, now: datetime, holder: str) -> None:
        """Records an engine call, then sends it.

        After a crash between the two, the next pass waits until the call's fence has passed, and then decides
        again. The lease is kept until the call is sent, because the result of sending is recorded as well.
        """
        request, before = operation.request, operation.progress
        if start.action in _WANTED_ONLY and not self._is_wanted(operation, now):
            self._leave_unwanted(operation, now, holder)
            return
        version = self._version_for(operation, start)
        operation, call = engine_protocol.next_call(operation, start, version, now)
        requeue_at = min(
            deadline.next_poll_at(operation.progress.accepted_at, now),
            call.not_after,
            waited_for_until(call, operation.deadline_at),
        )
        self._repository.change(
            request.owner,
            lambda record: work.start_call(record, call, start, version, requeue_at),
            operation,
        )
        try:
            self._ports.engines.invoke(version, engine_protocol.payload(operation, start, call))
        except NotAccepted as error:
            logger.warning("the engine was not started: %s", error, extra=operation.names)
            self._repository.end_call(
                request.owner,
                call.call_id,
                truncation.truncate_for_storage(engine_protocol.not_started(error)),
            )
        except Unavailable as error:
            # Lambda may have accepted the call, so only its fence proves that it can no longer act. The call
            # does not count as a try, because the error says nothing about the request.
            logger.warning("the engine could not be invoked: %s", error, extra=operation.names)
            uncounted = replace(operation.progress, calls=before.calls)
            self._repository.change(
                request.owner, lambda record: record, replace(operation, progress=uncounted)
            )

    def settle_cluster(
        self, operation: OperationRecord, action: Adopt | Examine | Replace, now: datetime, holder: str
    ) -> bool:
        """Records which cluster a request is about, or whose it is; returns whether to decide again."""
        match action:
            case Adopt():
                return self._adopt(operation, action, now, holder)
            case Examine():
                return self._examine(operation, action)
            case Replace():
                return self._replace(operation, action)

    def _adopt(self, operation: OperationRecord, action: Adopt, now: datetime, holder: str) -> bool:
        """Claims a cluster that another party created, and records its owner."""
        request, ports, cluster = operation.request, self._ports, action.cluster
        if not self._is_wanted(operation, now):
            self._leave_unwanted(operation, now, holder)
            return False
        owner = request.owner
        whose = ownership.claim_cluster(ports.claims, ports.store, ports.stacks, owner, cluster)
        if whose == owner:
            operation = work.note_adoption(operation, cluster)
            self._repository.change(
                owner,
                lambda record: work.adopt(record, cluster, request.request_id, now),
                operation,
            )
        else:
            operation = replace(operation, progress=replace(operation.progress, current_owner=whose.key))
            self._repository.change(owner, lambda record: record, operation)
        return True

    def _examine(self, operation: OperationRecord, action: Examine) -> bool:
        """Records whether the owner that a cluster's mark names still has the cluster."""
        owner, ports = operation.request.owner, self._ports
        gave_up = ownership.disown_if_abandoned(
            ports.store, ports.stacks, owner, action.holder, action.cluster
        )
        examined = work.record_examination(operation, action.holder, gave_up=gave_up)
        self._repository.change(owner, lambda record: record, examined)
        return True

    def _replace(self, operation: OperationRecord, action: Replace) -> bool:
        """Records that a new cluster is made in place of the present one."""
        request_id = operation.request.request_id
        self._repository.change(
            operation.request.owner,
            lambda record: work.turn_to_replacement(record, request_id, action.name),
            work.note_replacement(operation, action),
        )
        return True

    def _is_wanted(self, operation: OperationRecord, now: datetime) -> bool:
        """Returns whether CloudFormation still waits for this request.

        CloudFormation confirmed the request at its acceptance, so it is not asked again for
        ``_CONFIRMED_FOR_S``. If it cannot answer, the result is True: the gate's fence still bounds what the
        engine does.
        """
        if now < operation.progress.accepted_at + timedelta(seconds=_CONFIRMED_FOR_S):
            return True
        try:
            return self._ports.stacks.awaits_answer(operation.request.owner)
        except Unavailable as error:
            logger.warning("the parent stack could not be asked: %s", error)
            return True

    def _leave_unwanted(self, operation: OperationRecord, now: datetime, holder: str) -> None:
        """Drops a request after CloudFormation has reported twice that it no longer waits for it.

        The first report may be a late read, so it only requeues the owner.
        """
        first_at = operation.progress.unwanted_at
        if first_at is not None and now >= first_at + timedelta(seconds=_UNWANTED_FOR_S):
            why = "the resource is no longer being made"
            logger.warning("dropped: %s", why, extra=operation.names)
            self._repository.close(operation, Phase.DROPPED, why)
            return
        progress = replace(operation.progress, unwanted_at=first_at or now)
        again = Wait("the parent stack does not wait for this", now + timedelta(seconds=_UNWANTED_FOR_S))
        self.wait(replace(operation, progress=progress), again, now, holder)

    def _version_for(self, operation: OperationRecord, action: Start) -> str:
        """Returns the version of the engine to call.

        A new cluster uses the version that was pinned when its request was accepted. An existing cluster uses
        its own version. If that version has no engine, the newest engine is used, since it can delete and
        describe clusters of older versions.
        Source: aws-parallelcluster 3.16.1, api/controllers/common.py (check_cluster_version).
        """
        engines = self._ports.engines
        wanted = action.version or operation.progress.engine_version
        return wanted if wanted in engines.versions else engine_protocol.newest(engines.versions)

    def conclude(
        self,
        operation: OperationRecord,
        record: OwnerRecord,
        action: Succeed | Fail,
        now: datetime,
        holder: str,
    ) -> Answer:
        """Records the answer and everything that follows from it, and returns the answer to send."""
        ended_at = cluster_end(self._ports.stacks, operation)
        requeue_at = now + timedelta(seconds=RESEND_AFTER_S)
        fleet_restart_pending = conclusion.pending_fleet_restart(
            conclusion.conclude(record, operation, action, now, requeue_at), operation
        )
        progress = write(operation, record, action, self._log_group)
        operation = replace(
            operation,
            progress=replace(
                progress, cluster_ended_at=ended_at, fleet_restart_pending=fleet_restart_pending
            ),
        )
        self._repository.change(
            operation.request.owner,
            lambda present: conclusion.conclude(present, operation, action, now, requeue_at),
            operation,
            holder=holder,
        )
        return written(operation)
