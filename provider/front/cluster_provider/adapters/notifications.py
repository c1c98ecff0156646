"""Notifications on an SNS topic and on an EventBridge bus."""

import json
import logging
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cluster_provider.core.notifications import SOURCE, Notification

logger = logging.getLogger(__name__)

#: After a destination did not answer in time, it is left alone for so long, in seconds. An invocation may
#: have other requests to answer, which must not wait for it again and again.
PAUSE_S = 60

#: The facts that subscribers of a topic can filter by without reading the message.
_ATTRIBUTES = ("outcome", "requestType", "resourceType", "clusterName", "errorCode")


class AwsNotifications:
    """The port Notifications on SNS and EventBridge; each is used if it is configured.

    Args:
        make_topic: Makes the SNS client; only a notification needs one.
        make_bus: Makes the EventBridge client, likewise.
        topic_arn: ARN of the topic; empty for none.
        bus_name: Name of the bus; empty for none.
        elapsed_s: Seconds since any fixed instant.
    """

    def __init__(
        self,
        make_topic: Callable[[], Any],
        make_bus: Callable[[], Any],
        topic_arn: str,
        bus_name: str,
        elapsed_s: Callable[[], float] = time.monotonic,
    ) -> None:
        to_topic = _Destination(
            "topic", make_topic, lambda topic, it: _publish(topic, topic_arn, it), elapsed_s
        )
        to_bus = _Destination("bus", make_bus, lambda bus, it: _put(bus, bus_name, it), elapsed_s)
        configured = ((topic_arn, to_topic), (bus_name, to_bus))
        self._destinations = [destination for name, destination in configured if name]

    def publish(self, notification: Notification) -> None:
        """Sends a notification to every configured destination; a failure is logged."""
        for destination in self._destinations:
            destination.send(notification)


class _Destination:
    """A destination that is left alone for a while after it did not answer."""

    def __init__(
        self,
        kind: str,
        make_client: Callable[[], Any],
        send: Callable[[Any, Notification], None],
        elapsed_s: Callable[[], float],
    ) -> None:
        self._kind = kind
        self._make_client = make_client
        self._send = send
        self._elapsed_s = elapsed_s
        self._client: Any = None
        self._paused_until_s = 0.0

    def send(self, notification: Notification) -> None:
        """Sends a notification; a failure is logged."""
        if self._elapsed_s() < self._paused_until_s:
            self._log_loss("it did not answer shortly before", notification)
            return
        try:
            self._client = self._client or self._make_client()
            self._send(self._client, notification)
        except (ClientError, _RefusedError) as error:
            self._log_loss(str(error), notification)
        except BotoCoreError as error:
            self._paused_until_s = self._elapsed_s() + PAUSE_S
            self._log_loss(str(error), notification)

    def _log_loss(self, why: str, notification: Notification) -> None:
        logger.error("a notification did not reach the %s: %s", self._kind, why, extra=_names(notification))


class _RefusedError(Exception):
    """The bus refused an event; the call itself succeeded."""


def _publish(topic: Any, arn: str, notification: Notification) -> None:
    attributes = {
        name: {"DataType": "String", "StringValue": str(notification.detail[name])}
        for name in _ATTRIBUTES
        if notification.detail[name]  # SNS refuses an empty value
    }
    topic.publish(
        TopicArn=arn,
        Subject=notification.subject,
        Message=notification.to_message(),
        MessageAttributes=attributes,
    )


def _put(bus: Any, name: str, notification: Notification) -> None:
    entry = {
        "EventBusName": name,
        "Source": SOURCE,
        "DetailType": notification.detail_type,
        "Detail": json.dumps(dict(notification.detail), ensure_ascii=False),
        "Resources": [notification.stack_id],
        "Time": notification.at,
    }
    for answer in bus.put_events(Entries=[entry])["Entries"]:
        if "ErrorCode" in answer:
            raise _RefusedError(f"{answer['ErrorCode']}: {answer.get('ErrorMessage', '')}")


def _names(notification: Notification) -> dict[str, str]:
    return {"request_id": str(notification.detail["requestId"])}
