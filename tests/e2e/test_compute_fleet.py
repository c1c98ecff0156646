"""An update that ParallelCluster refuses while compute nodes run."""

import pytest

from tests.e2e.parents import COMPUTE, Parent, all_created, all_deleted

pytestmark = pytest.mark.e2e

OTHER_NODES = {f"{COMPUTE}__InstanceType": "c6i.2xlarge"}


@pytest.fixture(scope="module")
def running(account, service_token):
    """A stack whose cluster has a running fleet."""
    stack = Parent(account, service_token, "fleet")
    all_created(stack)
    yield stack
    all_deleted(stack)


def fleet_status(account, cluster):
    table = f"parallelcluster-{cluster}"
    item = account.cloud.client("dynamodb").get_item(TableName=table, Key={"Id": {"S": "COMPUTE_FLEET"}})
    return item["Item"]["Data"]["M"]["status"]["S"]


def instance_type(stack):
    queue = stack.stored_configuration["Scheduling"]["SlurmQueues"][0]
    return queue["ComputeResources"][0]["InstanceType"]


def test_without_the_policy_the_refusal_names_the_parameter_and_the_property(account, running):
    before = instance_type(running)
    assert running.update(changes=OTHER_NODES).status == "UPDATE_ROLLBACK_COMPLETE", running.why
    reason = running.reasons[-1]
    assert "ClusterRejected" in reason
    assert "ComputeResources[c6i].InstanceType" in reason
    assert "ComputeFleetUpdatePolicy: StopAndRestart" in reason
    assert fleet_status(account, running.cluster) == "RUNNING"
    assert instance_type(running) == before
    running.forget_changes()


def test_with_the_policy_the_fleet_is_stopped_and_runs_again_afterwards(account, running):
    running.update(changes=OTHER_NODES, ComputeFleetUpdatePolicy="StopAndRestart")
    assert running.status == "UPDATE_COMPLETE", running.why
    assert instance_type(running) == OTHER_NODES[f"{COMPUTE}__InstanceType"]
    assert fleet_status(account, running.cluster) == "RUNNING"
    notes = [message for message in running.messages if message["type"] == "ComputeFleetUpdatePolicy"]
    assert [message["message"] for message in notes] == [
        "The compute fleet was RUNNING; it was stopped for an update and is RUNNING again."
    ]
    assert running.has_one_good_cluster()
