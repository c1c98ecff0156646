"""Reconciles owners: one pass loads an owner's state, observes the world, decides, and acts.

Every wake-up asks for the same pass, whatever its source. A pass starts from what is recorded and what is
observed. Repeated, late or reordered wake-ups therefore change nothing.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from cluster_provider.core import truncation
from cluster_provider.core.actions import (
    Action,
    Adopt,
    Examine,
    Fail,
    Leave,
    Nothing,
    Replace,
    Resend,
    Start,
    Succeed,
    Wait,
)
from cluster_provider.core.decision import decide
from cluster_provider.core.engine import EngineResult
from cluster_provider.core.errors import Superseded
from cluster_provider.core.guardrails import Guardrails
from cluster_provider.core.identity import Owner, StackArn
from cluster_provider.core.observed import Observed
from cluster_provider.core.state import OperationRecord, OwnerRecord
from cluster_provider.core.transitions.conclusion import pending_fleet_restart
from cluster_provider.core.transitions.work import merge_call_result
from cluster_provider.delivery import Answer, written
from cluster_provider.effects import Effects
from cluster_provider.logs import bind_log_context
from cluster_provider.observation import observe
from cluster_provider.ports import Ports
from cluster_provider.queue import next_attempt_at
from cluster_provider.repository import Repository

logger = logging.getLogger(__name__)

#: Maximum number of passes of one invocation over one owner, while other invocations ask for more. After that
#: the owner is due at once, and the next sweep or event continues.
PASSES_MAX = 5


class Reconciler:
    """Takes a request from its acceptance to its answer.

    Args:
        ports: The outside world.
        repository: Changes records.
        log_group: The provider's log group, named in an answer that had to be truncated.
        guardrails: What the operator permits.
    """

    def __init__(self, ports: Ports, repository: Repository, log_group: str, guardrails: Guardrails) -> None:
        self._ports = ports
        self._repository = repository
        self._guardrails = guardrails
        self._effects = Effects(ports, repository, log_group)

    def record_engine_end(self, owner: Owner, call_id: str, result: EngineResult) -> None:
        """Records the result of an engine call for the next pass, truncated to what an answer can show.

        Args:
            owner: The owner that the call was made for.
            call_id: Id of the call.
            result: What the engine reported.
        """
        truncated = truncation.truncate_for_storage(result)
        if len(truncated.validation_messages) < len(result.validation_messages):
            logger.info("validation messages", extra={"validation_messages": result.validation_messages})
        named = {
            "call_id": call_id,
            "changed": StackArn.parse(result.stack_id).name if result.stack_id else "",
        }
        try:
            recorded = self._repository.end_call(owner, call_id, truncated)
        except LookupError:
            logger.warning("an engine reported to an owner that is not known", extra=named)
            return
        if result.sent and not recorded:
            logger.warning("an engine reported a change for a call that is over", extra=named)

    def reconcile(
        self, owner: Owner, holder: str, remaining_s: float, requeue_at: datetime | None = None
    ) -> Answer | None:
        """Runs passes over an owner's open request, under the owner's lease.

        The owner is requeued when its lease is acquired, before any effect that may hang or die. A pass that
        succeeds sets when the owner is due again.

        Args:
            owner: The owner.
            holder: Name of this invocation in the lease.
            remaining_s: Time that this invocation has left, in seconds; the lease ends with it.
            requeue_at: When the owner is due again if the pass fails, hangs or dies; None for the shortest
                delay.

        Returns:
            An answer to deliver; None if the request waits, or if another invocation holds the lease.

        Raises:
            Exception: The last pass failed, and there is no answer to deliver.
        """
        store, now = self._ports.store, self._ports.clock.now()
        until = now + timedelta(seconds=remaining_s)
        record = store.acquire(owner, holder, until, requeue_at or next_attempt_at(now, until))
        answer: Answer | None = None
        failure: Exception | None = None
        passes = 0
        try:
            while record is not None:
                passes += 1
                answer, failure = self._pass_safely(owner, record, holder, answer)
                record = store.release(owner, holder, again=passes < PASSES_MAX)
        except BaseException:
            store.release(owner, holder, again=False)
            raise
        if failure is not None and answer is None:
            raise failure
        return answer

    def _pass_safely(
        self, owner: Owner, record: OwnerRecord, holder: str, answer: Answer | None
    ) -> tuple[Answer | None, Exception | None]:
        """Runs one pass; returns the answer to deliver after it, and the exception if it failed.

        The exception is returned, so that the lease is released first. A newer request may have arrived
        meanwhile, and must not wait for the lease to expire.
        """
        # The answer of an earlier pass is sent whatever the result of this pass is.
        earlier = answer if _is_about(answer, record) else None
        try:
            return self._pass(owner, record, holder) or earlier, None
        except Superseded as error:
            # The delivery that recorded the newer request set the dirty flag, so the next pass handles that
            # request.
            logger.info("left: a newer request was accepted", extra={"request_id": str(error)})
            return None, None
        except Exception as error:
            logger.warning("the pass failed: %s", type(error).__name__)
            return earlier, error

    def _pass(self, owner: Owner, record: OwnerRecord, holder: str) -> Answer | None:
        """Loads, observes, decides and acts; decides again once it is recorded which cluster it is about.

        Raises:
            Superseded: A newer request was accepted meanwhile.
            Unavailable: AWS cannot answer for the moment.
        """
        present: OwnerRecord | None = record
        while present is not None:
            operation = self._repository.open_operation(owner, present)
            if operation is None:
                return None
            bind_log_context(operation.names)
            now = self._ports.clock.now()
            operation, observed = self._observe(operation, present, now)
            action = decide(operation.request, observed, operation.progress, now)
            _log_decision(operation, action)
            if not isinstance(action, Adopt | Examine | Replace):
                return self._act(operation, present, action, now, holder)
            if not self._effects.settle_cluster(operation, action, now, holder):
                return None
            present = self._ports.store.load(owner)
        return None

    def _observe(
        self, operation: OperationRecord, record: OwnerRecord, now: datetime
    ) -> tuple[OperationRecord, Observed]:
        """Returns the request with its updated progress, and the observed facts.

        The progress contains what the request's engine call reported and what this observation shows.
        """
        own_call = record.call if record.call and record.call.request_id == record.newest_request_id else None
        progress = merge_call_result(operation.progress, own_call, deletes=operation.request.deletes)
        operation = replace(operation, progress=replace(progress, wakes=progress.wakes + 1))
        observed, progress = observe(
            self._ports.stacks,
            self._ports.engines.versions,
            record,
            operation,
            now,
            guardrails=self._guardrails,
        )
        pending = pending_fleet_restart(record, replace(operation, progress=progress))
        operation = replace(operation, progress=replace(progress, fleet_restart_pending=pending))
        return operation, observed

    def _act(
        self,
        operation: OperationRecord,
        record: OwnerRecord,
        action: Nothing | Leave | Resend | Wait | Start | Succeed | Fail,
        now: datetime,
        holder: str,
    ) -> Answer | None:
        match action:
            case Nothing():
                self._effects.end(operation, action)
            case Leave():
                self._effects.leave_in_queue(operation, holder)
            case Resend():
                return written(operation)
            case Wait():
                self._effects.wait(operation, action, now, holder)
            case Start():
                self._effects.start_engine(operation, action, now, holder)
            case Succeed() | Fail():
                return self._effects.conclude(operation, record, action, now, holder)
            case _:
                assert_never(action)
        return None


def _is_about(answer: Answer | None, record: OwnerRecord) -> bool:
    return answer is not None and answer.request_id == record.newest_request_id


def _log_decision(operation: OperationRecord, action: Action) -> None:
    logger.info("step", extra={**operation.names, "action": type(action).__name__, "why": _why(action)})


def _why(action: Action) -> str:
    match action:
        case Nothing() | Wait():
            return action.why
        case Start():
            return action.action.value
        case Adopt():
            return f"cluster {action.cluster.name} exists and is taken over"
        case Examine():
            return f"the mark of cluster {action.cluster.name} names {action.holder.key}"
        case Replace():
            return f"cluster {action.name} is made in place of {action.cluster.name}"
        case Fail():
            return str(action.error)
        case Leave():
            return f"the answer is being sent, until {action.until.isoformat()}"
        case Succeed() | Resend():
            return ""
    assert_never(action)
