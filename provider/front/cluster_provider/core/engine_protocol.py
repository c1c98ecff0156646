"""The provider's side of the contract in docs/reference/engine.md: builds calls, and reads their results."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from cluster_provider.core import deadline
from cluster_provider.core.actions import Start
from cluster_provider.core.document import format_instant, from_document
from cluster_provider.core.engine import (
    CONFIGURED,
    EngineAction,
    EngineCall,
    EngineError,
    EngineResult,
)
from cluster_provider.core.errors import NotAccepted
from cluster_provider.core.identity import CUSTOM_RESOURCE_TAG, Owner
from cluster_provider.core.state import OperationRecord

CONTRACT = 1

#: Lambda's condition for an event that it kept for too long. Lambda makes no retries here, so the only cause
#: is a lack of concurrency.
#: Source: AWS Lambda developer guide, "Capturing records of Lambda asynchronous invocations".
_TOO_OLD = "EventAgeExceeded"

#: The form of a call's id. The engine passes the id to CloudFormation as client request token.
_CALL_ID = re.compile(r"[A-Za-z0-9-]{1,60}-\d+")

_SAFE_ID = re.compile(r"[A-Za-z0-9-]{1,60}")


def next_call(
    operation: OperationRecord, start: Start, version: str, now: datetime
) -> tuple[OperationRecord, EngineCall]:
    """Returns the engine call for a start, and the request with that call counted.

    The call's id derives from the request's id and the count. If a pass is repeated after a crash, it makes
    the same call again, not a second one.

    Args:
        operation: The request and the work on it.
        start: The decision.
        version: Version of the engine.
        now: The current time.
    """
    request, progress = operation.request, operation.progress
    number = progress.calls_made + 1
    request_id = request.request_id
    if not _SAFE_ID.fullmatch(request_id):
        request_id = hashlib.sha256(request_id.encode()).hexdigest()[:32]
    history = progress.history(start.action, start.cluster_name).with_try()
    call = EngineCall(
        call_id=f"{request_id}-{number}",
        request_id=request.request_id,
        action=start.action,
        cluster_name=start.cluster_name,
        sent_at=now,
        not_after=deadline.fence(now, operation.deadline_at),
        version=version,
    )
    progress = progress.with_history(start.action, start.cluster_name, history)
    return replace(operation, progress=replace(progress, calls_made=number)), call


def payload(operation: OperationRecord, start: Start, call: EngineCall) -> dict[str, Any]:
    """Returns the event with which an engine is invoked."""
    request, wanted = operation.request, operation.request.properties
    changes = start.action in CONFIGURED and wanted is not None
    # ParallelCluster refuses its own tags in an image's configuration.
    custom = CUSTOM_RESOURCE_TAG if start.action is not EngineAction.BUILD_IMAGE else {}
    tags = {**(operation.progress.tags or {}), **custom}
    return {
        "contract": CONTRACT,
        "call_id": call.call_id,
        "operation": start.action.value,
        "owner": {"stack_id": request.owner.stack_id, "logical_id": request.owner.logical_id},
        "request_id": request.request_id,
        "version": call.version,
        "region": request.owner.region,
        "cluster_name": start.cluster_name,
        "stack_id": start.stack_id,
        "not_after": format_instant(call.not_after),
        "configuration": wanted.configuration if wanted is not None and changes else None,
        "configuration_tags": tags if changes and not start.as_stored else {},
        "stack_tags": start.stack_tags,
        "arguments": {**(wanted.arguments if wanted is not None and changes else {}), **_further(start)},
        **({"mark": _mark(start)} if start.marks else {}),
    }


def _mark(start: Start) -> dict[str, Any]:
    previous_owner = start.instead_of
    if previous_owner is None:
        return {}
    return {"instead_of": {"stack_id": previous_owner.stack_id, "logical_id": previous_owner.logical_id}}


def _further(start: Start) -> dict[str, Any]:
    return {**start.arguments, "resemble_stored": True} if start.as_stored else start.arguments


def may_be_ours(client_request_token: str | None) -> bool:
    """Returns whether a stack event may result from an engine call.

    An event without a token may. An event with a token of another form than a call's id may not.
    """
    return not client_request_token or _CALL_ID.fullmatch(client_request_token) is not None


def parse_end(event: Mapping[str, Any]) -> tuple[Owner, str, EngineResult]:
    """Returns the owner, the call's id and the result from the end of an engine call.

    Source: AWS Lambda developer guide, "Capturing records of Lambda asynchronous invocations".

    Args:
        event: The event, as Lambda's destination sends it.

    Raises:
        ValueError: The event is not the end of an engine call.
    """
    call = event.get("requestPayload")
    if not isinstance(call, Mapping) or call.get("contract") != CONTRACT:
        raise ValueError("the record of an invocation that is not an engine call")
    owner = Owner(call["owner"]["stack_id"], call["owner"]["logical_id"])
    result = event.get("responsePayload")
    if isinstance(result, Mapping) and result.get("contract") == CONTRACT:
        return owner, call["call_id"], from_document(EngineResult, dict(result))
    code = "Throttled" if _never_ran(event) else "Internal"
    return owner, call["call_id"], EngineResult("failed", error=EngineError(code, _crash(event)))


def _never_ran(event: Mapping[str, Any]) -> bool:
    """Returns whether Lambda kept the call until it was too old, because it had no free concurrency."""
    return bool(event.get("requestContext", {}).get("condition") == _TOO_OLD)


def _crash(event: Mapping[str, Any]) -> str:
    """Returns Lambda's message about an engine that ended without a result."""
    condition = event.get("requestContext", {}).get("condition", "unknown")
    answer = event.get("responsePayload")
    message = answer.get("errorMessage") if isinstance(answer, Mapping) else None
    return f"the engine ended without a result ({condition}): {message or 'no message'}"


def not_started(error: NotAccepted) -> EngineResult:
    """Returns the result of a call that Lambda refused."""
    code = "Throttled" if error.passing else "Internal"
    return EngineResult("failed", error=EngineError(code, f"the engine was not started: {error}"))


def newest(versions: frozenset[str]) -> str:
    """Returns the newest of some ParallelCluster versions."""
    return max(versions, key=lambda version: tuple(int(part) for part in version.split(".")))
