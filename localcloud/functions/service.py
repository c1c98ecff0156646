"""Invoking functions: synchronously, and asynchronously with retries, destinations and dead letters."""

import json
import logging
import queue
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.utils import get_backend

from localcloud.clock import clock
from localcloud.functions.destinations import (
    AsyncEvent,
    Condition,
    invocation_record,
    send_to_dead_letters,
    send_to_queue,
)
from localcloud.functions.environment import Outcome, Settings
from localcloud.functions.models import Function
from localcloud.functions.permissions import allows
from localcloud.functions.pool import FunctionPool, Job
from localcloud.functions.records import Ending, InvocationRecord, Kind, Records

_LOG = logging.getLogger(__name__)

#: Source: AWS Lambda quotas, invocation payload.
SYNC_LIMIT_BYTES = 6 * 1024 * 1024
ASYNC_LIMIT_BYTES = 1024 * 1024
#: Source: AWS Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation".
RETRY_DELAYS_S = (60, 120)
MAXIMUM_EVENT_AGE_S = 21_600


@dataclass(frozen=True)
class Result:
    """What a synchronous invocation returns.

    Attributes:
        function_error: ``Unhandled`` if the function failed, else nothing.
    """

    request_id: str
    payload: bytes
    function_error: str | None
    executed_version: str
    log_tail: bytes


@dataclass(frozen=True)
class Caller:
    """A service that invokes a function on behalf of a resource; the function's policy must allow it."""

    service: str
    source_arn: str


class RequestTooLargeError(LambdaClientError):
    """The payload exceeds what this kind of invocation takes."""

    code = 413

    def __init__(self, size_bytes: int, kind: Kind, limit_bytes: int) -> None:
        super().__init__(
            "RequestTooLargeException",
            f"{size_bytes} byte payload is too large for the {kind} invocation type "
            f"(limit {limit_bytes} bytes)",
        )


class ThrottledError(LambdaClientError):
    """The function's reserved concurrency is 0."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


class InvokeDeniedError(LambdaClientError):
    """The function's resource policy does not let the caller invoke it."""

    code = 403

    def __init__(self, caller: Caller, function_arn: str) -> None:
        super().__init__(
            "AccessDeniedException",
            f"{caller.service} (on behalf of {caller.source_arn}) is not authorized to perform: "
            f"lambda:InvokeFunction on resource: {function_arn} because no resource-based policy allows "
            "the lambda:InvokeFunction action",
        )


class InvalidRequestContentError(LambdaClientError):
    """The payload is not JSON."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "InvalidRequestContentException", f"Could not parse request body into json: {reason}"
        )


class Functions:
    """All functions of the cloud: their pools, and what became of their invocations."""

    def __init__(self) -> None:
        self.records = Records()
        self._settings: Settings | None = None
        self._lock = threading.Lock()
        self._pools: dict[str, FunctionPool] = {}

    def configure(self, settings: Settings) -> None:
        """Says where functions live; call it before any invocation."""
        self._settings = settings

    @property
    def settings(self) -> Settings:
        """What all functions share.

        Raises:
            RuntimeError: ``configure`` has not been called.
        """
        if self._settings is None:
            raise RuntimeError("functions are not configured: call localcloud.functions.install first")
        return self._settings

    def invoke(self, function_arn: str, payload: bytes, caller: Caller | None = None) -> Result:
        """Runs a function and waits for its end.

        Args:
            function_arn: ARN or name, with or without a qualifier.
            payload: JSON text.
            caller: The service that asks, where the function's policy has to allow it.

        Raises:
            LambdaClientError: Unknown function, not allowed, throttled, payload too large or not JSON.
        """
        function = self._check(function_arn, payload, "RequestResponse", SYNC_LIMIT_BYTES, caller)
        request_id = str(uuid.uuid4())
        if _reserved(function) == 0:
            self._record_unrun(function, request_id, "RequestResponse", "throttled", "no concurrency")
            raise ThrottledError
        outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._run(function, request_id, payload, kind="RequestResponse", attempt=1, done=outcomes.put)
        outcome = outcomes.get()
        error = None if outcome.ending == "success" else "Unhandled"
        return Result(request_id, outcome.payload, error, str(function.version), outcome.log_tail)

    def invoke_async(self, function_arn: str, payload: bytes, caller: Caller | None = None) -> str:
        """Puts an event into a function's asynchronous queue and returns the request id; see ``invoke``."""
        function = self._check(function_arn, payload, "Event", ASYNC_LIMIT_BYTES, caller)
        event = AsyncEvent(
            request_id=str(uuid.uuid4()),
            payload=payload,
            function_arn=function_arn,
            qualified_arn=f"{function.unqualified_arn}:{function.version}",
            version=str(function.version),
            accepted_at=clock.now(),
        )
        clock.call_later(0, lambda: self._attempt(event, None))
        return event.request_id

    def forget(self, function_arn: str) -> None:
        """Ends the processes of a function that was deleted.

        Args:
            function_arn: Without a qualifier.
        """
        with self._lock:
            ended = [self._pools.pop(arn) for arn in list(self._pools) if arn.startswith(f"{function_arn}:")]
        for pool in ended:
            pool.stop()

    def stop(self) -> None:
        """Ends all processes."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            pool.stop()

    def _check(
        self, function_arn: str, payload: bytes, kind: Kind, limit_bytes: int, caller: Caller | None
    ) -> Function:
        function = _find(function_arn, self.settings)
        if caller is not None and not _may_invoke(function, caller):
            denied = InvokeDeniedError(caller, function_arn)
            self._record_unrun(function, str(uuid.uuid4()), kind, "refused", denied.message)
            raise denied
        if len(payload) > limit_bytes:
            raise RequestTooLargeError(len(payload), kind, limit_bytes)
        try:
            json.loads(payload)
        except ValueError as error:
            raise InvalidRequestContentError(str(error)) from error
        return function

    def _run(
        self,
        function: Function,
        request_id: str,
        payload: bytes,
        *,
        kind: Kind,
        attempt: int,
        done: Callable[[Outcome], None],
    ) -> None:
        deployment = function.deployment(self.settings.folder)
        started_at = clock.now()

        def ended(outcome: Outcome) -> None:
            self.records.add(
                InvocationRecord(
                    function=deployment.function_name,
                    request_id=request_id,
                    kind=kind,
                    attempt=attempt,
                    started_at=started_at,
                    duration_ms=round(outcome.duration_ms, 1),
                    cold=outcome.cold,
                    outcome=outcome.ending,
                    error=outcome.error,
                    max_rss_mb=outcome.max_rss_mb,
                    log_file=str(outcome.log_file),
                )
            )
            done(outcome)

        with self._lock:
            pool = self._pools.setdefault(deployment.qualified_arn, FunctionPool(self.settings))
        reserved = _reserved(function)
        limit = self.settings.concurrency if reserved is None else min(reserved, self.settings.concurrency)
        pool.submit(Job(deployment, request_id, payload, deployment.qualified_arn, ended), limit)

    def _attempt(self, event: AsyncEvent, last: Outcome | None) -> None:
        """Gives a queued event to its function, unless it has become too old or nothing may run."""
        try:
            function = _find(event.function_arn, self.settings)
        except LambdaClientError as error:  # deleted while the event waited: Lambda drops it, too
            _LOG.warning("event %s dropped: %s", event.request_id, error)
            return
        config = _event_config(function)
        age_s = (clock.now() - event.accepted_at).total_seconds()
        if age_s > config.get("MaximumEventAgeInSeconds", MAXIMUM_EVENT_AGE_S):
            self._give_up(function, event, "EventAgeExceeded", last)
        elif _reserved(function) == 0:
            self._record_unrun(function, event.request_id, "Event", "throttled", "no concurrency")
            self._give_up(function, event, "RetriesExhausted", last)
        else:
            tried = replace(event, attempts=event.attempts + 1)
            self._run(
                function,
                event.request_id,
                event.payload,
                kind="Event",
                attempt=tried.attempts,
                done=lambda outcome: self._ended(function, tried, outcome),
            )

    def _ended(self, function: Function, event: AsyncEvent, outcome: Outcome) -> None:
        if outcome.ending == "success":
            self._send(_destination(function, "OnSuccess"), event, "Success", outcome)
        elif event.attempts > _event_config(function).get("MaximumRetryAttempts", len(RETRY_DELAYS_S)):
            self._give_up(function, event, "RetriesExhausted", outcome)
        else:
            delay_s = RETRY_DELAYS_S[event.attempts - 1]
            clock.call_later(delay_s, lambda: self._attempt(event, outcome))

    def _give_up(
        self, function: Function, event: AsyncEvent, condition: Condition, outcome: Outcome | None
    ) -> None:
        self._send(_destination(function, "OnFailure"), event, condition, outcome)
        if dead_letters := function.dead_letter_config.get("TargetArn"):
            send_to_dead_letters(dead_letters, event, outcome)

    def _send(
        self, destination: str | None, event: AsyncEvent, condition: Condition, outcome: Outcome | None
    ) -> None:
        if not destination:
            return
        body = json.dumps(invocation_record(event, condition, outcome))
        if destination.split(":")[2] == "lambda":
            self.invoke_async(destination, body.encode())
        else:
            send_to_queue(destination, body)

    def _record_unrun(
        self, function: Function, request_id: str, kind: Kind, ending: Ending, error: str
    ) -> None:
        self.records.add(
            InvocationRecord(
                function=function.function_name,
                request_id=request_id,
                kind=kind,
                attempt=0,
                started_at=clock.now(),
                duration_ms=0,
                cold=False,
                outcome=ending,
                error=error,
                max_rss_mb=None,
                log_file=None,
            )
        )


def _find(function_arn: str, settings: Settings) -> Function:
    fields = function_arn.split(":")
    is_arn = fields[0] == "arn"
    account, region = (fields[4], fields[3]) if is_arn else (settings.account, settings.region)
    return cast(Function, get_backend(account, region).get_function(function_arn))


def _may_invoke(function: Function, caller: Caller) -> bool:
    statements: list[dict[str, Any]] = function.policy.statements
    return allows(statements, caller.service, caller.source_arn, function.account_id)


def _reserved(function: Function) -> int | None:
    return None if function.reserved_concurrency is None else int(function.reserved_concurrency)


def _event_config(function: Function) -> dict[str, Any]:
    config: dict[str, Any] = function.event_invoke_config[0].config if function.event_invoke_config else {}
    return config


def _destination(function: Function, condition: str) -> str | None:
    configured = (_event_config(function).get("DestinationConfig") or {}).get(condition) or {}
    destination: str | None = configured.get("Destination") or None
    return destination


#: The process's functions.
functions = Functions()
