"""Answers and signals: written down before they are sent, sent within bounds, and resent byte for byte."""

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
    """An outcome and where it goes. The URL is a credential: never logged.

    Args:
        owner: Whose request is answered.
        request_id: Which.
        url: Where the answer goes.
        outcome: What it says.
        operation: The request as it was written down with its answer; None for one that never was.
    """

    owner: Owner
    request_id: str
    url: str
    outcome: Outcome
    operation: OperationRecord | None = None


def write(
    operation: OperationRecord, record: OwnerRecord, action: Succeed | Fail, log_group: str
) -> Progress:
    """Returns the progress with the answer in it, or with the signal once the answer has been given.

    Args:
        operation: The request and the work on it.
        record: What is known of its owner.
        action: How it ends.
        log_group: Named where something does not fit.
    """
    progress = operation.progress
    if progress.phase is Phase.FOLLOWING:
        signal = _signal(operation, record, action, log_group)
        return replace(progress, phase=Phase.SIGNALLING, signal=signal)
    outcome = _outcome(operation, record, action, log_group)
    return replace(progress, phase=Phase.ANSWERING, outcome=outcome)


def written(operation: OperationRecord) -> Answer:
    """Returns what was written down and is to be sent, byte for byte.

    Raises:
        LookupError: Nothing was.
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
    """The attributes, and ParallelCluster's messages after the provider's own; these are logged whole."""
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
    """Who is answered about an event that never became a request."""

    owner: Owner
    request_id: str


class Delivery:
    """Sends answers and signals, and records that they arrived.

    Args:
        ports: The world.
        repository: Where answers are recorded.
    """

    def __init__(self, ports: Ports, repository: Repository) -> None:
        self._ports = ports
        self._repository = repository

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
        if operation is not None and (operation.progress.signals or operation.progress.fleet_restart_pending):
            # What follows the answer may have been begun by whoever sent the same answer before.
            operation = self._ports.store.load_operation(answer.owner, answer.request_id)
        if operation is None or operation.progress.written != answer.outcome:
            return
        if phase is Phase.ANSWERED and operation.progress.follows:
            self._repository.follow(operation)
        else:
            self._repository.close(operation, phase)


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
