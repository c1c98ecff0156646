"""A template goes in, a cluster comes out, and nothing stays when the stack goes."""

import json

import pytest
import yaml

from tests.e2e.account import ROOT, outputs

pytestmark = pytest.mark.e2e

EXAMPLE = ROOT / "examples" / "simple-cluster.yaml"


@pytest.fixture(scope="module")
def body(account):
    return account.packaged(EXAMPLE)


@pytest.fixture(scope="module")
def life(account, body, seeded):
    """The example created, updated and deleted once; what AWS said at each step."""
    interfaces_before = _interface_ids(account)
    created = account.create("simple", body, **seeded)
    assert created["StackStatus"] == "CREATE_COMPLETE", account.why(created)
    seen = {"created": created, "head_nodes": account.head_nodes("c-simple"), "stored": _stored(account)}
    seen["updated"] = account.update("simple", body, **seeded, MaxCount="8")
    seen["stored_after_update"] = _stored(account)
    cluster = account.stack("c-simple")
    seen["artefacts"] = _artefact_versions(account, cluster)
    seen["deleted"] = account.delete("simple")
    seen["left"] = {
        "cluster stack": account.stack("c-simple"),
        "head nodes": account.head_nodes("c-simple"),
        "interfaces": _interface_ids(account) - interfaces_before,
        "artefacts": _artefact_versions(account, cluster),
    }
    return seen


def test_the_stack_completes_with_the_address_that_ec2_reports(life):
    (head_node,) = life["head_nodes"]
    assert outputs(life["created"])["HeadNodeIp"] == head_node["PublicIpAddress"]


def test_the_validators_remarks_are_a_json_list(life):
    assert isinstance(json.loads(outputs(life["created"])["ValidationMessages"]), list)


def test_a_reference_to_the_cluster_is_its_name(life):
    assert outputs(life["created"])["ClusterName"] == "c-simple"


def test_an_update_reaches_the_configuration_that_parallelcluster_keeps(life):
    assert life["updated"]["StackStatus"] == "UPDATE_COMPLETE"
    assert _max_count(life["stored"]) == 4
    assert _max_count(life["stored_after_update"]) == 8


def test_an_update_keeps_the_head_node(life):
    assert outputs(life["updated"]) == outputs(life["created"])


def test_a_deleted_stack_leaves_nothing(life):
    assert life["deleted"]["StackStatus"] == "DELETE_COMPLETE"
    assert life["artefacts"] > 0
    assert life["left"] == {"cluster stack": None, "head nodes": [], "interfaces": set(), "artefacts": 0}


def _max_count(configuration):
    return configuration["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0]["MaxCount"]


def _stored(account):
    parameters = _parameters(account.stack("c-simple"))
    stored = account.cloud.client("s3").get_object(
        Bucket=parameters["ResourcesS3Bucket"],
        Key=f"{parameters['ArtifactS3RootDirectory']}/configs/cluster-config.yaml",
        VersionId=parameters["ConfigVersion"],
    )
    return yaml.safe_load(stored["Body"].read())


def _artefact_versions(account, cluster):
    parameters = _parameters(cluster)
    listed = account.cloud.client("s3").list_object_versions(
        Bucket=parameters["ResourcesS3Bucket"], Prefix=f"{parameters['ArtifactS3RootDirectory']}/"
    )
    return len(listed.get("Versions", []))


def _parameters(stack):
    return {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}


def _interface_ids(account):
    interfaces = account.ec2.describe_network_interfaces()["NetworkInterfaces"]
    return {interface["NetworkInterfaceId"] for interface in interfaces}
