"""Asynchronous invocation: retries on the clock, destinations, dead letters, limits."""

import itertools
from datetime import datetime

import pytest
from tests.support.functions import call, deploy, function_arn, invocations, message, queue

from localcloud.testing.waiting import eventually

FAILING = "def handler(event, context): raise ValueError('never')"
ECHO = "def handler(event, context): return {'echoed': event}"


def send(cloud, name, event=None):
    response = call(cloud, name, event, InvocationType="Event")
    assert response["StatusCode"] == 202
    return response["ResponseMetadata"]["RequestId"]


def configure(cloud, name, **config):
    cloud.client("lambda").put_function_event_invoke_config(FunctionName=name, **config)


def ended(cloud, name, count):
    return eventually(
        lambda: (records := invocations(cloud, name)) and len(records) >= count and records,
        f"{count} invocations of {name}",
    )


def test_an_event_is_accepted_at_once_and_run(cloud):
    name = deploy(cloud, ECHO)
    request_id = send(cloud, name, {"n": 1})
    (record,) = ended(cloud, name, 1)
    assert (record["request_id"], record["kind"], record["outcome"]) == (request_id, "Event", "success")


def test_a_failing_event_is_tried_again_after_one_and_two_minutes_under_the_same_request_id(cloud):
    name = deploy(cloud, FAILING)
    request_id = send(cloud, name)
    records = ended(cloud, name, 3)
    starts = [datetime.fromisoformat(record["started_at"]) for record in records]
    gaps_s = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(starts)]
    assert gaps_s == pytest.approx([60, 120], abs=10)
    assert {record["request_id"] for record in records} == {request_id}
    assert [record["attempt"] for record in records] == [1, 2, 3]


def test_a_timeout_is_tried_again_like_an_exception(cloud):
    name = deploy(cloud, "import time\ndef handler(event, context): time.sleep(60)", Timeout=1)
    configure(cloud, name, MaximumRetryAttempts=1)
    send(cloud, name)
    assert [record["outcome"] for record in ended(cloud, name, 2)] == ["timeout", "timeout"]


def test_a_failure_reaches_its_destination_as_a_record(cloud):
    url, queue_arn = queue(cloud)
    name = deploy(cloud, FAILING)
    configure(
        cloud, name, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": queue_arn}}
    )
    request_id = send(cloud, name, {"asked": True})
    record, _ = message(cloud, url)
    assert record["version"] == "1.0"
    assert datetime.fromisoformat(record["timestamp"]).tzinfo is not None
    assert record["requestContext"] == {
        "requestId": request_id,
        "functionArn": f"{function_arn(name)}:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 2,
    }
    assert record["requestPayload"] == {"asked": True}
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record["responsePayload"]["errorMessage"] == "never"


def test_a_success_reaches_another_function(cloud):
    listener = deploy(cloud, "def handler(event, context): print('HEARD', event['responsePayload'])")
    name = deploy(cloud, ECHO)
    configure(cloud, name, DestinationConfig={"OnSuccess": {"Destination": function_arn(listener)}})
    send(cloud, name, "hello")
    ended(cloud, listener, 1)
    events = cloud.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{listener}")["events"]
    assert "HEARD {'echoed': 'hello'}" in [event["message"] for event in events]


def test_a_success_does_not_reach_the_destination_for_failures(cloud):
    url, queue_arn = queue(cloud)
    name = deploy(cloud, ECHO)
    configure(cloud, name, DestinationConfig={"OnFailure": {"Destination": queue_arn}})
    send(cloud, name)
    ended(cloud, name, 1)
    assert "Messages" not in cloud.client("sqs").receive_message(QueueUrl=url)


def test_a_dead_letter_is_the_event_with_the_error_in_its_attributes(cloud):
    url, queue_arn = queue(cloud)
    name = deploy(cloud, FAILING, DeadLetterConfig={"TargetArn": queue_arn})
    configure(cloud, name, MaximumRetryAttempts=0)
    request_id = send(cloud, name, {"asked": True})
    body, attributes = message(cloud, url)
    assert body == {"asked": True}
    assert attributes == {
        "RequestID": request_id,
        "ErrorCode": "200",
        "ErrorMessage": "ValueError: never",
    }
    assert len(invocations(cloud, name)) == 1


def test_an_event_that_became_too_old_is_given_up(cloud):
    url, queue_arn = queue(cloud)
    name = deploy(cloud, FAILING)
    configure(
        cloud,
        name,
        MaximumEventAgeInSeconds=100,
        DestinationConfig={"OnFailure": {"Destination": queue_arn}},
    )
    send(cloud, name)
    record, _ = message(cloud, url)
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 2


def test_without_concurrency_a_call_is_throttled_and_an_event_is_a_dead_letter(cloud):
    url, queue_arn = queue(cloud)
    client = cloud.client("lambda")
    name = deploy(cloud, ECHO, DeadLetterConfig={"TargetArn": queue_arn})
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        call(cloud, name)
    send(cloud, name, {"asked": True})
    assert message(cloud, url)[0] == {"asked": True}
    assert [record["outcome"] for record in invocations(cloud, name)] == ["throttled", "throttled"]


def test_an_event_above_one_megabyte_is_refused(cloud):
    client = cloud.client("lambda")
    with pytest.raises(client.exceptions.RequestTooLargeException):
        send(cloud, deploy(cloud, ECHO), "x" * 1024 * 1024)


def test_a_destination_that_cannot_be_delivered_to_is_refused(cloud):
    client = cloud.client("lambda")
    topic = "arn:aws:sns:us-east-1:123456789012:topic"
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="only lambda, sqs"):
        configure(cloud, deploy(cloud, ECHO), DestinationConfig={"OnFailure": {"Destination": topic}})


def test_a_new_configuration_replaces_the_old_one(cloud):
    client = cloud.client("lambda")
    name = deploy(cloud, ECHO)
    configure(cloud, name, MaximumRetryAttempts=1)
    configure(cloud, name, MaximumRetryAttempts=2)
    config = client.get_function_event_invoke_config(FunctionName=name)
    assert config["MaximumRetryAttempts"] == 2
    client.delete_function_event_invoke_config(FunctionName=name)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function_event_invoke_config(FunctionName=name)
