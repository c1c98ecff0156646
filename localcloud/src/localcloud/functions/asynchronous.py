"""Asynchronous invocation: retries, event age, destinations and dead letters."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, Protocol

from moto.awslambda.exceptions import LambdaClientError

from localcloud.clock import clock
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
from localcloud.functions.records import Attempt, Ending

_LOG = logging.getLogger(__name__)

#: Source: AWS Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation".
RETRY_DELAYS_S = (60, 120)
MAXIMUM_EVENT_AGE_S = 21_600


class Runner(Protocol):
    """Runs functions for asynchronous invocations."""

    def find(self, name_or_arn: str) -> Function:
        """Returns a function."""
        ...

    def run(self, function: Function, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        """Runs one attempt."""
        ...

    def note(self, function: Function, attempt: Attempt, ending: Ending, error: str) -> None:
        """Records an attempt that did not reach the function."""
        ...

    def invoke_async(self, function_arn: str, payload: bytes) -> str:
        """Queues an event for a function that is a destination."""
        ...


class AsynchronousInvocations:
    """The asynchronous queues of all functions."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def accept(self, event: AsyncEvent) -> None:
        """Queues an event and schedules its first attempt."""
        clock.call_later(0, lambda: self._attempt(event, None))

    def _attempt(self, event: AsyncEvent, last: Outcome | None) -> None:
        """Runs a function with an event, unless the event is too old or the function is throttled."""
        try:
            function = self._runner.find(event.function_arn)
        except LambdaClientError as error:  # deleted while the event waited: Lambda drops it, too
            _LOG.warning("event %s dropped: %s", event.request_id, error.message)
            return
        number = event.attempts + 1
        attempt = Attempt(event.request_id, event.payload, event.function_arn, "Event", number, event.source)
        age_s = (clock.now() - event.accepted_at).total_seconds()
        if age_s > function.event_config.get("MaximumEventAgeInSeconds", MAXIMUM_EVENT_AGE_S):
            self._give_up(function, event, "EventAgeExceeded", last)
        elif function.reserved == 0:
            self._runner.note(function, attempt, "throttled", "reserved concurrency is 0")
            self._give_up(function, event, "RetriesExhausted", last)
        else:
            tried = replace(event, attempts=number)
            self._runner.run(function, attempt, lambda outcome: self._ended(function, tried, outcome))

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
            self._runner.invoke_async(destination, body.encode())
        else:
            send_to_queue(destination, body)
