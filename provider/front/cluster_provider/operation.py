"""Takes an owner's request as far as it goes now, under the owner's lease.

Every wake-up, whatever its source, does the same; doing it twice, late or in another order changes
nothing. Order of effects: record, start the work, observe its effect, write the outcome, answer, forget.
A crash at any seam leaves an armed wake-up that goes on from what it sees.
"""

import logging
from datetime import datetime, timedelta

from cluster_provider.answers import Answer
from cluster_provider.core import keeping
from cluster_provider.core.consent import Consent
from cluster_provider.core.engine_call import EngineResult
from cluster_provider.core.errors import Superseded
from cluster_provider.core.identity import Owner
from cluster_provider.core.record import OwnerRecord
from cluster_provider.ports import Ports
from cluster_provider.queue import requeue_at
from cluster_provider.records import Records
from cluster_provider.steps import Steps

logger = logging.getLogger(__name__)

#: How often an invocation goes round for one owner while others ask for it. Then the owner is due at once,
#: and the next sweep or event goes on.
PASSES_MAX = 5


class OperationService:
    """Takes requests from their acceptance to their answer.

    Args:
        ports: The world.
        records: What was written down.
        log_group: The provider's log group, named where something did not fit into an answer.
        consent: Which clusters may be taken over.
    """

    def __init__(self, ports: Ports, records: Records, log_group: str, consent: Consent) -> None:
        self._ports = ports
        self._records = records
        self._steps = Steps(ports, records, log_group, consent)

    def engine_ended(self, owner: Owner, call_id: str, result: EngineResult) -> None:
        """Records what an engine reported, as far as an answer can tell it; the next step takes it up."""
        kept = keeping.kept(result)
        if len(kept.validation_messages) < len(result.validation_messages):
            logger.info("validation messages", extra={"validation_messages": result.validation_messages})
        try:
            self._records.engine_ended(owner, call_id, kept)
        except LookupError:
            logger.warning("an engine reported to an owner that is not known", extra={"call_id": call_id})

    def step(
        self, owner: Owner, holder: str, remaining_s: float, moved_to: datetime | None = None
    ) -> Answer | None:
        """Takes an owner's open request as far as it goes now.

        The owner is moved back in the queue with its lease, before anything that may hang or die. A pass that
        ends well says itself when the owner is due again.

        Args:
            owner: Whose request.
            holder: Names this invocation in the lease.
            remaining_s: Seconds this invocation has left; the lease is bounded by them.
            moved_to: When the owner is due again if the pass does not end well; None for the least delay.

        Returns:
            An answer to deliver, or None if the request waits, or somebody else is at it.

        Raises:
            Exception: The last pass failed, and there is nothing to deliver.
        """
        operations, now = self._ports.operations, self._ports.clock.now()
        until = now + timedelta(seconds=remaining_s)
        record = operations.lease(owner, holder, until, moved_to or requeue_at(now, until))
        answer: Answer | None = None
        failure: Exception | None = None
        passes = 0
        try:
            while record is not None:
                passes += 1
                answer, failure = self._pass(owner, record, holder, answer)
                record = operations.release(owner, holder, again=passes < PASSES_MAX)
        except BaseException:
            operations.release(owner, holder, again=False)
            raise
        if failure is not None and answer is None:
            raise failure
        return answer

    def _pass(
        self, owner: Owner, record: OwnerRecord, holder: str, answer: Answer | None
    ) -> tuple[Answer | None, Exception | None]:
        """One pass; returns what there is to deliver after it, and how it failed.

        A failure is no reason to leave a newer request waiting that arrived meanwhile, so it does not end the
        invocation before the lease was given back.
        """
        # What an earlier pass is to send is sent, whatever this one comes to.
        kept = answer if _is_about(answer, record) else None
        try:
            return self._steps.take(owner, record, holder) or kept, None
        except Superseded as error:
            # Whoever accepted the newer request set the mark, so the next round is about that one.
            logger.info("left: a newer request was accepted", extra={"request_id": str(error)})
            return None, None
        except Exception as error:
            logger.warning("the pass failed: %s", type(error).__name__)
            return kept, error


def _is_about(answer: Answer | None, record: OwnerRecord) -> bool:
    return answer is not None and answer.request_id == record.newest_request_id
