"""Invokes functions, which run in pools of execution environments."""

import json
import queue
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from moto.awslambda.utils import get_backend

from localcloud.clock import clock
from localcloud.functions.asynchronous import AsynchronousInvocations
from localcloud.functions.concurrency import Concurrency, Reason
from localcloud.functions.destinations import AsyncEvent
from localcloud.functions.environment import Outcome
from localcloud.functions.errors import (
    Caller,
    InvalidRequestContentError,
    InvokeDeniedError,
    RecursiveInvocationError,
    RequestTooLargeError,
    ThrottledError,
)
from localcloud.functions.models import Function
from localcloud.functions.permissions import lets_invoke
from localcloud.functions.pool import FunctionPool, Job, WarmEnvironments
from localcloud.functions.process import Settings
from localcloud.functions.records import Attempt, Ending, InvocationRecord, Records
from localcloud.functions.recursion import extend
from localcloud.metrics import put_invocation
from localcloud.resources.model import Place

#: Source: AWS Lambda quotas, invocation payload.
SYNC_LIMIT_BYTES = 6 * 1024 * 1024
ASYNC_LIMIT_BYTES = 1024 * 1024


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


class Functions:
    """All functions of the cloud, with their pools and the records of their invocations."""

    def __init__(self) -> None:
        self.records = Records()
        self._asynchronous = AsynchronousInvocations(self)
        self._settings: Settings | None = None
        self._warm = WarmEnvironments(0)
        self.concurrency = Concurrency()
        self._lock = threading.Lock()
        self._pools: dict[str, FunctionPool] = {}

    def configure(self, settings: Settings) -> None:
        """Sets what all functions share; call it before any invocation."""
        self._settings = settings
        self._warm = WarmEnvironments(settings.idle)
        self.concurrency = Concurrency(settings.account_concurrency)

    @property
    def settings(self) -> Settings:
        """What all functions share.

        Raises:
            RuntimeError: ``configure`` has not been called.
        """
        if self._settings is None:
            raise RuntimeError("functions are not configured: call localcloud.functions.install first")
        return self._settings

    def find(self, name_or_arn: str) -> Function:
        """Returns a function, or the version of it that a qualifier names.

        Raises:
            UnknownFunctionException: There is none.
        """
        fields = name_or_arn.split(":")
        settings = self.settings
        account, region = (
            (fields[4], fields[3]) if fields[0] == "arn" else (settings.account, settings.region)
        )
        return cast(Function, get_backend(account, region).get_function(name_or_arn))

    def invoke(
        self, function_arn: str, payload: bytes, caller: Caller | None = None, lineage: str = ""
    ) -> Result:
        """Runs a function and waits for its end.

        Args:
            function_arn: ARN or name, with or without a qualifier.
            payload: JSON text.
            caller: The service that asks, where the function's policy has to allow it.
            lineage: The chain of invocations that the request belongs to.

        Raises:
            LambdaClientError: Unknown function, not allowed, throttled, in a loop, payload too large or not
                JSON.
        """
        outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        function, request_id = self._start(function_arn, payload, outcomes.put, caller, lineage)
        with clock.resting():
            outcome = outcomes.get()
        error = None if outcome.ending == "success" else "Unhandled"
        return Result(request_id, outcome.payload, error, str(function.version), outcome.log_tail)

    def begin(self, function_arn: str, payload: bytes, ended: Callable[[bytes | None], None]) -> None:
        """Invokes a function as ``invoke`` does, but does not wait.

        Args:
            function_arn: ARN or name, with or without a qualifier.
            payload: JSON text.
            ended: Called in another thread with the result, None if the function failed.

        Raises:
            LambdaClientError: As for ``invoke``.
        """
        self._start(
            function_arn,
            payload,
            lambda outcome: ended(outcome.payload if outcome.ending == "success" else None),
        )

    def _start(
        self,
        function_arn: str,
        payload: bytes,
        done: Callable[[Outcome], None],
        caller: Caller | None = None,
        lineage: str = "",
    ) -> tuple[Function, str]:
        """Starts a synchronous invocation and returns the function and the request id."""
        function = self.find(function_arn)
        invoked_arn = _invoked(function, function_arn)
        attempt = Attempt(str(uuid.uuid4()), payload, invoked_arn, "RequestResponse", lineage=lineage)
        self._check(function, attempt, SYNC_LIMIT_BYTES, caller)
        if reason := self.run(function, attempt, done):
            raise RecursiveInvocationError if reason == "Loop" else ThrottledError(reason)
        return function, attempt.request_id

    def invoke_async(
        self, function_arn: str, payload: bytes, caller: Caller | None = None, lineage: str = ""
    ) -> str:
        """Puts an event into a function's asynchronous queue and returns the request id; see ``invoke``."""
        function = self.find(function_arn)
        source = caller.source_arn if caller else ""
        attempt = Attempt(
            str(uuid.uuid4()), payload, _invoked(function, function_arn), "Event", source=source
        )
        self._check(function, attempt, ASYNC_LIMIT_BYTES, caller)
        self._asynchronous.accept(
            AsyncEvent(
                request_id=attempt.request_id,
                payload=payload,
                function_arn=attempt.invoked_arn,
                qualified_arn=f"{function.unqualified_arn}:{function.version}",
                version=str(function.version),
                accepted_at=clock.now(),
                source=source,
                lineage=lineage,
            )
        )
        return attempt.request_id

    def run(self, function: Function, attempt: Attempt, done: Callable[[Outcome], None]) -> Reason | None:
        """Runs one attempt when an environment is free, records its outcome and calls ``done``.

        Returns:
            Why it is not run; None if it runs.
        """
        lineage = extend(attempt.lineage, function.unqualified_arn)
        if lineage is None:
            self.note(function, attempt, "refused", "Loop")
            return "Loop"
        deployment = function.deployment(self.settings.folder)
        backend = get_backend(function.account_id, function.region)
        if reason := self.concurrency.acquire(function, cast(list[Function], backend.list_functions())):
            self.note(function, attempt, "throttled", reason)
            return reason
        started_at = clock.now()

        def ended(outcome: Outcome) -> None:
            self.concurrency.release(function)
            self._add(
                deployment.function_name,
                attempt,
                started_at,
                outcome.ending,
                outcome.error,
                duration_ms=round(outcome.duration_ms, 1),
                cold=outcome.cold,
                max_rss_mb=outcome.max_rss_mb,
                log_file=str(outcome.log_file),
            )
            done(outcome)

        with self._lock:
            pool = self._pools.setdefault(deployment.qualified_arn, FunctionPool(self.settings, self._warm))
        pool.submit(Job(deployment, replace(attempt, lineage=lineage), ended), self.settings.concurrency)
        return None

    def note(self, function: Function, attempt: Attempt, ending: Ending, error: str) -> None:
        """Records an attempt that did not reach the function."""
        self._add(function.function_name, attempt, clock.now(), ending, error)

    def forget(self, function_arn: str) -> None:
        """Ends the processes of a deleted function or version; running invocations finish."""
        with self._lock:
            arns = [arn for arn in self._pools if f"{arn}:".startswith(f"{function_arn}:")]
            ended = [self._pools.pop(arn) for arn in arns]
        for pool in ended:
            pool.retire()

    def stop(self) -> None:
        """Ends all processes."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            pool.stop()

    def _add(
        self, name: str, attempt: Attempt, at: datetime, ending: Ending, error: str | None, **fields: Any
    ) -> None:
        record = InvocationRecord(
            name,
            attempt.request_id,
            attempt.kind,
            attempt.number,
            at,
            ending,
            error,
            source=attempt.source,
            **fields,
        )
        self.records.add(record)
        put_invocation(Place(self.settings.account, self.settings.region), record)

    def _check(self, function: Function, attempt: Attempt, limit_bytes: int, caller: Caller | None) -> None:
        if caller is not None and not _may_invoke(function, caller):
            denied = InvokeDeniedError(caller, attempt.invoked_arn)
            self.note(function, attempt, "refused", denied.message)
            raise denied
        if len(attempt.payload) > limit_bytes:
            raise RequestTooLargeError(len(attempt.payload), attempt.kind, limit_bytes)
        try:
            json.loads(attempt.payload)
        except ValueError as error:
            raise InvalidRequestContentError(str(error)) from error


def qualifier_of(name_or_arn: str) -> str | None:
    """Returns the version or alias at the end of a function's name or ARN, if there is one."""
    fields = name_or_arn.split(":")
    position = 7 if fields[0] == "arn" else 1
    return fields[position] if len(fields) > position else None


def _invoked(function: Function, asked_for: str) -> str:
    qualifier = qualifier_of(asked_for)
    return f"{function.unqualified_arn}:{qualifier}" if qualifier else function.unqualified_arn


def _may_invoke(function: Function, caller: Caller) -> bool:
    return lets_invoke(function.policy.statements, caller.service, caller.source_arn, function.account_id)


#: The process's functions.
functions = Functions()
