"""Files outlive the cluster that they were made for."""

import json

import pytest

from tests.examples.stacks import EXAMPLES, Example

pytestmark = pytest.mark.e2e

PATH = EXAMPLES / "shared-storage.yaml"


def begin(place):
    vpc = {"VpcId": place.account.cloud.exports["VPC_ID"]}
    yield Example(place.account, "storage", place.account.packaged(PATH), place.seeded | vpc)


@pytest.fixture(scope="module")
def example(begun):
    return begun["storage"]


@pytest.fixture(scope="module")
def created(example):
    return example.created()


@pytest.fixture(scope="module")
def lustre(account, created):
    """The Lustre file system, as FSx describes it."""
    fsx = account.cloud.client("fsx")
    (described,) = fsx.describe_file_systems(FileSystemIds=[created["ScratchFileSystem"]])["FileSystems"]
    return described


def _group(account, created):
    named = [created["StorageSecurityGroup"]]
    (group,) = account.ec2.describe_security_groups(GroupIds=named)["SecurityGroups"]
    return group


def test_the_cluster_mounts_both_file_systems(example, created):
    mounted = {storage["MountDir"]: storage for storage in example.stored_configuration()["SharedStorage"]}
    assert mounted["/shared"]["EfsSettings"]["FileSystemId"] == created["SharedFileSystem"]
    assert mounted["/scratch"]["FsxLustreSettings"]["FileSystemId"] == created["ScratchFileSystem"]


def test_the_validators_find_nothing_worse_than_a_remark(created):
    levels = {message["level"] for message in json.loads(created["ValidationMessages"])}
    assert levels <= {"INFO", "WARNING"}


def test_the_file_systems_let_in_the_group_that_the_head_node_is_in(account, example, created, lustre):
    interfaces = account.ec2.describe_network_interfaces(NetworkInterfaceIds=lustre["NetworkInterfaceIds"])
    (interface,) = interfaces["NetworkInterfaces"]
    assert [one["GroupId"] for one in interface["Groups"]] == [created["StorageSecurityGroup"]]
    let_in = {
        (rule["FromPort"], rule["ToPort"]): {pair["GroupId"] for pair in rule["UserIdGroupPairs"]}
        for rule in _group(account, created)["IpPermissions"]
    }
    (head_node,) = account.head_nodes(example.cluster)
    of_the_head_node = {one["GroupId"] for one in head_node["SecurityGroups"]}
    for ports in ((2049, 2049), (988, 988), (1018, 1023)):
        assert let_in[ports] & of_the_head_node
    for ports in ((988, 988), (1018, 1023)):
        assert created["StorageSecurityGroup"] in let_in[ports]


def test_the_file_systems_and_their_group_are_all_that_stays(account, example, created):
    example.deleted()
    efs, fsx = account.cloud.client("efs"), account.cloud.client("fsx")
    (shared,) = efs.describe_file_systems(FileSystemId=created["SharedFileSystem"])["FileSystems"]
    assert shared["NumberOfMountTargets"] == 0
    (scratch,) = fsx.describe_file_systems(FileSystemIds=[created["ScratchFileSystem"]])["FileSystems"]
    assert scratch["Lifecycle"] == "AVAILABLE"
    # What it still lets in is itself: a rule about a group that is gone would have kept that one from going.
    rules = _group(account, created)["IpPermissions"]
    pairs = {pair["GroupId"] for rule in rules for pair in rule["UserIdGroupPairs"]}
    assert pairs == {created["StorageSecurityGroup"]}

    # As who wants nothing of it any more.
    efs.delete_file_system(FileSystemId=created["SharedFileSystem"])
    fsx.delete_file_system(FileSystemId=created["ScratchFileSystem"])
    account.ec2.delete_security_group(GroupId=created["StorageSecurityGroup"])
