"""The real library on the embedded cloud, from birth to nothing left."""

import copy

import pytest
import yaml

from tests.contract.engine.conftest import OWNER_TAGS

pytestmark = pytest.mark.library

TAGS = {"parallelcluster:custom_resource": "cluster", "project": "weather"}
MANY_MINUTES = 200


def settle(cloud, stack_id):
    """Lets time pass until the stack rests, and returns it."""
    client = cloud.client("cloudformation")
    for _ in range(MANY_MINUTES):
        stack = client.describe_stacks(StackName=stack_id)["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        cloud.advance(60)
    raise AssertionError(f"{stack_id} is still {stack['StackStatus']}: {cloud.log}")


def tags(stack):
    return {tag["Key"]: tag["Value"] for tag in stack["Tags"]}


def stored_configuration(cloud, stack):
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    key = f"{parameters['ArtifactS3RootDirectory']}/configs/cluster-config.yaml"
    stored = cloud.client("s3").get_object(
        Bucket=parameters["ResourcesS3Bucket"], Key=key, VersionId=parameters["ConfigVersion"]
    )
    return yaml.safe_load(stored["Body"].read())


def with_max_count(configuration, count):
    changed = copy.deepcopy(configuration)
    changed["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0]["MaxCount"] = count
    return changed


def with_compute_instance(configuration, instance_type):
    changed = copy.deepcopy(configuration)
    (resource,) = changed["Scheduling"]["SlurmQueues"][0]["ComputeResources"]
    resource["InstanceType"] = instance_type
    return changed


def _changes_what_needs_a_stopped_fleet(cloud, call, configuration, stack_id):
    wanted = with_compute_instance(configuration, "c5.2xlarge")
    mixed = copy.deepcopy(wanted)
    mixed["HeadNode"]["InstanceType"] = "t3.large"
    refused = call("update", mixed, stack_id=stack_id)
    assert refused["error"]["code"] == "UpdateRejected"
    assert {item["parameter"].split(".")[0]: item["cure"] for item in refused["error"]["details"]} == {
        "HeadNode": "",
        "Scheduling": "fleet-stop",
    }
    assert refused["fleet_status"] == "RUNNING"

    assert call("stop-fleet", stack_id=stack_id)["fleet_status"] == "STOP_REQUESTED"
    cloud.advance(300)
    assert call("stop-fleet", stack_id=stack_id)["fleet_status"] == "STOPPED"

    updated = call("update", wanted, stack_id=stack_id, call_id="update-2")
    assert (updated["status"], updated["sent"]) == ("succeeded", True)
    early = call("start-fleet", stack_id=stack_id)
    assert (early["status"], early["error"]["code"]) == ("failed", "BadRequest")
    assert settle(cloud, stack_id)["StackStatus"] == "UPDATE_COMPLETE"

    assert call("start-fleet", stack_id=stack_id)["fleet_status"] == "START_REQUESTED"
    cloud.advance(300)
    assert call("start-fleet", stack_id=stack_id)["fleet_status"] == "RUNNING"


def test_a_cluster_is_created_described_updated_and_deleted(cloud, engine, configuration):
    def call(operation, wanted=None, **fields):
        return engine(
            operation, wanted, configuration_tags=TAGS if wanted else {}, stack_tags=OWNER_TAGS, **fields
        )

    created = call("create", configuration, call_id="create-1")
    assert (created["status"], created["sent"]) == ("succeeded", True)
    assert created["cluster"]["clusterStatus"] == "CREATE_IN_PROGRESS"
    stack_id = created["stack_id"]
    assert stack_id == created["cluster"]["cloudformationStackArn"]

    again = call("create", configuration, call_id="create-1")
    assert (again["status"], again["sent"], again["stack_id"]) == ("succeeded", False, stack_id)

    stack = settle(cloud, stack_id)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert tags(stack).items() >= (OWNER_TAGS | TAGS).items()
    stored = stored_configuration(cloud, stack)
    assert stored["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0]["MaxCount"] == 4
    assert [tag["Key"] for tag in stored["Tags"]] == sorted(TAGS)  # the owner's tags stay outside

    described = call("describe", stack_id=stack_id)
    assert (described["head_node"], described["stack_id"]) == ("present", stack_id)
    assert described["cluster"]["headNode"]["publicIpAddress"]
    assert "clusterConfiguration" not in described["cluster"]

    unchanged = call("update", configuration, stack_id=stack_id)
    assert unchanged["error"]["code"] == "NoChanges"

    other_head_node = copy.deepcopy(configuration)
    other_head_node["HeadNode"]["InstanceType"] = "t3.large"
    refused = call("update", other_head_node, stack_id=stack_id)
    assert (refused["error"]["code"], refused["sent"]) == ("UpdateRejected", False)
    (detail,) = refused["error"]["details"]
    assert (detail["parameter"], detail["currentValue"], detail["requestedValue"]) == (
        "HeadNode.InstanceType",
        "t3.small",
        "t3.large",
    )
    assert "not currently supported" in detail["message"]
    assert [change["parameter"] for change in refused["change_set"]] == ["HeadNode.InstanceType"]

    updated = call("update", with_max_count(configuration, "8"), stack_id=stack_id, call_id="update-1")
    assert (updated["status"], updated["sent"], updated["stack_id"]) == ("succeeded", True, stack_id)
    assert [change["requestedValue"] for change in updated["change_set"]] == ["8"]

    busy = call("update", with_max_count(configuration, "9"), stack_id=stack_id)
    assert busy["error"]["code"] == "ClusterBusy"

    stack = settle(cloud, stack_id)
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert tags(stack).items() >= OWNER_TAGS.items()
    stored = stored_configuration(cloud, stack)
    assert stored["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0]["MaxCount"] == 8

    _changes_what_needs_a_stopped_fleet(cloud, call, with_max_count(configuration, "8"), stack_id)

    deleted = call("delete", stack_id=stack_id, call_id="delete-1")
    assert (deleted["status"], deleted["sent"]) == ("succeeded", True)
    assert settle(cloud, stack_id)["StackStatus"] == "DELETE_COMPLETE"

    gone = call("describe", stack_id=stack_id)
    assert gone["error"]["code"] == "NotFound"
