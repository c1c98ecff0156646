"""Where the results of asynchronous invocations go.

Source: AWS Lambda developer guide, "Capturing records of Lambda asynchronous invocations".
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from moto.sqs.models import sqs_backends

from localcloud.clock import clock
from localcloud.functions.environment import Outcome

Condition = Literal["Success", "RetriesExhausted", "EventAgeExceeded"]

#: Source: AWS Lambda developer guide, "Adding a dead-letter queue": attribute ErrorMessage, first 1 KB.
_ERROR_MESSAGE_LIMIT_CHARS = 1024


@dataclass(frozen=True)
class AsyncEvent:
    """An event in a function's asynchronous queue; retries are the same event.

    Attributes:
        qualified_arn: The function with its version.
        attempts: How often it was given to the function.
        throttles: How often it was throttled since then.
        source: ARN of the rule that it comes from; empty for everybody else.
        lineage: The chain of invocations that led to it.
    """

    request_id: str
    payload: bytes
    function_arn: str
    qualified_arn: str
    version: str
    accepted_at: datetime
    attempts: int = 0
    throttles: int = 0
    source: str = ""
    lineage: str = ""


def invocation_record(event: AsyncEvent, condition: Condition, outcome: Outcome | None) -> dict[str, Any]:
    """Returns what a destination receives; without an outcome the function never ran."""
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": f"{clock.now():%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": event.qualified_arn,
            "condition": condition,
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": _json_or_text(event.payload),
    }
    if outcome is not None:
        context: dict[str, Any] = {"statusCode": 200, "executedVersion": event.version}
        if outcome.ending != "success":
            context["functionError"] = "Unhandled"
        record["responseContext"] = context
        record["responsePayload"] = _json_or_text(outcome.payload)
    return record


def send_to_queue(queue_arn: str, body: str, attributes: dict[str, tuple[str, str]] | None = None) -> None:
    """Sends a message to an SQS queue.

    Args:
        queue_arn: The queue.
        body: The message's text.
        attributes: Name to data type (``String``, ``Number``) and value.
    """
    _, _, _, region, account, name = queue_arn.split(":")
    sqs_backends[account][region].send_message(
        queue_name=name,
        message_body=body,
        message_attributes={
            key: {"DataType": data_type, "StringValue": value}
            for key, (data_type, value) in (attributes or {}).items()
        },
    )


def send_to_dead_letters(queue_arn: str, event: AsyncEvent, outcome: Outcome | None) -> None:
    """Sends the event itself, with the reason in the message's attributes."""
    attributes = {"RequestID": ("String", event.request_id), "ErrorCode": ("Number", "200")}
    if outcome is not None and outcome.error:
        attributes["ErrorMessage"] = ("String", outcome.error[:_ERROR_MESSAGE_LIMIT_CHARS])
    send_to_queue(queue_arn, event.payload.decode(errors="replace"), attributes)


def _json_or_text(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode(errors="replace")
