"""Names and sizes at the edges of what CloudFormation and ParallelCluster take."""

import copy
import json

import pytest

from tests.e2e.account import CLUSTER_TEMPLATE, outputs

pytestmark = pytest.mark.e2e

#: Source: AWS CloudFormation user guide, "AWS CloudFormation quotas" and template anatomy (logical id).
STACK_NAME_MAX, LOGICAL_ID_MAX = 128, 255


def body(configuration, name, logical_id="Cluster"):
    properties = f"      ClusterName: {name}\n      ClusterConfiguration: {json.dumps(configuration)}"
    return (
        (CLUSTER_TEMPLATE % properties)
        .replace("Cluster:", f"{logical_id}:", 1)
        .replace("!GetAtt Cluster.", f"!GetAtt {logical_id}.")
    )


def queues(configuration, queue_count, resource_count):
    many = copy.deepcopy(configuration)
    (queue,) = many["Scheduling"]["SlurmQueues"]
    (resource,) = queue["ComputeResources"]
    resources = [{**resource, "Name": f"r{number}", "MaxCount": 1} for number in range(resource_count)]
    # The library wants a head node whose memory suits the number of nodes.
    many["HeadNode"]["InstanceType"] = "m6i.2xlarge"
    many["Scheduling"]["SlurmQueues"] = [
        {**queue, "Name": f"q{number}", "ComputeResources": resources} for number in range(queue_count)
    ]
    return many


def test_the_longest_names_make_a_cluster_like_any_other(account, service_token):
    stack_name, logical_id = "s" * STACK_NAME_MAX, "L" * LOGICAL_ID_MAX
    template = body(account.configuration(), "c" * 60, logical_id)
    stack = account.create(stack_name, template, ServiceToken=service_token)
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    (head_node,) = account.head_nodes("c" * 60)
    assert outputs(stack)["HeadNodeIp"] == head_node["PublicIpAddress"]
    assert account.delete(stack_name)["StackStatus"] == "DELETE_COMPLETE"
    assert account.stack("c" * 60) is None


def test_fifty_queues_of_five_resources_are_refused_in_the_librarys_own_words(account, service_token):
    template = body(queues(account.configuration(), 50, 5), "c-many")
    stack = account.create("many", template, ServiceToken=service_token)
    (reason,) = account.failures(stack["StackId"], "Cluster")
    assert "ClusterRejected" in reason
    assert "50 ComputeResources per Cluster" in reason
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert account.stack("c-many") is None
    account.delete("many")


def test_fifty_queues_are_accepted_and_all_kept(account, service_token):
    template = body(queues(account.configuration(), 50, 1), "c-queues")
    stack = account.create("queues", template, ServiceToken=service_token)
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    nested = account.cloudformation.describe_stack_resources(StackName="c-queues")["StackResources"]
    assert [item["ResourceType"] for item in nested if "Queues" in item["LogicalResourceId"]]
    assert account.delete("queues")["StackStatus"] == "DELETE_COMPLETE"
    assert account.stack("c-queues") is None
