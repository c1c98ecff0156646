"""Asynchronous invocation: retries, event age, destinations and dead letters."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, Protocol

from moto.awslambda.exceptions import LambdaClientError

from localcloud.clock import clock
from localcloud.faults import EVENT, faults
from localcloud.functions.concurrency import Reason
from localcloud.functions.destinations import (
    AsyncEvent,
    Condition,
    invocation_record,
    send_to_dead_letters,
    send_to_queue,
)
from localcloud.functions.environment import Outcome
from localcloud.functions.models import Function
from localcloud.functions.permissions import may_deliver
from localcloud.functions.records import Attempt
from localcloud.functions.recursion import extend

_LOG = logging.getLogger(__name__)

#: Source: AWS Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation".
RETRY_DELAYS_S = (60, 120)
#: How long a throttled event waits at most: first a second, then twice as long each time.
THROTTLE_DELAY_MAX_S = 300
MAXIMUM_EVENT_AGE_S = 21_600


class Runner(Protocol):
    """Runs functions for asynchronous invocations."""

    def find(self, name_or_arn: str) -> Function:
        """Returns a function."""
        ...

    def run(self, function: Function, attempt: Attempt, done: Callable[[Outcome], None]) -> Reason | None:
        """Runs one attempt, or returns why it does not."""
        ...

    def invoke_async(self, function_arn: str, payload: bytes, *, lineage: str) -> str:
        """Queues an event for a function that is a destination."""
        ...


class AsynchronousInvocations:
    """The asynchronous queues of all functions."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def accept(self, event: AsyncEvent) -> None:
        """Queues an event and schedules its first attempt; a fault delays, repeats or loses it.

        Source: AWS Lambda developer guide, "How Lambda handles errors and retries with asynchronous
        invocation": the queue is eventually consistent, and a function may receive an event more than once.
        """
        for after_s in faults.deliveries(EVENT, "Invoke", event.function_arn.split(":")[6]):
            clock.call_later(after_s, lambda: self._attempt(event, None))

    def _attempt(self, event: AsyncEvent, last: Outcome | None) -> None:
        """Runs a function with an event, unless the event is too old or the function is throttled."""
        try:
            function = self._runner.find(event.function_arn)
        except LambdaClientError as error:  # deleted while the event waited: Lambda drops it, too
            _LOG.warning("event %s dropped: %s", event.request_id, error.message)
            return
        number = event.attempts + 1
        attempt = Attempt(
            event.request_id, event.payload, event.function_arn, "Event", number, event.source, event.lineage
        )
        age_s = (clock.now() - event.accepted_at).total_seconds()
        if age_s > function.event_config.get("MaximumEventAgeInSeconds", MAXIMUM_EVENT_AGE_S):
            self._give_up(function, event, "EventAgeExceeded", last)
            return
        tried = replace(event, attempts=number, throttles=0)
        reason = self._runner.run(function, attempt, lambda outcome: self._ended(function, tried, outcome))
        if reason is None:
            return
        if function.reserved == 0 or reason == "Loop":
            self._give_up(function, event, "RetriesExhausted", last)
        else:
            waits = replace(event, throttles=event.throttles + 1)
            delay_s = min(2**event.throttles, THROTTLE_DELAY_MAX_S)
            clock.call_later(delay_s, lambda: self._attempt(waits, last))

    def _ended(self, function: Function, event: AsyncEvent, outcome: Outcome) -> None:
        if outcome.ending == "success":
            self._send(function, "OnSuccess", event, "Success", outcome)
        elif event.attempts > function.event_config.get("MaximumRetryAttempts", len(RETRY_DELAYS_S)):
            self._give_up(function, event, "RetriesExhausted", outcome)
        else:
            delay_s = RETRY_DELAYS_S[event.attempts - 1]
            clock.call_later(delay_s, lambda: self._attempt(event, outcome))

    def _give_up(
        self, function: Function, event: AsyncEvent, condition: Condition, outcome: Outcome | None
    ) -> None:
        self._send(function, "OnFailure", event, condition, outcome)
        dead_letters = function.dead_letter_config.get("TargetArn")
        if dead_letters and may_deliver(function.function_name, str(function.role), dead_letters):
            send_to_dead_letters(dead_letters, event, outcome)

    def _send(
        self,
        function: Function,
        end: Literal["OnSuccess", "OnFailure"],
        event: AsyncEvent,
        condition: Condition,
        outcome: Outcome | None,
    ) -> None:
        destination = function.destination(end)
        if destination is None or not may_deliver(function.function_name, str(function.role), destination):
            return
        body = json.dumps(invocation_record(event, condition, outcome))
        if destination.split(":")[2] == "lambda":
            # What led to the event, and the function itself. That Lambda counts destinations is a guess.
            lineage = extend(event.lineage, event.qualified_arn.rpartition(":")[0]) or event.lineage
            self._runner.invoke_async(destination, body.encode(), lineage=lineage)
        else:
            send_to_queue(destination, body)
