"""Whoever may invoke the service token can send it any event with any URL; such an event changes nothing."""

import json
from datetime import timedelta

import pytest

from localcloud.testing.hosts import drips, standing_behind
from tests.e2e.parents import PROVIDER, all_created, all_deleted, eventually
from tests.e2e.recorded import PLACE, REGION

pytestmark = pytest.mark.e2e

#: One of the names that a handle of this Region may have, and that the embedded cloud's own do not have.
HOSTILE = f"cloudformation-waitcondition-{REGION}.s3.{REGION}.{PLACE.url_suffix}"
RESPONSES = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com"
SWEEP = timedelta(minutes=1)
#: The engine that reads the head node's values, and the way of the answer.
DESCRIBED_WITHIN = timedelta(seconds=30)
EVENTS_LOST = {
    "service": "bus",
    "operation": "CloudFormation Stack Status Change",
    "kind": "drop",
    "times": 99,
}


def forged(stack, kind, **fields):
    """An event as CloudFormation would send it, made by a user who may deploy templates."""
    resource = json.loads(stack.body())["Resources"]["Cluster"]
    return {
        "RequestType": kind,
        "RequestId": f"forged-{kind}",
        "ResponseURL": f"{RESPONSES}/forged?X-Amz-Signature=forged",
        "StackId": stack.stack_id,
        "LogicalResourceId": "Cluster",
        "ResourceType": "Custom::PclusterCluster",
        "ResourceProperties": resource["Properties"],
        **fields,
    }


def test_events_made_by_hand_change_no_cluster_and_no_open_request(cloud, parent, service_token):
    victim, open_request = parent("victim"), parent("open-request")
    all_created(victim)
    stack_before = victim.cluster_stack
    open_request.create()
    functions = cloud.client("lambda")
    for stack in (victim, open_request):
        for kind in ("Delete", "Update"):
            old = {"OldResourceProperties": {}} if kind == "Update" else {}
            event = forged(stack, kind, PhysicalResourceId=stack.cluster, **old)
            functions.invoke(
                FunctionName=service_token, InvocationType="Event", Payload=json.dumps(event).encode()
            )
    assert open_request.status == "CREATE_COMPLETE", open_request.why
    cloud.advance(300)
    assert victim.cluster_stack == stack_before
    all_deleted(victim, open_request)


def test_a_request_is_carried_out_though_the_table_was_away_for_longer_than_lambda_tries(cloud, parent):
    """Three attempts of four calls each fail; then the queue of retries has it, and the sweep."""
    away = {"service": "dynamodb", "operation": "GetItem", "kind": "error", "function": PROVIDER, "times": 12}
    cloud.set_faults([away])
    stack = parent("table-away")
    all_created(stack)
    assert [fault["struck"] for fault in cloud.faults()] == [12]
    cloud.set_faults([])
    all_deleted(stack)


def reached(account, stack_id, logical_id):
    """When a resource of a stack, or the stack itself, was complete."""
    pages = account.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    events = [event for page in pages for event in page["StackEvents"]]
    (at,) = [
        event["Timestamp"]
        for event in events
        if (event["LogicalResourceId"], event["ResourceStatus"]) == (logical_id, "CREATE_COMPLETE")
    ]
    return at


def test_a_host_that_drips_behind_a_handle_does_not_delay_other_requests(cloud, account, parent):
    """The other's events are lost, so only the sweep, which the dripping host keeps busy, can answer it."""
    with standing_behind(cloud, HOSTILE, drips(0.5)) as host:
        hostile = parent("hostile", WaitConditionHandle=f"https://{HOSTILE}/handle?X-Amz-Signature=s")
        hostile.create()
        assert hostile.status == "CREATE_COMPLETE", hostile.why
        # Minutes later its cluster is complete, and from then on every signal to its wait condition fails.
        eventually(lambda: cloud.advance(60) or host.connections, lambda: cloud.log)
        before = host.connections
        cloud.set_faults([EVENTS_LOST])
        other = parent("other")
        all_created(other)
        assert all(fault["struck"] > 0 for fault in cloud.faults())
        cloud.set_faults([])
        assert host.connections > before
        complete_at = reached(account, other.cluster_stack["StackId"], other.cluster)
        assert reached(account, other.stack_id, "Cluster") - complete_at <= 2 * SWEEP + DESCRIBED_WITHIN
    all_deleted(hostile, other)
