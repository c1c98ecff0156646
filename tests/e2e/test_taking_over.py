"""A cluster made by the library, as the official provider makes it, and taken over by a stack of ours."""

import json
import subprocess
import sys

import pytest

from tests.e2e.account import DEADLINE_S, ROOT, outputs
from tests.e2e.foretold import foretell
from tests.e2e.parents import COMPUTE, PLAIN, Parent, library_environment
from tests.support.custom_resource_properties import stringified

pytestmark = pytest.mark.e2e

NAME = "c-adopted"
ADOPT = {"ClusterName": NAME, "AdoptExisting": True}
#: What the official provider adds. Source: aws-parallelcluster, cloudformation/custom_resource/cluster.yaml.
TAGS = [{"Key": "parallelcluster:custom_resource", "Value": "cluster"}, {"Key": "team", "Value": "weather"}]
CREATE = (
    "import json, sys; from pcluster.lib import create_cluster; _, name, text = sys.argv;"
    "create_cluster(cluster_name=name, cluster_configuration=json.loads(text))"
)


@pytest.fixture(scope="module")
def made(account):
    """The cluster: every value of its configuration is text."""
    configuration = stringified({**account.configuration(), "Monitoring": PLAIN})
    subprocess.run(
        [sys.executable, "-c", CREATE, NAME, json.dumps({**configuration, "Tags": TAGS})],
        env=library_environment(account),
        capture_output=True,
        check=True,
        timeout=DEADLINE_S,
    )
    stack = account.settled(account.stack(NAME)["StackId"])
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    return stack


@pytest.fixture(scope="module")
def adopting(account, service_token):
    """The stack that takes it over; the cluster is deleted with it, since the template says so."""
    stack = Parent(account, service_token, "adopted", AdoptExisting=True)
    yield stack
    if account.stack(NAME) is not None:
        account.delete(NAME)


def test_a_stack_that_fails_disowns_the_cluster_that_it_took_over(cloud, account, service_token, made):
    cloud.set_behaviours([{"stack": "letting-go", "logical_id": "Sibling", "fail": "no queue"}])
    sibling = {"Sibling": {"Type": "AWS::SQS::Queue", "DependsOn": "Cluster"}}
    failing = Parent(account, service_token, "letting-go", siblings=sibling, **ADOPT, DeletionPolicy="Delete")
    assert failing.create().status == "ROLLBACK_COMPLETE", failing.why
    cloud.set_behaviours([])
    assert failing.reasons == []
    assert account.stack(NAME) == made
    assert failing.delete().status == "DELETE_COMPLETE"


def test_a_dry_run_predicts_how_taking_it_over_ends(account, service_token, made, tmp_path):
    def foretold(**properties):
        return foretell(Parent(account, service_token, "adopted", **ADOPT, **properties), tmp_path)

    taken = f"Cluster: take-over of cluster {NAME}, "
    status, said = foretold()
    assert (status, f"{taken}without changes\n" in said) == (0, True), said
    status, said = foretold(changes={f"{COMPUTE}__MaxCount": 8})
    assert (status, f"{taken}would be accepted\n" in said) == (0, True), said
    assert "  allowed  Scheduling.SlurmQueues[compute].ComputeResources[c6i].MaxCount: 4 → 8\n" in said
    status, said = foretold(monitoring={"Alarms": {"Enabled": False}})
    assert (status, f"{taken}would be refused\n" in said) == (1, True), said
    assert "  refused  Monitoring.Dashboards" in said
    assert account.stack(NAME) == made


@pytest.fixture(scope="module")
def other_token(account):
    """The service token of a second provider stack, which knows nothing of the first one."""
    template = account.packaged(ROOT / "template.yaml")
    consent = f"parallelcluster:cluster-name={NAME}"
    stack = account.create("other-provider", template, ClusterAdoption=consent)
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    yield outputs(stack)["ServiceToken"]
    assert account.delete("other-provider")["StackStatus"] == "DELETE_COMPLETE"


def test_taking_a_cluster_over_touches_nothing_where_nothing_differs(account, adopting, made):
    assert adopting.create().status == "CREATE_COMPLETE", adopting.why
    assert account.stack(NAME) == made
    assert adopting.has_one_good_cluster()
    assert [message["type"] for message in adopting.messages][:1] == ["AdoptExisting"]


def test_a_cluster_that_a_stack_has_is_not_taken_over_with_another_provider(
    account, adopting, made, other_token
):
    rival = Parent(account, other_token, "rival", **ADOPT, DeletionPolicy="Delete")
    assert rival.create().status == "ROLLBACK_COMPLETE", rival.why
    (reason,) = rival.reasons
    assert f"belongs to resource Cluster of stack {adopting.stack_id}" in reason
    assert account.stack(NAME) == made
    assert rival.delete().status == "DELETE_COMPLETE"


def test_without_the_operators_consent_nothing_is_taken_over_and_a_dry_run_says_so(
    account, made, other_token, tmp_path
):
    template = account.packaged(ROOT / "template.yaml")
    account.update("other-provider", template, ClusterAdoption="parallelcluster:cluster-name=another")
    rival = Parent(account, other_token, "unwanted", **ADOPT)
    status, said = foretell(rival, tmp_path)
    choice = "ClusterAdoption of the provider stack (parallelcluster:cluster-name=another)"
    assert (status, f"  {choice} does not permit taking over cluster {NAME}; " in said) == (1, True), said
    assert rival.create().status == "ROLLBACK_COMPLETE", rival.why
    (reason,) = rival.reasons
    assert "only clusters with tag parallelcluster:cluster-name=another" in reason
    assert f"it has parallelcluster:cluster-name={NAME}" in reason
    assert account.stack(NAME) == made
    assert rival.delete().status == "DELETE_COMPLETE"


def test_its_first_update_changes_what_the_template_changes_and_no_more(account, adopting, made, tmp_path):
    before = adopting.stored_configuration
    status, said = foretell(adopting, tmp_path)
    assert (status, f"update of cluster {NAME}, without changes\n" in said) == (0, True), said
    assert adopting.update(changes={f"{COMPUTE}__MaxCount": 8}).status == "UPDATE_COMPLETE", adopting.why
    after = adopting.stored_configuration
    compute = after["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0]
    assert compute.pop("MaxCount") == 8
    before["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0].pop("MaxCount")
    assert after == before
    assert account.stack(NAME)["StackId"] == made["StackId"]


def marks(cloud):
    """The keys of all marks in ParallelCluster's buckets, old versions included."""
    s3 = cloud.client("s3")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    listed = [s3.list_object_versions(Bucket=name) for name in names if name.startswith("parallelcluster-")]
    keys = [version["Key"] for versions in listed for version in versions.get("Versions", [])]
    return [key for key in keys if key.endswith("/pcluster-cfn/owner.json")]


def test_it_is_deleted_with_the_stack_once_the_template_says_so(cloud, account, adopting):
    assert [key for key in marks(cloud) if f"/{NAME}-" in key]
    assert adopting.update(DeletionPolicy="Delete").status == "UPDATE_COMPLETE", adopting.why
    assert adopting.delete().status == "DELETE_COMPLETE", adopting.why
    assert account.stack(NAME) is None
    assert account.head_nodes(NAME) == []
    assert [key for key in marks(cloud) if f"/{NAME}-" in key] == []
