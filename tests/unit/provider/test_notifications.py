"""What a notification says, and that its destinations neither fail nor hold up the provider."""

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from cluster_provider.adapters.notifications import PAUSE_S, AwsNotifications
from cluster_provider.core.notifications import REASON_MAX, Notification, of_end
from cluster_provider.core.state import OperationRecord, Outcome, Phase
from tests.support.cases import at, progress, request

TOPIC = "arn:aws:sns:us-east-1:123456789012:ends"
SUCCESS = Outcome("SUCCESS", "hpc", "{}")


def operation(outcome: Outcome | None = SUCCESS, **facts: Any) -> OperationRecord:
    return OperationRecord(request("Create"), progress(phase=Phase.ANSWERED, outcome=outcome, **facts))


def ended(outcome: Outcome | None = SUCCESS, **facts: Any) -> Notification:
    return of_end(operation(outcome, **facts), Phase.ANSWERED, at(90), "1.2.3")


class Recorder:
    """The client of a destination: notes its calls, or raises an error."""

    def __init__(self, error: Exception | None = None, answer: Any = None) -> None:
        self.calls: list[dict[str, Any]] = []
        self._error = error
        self._answer = answer or {"Entries": [{"EventId": "1"}]}

    def publish(self, **parameters: Any) -> Any:
        self.calls.append(parameters)
        if self._error:
            raise self._error
        return self._answer

    put_events = publish


class Timer:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def destinations(
    topic: Recorder, bus: Recorder, *, topic_arn: str = TOPIC, bus_name: str = "default", timer: Timer
) -> AwsNotifications:
    return AwsNotifications(lambda: topic, lambda: bus, topic_arn, bus_name, timer)


def test_a_message_has_the_keys_of_an_event_on_a_bus() -> None:
    notification = ended(replace(SUCCESS, reason="Größe"))
    message = notification.to_message()
    assert json.loads(message) == {
        "source": "pcluster-cfn",
        "detail-type": notification.detail_type,
        "time": f"{at(90):%Y-%m-%dT%H:%M:%SZ}",
        "resources": [request("Create").owner.stack_id],
        "detail": notification.detail,
    }
    assert "\\u" not in message, "people read it as it stands"


def test_a_request_that_ends_in_the_second_it_was_issued_took_no_time() -> None:
    for ended_at in (at(0), at(-5)):
        assert of_end(operation(), Phase.ANSWERED, ended_at, "1.2.3").detail["durationSeconds"] == 0
    assert of_end(operation(), Phase.ANSWERED, at(90), "1.2.3").detail["durationSeconds"] == 90


def test_the_subject_names_the_cluster_else_the_image_else_the_resource() -> None:
    names = {"clusterName": "hpc", "imageName": "node", "logicalResourceId": "Cluster"}
    for _ in range(3):
        detail = {**ended().detail, "clusterName": "", "imageName": "", **names}
        assert f" of {next(iter(names.values()))}: " in replace(ended(), detail=detail).subject
        names.pop(next(iter(names)))


def test_a_presigned_url_in_a_reason_is_unusable() -> None:
    failure = Outcome("FAILED", "hpc", "{}", "Internal", "PUT https://b/?X-Amz-Signature=s3cr3t failed")
    assert "s3cr3t" not in ended(failure).to_message()


def test_a_reason_of_any_length_fits_into_an_event_and_a_message() -> None:
    notification = ended(Outcome("FAILED", "hpc", "{}", "Internal", "€" * 300_000))
    assert len(notification.detail["reason"]) == REASON_MAX
    assert len(notification.to_message().encode()) < 256 * 1024


def test_the_subject_is_a_line_of_at_most_100_printable_ascii_characters() -> None:
    subject = ended(replace(SUCCESS, code="Größe\n" * 50), cluster_name="hpc").subject
    assert subject.startswith("Create of hpc: FAILED (Gr??e?Gr??e?")
    assert len(subject) == 100


def test_a_dropped_request_has_the_reason_why_it_was_dropped() -> None:
    dropped = of_end(operation(None), Phase.DROPPED, at(90), "1", "nobody waits for it")
    assert (dropped.detail["outcome"], dropped.detail["reason"]) == ("DROPPED", "nobody waits for it")


def test_the_signal_of_a_followed_cluster_is_its_outcome() -> None:
    late = ended(SUCCESS, signal=Outcome("FAILURE", "hpc", "{}", "ClusterCreationFailed", "no capacity"))
    assert (late.detail["outcome"], late.detail["reason"]) == ("FAILED", "no capacity")


def test_any_other_custom_type_is_a_cluster() -> None:
    other = replace(request("Create"), resource_type="AWS::CloudFormation::CustomResource")
    work = OperationRecord(other, progress(outcome=SUCCESS))
    assert of_end(work, Phase.ANSWERED, at(1), "1").detail_type == "PclusterCluster Request Ended"


def test_the_topic_gets_a_message_that_subscribers_can_filter_and_the_bus_an_event() -> None:
    topic, bus = Recorder(), Recorder()
    notification = ended()
    destinations(topic, bus, timer=Timer()).publish(notification)
    (published,), (put,) = topic.calls, bus.calls
    assert published["TopicArn"] == TOPIC
    assert json.loads(published["Message"])["detail"] == notification.detail
    assert published["MessageAttributes"]["outcome"] == {"DataType": "String", "StringValue": "SUCCESS"}
    assert "errorCode" not in published["MessageAttributes"]
    (entry,) = put["Entries"]
    assert (entry["EventBusName"], entry["Source"]) == ("default", "pcluster-cfn")
    assert json.loads(entry["Detail"]) == notification.detail
    assert entry["Resources"] == [notification.stack_id]


def test_without_a_topic_and_a_bus_nothing_is_called() -> None:
    topic, bus = Recorder(), Recorder()
    destinations(topic, bus, topic_arn="", bus_name="", timer=Timer()).publish(ended())
    assert topic.calls == bus.calls == []


@pytest.mark.parametrize(
    "topic",
    [
        Recorder(ClientError({"Error": {"Code": "AuthorizationError", "Message": "no"}}, "Publish")),
        Recorder(ConnectTimeoutError(endpoint_url="https://sns")),
    ],
)
def test_a_destination_that_fails_is_logged_and_keeps_nothing_from_the_other(
    topic: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    bus = Recorder()
    destinations(topic, bus, timer=Timer()).publish(ended())
    assert len(bus.calls) == 1
    (line,) = caplog.messages
    assert line.startswith("a notification did not reach the topic: ")


def test_an_event_that_the_bus_refuses_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    refused = {"Entries": [{"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "no"}]}
    destinations(Recorder(), Recorder(answer=refused), timer=Timer()).publish(ended())
    assert caplog.messages == ["a notification did not reach the bus: NotAuthorizedForSourceException: no"]


def test_a_destination_that_does_not_answer_is_left_alone_for_a_while() -> None:
    timer, topic, bus = Timer(), Recorder(ConnectTimeoutError(endpoint_url="https://sns")), Recorder()
    notifications = destinations(topic, bus, timer=timer)
    for _ in range(3):
        notifications.publish(ended())
    assert (len(topic.calls), len(bus.calls)) == (1, 3)
    timer.now_s = PAUSE_S
    notifications.publish(ended())
    assert len(topic.calls) == 2


def test_a_destination_that_throttles_is_asked_again_for_the_next_notification() -> None:
    throttled = ClientError({"Error": {"Code": "Throttling", "Message": "slow"}}, "Publish")
    topic = Recorder(throttled)
    notifications = destinations(topic, Recorder(), timer=Timer())
    notifications.publish(ended())
    notifications.publish(ended())
    assert len(topic.calls) == 2
