"""The life of a request: record it, look, decide, act, write the answer down, deliver it.

Every wake-up, whatever its source, does the same; doing it twice, late or in another order changes
nothing. Order of effects: record, start the work, observe its effect, write the outcome, answer, forget.
A crash at any seam leaves an armed wake-up that goes on from what it sees.
"""

import logging
from datetime import timedelta

from cluster_provider.answers import Answer
from cluster_provider.core import acceptance, deadline, keeping, measurements
from cluster_provider.core.engine_call import EngineResult
from cluster_provider.core.errors import DeliveryFailed, Superseded, Undeliverable
from cluster_provider.core.identity import Owner
from cluster_provider.core.progress import Phase, Progress
from cluster_provider.core.record import OperationRecord, OwnerRecord
from cluster_provider.core.request import Request
from cluster_provider.ports import Ports
from cluster_provider.records import Records
from cluster_provider.steps import Steps

logger = logging.getLogger(__name__)


class OperationService:
    """Carries requests from their acceptance to their answer.

    Args:
        ports: The world.
        log_group: The provider's log group, named where something did not fit into an answer.
    """

    def __init__(self, ports: Ports, log_group: str) -> None:
        self._ports = ports
        self._records = Records(ports.operations, ports.claims, ports.metrics, ports.clock)
        self._steps = Steps(ports, self._records, log_group)

    def accept(self, request: Request) -> None:
        """Records a request and arms its wake-up in one step.

        One that is known already, that was issued too long ago, or that a newer one superseded is left.

        Raises:
            Unavailable: The table cannot answer; the delivery must be repeated.
        """
        now, operations = self._ports.clock.now(), self._ports.operations
        present = operations.load(request.owner)
        if present is not None and operations.load_operation(request.owner, request.request_id) is not None:
            return
        if deadline.is_too_old(request.issued_at, now):
            logger.warning("dropped: issued too long ago", extra={"request_id": request.request_id})
            return
        wake_at = deadline.next_wake(now, now)
        try:
            record = acceptance.accepted(present, request, wake_at)
            progress = Progress(
                now,
                engine_version=self._pinned(request),
                cluster_name=record.following,
                signals=acceptance.signals(present, request),
            )
            self._records.write(
                request.owner,
                lambda present: acceptance.accepted(present, request, wake_at),
                OperationRecord(request, progress),
            )
        except Superseded:
            logger.warning("dropped: a newer request was accepted", extra={"request_id": request.request_id})

    def engine_ended(self, owner: Owner, call_id: str, result: EngineResult) -> None:
        """Records what an engine reported, as far as an answer can tell it; the next step takes it up."""
        kept = keeping.kept(result)
        if len(kept.validation_messages) < len(result.validation_messages):
            logger.info("validation messages", extra={"validation_messages": result.validation_messages})
        try:
            self._records.engine_ended(owner, call_id, kept)
        except LookupError:
            logger.warning("an engine reported to an owner that is not known", extra={"call_id": call_id})

    def step(self, owner: Owner, holder: str, remaining_s: float) -> Answer | None:
        """Takes an owner's open request as far as it goes now.

        Args:
            owner: Whose request.
            holder: Names this invocation in the lease.
            remaining_s: Seconds this invocation has left; the lease is bounded by them.

        Returns:
            An answer to deliver, or None if the request waits, or somebody else is at it.
        """
        operations = self._ports.operations
        record = operations.lease(owner, holder, self._ports.clock.now() + timedelta(seconds=remaining_s))
        answer: Answer | None = None
        try:
            while record is not None:
                try:
                    taken = self._steps.take(owner, record, holder)
                    # A mark does not take away what this invocation has to send.
                    answer = taken or (answer if _is_about(answer, record) else None)
                except Superseded as error:
                    # Who accepted the newer request left a mark, so the next round is about that one.
                    answer = None
                    logger.info("left: a newer request was accepted", extra={"request_id": str(error)})
                record = operations.release(owner, holder)
        except BaseException:
            operations.release(owner, holder)
            raise
        return answer

    def deliver(self, answer: Answer) -> None:
        """Sends an answer, and forgets what was only needed until then.

        Raises:
            DeliveryFailed: It did not arrive; the next wake-up sends the same bytes.
            Undeliverable: It never will.
        """
        try:
            self._ports.responses.send(answer.url, answer.outcome.body)
        except (DeliveryFailed, Undeliverable):
            self._ports.metrics.record(measurements.delivery_failed({"request_id": answer.request_id}))
            raise
        self._close(answer, Phase.ANSWERED)

    def abandon(self, answer: Answer) -> None:
        """Gives an answer up that can never arrive: CloudFormation has long stopped listening."""
        self._close(answer, Phase.DROPPED)

    def _pinned(self, request: Request) -> str:
        """The engine of a new cluster is fixed at acceptance, so a retry after an upgrade uses no other."""
        return request.version or self._ports.engines.default_version

    def _close(self, answer: Answer, phase: Phase) -> None:
        operation = answer.operation
        if operation is not None and (operation.progress.signals or operation.progress.owes):
            operation = self._ports.operations.load_operation(answer.owner, answer.request_id)
        if operation is None or operation.progress.written != answer.outcome:
            # Somebody else sent the same answer, and is further.
            return
        if phase is Phase.ANSWERED and operation.progress.follows:
            self._records.follow(operation)
        else:
            self._records.close(operation, phase)


def _is_about(answer: Answer | None, record: OwnerRecord) -> bool:
    return answer is not None and answer.request_id == record.newest_request_id
