"""The dead-letter queue, to which Lambda sends events that failed in all attempts, on SQS."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from cluster_provider.ports import DeadLetter
from cluster_provider.sdk import unavailable_if_transient

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

#: Maximum number of messages per call. Source: Amazon SQS API reference, ReceiveMessage.
_RECEIVED_MAX = 10


class SqsDeadLetters:
    """The port DeadLetters on an SQS queue.

    The queue hides received messages for its visibility timeout, and deletes those that were received too
    often.

    Args:
        make_client: Makes the client; only the sweep needs one.
        url: The queue's URL.
    """

    def __init__(self, make_client: Callable[[], "SQSClient"], url: str) -> None:
        self._make_client = make_client
        self._url = url

    @cached_property
    def _client(self) -> "SQSClient":
        return self._make_client()

    def receive(self) -> list[DeadLetter]:
        """Returns some of the waiting events.

        A message that is not a JSON object was not put there by Lambda. It stays until the queue deletes it.
        """
        with unavailable_if_transient():
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=_RECEIVED_MAX,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        letters = []
        for message in answer.get("Messages", []):
            event = _parse(message.get("Body", ""))
            if event is not None:
                put_at_s = int(message["Attributes"]["SentTimestamp"]) / 1000
                put_at = datetime.fromtimestamp(put_at_s, UTC)
                letters.append(DeadLetter(event, message["ReceiptHandle"], put_at))
        return letters

    def remove(self, letter: DeadLetter) -> None:
        """Removes a handled event."""
        with unavailable_if_transient():
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)


def _parse(body: str) -> dict[str, object] | None:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
