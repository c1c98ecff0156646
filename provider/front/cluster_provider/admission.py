"""Makes a request of an event: an event is a claim until CloudFormation confirms it.

Everybody who deploys a template with a cluster may invoke the provider, and so may send it any event. What is
asked for is done only if CloudFormation itself says that it is creating, updating or deleting the resource.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cluster_provider.core import bounds, deadline
from cluster_provider.core.errors import (
    DeadlineExceeded,
    MalformedRequest,
    NotConfirmed,
    ProviderError,
    RecordTooLarge,
    Superseded,
    Unavailable,
)
from cluster_provider.core.request import Request, parse_request
from cluster_provider.core.state import OperationRecord, OwnerRecord, Progress
from cluster_provider.core.transitions import acceptance
from cluster_provider.delivery import Answer, refuse
from cluster_provider.ports import Ports
from cluster_provider.repository import Repository

logger = logging.getLogger(__name__)

#: CloudFormation's reads may be late: a "no" is asked again after this pause, in seconds.
ASK_AGAIN_AFTER_S = 2.0

#: A request is this old, in seconds, when a "no" counts. Until then Lambda repeats the event, after one
#: minute and after two more. Source: AWS Lambda developer guide, "Error handling and automatic retries".
CONFIRMED_WITHIN_S = 90

#: A request that may be recorded, as far as the table can tell, is answered without a look at its record this
#: long after its deadline, in seconds: sweeps have tried by then, and the next ones may come too late.
LAST_RESORT_AFTER_S = 60


class Admission:
    """Records requests, and refuses what can never become one.

    Args:
        ports: The world.
        repository: Where requests are recorded.
    """

    def __init__(self, ports: Ports, repository: Repository) -> None:
        self._ports = ports
        self._repository = repository

    def admit(self, event: Mapping[str, Any], received_at: datetime | None = None) -> Answer | None:
        """Records a request with its first wake-up, in one step.

        Args:
            event: What arrived.
            received_at: When it arrived first, as far as that is known; None for now.

        Returns:
            The answer to an event that fails for good; None for a request that is recorded, by this delivery
            or by an earlier one, and for one that nobody waits for any more.

        Raises:
            Exception: It fails for now; the delivery must be repeated. A request that was not recorded until
                its time is over is answered.
            Unanswerable: It fails for good and does not say where an answer goes.
        """
        now = self._ports.clock.now()
        try:
            request = parse_request(event, min(received_at or now, now))
        except MalformedRequest as error:
            return refuse(event, error)
        except Exception:
            # Parsing reads nothing but the event, so it fails again however often it is repeated.
            logger.exception("the event could not be read")
            return refuse(event, MalformedRequest("ResourceProperties", "they could not be read."))
        try:
            self._accept(request, now)
        except (NotConfirmed, RecordTooLarge) as error:
            if self._is_recorded(request):
                logger.warning("another delivery of this request was accepted meanwhile, and is over")
                return None
            logger.warning("refused: %s", error)
            return refuse(event, error)
        except Exception as error:
            if not self._is_given_up(request):
                raise
            logger.exception("the request could not be recorded until its deadline")
            return refuse(event, _too_late(error))
        return None

    def _accept(self, request: Request, now: datetime) -> None:
        owner = request.owner
        present = self._ports.store.load(owner)
        if present is not None and self._is_recorded(request):
            return
        if deadline.is_too_old(request.issued_at, now):
            hours = deadline.REQUEST_AGE_MAX_S // 3600
            raise NotConfirmed(
                f"resource {owner.logical_id}",
                f"this {request.type} was issued more than {hours} hours ago, so it was not carried out.",
            )
        since = self._confirm(request, present)
        ids = acceptance.candidate_ids(present, request)
        present_id = next((each for each in ids if self._ports.stacks.lists(owner, each)), "")
        requeue_at = deadline.next_poll_at(now, now)
        try:
            record = acceptance.accept(present, request, requeue_at, since, present_id)
            progress = Progress(
                now,
                engine_version=request.version or self._ports.engines.default_version,
                cluster_name=record.following,
                signals=acceptance.will_signal(present, request),
            )
            self._repository.write(
                owner,
                lambda present: acceptance.accept(present, request, requeue_at, since, present_id),
                OperationRecord(request, progress),
            )
        except Superseded:
            logger.warning("dropped: a newer request was accepted", extra={"request_id": request.request_id})

    def _is_recorded(self, request: Request) -> bool:
        return self._ports.store.load_operation(request.owner, request.request_id) is not None

    def _is_given_up(self, request: Request) -> bool:
        """Whether a request that cannot be recorded is to be answered all the same, since its time is over.

        One that an earlier delivery recorded is not: its own wake-up answers it, with what came of it. While
        the table cannot tell, that answer has its time. In the end nobody listens any more.
        """
        late_s = (self._ports.clock.now() - request.deadline).total_seconds()
        if not 0 <= late_s < deadline.MARGIN_S:
            return False
        try:
            return not self._is_recorded(request)
        except Exception as error:
            logger.warning("it is not known whether the request was recorded: %s", type(error).__name__)
            return late_s >= LAST_RESORT_AFTER_S

    def _confirm(self, request: Request, record: OwnerRecord | None) -> datetime:
        """Returns since when CloudFormation does to the resource what the request asks for.

        Raises:
            Unavailable: It does not, or cannot be asked, so far: its reads may be late.
            NotConfirmed: It does not.
        """
        clock, stacks = self._ports.clock, self._ports.stacks
        for pause_s in (0.0, ASK_AGAIN_AFTER_S):
            if pause_s:
                clock.sleep(pause_s)
            since = stacks.requested_since(request.owner, request.type, request.physical_id)
            if since is not None and acceptance.is_current(record, request, since):
                return since
        if clock.now() < request.issued_at + timedelta(seconds=CONFIRMED_WITHIN_S):
            raise Unavailable(f"CloudFormation does not report this {request.type} yet")
        raise NotConfirmed(
            f"resource {request.owner.logical_id}",
            f"CloudFormation does not report this {request.type} of stack {request.owner.stack_id}, "
            "so it was not carried out.",
        )


def _too_late(error: Exception) -> ProviderError:
    """What the template's author reads of a service that was away for as long as CloudFormation waits."""
    what = "the request could not be recorded in the time CloudFormation gives: "
    detail = bounds.shown(str(error), 500) if isinstance(error, Unavailable) else type(error).__name__
    return DeadlineExceeded(
        "provider", f"{what}{detail}.", "Nothing was changed. The provider's log group has the details."
    )
