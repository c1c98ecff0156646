"""Concurrent executions of an account with ten of them: throttles, queues and reservations."""

from datetime import datetime
from itertools import pairwise

import pytest
from botocore.exceptions import ClientError
from tests.support.deployment import Deployment, resource
from tests.support.functions import archive, call, deploy, invocations, message, queue, role

from localcloud.cloud import Cloud
from localcloud.testing.waiting import eventually

ECHO = "def handler(event, context): return event"
LONG_S = 800
SLEEPING = f"import time\ndef handler(event, context): time.sleep({LONG_S})"


@pytest.fixture(scope="module")
def cloud():
    with Cloud.start(account_concurrency=10, concurrency=10, skip_idle=False) as cloud:
        yield cloud
        assert cloud.errors() == []


@pytest.fixture
def busy(cloud):
    """Ten executions that last long; returns what lets them end."""
    name, probe = deploy(cloud, SLEEPING, Timeout=900), deploy(cloud, ECHO)
    for _ in range(10):
        call(cloud, name, InvocationType="Event")
    eventually(lambda: throttled(cloud, probe), "a throttle")
    yield lambda: cloud.advance(LONG_S)
    cloud.advance(LONG_S)
    eventually(lambda: not throttled(cloud, probe), "the end of the executions")


def throttled(cloud, name):
    try:
        call(cloud, name)
    except cloud.client("lambda").exceptions.ClientError as error:
        return error
    return None


def reserve(cloud, name, count):
    cloud.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=count)


@pytest.mark.usefixtures("busy")
def test_the_eleventh_call_at_once_is_throttled_and_names_the_accounts_limit(cloud):
    response = throttled(cloud, deploy(cloud, ECHO)).response
    assert response["Error"] == {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert (response["Reason"], response["Type"]) == ("ConcurrentInvocationLimitExceeded", "User")


def test_a_throttled_event_is_tried_again_after_one_second_then_after_twice_as_long_each_time(cloud, busy):
    name = deploy(cloud, ECHO)
    call(cloud, name, {"n": 1}, InvocationType="Event")
    eventually(lambda: invocations(cloud, name), "the first throttle")
    cloud.advance(40)
    busy()
    *throttles, success = eventually(
        lambda: (seen := invocations(cloud, name)) and seen[-1]["outcome"] == "success" and seen,
        "an invocation after the throttles",
    )
    starts = [datetime.fromisoformat(record["started_at"]) for record in throttles]
    gaps_s = [(later - earlier).total_seconds() for earlier, later in pairwise(starts)]
    assert gaps_s[:5] == pytest.approx([1, 2, 4, 8, 16], abs=1)
    assert {record["request_id"] for record in throttles} == {success["request_id"]}
    assert {record["attempt"] for record in [*throttles, success]} == {1}
    assert {record["error"] for record in throttles} == {"ConcurrentInvocationLimitExceeded"}


@pytest.mark.usefixtures("busy")
def test_an_event_that_stays_throttled_is_given_up_when_it_is_too_old(cloud):
    name = deploy(cloud, ECHO)
    url, queue_arn = queue(cloud)
    cloud.client("lambda").put_function_event_invoke_config(
        FunctionName=name,
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": queue_arn}},
    )
    call(cloud, name, {"n": 1}, InvocationType="Event")
    cloud.advance(130)
    record, _ = message(cloud, url)
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responsePayload" not in record


def test_a_new_account_can_reserve_nothing_but_zero(cloud):
    name = deploy(cloud, ECHO)
    with pytest.raises(ClientError, match=r"UnreservedConcurrentExecution below its minimum value of \[10\]"):
        reserve(cloud, name, 1)
    reserve(cloud, name, 0)
    with pytest.raises(ClientError) as refused:
        call(cloud, name)
    assert refused.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_a_stack_that_reserves_in_a_new_account_fails_and_leaves_no_function(cloud):
    bucket = cloud.exports["ARTIFACT_BUCKET"]
    cloud.client("s3").put_object(Bucket=bucket, Key="reserving.zip", Body=archive({"app.py": ECHO}))
    function = resource(
        "Lambda::Function",
        Role=role(cloud),
        Runtime="python3.12",
        Handler="app.handler",
        Code={"S3Bucket": bucket, "S3Key": "reserving.zip"},
        ReservedConcurrentExecutions=5,
    )
    before = cloud.client("lambda").list_functions()["Functions"]
    with pytest.raises(AssertionError, match="below its minimum value"):
        Deployment(cloud.client, "reserving").create({"Reserving": function})
    assert cloud.client("lambda").list_functions()["Functions"] == before


def test_an_account_keeps_100_executions_unreserved_and_a_reservation_is_the_functions_own():
    with Cloud.start(skip_idle=False) as cloud:
        name, other = deploy(cloud, SLEEPING, Timeout=900), deploy(cloud, ECHO)
        reserve(cloud, name, 900)
        with pytest.raises(ClientError, match=r"minimum value of \[100\]"):
            reserve(cloud, other, 1)
        reserve(cloud, name, 1)
        call(cloud, name, InvocationType="Event")
        refused = eventually(lambda: throttled(cloud, name), "a throttle")
        assert refused.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
        assert call(cloud, other, 7)["Payload"] == 7
