"""The gate between real boto3 clients and an endpoint whose answers are arranged; no library."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from cluster_engine import gate as gate_module
from cluster_engine.custom_resource import CustomResource
from cluster_engine.error_codes import DENIED_CODES
from cluster_engine.gate import FencedError, Gate, GaveUpError, ProtectedError, Stack
from tests.support.cloudformation_api import Refusal

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
THROTTLED = Refusal("Throttling", "Rate exceeded")
OWNER = {"owner-stack": "parent", "owner-resource": "Cluster"}
PASSED = "2026-01-01T12:05:00+00:00 had passed."
RESOURCE = CustomResource("arn:parent", "Cluster", "us-east-1")


class Clock:
    def __init__(self):
        self.time = NOW

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def gated(clock, api):
    def make(service="cloudformation", *, attempts=1, **facts):
        defaults = {
            "token": "call-1",
            "stack_id": None,
            "stack_tags": OWNER,
            "not_after": NOW + timedelta(minutes=5),
            "give_up_at": NOW + timedelta(minutes=10),
            "now": clock,
        }
        gate = Gate(**(defaults | facts))
        session = boto3.Session(region_name="us-east-1")
        gate.install(session)
        config = Config(retries={"total_max_attempts": attempts})
        return gate, session.client(service, endpoint_url=api.url, config=config)

    return make


def create(client, **parameters):
    return client.create_stack(StackName="hpc", TemplateBody="{}", **parameters)


def test_a_stack_is_created_with_the_call_s_token_and_the_owner_s_tags(gated, api):
    gate, client = gated()
    created = create(client, Tags=[{"Key": "owner-stack", "Value": "forged"}, {"Key": "mine", "Value": "1"}])
    (request,) = api.sent("CreateStack")
    assert request.parameters["ClientRequestToken"] == "call-1"
    assert request.tags == {"mine": "1", **OWNER}
    assert (gate.accepted, gate.stack_id) == (True, created["StackId"])


def test_a_second_delivery_of_a_call_gets_the_same_stack(gated, api):
    stack_ids = {create(gated()[1])["StackId"] for _ in range(2)}
    assert len(stack_ids) == len(api.stacks) == 1


def test_a_retry_after_a_lost_answer_finds_the_stack_it_made(gated, api):
    api.arrange("CreateStack", Refusal(lost=True))
    gate, client = gated(attempts=2)
    create(client)
    assert [request.parameters["ClientRequestToken"] for request in api.sent("CreateStack")] == ["call-1"] * 2
    assert (len(api.stacks), gate.accepted) == (1, True)


@pytest.mark.parametrize("method", ["update_stack", "delete_stack"])
def test_an_existing_stack_is_addressed_by_its_arn(gated, api, method):
    stack = api.add("hpc")
    gate, client = gated(stack_id=stack.stack_id)
    getattr(client, method)(StackName="hpc")
    assert api.requests[-1].parameters["StackName"] == stack.stack_id
    assert api.requests[-1].parameters["ClientRequestToken"] == "call-1"
    assert (gate.accepted, gate.stack_id) == (True, stack.stack_id)


def test_an_update_keeps_the_owner_s_tags(gated, api):
    stack = api.add("hpc")
    gated(stack_id=stack.stack_id)[1].update_stack(StackName="hpc", Tags=[{"Key": "a", "Value": "b"}])
    assert stack.tags == {"a": "b", **OWNER}


def test_a_deletion_carries_no_tags(gated, api):
    gated(stack_id=api.add("hpc").stack_id)[1].delete_stack(StackName="hpc")
    assert api.requests[-1].tags == {}


def test_a_stack_of_the_same_name_with_another_arn_does_not_exist_for_the_call(gated, api):
    ours, stranger = api.add("hpc", status="DELETE_COMPLETE"), api.add("hpc")
    gate, client = gated(stack_id=ours.stack_id)
    with pytest.raises(ClientError, match=f"Stack with id {ours.stack_id} does not exist"):
        client.describe_stacks(StackName="hpc")
    assert gate.seen is None
    assert stranger.status == "CREATE_COMPLETE"


def test_an_accepted_deletion_is_followed_by_arn_because_the_name_stops_to_resolve(gated, api):
    stack = api.add("hpc")
    _, client = gated(stack_id=stack.stack_id)
    client.delete_stack(StackName="hpc")
    assert client.describe_stacks(StackName="hpc")["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"


def test_what_is_described_is_remembered(gated, api):
    stack = api.add("hpc", status="UPDATE_COMPLETE", tags={"a": "b"})
    gate, client = gated()
    client.describe_stacks(StackName="hpc")
    assert gate.seen == Stack(stack.stack_id, "UPDATE_COMPLETE", {"a": "b"})


@pytest.mark.parametrize("method", ["create_stack", "update_stack", "delete_stack"])
def test_nothing_is_sent_after_the_fence(gated, api, clock, method):
    gate, client = gated(stack_id=api.add("hpc").stack_id)
    clock.time = gate.not_after + timedelta(milliseconds=1)
    with pytest.raises(FencedError):
        getattr(client, method)(StackName="hpc")
    assert (gate.fenced, gate.accepted, api.requests) == (PASSED, False, [])


def test_the_last_moment_before_the_fence_is_early_enough(gated, clock):
    gate, client = gated()
    clock.time = gate.not_after
    create(client)
    assert gate.accepted


def test_a_retry_is_fenced_like_a_first_attempt(gated, api, clock):
    api.arrange("CreateStack", Refusal(lost=True))
    gate, client = gated(attempts=3)
    api.on_request = lambda: setattr(clock, "time", gate.not_after + timedelta(seconds=1))
    with pytest.raises(FencedError):
        create(client)
    assert (gate.fenced, len(api.sent("CreateStack"))) == (PASSED, 1)


@pytest.fixture
def asked(api, monkeypatch):
    """The endpoint also answers about the custom resource that a call is made for."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", api.url)
    return api


@pytest.mark.parametrize(
    "status", ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"]
)
@pytest.mark.parametrize("method", ["create_stack", "update_stack"])
def test_a_change_is_sent_while_its_resource_is_in_progress(gated, asked, status, method):
    asked.resource_status = status
    stack_id = asked.add("hpc").stack_id if method == "update_stack" else None
    gate, client = gated(stack_id=stack_id, awaited_by=RESOURCE)
    getattr(client, method)(StackName="hpc")
    (question, change) = asked.requests
    assert question.parameters["StackName"] == "arn:parent"
    assert question.parameters["LogicalResourceId"] == "Cluster"
    assert (change.action, gate.accepted) == ("CreateStack" if stack_id is None else "UpdateStack", True)


@pytest.mark.parametrize(
    "status",
    ["CREATE_FAILED", "CREATE_COMPLETE", "UPDATE_FAILED", "UPDATE_COMPLETE", "DELETE_IN_PROGRESS", None],
)
@pytest.mark.parametrize("method", ["create_stack", "update_stack"])
def test_nothing_is_sent_for_a_resource_that_was_answered(gated, asked, status, method):
    asked.resource_status = status
    gate, client = gated(stack_id=asked.add("hpc").stack_id, awaited_by=RESOURCE)
    with pytest.raises(FencedError):
        getattr(client, method)(StackName="hpc")
    assert gate.fenced == "resource Cluster is no longer being created or updated."
    assert [request.action for request in asked.requests] == ["DescribeStackResource"]


def test_every_attempt_asks_for_the_resource_again(gated, asked):
    asked.arrange("CreateStack", Refusal("InternalFailure", "try again", 500))
    gate, client = gated(attempts=3, awaited_by=RESOURCE)
    asked.on_request = lambda: setattr(
        asked, "resource_status", "CREATE_FAILED" if asked.sent("CreateStack") else "CREATE_IN_PROGRESS"
    )
    with pytest.raises(FencedError):
        create(client)
    assert (gate.accepted, len(asked.sent("CreateStack"))) == (False, 1)


def test_nothing_is_sent_while_the_resource_cannot_be_asked_for(gated, asked, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    asked.arrange("DescribeStackResource", THROTTLED)
    gate, client = gated(awaited_by=RESOURCE)
    with pytest.raises(ClientError, match="Rate exceeded"):
        create(client)
    assert (gate.unanswered, gate.accepted, asked.sent("CreateStack")) == (True, False, [])


def test_a_denied_question_about_the_resource_is_named(gated, asked):
    asked.arrange("DescribeStackResource", Refusal("AccessDenied", "not allowed", 403))
    gate, client = gated(awaited_by=RESOURCE)
    with pytest.raises(ClientError, match="not allowed"):
        create(client)
    assert gate.denied == ["cloudformation:DescribeStackResource"]


def test_the_fleet_is_not_stopped_for_a_resource_that_was_answered(gated, asked):
    asked.resource_status = "UPDATE_COMPLETE"
    gate, client = gated("dynamodb", awaited_by=RESOURCE)
    with pytest.raises(FencedError):
        client.update_item(TableName="parallelcluster-hpc", Key={"Id": {"S": "COMPUTE_FLEET"}})
    assert gate.fenced


def test_reading_goes_on_after_the_fence(gated, api, clock):
    api.add("hpc")
    gate, client = gated()
    clock.time = gate.not_after + timedelta(hours=1)
    assert client.describe_stacks(StackName="hpc")["Stacks"]


def test_a_refusal_of_cloudformation_is_remembered_with_its_code(gated, api):
    api.arrange("DeleteStack", Refusal("ValidationError", "cannot be deleted"))
    gate, client = gated(stack_id=api.add("hpc").stack_id)
    with pytest.raises(ClientError):
        client.delete_stack(StackName="hpc")
    assert gate.refusal == gate_module.Refusal("ValidationError", "cannot be deleted")
    assert not gate.accepted


def test_throttling_is_passed_on_while_there_is_time(gated, api):
    api.add("hpc")
    api.arrange("DescribeStacks", THROTTLED)
    gate, client = gated()
    with pytest.raises(ClientError, match="Throttling"):
        client.describe_stacks(StackName="hpc")
    assert (gate.unanswered, gate.gave_up) == (True, False)


def test_throttling_ends_the_call_when_its_time_is_used_up(gated, api, clock):
    api.arrange("DescribeStacks", THROTTLED)
    gate, client = gated()
    clock.time = gate.give_up_at
    with pytest.raises(GaveUpError, match=r"cloudformation\.DescribeStacks"):
        client.describe_stacks(StackName="hpc")
    assert gate.unanswered


def test_an_operation_that_succeeds_in_the_end_was_not_throttled(gated, api):
    api.add("hpc")
    api.arrange("DescribeStacks", THROTTLED)
    gate, client = gated()
    with pytest.raises(ClientError):
        client.describe_stacks(StackName="hpc")
    api.arrange("DescribeStacks")
    client.describe_stacks(StackName="hpc")
    assert not gate.unanswered


@pytest.mark.parametrize(
    "trouble", [Refusal("InternalFailure", "An internal error occurred", 500), Refusal(lost=True)]
)
def test_server_errors_and_lost_connections_say_as_little_as_throttling(gated, api, trouble):
    api.add("hpc")
    api.arrange("DescribeStacks", trouble)
    gate, client = gated()
    with pytest.raises((ClientError, ConnectionClosedError)):
        client.describe_stacks(StackName="hpc")
    assert gate.unanswered
    api.arrange("DescribeStacks")
    client.describe_stacks(StackName="hpc")
    assert not gate.unanswered


def test_a_change_that_was_not_answered_may_have_taken_effect(gated, api):
    api.arrange("CreateStack", Refusal("InternalFailure", "An internal error occurred", 500))
    gate, client = gated()
    with pytest.raises(ClientError):
        create(client)
    assert not gate.unanswered


def test_a_full_quota_is_no_throttling(gated, api):
    api.arrange("CreateStack", Refusal("LimitExceededException", "Limit for stack has been exceeded"))
    gate, client = gated()
    with pytest.raises(client.exceptions.LimitExceededException):
        create(client)
    assert not gate.unanswered


def test_compute_nodes_are_left_alone_unless_the_deletion_was_accepted(gated, api):
    _, client = gated("ec2")
    with pytest.raises(ProtectedError, match="compute nodes kept"):
        client.terminate_instances(InstanceIds=["i-0123456789abcdef0"])
    assert api.requests == []


def test_artefacts_are_left_alone_while_the_answer_to_create_stack_is_unknown(gated, api):
    api.arrange("CreateStack", Refusal(lost=True))
    gate, client = gated()
    session = boto3.Session(region_name="us-east-1")
    gate.install(session)
    with pytest.raises(ConnectionClosedError):
        create(client)
    with pytest.raises(ProtectedError, match="artefacts kept"):
        _delete_objects(session, api)


def test_artefacts_may_go_after_a_clear_refusal(gated, api):
    api.arrange("CreateStack", Refusal("ValidationError", "Template format error"))
    gate, client = gated()
    session = boto3.Session(region_name="us-east-1")
    gate.install(session)
    with pytest.raises(ClientError):
        create(client)
    with pytest.raises(Exception, match="501"):  # it was sent; the endpoint speaks no S3
        _delete_objects(session, api)


def _delete_objects(session, api):
    config = Config(retries={"total_max_attempts": 1})
    client = session.client("s3", endpoint_url=api.url, config=config)
    client.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "template"}]})


@pytest.mark.parametrize(
    ("refusal", "known"), [(None, True), (Refusal("RequestLimitExceeded", "slower", status=503), False)]
)
def test_whether_ec2_answered_is_known(gated, api, refusal, known):
    api.arrange("DescribeInstances", *([refusal] if refusal else []))
    gate, client = gated("ec2")
    assert gate.instances_known is None
    if refusal:
        with pytest.raises(ClientError):
            client.describe_instances()
    else:
        client.describe_instances()
    assert gate.instances_known is known


def test_whether_ec2_answered_is_known_when_it_could_not_be_reached(gated, api):
    api.arrange("DescribeInstances", Refusal(lost=True))
    gate, client = gated("ec2")
    with pytest.raises(ConnectionClosedError):
        client.describe_instances()
    assert gate.instances_known is False


def test_a_request_to_the_fleet_is_not_sent_after_its_fence(gated, clock):
    gate, client = gated("dynamodb")
    clock.time = NOW + timedelta(minutes=6)
    with pytest.raises(FencedError):
        client.update_item(TableName="parallelcluster-hpc", Key={"Id": {"S": "COMPUTE_FLEET"}})
    assert gate.fenced


@pytest.mark.parametrize("code", sorted(DENIED_CODES))
def test_what_aws_denies_is_named_until_it_is_allowed(gated, api, code):
    api.add("hpc")
    api.arrange("DescribeStacks", Refusal(code, "not allowed", 403))
    gate, client = gated()
    with pytest.raises(ClientError):
        client.describe_stacks(StackName="hpc")
    assert gate.denied == ["cloudformation:DescribeStacks"]
    assert not gate.unanswered
    api.arrange("DescribeStacks")
    client.describe_stacks(StackName="hpc")
    assert gate.denied == []


def test_a_refusal_that_is_no_denial_is_not_named_as_one(gated, api):
    api.arrange("DescribeStacks", Refusal("ValidationError", "does not exist"))
    gate, client = gated()
    with pytest.raises(ClientError):
        client.describe_stacks(StackName="hpc")
    assert gate.denied == []
