"""The partitions of GovCloud and of China: other ARNs, other host names, and the same provider.

Every ARN of the templates and the functions has its partition, and CloudFormation's answer goes to that
partition's host. IAM is judged, so that a policy for another partition would permit nothing.
"""

import pytest

from localcloud.cloud import Cloud
from tests.e2e.account import ROOT, Account, outputs
from tests.e2e.parents import COMPUTE, Parent, difference, inventory

pytestmark = pytest.mark.e2e

#: A Region of each, with its partition. Source: AWS GovCloud (US) and AWS China user guides, "ARNs".
REGIONS = {"us-gov-west-1": "aws-us-gov", "cn-north-1": "aws-cn"}
SMALLER, LARGER = {f"{COMPUTE}__MaxCount": 2}, {f"{COMPUTE}__MaxCount": 8}


@pytest.fixture(scope="module", params=REGIONS)
def elsewhere(request):
    with Cloud.start(request.param, enforce_iam=True) as cloud:
        yield Account(cloud)


@pytest.fixture(scope="module")
def token(elsewhere):
    """The service token of a provider stack, which tests leave as they found it."""
    body = elsewhere.packaged(ROOT / "template.yaml")
    stack = elsewhere.create("provider", body, ClusterAdoption="Allow", CustomImages="true")
    assert stack["StackStatus"] == "CREATE_COMPLETE", elsewhere.why(stack)
    elsewhere.let_iam_settle()
    before = inventory(elsewhere)
    yield outputs(stack)["ServiceToken"]
    assert difference(before, inventory(elsewhere)) == {}
    assert elsewhere.cloud.errors() == []
    assert elsewhere.delete("provider")["StackStatus"] == "DELETE_COMPLETE"
    judged = elsewhere.cloud.judged()
    refused = [fact for fact in judged if fact["decision"] != "ALLOWED" and not fact["of_deleted"]]
    assert (refused, elsewhere.cloud.unjudged()) == ([], {})
    for kind in ("Provider", "Engine"):
        assert any(fact["function"].startswith(f"provider-{kind}-") for fact in judged)


def test_every_output_of_the_provider_stack_is_of_its_partition(elsewhere, token):
    partition = REGIONS[elsewhere.cloud.region]
    arns = [value for value in outputs(elsewhere.stack("provider")).values() if value.startswith("arn:")]
    assert token in arns
    assert {arn.split(":")[1] for arn in arns} == {partition}


def test_a_cluster_is_made_changed_with_a_stopped_fleet_and_deleted(elsewhere, token):
    siblings = {
        "Image": {
            "Type": "Custom::PclusterOfficialImage",
            "Properties": {"ServiceToken": token, "Os": "alinux2023", "Architecture": "x86_64"},
        }
    }
    parent = Parent(elsewhere, token, "far", siblings=siblings, ComputeFleetUpdatePolicy="StopAndRestart")
    assert parent.create().status == "CREATE_COMPLETE", parent.why
    assert parent.has_one_good_cluster()
    assert parent.update(changes=LARGER).status == "UPDATE_COMPLETE", parent.why
    assert parent.update(changes=SMALLER).status == "UPDATE_COMPLETE", parent.why
    assert parent.max_count == 2
    assert parent.delete().status == "DELETE_COMPLETE", parent.why


def test_a_refused_cluster_says_why_and_leaves_nothing(elsewhere, token):
    parent = Parent(elsewhere, token, "refused", changes={"HeadNode__Ssh__KeyName": "nobodys"})
    assert parent.create().status == "ROLLBACK_COMPLETE", parent.why
    (reason,) = parent.reasons
    assert "nobodys" in reason
    assert parent.delete().status == "DELETE_COMPLETE"
