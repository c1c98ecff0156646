"""Faults on the way of requests, responses and events."""

import json
from datetime import datetime

import pytest
from tests.support.functions import deploy, function_arn, invocations

from localcloud.faults import Faults
from localcloud.testing.waiting import eventually

#: Answers CloudFormation, and lets what goes wrong go wrong.
ANSWERING = """
    import json
    import urllib.request

    def handler(event, context):
        copied = ("StackId", "RequestId", "LogicalResourceId")
        body = {name: event[name] for name in copied} | {"Status": "SUCCESS", "PhysicalResourceId": "made"}
        content = json.dumps(body).encode()
        headers = {"Content-Type": ""}
        request = urllib.request.Request(event["ResponseURL"], content, headers, method="PUT")
        urllib.request.urlopen(request)
"""
NOTHING = "def handler(event, context): pass"


@pytest.fixture
def stack(cloud):
    """Makes a stack with one custom resource, and returns the function, the stack's status and reasons."""
    cloudformation, made = cloud.client("cloudformation"), []

    def settled(stack_id):
        def status():
            stack = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
            return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack["StackStatus"]

        return eventually(status, "the stack's end")

    def make(timeout_s=600):
        function = deploy(cloud, ANSWERING)
        properties = {"ServiceToken": function_arn(function), "ServiceTimeout": timeout_s}
        body = {"Resources": {"Thing": {"Type": "Custom::Thing", "Properties": properties}}}
        stack_id = cloudformation.create_stack(StackName=function, TemplateBody=json.dumps(body))["StackId"]
        made.append(stack_id)
        return function, settled(stack_id)

    yield make
    cloud.set_faults([])
    for stack_id in made:
        cloudformation.delete_stack(StackName=stack_id)
        assert settled(stack_id) == "DELETE_COMPLETE"


def outcomes(cloud, function):
    return [record["outcome"] for record in invocations(cloud, function)]


def struck(cloud):
    return [fault["struck"] for fault in cloud.faults()]


@pytest.mark.parametrize("kind", ["throttle", "error", "deny"])
def test_a_refused_response_has_not_arrived(cloud, stack, kind):
    cloud.set_faults([{"service": "response", "operation": "Create", "kind": kind, "times": 1}])
    function, status = stack()
    assert status == "CREATE_COMPLETE"
    # CloudFormation has the answer before the function that sent it has come to its end.
    eventually(lambda: outcomes(cloud, function) == ["function error", "success"], "the outcome")
    assert struck(cloud) == [1]


@pytest.mark.parametrize(
    ("kind", "outcome"), [("drop", "function error"), ("kill-after", "crash"), ("time-out-after", "timeout")]
)
def test_a_response_arrives_although_its_sender_gets_no_answer(cloud, stack, kind, outcome):
    cloud.set_faults([{"service": "response", "operation": "Create", "kind": kind, "times": 1}])
    function, status = stack()
    assert status == "CREATE_COMPLETE"
    # Waits for Lambda's retry as well, which the fault of another test would strike.
    eventually(lambda: outcomes(cloud, function) == [outcome, "success"], "the outcome")
    assert struck(cloud) == [1]


def test_a_sender_that_is_killed_before_has_sent_nothing(cloud, stack):
    cloud.set_faults([{"service": "response", "function": "function-*", "kind": "kill-before"}])
    function, status = stack(timeout_s=30)
    assert status == "ROLLBACK_FAILED"
    assert set(outcomes(cloud, function)) == {"crash"}


def test_a_request_can_be_delivered_twice_at_once_or_later(cloud, stack):
    cloud.set_faults([{"service": "request", "operation": "Create", "kind": "duplicate"}])
    function, status = stack()
    assert status == "CREATE_COMPLETE"
    eventually(lambda: outcomes(cloud, function) == ["success", "success"], "both deliveries")

    cloud.set_faults([{"service": "request", "operation": "Create", "kind": "duplicate", "after_s": 300}])
    function, _ = stack()
    eventually(lambda: outcomes(cloud, function) == ["success", "success"], "both deliveries")


def test_a_request_can_come_too_late(cloud, stack):
    late = {"service": "request", "operation": "Create", "kind": "delay", "after_s": 120, "times": 1}
    cloud.set_faults([late])
    function, status = stack(timeout_s=60)
    assert status == "ROLLBACK_COMPLETE"
    eventually(lambda: outcomes(cloud, function) == ["success", "success"], "the Delete, then the Create")


@pytest.mark.parametrize(("kind", "delivered"), [("drop", 0), ("delay", 1), ("duplicate", 2)])
def test_an_event_of_a_service_is_lost_or_delivered_twice(cloud, kind, delivered):
    function = deploy(cloud, NOTHING)
    events = cloud.client("events")
    rule = events.put_rule(Name=function, EventPattern=json.dumps({"source": ["aws.cloudformation"]}))[
        "RuleArn"
    ]
    events.put_targets(Rule=function, Targets=[{"Id": "it", "Arn": function_arn(function)}])
    cloud.client("lambda").add_permission(
        FunctionName=function,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    cloud.set_faults(
        [{"service": "bus", "operation": "*Stack Status*", "function": function, "kind": kind, "times": 1}]
    )
    body = json.dumps({"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}})
    cloud.client("cloudformation").create_stack(StackName=function, TemplateBody=body)
    # Two events belong to a creation: one is struck, the other arrives as it is.
    eventually(lambda: len(invocations(cloud, function)) == delivered + 1, "the events")
    assert {invocation["source"] for invocation in invocations(cloud, function)} == {rule}
    assert struck(cloud) == [1]
    events.remove_targets(Rule=function, Ids=["it"])
    cloud.client("cloudformation").delete_stack(StackName=function)


def test_what_is_struck_at_random_is_the_same_for_the_same_seed():
    def strikes(seed):
        faults = Faults()
        faults.replace([{"service": "bus", "kind": "drop", "ratio": 0.3, "seed": seed}])
        return [faults.deliveries("bus", "any", "any") == [] for _ in range(1000)]

    assert strikes(7) == strikes(7) != strikes(8)
    assert 200 < sum(strikes(7)) < 400


def test_an_invocation_names_its_caller_and_a_response_its_content(cloud, stack):
    function, status = stack()
    assert status == "CREATE_COMPLETE"
    # The stack is complete when the response has arrived, a moment before the function ends.
    (invocation,) = eventually(lambda: invocations(cloud, function), "the end of the function")
    assert invocation["source"] == ""  # CloudFormation, which needs no rule
    answered = [response for response in cloud.responses() if f"/{function}/" in response["StackId"]]
    assert [(answer["Status"], answer["outcome"]) for answer in answered] == [("SUCCESS", "accepted")]
    assert "https" not in json.dumps(answered)


def test_an_event_is_delivered_twice_under_one_request_id_and_late(cloud):
    function = deploy(cloud, NOTHING)
    cloud.set_faults([{"service": "event", "function": function, "kind": "duplicate", "after_s": 30}])
    cloud.client("lambda").invoke(FunctionName=function, InvocationType="Event")
    first, second = eventually(
        lambda: len(records := invocations(cloud, function)) == 2 and records, "both deliveries"
    )
    cloud.set_faults([])
    assert (first["request_id"], first["attempt"]) == (second["request_id"], second["attempt"])
    late_s = datetime.fromisoformat(second["started_at"]) - datetime.fromisoformat(first["started_at"])
    assert late_s.total_seconds() == pytest.approx(30, abs=5)


def test_an_event_is_lost_and_a_call_is_not(cloud):
    function = deploy(cloud, NOTHING)
    cloud.set_faults([{"service": "event", "function": function, "kind": "drop"}])
    cloud.client("lambda").invoke(FunctionName=function, InvocationType="Event")
    cloud.client("lambda").invoke(FunctionName=function)
    cloud.advance(600)
    cloud.set_faults([])
    assert [record["kind"] for record in invocations(cloud, function)] == ["RequestResponse"]
