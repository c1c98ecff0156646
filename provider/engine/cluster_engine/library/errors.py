"""Maps the library's exceptions to codes of docs/reference/engine.md, by class and the gate's record."""

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pcluster.api import encoder, errors
from pcluster.cli.exceptions import ParameterException
from pcluster.utils import get_installed_version

from cluster_engine.contract import EngineAction, EngineError
from cluster_engine.error_codes import THROTTLING_CODES
from cluster_engine.gate import Gate, GaveUpError, Refusal
from cluster_engine.library.faults import without_python

logger = logging.getLogger(__name__)

Content = dict[str, Any]

#: The one message that is matched by text, because no class distinguishes this refusal.
#: Source: pcluster/models/cluster.py, Cluster._validate_patch.
NO_CHANGES = re.compile(r"No changes found in your cluster configuration")

#: Actions that need a stack name that is not in use.
CREATES: frozenset[EngineAction] = frozenset({"create", "build-image"})

#: The name or the client request token is in use. Source: CloudFormation's API reference, CreateStack.
TAKEN_CODES = frozenset({"AlreadyExistsException", "TokenAlreadyExistsException"})


def engine_error(action: EngineAction, name: str, error: Exception, gate: Gate) -> EngineError:
    """Returns the error of docs/reference/engine.md for an exception. What the gate recorded wins."""
    content = content_of(error)
    message = content.get("message") or str(error) or type(error).__name__
    message = without_python(message.removeprefix("Bad Request: "), _causes(error))
    if stopped := _stopped_here(gate):
        return stopped
    if _was_unanswered(error, content, gate):
        return EngineError("Throttled", f"AWS did not answer: {message}")
    if gate.refusal is not None:
        return _refused(action, name, gate.refusal, gate)
    if gate.protected_image:
        return EngineError(
            "NotFound", f"This resource did not build the image {name}, so it was not deleted."
        )
    match error:
        case (
            errors.CreateClusterBadRequestException()
            | errors.UpdateClusterBadRequestException()
            | errors.BuildImageBadRequestException()
        ):
            return _rejected(message, content)
        case errors.NotFoundException():
            return EngineError("NotFound", message)
        case errors.ConflictException():
            return EngineError("AlreadyExists" if action in CREATES else "ClusterBusy", message)
        case errors.BadRequestException():
            return _bad_request(action, message, gate)
        case ParameterException():
            return EngineError("BadRequest", str(error.data.get("message", message)))
        case _:
            logger.error("the library failed", exc_info=error)
            return EngineError("Internal", message)


def _stopped_here(gate: Gate) -> EngineError | None:
    """Returns the error for a request that the engine itself stopped; None if it stopped none."""
    if gate.fenced:
        return EngineError("Fenced", f"Not sent to AWS: {gate.fenced}")
    blocked = gate.uploads.blocked or gate.rules.refused
    return EngineError("BadRequest", str(blocked)) if blocked is not None else None


def content_of(error: Exception) -> Content:
    """Returns the content of an exception of the library's interface as plain JSON; empty for any other."""
    content = getattr(error, "content", None)
    if content is None:
        return {}
    decoded: Content = json.loads(encoder.JSONEncoder().encode(content))
    return decoded


def _was_unanswered(error: Exception, content: Content, gate: Gate) -> bool:
    """Whether AWS throttled or a connection failed, which says nothing about the request.

    The library reports every failure while it reads a configuration as an invalid configuration; only its own
    verdicts have messages. Source: pcluster/models/cluster.py, Cluster._validate_and_parse_config.
    """
    if gate.unanswered or isinstance(error, errors.LimitExceededException):
        return True
    if gate.refusal is not None or content.get("configurationValidationErrors"):
        return False
    return any(isinstance(cause, TimeoutError | ConnectionError) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields an error and its causes, each once: connection errors may be causes of each other."""
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _rejected(message: str, content: Content) -> EngineError:
    change_set = as_text(content.get("changeSet") or [])
    if refused := content.get("updateValidationErrors"):
        return EngineError("UpdateRejected", message, details=as_text(refused), change_set=change_set)
    messages = content.get("configurationValidationErrors") or []
    return EngineError("ClusterRejected", message, validation_messages=messages, change_set=change_set)


def as_text(changes: list[Content]) -> list[Content]:
    """Returns changes with values as text, as the library's interface states; 3.6.0 keeps their types."""
    return [{key: str(value) for key, value in change.items()} for change in changes]


def _bad_request(action: EngineAction, message: str, gate: Gate) -> EngineError:
    if NO_CHANGES.search(message):
        return EngineError("NoChanges", message)
    if gate.seen is None or action == "delete-image":
        return EngineError("BadRequest", message)
    if action in CREATES:  # a create asks for the name only to find it free
        return EngineError("AlreadyExists", message)
    if gate.seen.tags.get("parallelcluster:version") != str(get_installed_version()):
        return EngineError("VersionMismatch", message)
    return EngineError("BadRequest", message)


def _refused(action: EngineAction, name: str, refusal: Refusal, gate: Gate) -> EngineError:
    """Returns the error for a refusal of CloudFormation, by the stack's state where it can be read."""
    if refusal.code not in {*TAKEN_CODES, "ValidationError"}:
        return EngineError("Internal", f"CloudFormation refused: {refusal.message}")
    unknown = _look(name, gate)
    if action in CREATES:
        return unknown or EngineError(
            "AlreadyExists" if refusal.code in TAKEN_CODES else "BadRequest", refusal.message
        )
    if gate.seen is None:
        return unknown or EngineError("NotFound", refusal.message)
    busy = gate.seen.status.endswith("_IN_PROGRESS")
    return unknown or EngineError("ClusterBusy" if busy else "BadRequest", refusal.message)


def _look(name: str, gate: Gate) -> EngineError | None:
    """Describes the stack once more, for the gate to record. Returns the error if that fails, else None."""
    gate.seen = None
    try:
        boto3.client("cloudformation").describe_stacks(StackName=name)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ValidationError":
            return None  # there is no such stack
        return EngineError("Throttled" if code in THROTTLING_CODES else "Internal", str(error))
    except (BotoCoreError, GaveUpError) as error:
        return EngineError("Throttled" if gate.unanswered else "Internal", str(error))
    return None
