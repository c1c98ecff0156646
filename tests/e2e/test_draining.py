"""The clean-up after a replacement leaves the old cluster's jobs the time that DrainTimeout gives."""

from datetime import datetime

import pytest

from tests.e2e.parents import all_created, all_deleted, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("parent")]

LONG_S, SHORT_S = 2400, 300
#: Simulated seconds within which the provider sees that the time is over, with a sweep and a call before.
SEEN_WITHIN_S = 150


def start_node(account, cluster):
    """A node that Slurm started for a job."""
    ec2 = account.cloud.client("ec2")
    tags = {
        "parallelcluster:cluster-name": cluster,
        "parallelcluster:node-type": "Compute",
        "parallelcluster:queue-name": "compute",
    }
    ran = ec2.run_instances(
        ImageId=ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"],
        MinCount=1,
        MaxCount=1,
        InstanceType="c5.large",
        SubnetId=account.cloud.exports["COMPUTE_SUBNET"],
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": key, "Value": tags[key]} for key in tags]}
        ],
    )
    return ran["Instances"][0]["InstanceId"]


def began(account, stack_id, status):
    """When a stack got a status."""
    pages = account.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    (at,) = (
        event["Timestamp"]
        for page in pages
        for event in page["StackEvents"]
        if (event["PhysicalResourceId"], event["ResourceStatus"]) == (stack_id, status)
    )
    return at


def test_a_replaced_cluster_is_deleted_when_its_dynamic_nodes_have_ended_or_the_time_is_over(account, parent):
    policy = {"ClusterNameUpdatePolicy": "Replace"}
    busy = parent("busy", DrainTimeout=LONG_S, **policy)
    tireless = parent("tireless", DrainTimeout=SHORT_S, **policy)
    all_created(busy, tireless)
    old = {stack: stack.cluster_stack["StackId"] for stack in (busy, tireless)}
    nodes = {stack: start_node(account, stack.cluster) for stack in old}
    for stack in old:
        stack.update(ClusterName=f"{stack.cluster}-next")

    cleaning = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    eventually(
        lambda: account.stack(busy.stack_id)["StackStatus"] == cleaning, lambda: account.stack(busy.stack_id)
    )
    ended_at = datetime.fromisoformat(account.cloud.now())
    account.cloud.client("ec2").terminate_instances(InstanceIds=[nodes[busy]])
    for stack in old:
        assert stack.status == "UPDATE_COMPLETE", stack.why
        assert account.stack(old[stack])["StackStatus"] == "DELETE_COMPLETE"
        assert stack.has_one_good_cluster()

    waited_s = {
        stack: (
            began(account, old[stack], "DELETE_IN_PROGRESS") - began(account, stack.stack_id, cleaning)
        ).total_seconds()
        for stack in old
    }
    assert began(account, old[busy], "DELETE_IN_PROGRESS") >= ended_at
    assert waited_s[busy] < LONG_S
    assert SHORT_S <= waited_s[tireless] <= SHORT_S + SEEN_WITHIN_S
    account.cloud.client("ec2").terminate_instances(InstanceIds=[nodes[tireless]])
    all_deleted(busy, tireless)
