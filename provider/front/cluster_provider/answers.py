"""What is sent: the answer to a request, and the signal that may follow it to a wait condition."""

import logging
from dataclasses import dataclass, replace

from cluster_provider.core import fleet, image, information, response
from cluster_provider.core.actions import Fail, Succeed
from cluster_provider.core.attributes import attributes
from cluster_provider.core.identity import Owner
from cluster_provider.core.kinds import Kind
from cluster_provider.core.progress import Outcome, Phase, Progress
from cluster_provider.core.record import OperationRecord, OwnerRecord
from cluster_provider.core.request import RequestType

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
        found = information.values(request.kind, action.description)
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
    level, sentence = fleet.told(record.clusters.get(operation.progress.cluster_name), operation.progress)
    if sentence:
        messages.insert(0, {"level": level, "type": fleet.MESSAGE_TYPE, "message": sentence})
    if messages:
        logger.info("validation messages", extra={**operation.names, "validation_messages": messages})
    if operation.request.kind is Kind.IMAGE:
        found = action.description.image if action.description is not None else None
        return image.values(action.cluster, found), messages
    described = action.description.cluster if action.description is not None else None
    return attributes(action.cluster, described, record.login_pools), messages
