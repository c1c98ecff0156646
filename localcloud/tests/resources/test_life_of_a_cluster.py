"""The real library makes, changes and deletes clusters on the embedded cloud.

Two clusters live through everything once; each test looks at one thing that was seen on the way.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
import yaml
from pcluster.api.errors import ParallelClusterApiException

from localcloud.testing import configurations, inventory
from localcloud.testing.waiting import eventually, settled

pytestmark = pytest.mark.library

REGION = "us-east-1"


@dataclass
class Life:
    """What was seen of one cluster."""

    name: str
    configuration: dict[str, Any]
    changed: dict[str, Any]
    dry_run: str = ""
    created: dict[str, Any] = field(default_factory=dict)
    head_node: dict[str, Any] = field(default_factory=dict)
    resources: inventory.Inventory = field(default_factory=dict)
    updated: dict[str, Any] = field(default_factory=dict)
    fleet: list[str] = field(default_factory=list)
    stored: dict[str, Any] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)


@dataclass
class World:
    lives: dict[str, Life]
    left: inventory.Inventory


@pytest.fixture(scope="session")
def world(cloud, client, library_on) -> World:
    """Both clusters from dry run to deletion; once, though a worker may come back to this module."""
    with library_on(cloud) as library:
        return _live(cloud, client, library)


def _live(cloud, client, library) -> World:
    secret = client("secretsmanager").create_secret(Name="accounting", SecretString="password")["ARN"]
    client("s3").put_object(Bucket=cloud.exports["ARTIFACT_BUCKET"], Key="configure.sh", Body=b"#!/bin/sh\n")
    ids = cloud.exports
    lives = [
        Life("minimal", configurations.minimal(ids), configurations.minimal(ids, max_count=8)),
        Life(
            "rich",
            configurations.rich(ids, secret),
            configurations.rich(ids, secret, login_nodes=3, max_count=8),
        ),
    ]
    before = inventory.take(client)
    for life in lives:
        _grow(client, library, life)
    # Deleted together: the cluster's own clean-up function takes its time.
    for life in lives:
        library.delete_cluster(cluster_name=life.name, region=REGION)
    for life in lives:
        assert settled(client("cloudformation"), life.name) == "DELETE_COMPLETE"
    return World({life.name: life for life in lives}, inventory.added(before, inventory.take(client)))


def _grow(client, library, life: Life) -> None:
    of_cluster = {"cluster_name": life.name, "region": REGION}
    before = inventory.take(client)
    with pytest.raises(ParallelClusterApiException) as dry_run:
        library.create_cluster(**of_cluster, cluster_configuration=life.configuration, dryrun=True)
    life.dry_run = dry_run.value.content.message
    library.create_cluster(**of_cluster, cluster_configuration=life.configuration)
    assert settled(client("cloudformation"), life.name) == "CREATE_COMPLETE"
    life.created = library.describe_cluster(**of_cluster)
    life.resources = inventory.added(before, inventory.take(client))
    life.head_node = _instance(client, life.created["headNode"]["instanceId"])
    library.update_cluster(**of_cluster, cluster_configuration=life.changed)
    assert settled(client("cloudformation"), life.name) == "UPDATE_COMPLETE"
    life.updated = library.describe_cluster(**of_cluster)
    life.stored = _stored_configuration(client, life.name)
    for request, result in (("STOP_REQUESTED", "STOPPED"), ("START_REQUESTED", "RUNNING")):
        library.update_compute_fleet(**of_cluster, status=request)
        eventually(lambda result=result: _fleet(library, of_cluster) == result, f"fleet {result}")
        life.fleet.append(_fleet(library, of_cluster))
    life.listed = [cluster["clusterName"] for cluster in library.list_clusters(region=REGION)["clusters"]]


def _fleet(library, of_cluster) -> str:
    return library.describe_compute_fleet(**of_cluster)["status"]


def _instance(client, instance_id: str) -> dict[str, Any]:
    answer = client("ec2").describe_instances(InstanceIds=[instance_id])
    return answer["Reservations"][0]["Instances"][0]


def _stored_configuration(client, name: str) -> dict[str, Any]:
    stack = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}
    stored = client("s3").get_object(
        Bucket=parameters["ResourcesS3Bucket"],
        Key=f"{parameters['ArtifactS3RootDirectory']}/configs/cluster-config.yaml",
        VersionId=parameters["ConfigVersion"],
    )
    return yaml.safe_load(stored["Body"].read())


@pytest.fixture(params=["minimal", "rich"])
def life(request, world) -> Life:
    return world.lives[request.param]


def test_a_dry_run_of_a_good_configuration_would_have_succeeded(life):
    assert "would have succeeded" in life.dry_run


def test_the_head_node_has_the_public_address_that_ec2_reports(life):
    assert life.created["headNode"]["publicIpAddress"] == life.head_node["PublicIpAddress"]
    assert life.created["headNode"]["state"] == "running"


def test_the_head_node_has_the_type_and_the_tags_its_template_says(life):
    tags = {tag["Key"]: tag["Value"] for tag in life.head_node["Tags"]}
    assert life.head_node["InstanceType"] == "t3.large"
    assert tags["parallelcluster:node-type"] == "HeadNode"
    assert tags["parallelcluster:cluster-name"] == life.name
    assert life.head_node["IamInstanceProfile"]["Arn"]


def test_the_fleet_runs_once_the_head_node_has_booted(life):
    assert life.created["computeFleetStatus"] == "RUNNING"


def test_creation_takes_the_time_of_a_boot(life):
    created = datetime.fromisoformat(life.created["creationTime"])
    updated = datetime.fromisoformat(life.updated["lastUpdatedTime"])
    assert (updated - created).total_seconds() >= 300


def test_an_update_changes_the_stored_configuration_and_keeps_the_head_node(life):
    resource = life.stored["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0]
    assert resource["MaxCount"] == 8
    assert life.updated["clusterStatus"] == "UPDATE_COMPLETE"
    assert life.updated["headNode"]["instanceId"] == life.created["headNode"]["instanceId"]
    assert life.updated["headNode"]["publicIpAddress"] == life.created["headNode"]["publicIpAddress"]


def test_the_fleet_stops_and_starts_when_asked(life):
    assert life.fleet == ["STOPPED", "RUNNING"]


def test_the_cluster_is_listed(life):
    assert life.name in life.listed


def test_an_elastic_ip_is_the_head_nodes_address(world):
    rich = world.lives["rich"]
    assert rich.resources["addresses"] == {rich.head_node["PublicIpAddress"]}


def test_login_nodes_are_healthy_behind_their_load_balancer(world):
    rich = world.lives["rich"]
    (pool,) = rich.created["loginNodes"]
    assert (pool["status"], pool["healthyNodes"], pool["unhealthyNodes"]) == ("active", 2, 0)
    assert pool["address"].endswith(".elb.amazonaws.com")


def test_more_login_nodes_join_in_an_update(world):
    (pool,) = world.lives["rich"].updated["loginNodes"]
    assert pool["healthyNodes"] == 3


def test_shared_storage_is_made(world):
    rich = world.lives["rich"].resources
    assert len(rich["EFS file systems"]) == len(rich["FSx file systems"]) == 1
    # The head node's root, two login nodes' and the shared one.
    assert len(rich["volumes"]) == 4


def test_a_queue_has_its_placement_group(world):
    assert len(world.lives["rich"].resources["placement groups"]) == 1


def test_deletion_leaves_nothing_but_retained_log_groups(world):
    retained = world.left.pop("log groups")
    assert world.left == {}
    # The rich cluster asks for its log group to be deleted; functions' log groups are always retained.
    assert {name.split("/")[2] for name in retained} == {"lambda", "parallelcluster"}
    assert not any("/rich-" in name for name in retained)


def test_a_bad_subnet_is_refused_with_the_librarys_own_message(cloud, library):
    configuration = configurations.minimal({**cloud.exports, "HEAD_NODE_SUBNET": "subnet-0123456789abcdef0"})
    with pytest.raises(ParallelClusterApiException) as refused:
        library.create_cluster(cluster_name="refused", cluster_configuration=configuration, region=REGION)
    messages = [message.message for message in refused.value.content.configuration_validation_errors]
    assert any(
        "subnet-0123456789abcdef0" in message and "does not exist" in message for message in messages
    ), messages


@pytest.mark.usefixtures("world")  # which lists what the account holds: nobody else's cluster must be there
def test_a_head_node_that_fails_fails_the_stack_with_its_reason(cloud, client, library):
    reason = "Failed to execute OnNodeStart script 1 s3://bucket/start.sh, return code: 1."
    cloud.set_head_nodes(cluster="broken", create_s=90, failure={"reason": reason})
    library.create_cluster(
        cluster_name="broken", cluster_configuration=configurations.minimal(cloud.exports), region=REGION
    )

    def failures() -> list[str]:
        events = client("cloudformation").describe_stack_events(StackName="broken")["StackEvents"]
        return [
            event["ResourceStatusReason"]
            for event in events
            if event["ResourceType"] == "AWS::CloudFormation::WaitCondition"
            and event["ResourceStatus"] == "CREATE_FAILED"
        ]

    eventually(lambda: bool(failures()), "the wait condition fails")
    assert reason in failures()[0]
