"""Builds answers and signals, sends them within bounds, and resends them byte for byte.

This is the stage effect -> response of the flow. An answer goes to CloudFormation's response URL, and a
signal to the handle of a wait condition. Both are recorded before they are sent.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cluster_provider.core import attributes, bounds, compute_fleet, measurements, response
from cluster_provider.core.actions import Fail, Succeed
from cluster_provider.core.attributes import cluster_attributes
from cluster_provider.core.errors import DeliveryFailed, ProviderError, Unanswerable, Undeliverable
from cluster_provider.core.identity import Kind, Owner, marker_id
from cluster_provider.core.request import RequestType, is_answerable
from cluster_provider.core.state import OperationRecord, Outcome, OwnerRecord, Phase, Progress
from cluster_provider.ports import Ports
from cluster_provider.repository import Repository

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """An outcome and its destination. The URL is a credential and must never be logged.

    Args:
        owner: The owner whose request is answered.
        request_id: The request.
        url: The destination.
        outcome: The content.
        operation: The request as it was recorded with its answer; None for an event that was never recorded.
    """

    owner: Owner
    request_id: str
    url: str
    outcome: Outcome
    operation: OperationRecord | None = None


def write(
    operation: OperationRecord, record: OwnerRecord, action: Succeed | Fail, log_group: str
) -> Progress:
    """Returns the progress with the answer; with the signal if the answer has been sent already.

    Args:
        operation: The request and the work on it.
        record: The owner's record.
        action: The decision.
        log_group: The provider's log group, named in an answer that had to be truncated.
    """
    progress = operation.progress
    if progress.phase is Phase.FOLLOWING:
        signal = _signal(operation, record, action, log_group)
        return replace(progress, phase=Phase.SIGNALLING, signal=signal)
    outcome = _outcome(operation, record, action, log_group)
    return replace(progress, phase=Phase.ANSWERING, outcome=outcome)


def written(operation: OperationRecord) -> Answer:
    """Returns the recorded answer or signal, to be sent byte for byte.

    Raises:
        LookupError: None is recorded.
    """
    request, progress = operation.request, operation.progress
    url, outcome = request.response_url, progress.outcome
    if progress.phase is Phase.SIGNALLING:
        url, outcome = request.signal_url or "", progress.signal
    if outcome is None:
        raise LookupError(f"request {request.request_id} is being answered without an outcome")
    return Answer(request.owner, request.request_id, url, outcome, operation)


def _outcome(
    operation: OperationRecord, record: OwnerRecord, action: Succeed | Fail, log_group: str
) -> Outcome:
    request = operation.request
    if isinstance(action, Fail):
        return response.failure(request, action.physical_id, action.error, log_group)
    if request.type is RequestType.DELETE:
        return response.success(request, action.physical_id, {}, [], log_group)
    if request.kind.is_read_only:
        found = attributes.information_attributes(request.kind, action.description)
        return response.success(request, action.physical_id, found, None, log_group)
    data, messages = _values(operation, record, action)
    return response.success(request, action.physical_id, data, messages, log_group)


def _signal(
    operation: OperationRecord, record: OwnerRecord, action: Succeed | Fail, log_group: str
) -> Outcome:
    if isinstance(action, Fail):
        return response.signal_failure(action.physical_id, action.error, log_group)
    data, messages = _values(operation, record, action)
    return response.signal_success(action.physical_id, data, messages, log_group)


def _values(
    operation: OperationRecord, record: OwnerRecord, action: Succeed
) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Returns the attributes, and the provider's messages followed by ParallelCluster's.

    All messages are logged in full.
    """
    messages = [*operation.progress.notes, *operation.progress.validation_messages]
    level, sentence = compute_fleet.describe_restart(
        record.clusters.get(operation.progress.cluster_name), operation.progress
    )
    if sentence:
        messages.insert(0, {"level": level, "type": compute_fleet.MESSAGE_TYPE, "message": sentence})
    if messages:
        logger.info("validation messages", extra={**operation.names, "validation_messages": messages})
    if operation.request.kind is Kind.IMAGE:
        found = action.description.image if action.description is not None else None
        return attributes.image_attributes(action.cluster, found), messages
    described = action.description.cluster if action.description is not None else None
    return cluster_attributes(action.cluster, described, record.login_pools), messages


logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Addressee:
    """The addressee of an answer to an event that never became a request."""

    owner: Owner
    request_id: str


class Delivery:
    """Sends answers and signals, and records that they arrived.

    Args:
        ports: The outside world.
        repository: Changes records.
    """

    def __init__(self, ports: Ports, repository: Repository) -> None:
        self._ports = ports
        self._repository = repository

    def deliver(self, answer: Answer) -> None:
        """Sends an answer or a signal, and closes its request.

        If it can never arrive, the request is dropped: CloudFormation no longer accepts it.

        Raises:
            DeliveryFailed: It did not arrive. It stays recorded, and the next pass sends the same bytes.
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
        if operation is not None and (operation.progress.signals or operation.progress.fleet_restart_pending):
            # Another invocation may have delivered the same answer already, and started the work that follows
            # it. The stored record shows whether it has.
            operation = self._ports.store.load_operation(answer.owner, answer.request_id)
        if operation is None or operation.progress.written != answer.outcome:
            return
        if phase is Phase.ANSWERED and operation.progress.follows:
            self._repository.follow(operation)
        else:
            self._repository.close(operation, phase)


def refuse(event: Mapping[str, Any], error: ProviderError) -> Answer:
    """Returns the FAILED answer to an event that cannot become a request.

    Raises:
        Unanswerable: The event has no usable response URL or no owner.
    """
    if not is_answerable(event):
        raise Unanswerable(str(error))
    owner, request_id = Owner(event["StackId"], event["LogicalResourceId"]), event["RequestId"]
    physical_id = event.get("PhysicalResourceId")
    failure_id = physical_id if bounds.is_physical_id(physical_id) else marker_id(owner)
    outcome = response.failure(_Addressee(owner, request_id), str(failure_id), error, log_group="")
    return Answer(owner, request_id, event["ResponseURL"], outcome)
