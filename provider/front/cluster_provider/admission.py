"""Admits events: turns an event into a recorded request, or refuses it.

This is the stage event -> request of the flow. An event is a claim until CloudFormation confirms it: everyone
who may deploy a template with a cluster may also invoke the provider, with any event. The provider therefore
carries a request out only if CloudFormation reports that it is creating, updating or deleting the resource.
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
from cluster_provider.core.guardrails import Guardrails
from cluster_provider.core.request import Request, RequestType, parse_request
from cluster_provider.core.state import OperationRecord, OwnerRecord, Progress
from cluster_provider.core.transitions import acceptance
from cluster_provider.delivery import Answer, refuse
from cluster_provider.ownership import goes_back
from cluster_provider.ports import Ports
from cluster_provider.repository import Repository

logger = logging.getLogger(__name__)

#: Pause before a negative reply of CloudFormation is checked again, in seconds. Its reads may be late.
ASK_AGAIN_AFTER_S = 2.0

#: Minimum age of a request, in seconds, at which a negative reply of CloudFormation is final. Until then the
#: event fails, and Lambda retries it after one minute and again after two more.
#: Source: AWS Lambda developer guide, "Error handling and automatic retries".
CONFIRMED_WITHIN_S = 90

#: Applies while the table cannot say whether a request is recorded. This many seconds after its deadline, the
#: request is answered without reading its record. Sweeps have had their chance to answer by then, and later
#: sweeps may run too late.
LAST_RESORT_AFTER_S = 60


class Admission:
    """Records requests, and refuses events that can never become one.

    Args:
        ports: The outside world.
        repository: Records requests.
        guardrails: What the operator permits.
    """

    def __init__(self, ports: Ports, repository: Repository, guardrails: Guardrails) -> None:
        self._ports = ports
        self._repository = repository
        self._guardrails = guardrails

    def admit(self, event: Mapping[str, Any], received_at: datetime | None = None) -> Answer | None:
        """Records a request and its first wake-up in one step.

        Args:
            event: The event, as it arrived.
            received_at: When the event first arrived; None for now. A later instant than now counts as now.

        Returns:
            The answer to an event that is refused for good. None if the request is recorded, by this delivery
            or by an earlier one, or if a newer request has superseded it.

        Raises:
            Exception: The event fails for now, and its delivery must be repeated. A request that could still
                not be recorded at its deadline is answered instead.
            Unanswerable: The event is refused for good, and it has no usable response URL.
        """
        now = self._ports.clock.now()
        try:
            request = parse_request(event, min(received_at or now, now))
        except MalformedRequest as error:
            return refuse(event, error)
        except Exception:
            # Parsing reads only the event, so a retry would fail in the same way.
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
            if not self._must_be_answered_now(request):
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
        rolls_back = self._rolls_back(request)
        request = acceptance.with_former_name(present, request, rolls_back=rolls_back)
        ids = acceptance.candidate_ids(present, request)
        present_id = next((each for each in ids if self._ports.stacks.lists(owner, each)), "")
        requeue_at = deadline.next_poll_at(now, now)
        try:
            record = acceptance.accept(present, request, requeue_at, since, present_id)
            progress = Progress(
                now,
                engine_version=request.version or self._ports.engines.default_version,
                cluster_name=record.following,
                rolls_back=rolls_back,
                drain_s=acceptance.drain_s(present, record, request),
                signals=acceptance.will_signal(present, request),
            )
            self._repository.write(
                owner,
                lambda present: acceptance.accept(present, request, requeue_at, since, present_id),
                OperationRecord(request, progress),
            )
        except Superseded:
            logger.warning("dropped: a newer request was accepted", extra={"request_id": request.request_id})

    def _rolls_back(self, request: Request) -> bool:
        """Returns whether an Update is part of the rollback of its stack.

        It is asked only if it matters: for a cluster whose name is generated, or that is bounded.
        """
        if request.type is not RequestType.UPDATE or request.properties is None:
            return False
        is_bounded = self._guardrails.budget.arguments(request.properties.budget)
        if not request.name_is_generated and not is_bounded:
            return False
        return goes_back(self._ports.stacks, request.owner.stack_id)

    def _is_recorded(self, request: Request) -> bool:
        return self._ports.store.load_operation(request.owner, request.request_id) is not None

    def _must_be_answered_now(self, request: Request) -> bool:
        """Returns whether an unrecorded request must be answered now, because its deadline has passed.

        A request that an earlier delivery recorded is excluded: a pass answers it with its result. While the
        table cannot say whether the request is recorded, that pass gets ``LAST_RESORT_AFTER_S`` to answer.
        After ``deadline.MARGIN_S`` CloudFormation no longer accepts an answer.
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
        """Returns since when CloudFormation has been making the change that the request asks for.

        Args:
            request: The request.
            record: The owner's record; None for a new owner.

        Raises:
            Unavailable: CloudFormation does not report the change yet, or cannot answer. Its reads may be
                late.
            NotConfirmed: CloudFormation does not report the change, and the request is old enough to rely on
                that.
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
    """Returns the error for a request that could not be recorded until its deadline."""
    what = "the request could not be recorded in the time CloudFormation gives: "
    detail = bounds.shown(str(error), 500) if isinstance(error, Unavailable) else type(error).__name__
    return DeadlineExceeded(
        "provider", f"{what}{detail}.", "Nothing was changed. The provider's log group has the details."
    )
