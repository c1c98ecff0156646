"""Resources that only ask: they find what is there, and leave it as it is."""

import json

import pytest

from tests.e2e.account import ROOT, outputs
from tests.e2e.parents import all_created, all_deleted

pytestmark = pytest.mark.e2e

EXAMPLE = ROOT / "examples" / "information.yaml"
INFO, IMAGE = "Custom::PclusterClusterInfo", "Custom::PclusterOfficialImage"


def template(service_token, resource_type, shown, **properties):
    """A template with one resource and the attributes that its outputs show."""
    resource = {"Type": resource_type, "Properties": {"ServiceToken": service_token, **properties}}
    outputs = {name: {"Value": {"Fn::GetAtt": ["Asked", attribute]}} for name, attribute in shown.items()}
    return json.dumps({"Resources": {"Asked": resource}, "Outputs": outputs})


@pytest.fixture
def seen(account, service_token, parent):
    """The example, before and after there was a cluster, and that cluster described by its name."""
    body = EXAMPLE.read_text()
    created = account.create("seen", body, ServiceToken=service_token, NamePrefix="c-asked")
    assert created["StackStatus"] == "CREATE_COMPLETE", account.why(created)
    cluster = parent("asked")
    all_created(cluster)
    updated = account.update("seen", body, ServiceToken=service_token, NamePrefix="c-asked", Trigger="2")
    assert updated["StackStatus"] == "UPDATE_COMPLETE", account.why(updated)
    shown = {"Ip": "headNode.publicIpAddress", "Status": "clusterStatus", "Fleet": "computeFleetStatus"}
    named = account.create("named", template(service_token, INFO, shown, ClusterName=cluster.cluster))
    assert named["StackStatus"] == "CREATE_COMPLETE", account.why(named)
    deleted = [account.delete(name)["StackStatus"] for name in ("seen", "named")]
    assert deleted == ["DELETE_COMPLETE", "DELETE_COMPLETE"]
    yield created, updated, named, cluster
    all_deleted(cluster)


def test_a_template_reads_the_newest_image_and_the_clusters_there_are_and_touches_none(seen, account):
    created, updated, named, cluster = seen
    (image,) = account.ec2.describe_images(ImageIds=[outputs(created)["AmiId"]])["Images"]
    assert image["Name"].startswith("aws-parallelcluster-3.16.1-amzn2023-hvm-x86_64-")
    counts = [
        (outputs(stack)["ClusterCount"], outputs(stack)["ClusterNames"]) for stack in (created, updated)
    ]
    assert counts == [("0", ""), ("1", "c-asked")]
    assert outputs(named) == {
        "Ip": cluster.outputs["Ip"],
        "Status": "CREATE_COMPLETE",
        "Fleet": "RUNNING",
    }
    assert cluster.has_one_good_cluster()


def test_what_does_not_exist_is_refused_by_name(account, service_token):
    body = template(service_token, INFO, {}, ClusterName="nobody")
    refused = account.create("asks-in-vain", body)
    assert refused["StackStatus"] == "ROLLBACK_COMPLETE"
    (reason,) = account.failures(refused["StackId"], "Asked")
    assert "NotFound: cluster nobody: it does not exist." in reason
    account.delete("asks-in-vain")


def test_an_operating_system_that_parallelcluster_does_not_know_is_refused_with_those_it_knows(
    account, service_token
):
    refused = account.create("solaris", template(service_token, IMAGE, {}, Os="solaris"))
    (reason,) = account.failures(refused["StackId"], "Asked")
    assert "InvalidProperty: official image of solaris for x86_64: solaris is not one of" in reason
    assert "alinux2023" in reason
    account.delete("solaris")
