"""Answers and signals: written down before they are sent, sent within bounds, and resent byte for byte."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cluster_provider.answers import Answer
from cluster_provider.core import bounds, measurements, response
from cluster_provider.core.errors import DeliveryFailed, ProviderError, Unanswerable, Undeliverable
from cluster_provider.core.identity import Owner, marker_id
from cluster_provider.core.progress import Phase
from cluster_provider.core.request import is_answerable
from cluster_provider.ports import Ports
from cluster_provider.records import Records

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Addressee:
    """Who is answered about an event that never became a request."""

    owner: Owner
    request_id: str


class Delivery:
    """Sends answers and signals, and records that they arrived.

    Args:
        ports: The world.
        records: Where answers are written down.
    """

    def __init__(self, ports: Ports, records: Records) -> None:
        self._ports = ports
        self._records = records

    def deliver(self, answer: Answer) -> None:
        """Sends an answer, and closes the request that it answers.

        One that can never arrive is given up: CloudFormation has long stopped listening.

        Raises:
            DeliveryFailed: It did not arrive. It stays written down, and the next wake-up sends the same
                bytes.
        """
        names = {
            "request_id": answer.request_id,
            "status": answer.outcome.status,
            "code": answer.outcome.code,
        }
        try:
            self._ports.responses.send(answer.url, answer.outcome.body)
        except DeliveryFailed as error:
            logger.warning("the answer is sent again at the next wake-up: %s", error, extra=names)
            self._measure_failure(answer)
            raise
        except Undeliverable as error:
            logger.error("the answer can never arrive: %s", error, extra=names)
            self._measure_failure(answer)
            self._close(answer, Phase.DROPPED)
        else:
            self._close(answer, Phase.ANSWERED)
            logger.info("answered", extra={**names, "reason": answer.outcome.reason})

    def _measure_failure(self, answer: Answer) -> None:
        self._ports.metrics.record(measurements.delivery_failed({"request_id": answer.request_id}))

    def _close(self, answer: Answer, phase: Phase) -> None:
        operation = answer.operation
        if operation is not None and (operation.progress.signals or operation.progress.owes):
            # What follows the answer may have been begun by whoever sent the same answer before.
            operation = self._ports.operations.load_operation(answer.owner, answer.request_id)
        if operation is None or operation.progress.written != answer.outcome:
            return
        if phase is Phase.ANSWERED and operation.progress.follows:
            self._records.follow(operation)
        else:
            self._records.close(operation, phase)


def refuse(event: Mapping[str, Any], error: ProviderError) -> Answer:
    """Returns the answer to an event that is no request, but says where an answer goes.

    Raises:
        Unanswerable: It does not even say that.
    """
    if not is_answerable(event):
        raise Unanswerable(str(error))
    owner, request_id = Owner(event["StackId"], event["LogicalResourceId"]), event["RequestId"]
    physical_id = event.get("PhysicalResourceId")
    failure_id = physical_id if bounds.is_physical_id(physical_id) else marker_id(owner)
    outcome = response.failure(_Addressee(owner, request_id), str(failure_id), error, log_group="")
    return Answer(owner, request_id, event["ResponseURL"], outcome)
