"""What the library raises becomes a code of docs/engine.md: by its class, and by what the gate saw."""

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

from cluster_engine.error_codes import THROTTLING_CODES
from cluster_engine.errors import EngineError
from cluster_engine.gate import Gate, GaveUpError, Refusal
from cluster_engine.library.faults import without_python

logger = logging.getLogger(__name__)

Content = dict[str, Any]

#: The one text that has to be read: no class tells this refusal from others.
#: Source: pcluster/models/cluster.py, Cluster._validate_patch.
NO_CHANGES = re.compile(r"No changes found in your cluster configuration")

#: Operations that make a stack of a name that has to be free.
CREATES = frozenset({"create", "build-image"})

#: A name, or a client request token, that is taken. Source: CloudFormation's API reference, CreateStack.
TAKEN_CODES = frozenset({"AlreadyExistsException", "TokenAlreadyExistsException"})


def engine_error(operation: str, name: str, error: Exception, gate: Gate) -> EngineError:
    """Maps whatever the library raised to a code of docs/engine.md. What the gate saw comes first."""
    content = content_of(error)
    message = content.get("message") or str(error) or type(error).__name__
    message = without_python(message.removeprefix("Bad Request: "), _causes(error))
    if stopped := _stopped_here(gate):
        return stopped
    if _was_unanswered(error, content, gate):
        return EngineError("Throttled", f"AWS did not answer: {message}")
    if gate.refusal is not None:
        return _refused(operation, name, gate.refusal, gate)
    if gate.protected_image:
        return EngineError(
            "NotFound", f"The image {name} is not of this resource's making; it was left alone."
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
            return EngineError("AlreadyExists" if operation in CREATES else "ClusterBusy", message)
        case errors.BadRequestException():
            return _bad_request(operation, message, gate)
        case ParameterException():
            return EngineError("BadRequest", str(error.data.get("message", message)))
        case _:
            logger.error("the library failed", exc_info=error)
            return EngineError("Internal", message)


def _stopped_here(gate: Gate) -> EngineError | None:
    """What the engine itself did not let through, whatever the library made of that."""
    if gate.fenced:
        return EngineError("Fenced", f"Not sent to CloudFormation: {gate.not_after.isoformat()} had passed.")
    blocked = gate.uploads.blocked or gate.rules.refused
    return EngineError("BadRequest", str(blocked)) if blocked is not None else None


def content_of(error: Exception) -> Content:
    """Returns what an exception of the library's interface carries, as plain JSON; empty for any other."""
    content = getattr(error, "content", None)
    if content is None:
        return {}
    decoded: Content = json.loads(encoder.JSONEncoder().encode(content))
    return decoded


def _was_unanswered(error: Exception, content: Content, gate: Gate) -> bool:
    """Whether a connection or AWS's patience failed, which says nothing about the request.

    The library calls a configuration invalid whatever goes wrong while it reads it; a verdict of its own has
    messages. Source: pcluster/models/cluster.py, Cluster._validate_and_parse_config.
    """
    if gate.unanswered or isinstance(error, errors.LimitExceededException):
        return True
    if gate.refusal is not None or content.get("configurationValidationErrors"):
        return False
    return any(isinstance(cause, TimeoutError | ConnectionError) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields an error and what it came of, each once: errors of connections may name each other."""
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
    """Returns changes with their values as text, as the library's interface says; 3.6.0 leaves the types."""
    return [{key: str(value) for key, value in change.items()} for change in changes]


def _bad_request(operation: str, message: str, gate: Gate) -> EngineError:
    if NO_CHANGES.search(message):
        return EngineError("NoChanges", message)
    if gate.seen is None or operation == "delete-image":
        return EngineError("BadRequest", message)
    if operation in CREATES:  # a create asks for the name only to find it free
        return EngineError("AlreadyExists", message)
    if gate.seen.tags.get("parallelcluster:version") != str(get_installed_version()):
        return EngineError("VersionMismatch", message)
    return EngineError("BadRequest", message)


def _refused(operation: str, name: str, refusal: Refusal, gate: Gate) -> EngineError:
    """Tells what CloudFormation's refusal of the mutating request was about, from facts where it can."""
    if refusal.code not in {*TAKEN_CODES, "ValidationError"}:
        return EngineError("Internal", f"CloudFormation refused: {refusal.message}")
    unknown = _look(name, gate)
    if operation in CREATES:
        return unknown or EngineError(
            "AlreadyExists" if refusal.code in TAKEN_CODES else "BadRequest", refusal.message
        )
    if gate.seen is None:
        return unknown or EngineError("NotFound", refusal.message)
    busy = gate.seen.status.endswith("_IN_PROGRESS")
    return unknown or EngineError("ClusterBusy" if busy else "BadRequest", refusal.message)


def _look(name: str, gate: Gate) -> EngineError | None:
    """Asks for the stack once more; the gate notes what is seen. Returns what kept it from an answer."""
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
