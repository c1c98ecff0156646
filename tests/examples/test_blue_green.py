"""A cluster's successor is tried out beside it, under one name, before one of the two is deleted."""

import json
import re
import ssl
import urllib.request
from pathlib import Path

import pytest

from localcloud import hosts
from tests.e2e.account import outputs
from tests.e2e.parents import eventually
from tests.examples.stacks import EXAMPLES, Example

pytestmark = pytest.mark.e2e

PATH = EXAMPLES / "blue-green.yaml"
NAME = "login.hpc.example.com"
#: ParallelCluster never changes it on a living cluster.
LARGER = {"HeadNodeInstanceType": "m7i.xlarge"}
#: The cloud skips time in which nobody does anything, so a trial that is to be ended lasts as long as it may.
TRIAL = {"ReplacementPolicy": "Replace", "TrialTimeout": "43200"}
NO_TRIAL = {"ReplacementPolicy": "Refuse"}


class BlueGreen(Example):
    """The example's stack and what its operator does with it."""

    def change(self, **parameters):
        """Begins an update that changes these parameters, with the template that the stack has."""
        self.account.cloudformation.update_stack(
            StackName=self.stack_id,
            UsePreviousTemplate=True,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": parameters[key]}
                if key in parameters
                else {"ParameterKey": key, "UsePreviousValue": True}
                for key in {**self.parameters, **LARGER, **TRIAL}
            ],
        )

    def ended(self):
        """Waits for the stack; returns its status, and why it failed, for assertions."""
        stack = self.account.settled(self.stack_id)
        return stack["StackStatus"], self.account.why(stack)

    def resource(self, logical_id):
        """Returns a resource as CloudFormation describes it, None where the stack has none of that name."""
        described = self.account.cloudformation.describe_stack_resources(StackName=self.stack_id)
        by_name = {each["LogicalResourceId"]: each for each in described["StackResources"]}
        return by_name.get(logical_id)

    def waits(self):
        """Waits until the stack waits for the operator."""

        def status():
            resource = self.resource("Trial")
            stack = self.account.stack(self.stack_id)
            assert stack["StackStatus"] == "UPDATE_IN_PROGRESS", self.account.why(stack)
            return resource is not None and resource["ResourceStatus"] == "CREATE_IN_PROGRESS"

        eventually(status, lambda: str(self.account.stack(self.stack_id)))

    def signal(self, status):
        """PUTs the operator's signal to the handle, as the first lines of the template show it."""
        (body,) = re.findall(r"^# +'(\{.*\})' \"\$url\"$", PATH.read_text(encoding="utf-8"), re.MULTILINE)
        exports = self.account.cloud.exports
        trust = ssl.create_default_context(cafile=exports["LOCALCLOUD_CA_FILE"])
        request = urllib.request.Request(  # noqa: S310 - a URL of the embedded cloud
            self.resource("TrialHandle")["PhysicalResourceId"],
            body.replace("SUCCESS", status).encode(),
            {"Content-Type": ""},
            method="PUT",
        )
        with (
            hosts.installed(Path(exports["LOCALCLOUD_HOSTS"])),
            urllib.request.urlopen(request, context=trust) as answered,  # noqa: S310 - as above
        ):
            assert answered.status == 200

    @property
    def cluster(self):
        """The name of the cluster that the resource has."""
        return self.resource("Cluster")["PhysicalResourceId"]

    def clusters(self):
        """Returns the names of all clusters of this stack."""
        pages = self.account.cloudformation.get_paginator("describe_stacks").paginate()
        roots = [stack["StackName"] for page in pages for stack in page["Stacks"] if "ParentId" not in stack]
        return {name for name in roots if name.startswith(f"{self.name}-Cluster-")}

    def state(self, cluster):
        """Returns what shows whether anything has changed a cluster."""
        stack = self.account.stack(cluster)
        nodes = [node["InstanceId"] for node in self.account.head_nodes(cluster)]
        return stack["StackId"], stack["StackStatus"], stack.get("LastUpdatedTime"), stack["Tags"], nodes

    def address(self, cluster):
        """Returns the public address of a cluster's head node."""
        (head_node,) = self.account.head_nodes(cluster)
        return head_node["PublicIpAddress"]

    def leads_to(self):
        """Returns what Route 53 answers to whoever asks for the name."""
        listed = self.account.cloud.client("route53").list_resource_record_sets(
            HostedZoneId=self.parameters["HostedZoneId"]
        )
        (record,) = (each for each in listed["ResourceRecordSets"] if each["Type"] == "A")
        assert record["Name"].rstrip(".") == NAME
        assert record["TTL"] <= 60
        (value,) = record["ResourceRecords"]
        return value["Value"]


def begin(place):
    zone = place.account.cloud.client("route53").create_hosted_zone(
        Name="hpc.example.com", CallerReference="blue-green"
    )["HostedZone"]["Id"]
    yield BlueGreen(
        place.account,
        "blue-green",
        place.account.packaged(PATH),
        place.seeded
        | {
            "VpcId": place.account.cloud.exports["VPC_ID"],
            "HostedZoneId": zone.removeprefix("/hostedzone/"),
            "LoginName": NAME,
        },
    )


@pytest.fixture(scope="module")
def example(begun):
    return begun["blue-green"]


@pytest.fixture(scope="module")
def created(example):
    return example.created()


def test_home_directories_and_files_are_on_the_file_systems_of_the_stack(example, created):
    mounted = {each["MountDir"]: each for each in example.stored_configuration()["SharedStorage"]}
    assert {path: each["EfsSettings"]["FileSystemId"] for path, each in mounted.items()} == {
        "/home": created["HomeFileSystem"],
        "/data": created["DataFileSystem"],
    }


def test_the_validators_find_nothing_worse_than_a_remark(created):
    levels = {message["level"] for message in json.loads(created["ValidationMessages"])}
    assert levels <= {"INFO", "WARNING"}


def test_the_creation_waits_for_nobody_and_the_name_leads_to_the_head_node(example, created):
    assert created["LoginName"] == NAME
    assert example.leads_to() == example.address(created["ClusterName"])
    assert example.resource("Trial") is None
    assert example.clusters() == {created["ClusterName"]}


def test_nothing_is_replaced_outside_of_a_trial(example, created):
    before = example.state(created["ClusterName"])
    example.change(**LARGER)
    status, why = example.ended()
    assert status == "UPDATE_ROLLBACK_COMPLETE", why
    (refusal,) = example.account.failures(example.stack_id, "Cluster")
    assert "HeadNode.InstanceType" in refusal
    assert example.clusters() == {created["ClusterName"]}
    assert example.state(created["ClusterName"]) == before


@pytest.mark.parametrize("signal", ["FAILURE", ""], ids=["after FAILURE", "without a signal"])
def test_a_trial_that_fails_goes_back_to_the_old_cluster(example, created, signal):
    old = created["ClusterName"]
    before, address = example.state(old), example.leads_to()
    example.change(**LARGER, **TRIAL | ({} if signal else {"TrialTimeout": "60"}))
    if signal:
        example.waits()
        assert len(example.clusters()) == 2
        assert example.leads_to() == example.address(example.cluster) != address
        assert example.state(old) == before
        example.signal(signal)
    status, why = example.ended()
    assert status == "UPDATE_ROLLBACK_COMPLETE", why
    reason = example.account.failures(example.stack_id, "Trial")[-1]
    assert ("'Test jobs run'" if signal else "timed out") in reason
    assert (example.cluster, example.clusters()) == (old, {old})
    assert example.state(old) == before
    assert example.leads_to() == address
    # The next trial gets a handle and a wait condition that nobody has used.
    assert (example.resource("Trial"), example.resource("TrialHandle")) == (None, None)


def test_a_trial_that_succeeds_deletes_the_old_cluster_and_keeps_the_files(example, created):
    old, storage = created["ClusterName"], example.stored_configuration()["SharedStorage"]
    example.change(**LARGER, **TRIAL)
    example.waits()
    new = example.cluster
    assert example.clusters() == {old, new}
    assert example.leads_to() == example.address(new)
    example.signal("SUCCESS")
    status, why = example.ended()
    assert status == "UPDATE_COMPLETE", why
    assert (example.cluster, example.clusters()) == (new, {new})
    assert example.account.head_nodes(old) == []
    assert example.leads_to() == example.address(new)
    assert example.stored_configuration()["SharedStorage"] == storage
    kept = ("HomeFileSystem", "DataFileSystem")
    after = outputs(example.account.stack(example.stack_id))
    assert [after[each] for each in kept] == [created[each] for each in kept]


def test_the_end_of_a_trial_changes_no_cluster_and_makes_room_for_the_next(example):
    before = example.state(example.cluster)
    example.change(**NO_TRIAL)
    status, why = example.ended()
    assert status == "UPDATE_COMPLETE", why
    assert (example.resource("Trial"), example.resource("TrialHandle")) == (None, None)
    assert example.state(example.cluster) == before


def test_the_file_systems_and_their_group_are_all_that_stays(account, example, created):
    (cluster,) = example.clusters()
    deleted = account.delete(example.stack_id)
    assert deleted["StackStatus"] == "DELETE_COMPLETE", account.why(deleted)
    assert (account.stack(cluster), account.head_nodes(cluster)) == (None, [])
    efs, route53 = account.cloud.client("efs"), account.cloud.client("route53")
    for kept in ("HomeFileSystem", "DataFileSystem"):
        (described,) = efs.describe_file_systems(FileSystemId=created[kept])["FileSystems"]
        assert described["NumberOfMountTargets"] == 0
        efs.delete_file_system(FileSystemId=created[kept])
    account.ec2.delete_security_group(GroupId=created["StorageSecurityGroup"])
    zone = example.parameters["HostedZoneId"]
    records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert NAME not in {each["Name"].rstrip(".") for each in records}
    route53.delete_hosted_zone(Id=zone)
