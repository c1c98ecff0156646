"""A cluster may take longer than an hour: a wait condition is signalled how it ended."""

import json
from datetime import datetime, timedelta

import pytest

from tests.e2e.account import ROOT, outputs
from tests.e2e.parents import Parent, all_deleted, clear_away

pytestmark = pytest.mark.e2e

EXAMPLE = ROOT / "examples" / "long-creation.yaml"
CONDITION = "AWS::CloudFormation::WaitCondition"
HOUR_S = 3600


@pytest.fixture(scope="module")
def burning(cloud, account, service_token):
    """A cluster that will fail, begun before the other one: both wait in the same simulated hours."""
    cloud.set_head_nodes(cluster="c-burning", create_s=2 * HOUR_S, failure={"reason": "it is on fire"})
    condition = {"Handle": {"Ref": "Handle"}, "Timeout": 12 * HOUR_S}
    waiting = {
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Done": {"Type": CONDITION, "DependsOn": "Cluster", "Properties": condition},
    }
    patient = {"DevSettings": {"Timeouts": {"HeadNodeBootstrapTimeout": 3 * HOUR_S}}}
    handle = {"Ref": "Handle"}
    stack = Parent(
        account, service_token, "burning", siblings=waiting, changes=patient, WaitConditionHandle=handle
    )
    yield stack.create()
    cloud.set_head_nodes()
    clear_away([stack])


@pytest.mark.usefixtures("burning")
def test_a_cluster_that_takes_three_hours_completes_with_its_address(cloud, account, seeded):
    cloud.set_head_nodes(cluster="c-long", create_s=3 * HOUR_S)
    began_at = datetime.fromisoformat(cloud.now())
    created = account.create("long", account.packaged(EXAMPLE), **seeded)
    assert created["StackStatus"] == "CREATE_COMPLETE", account.why(created)
    assert datetime.fromisoformat(cloud.now()) - began_at > timedelta(hours=3)
    values = json.loads(json.loads(outputs(created)["ClusterValues"])["c-long"])
    (head_node,) = account.head_nodes("c-long")
    assert values["headNode.publicIpAddress"] == head_node["PublicIpAddress"]
    assert account.delete("long")["StackStatus"] == "DELETE_COMPLETE"


def test_a_cluster_that_fails_after_two_hours_is_rolled_back_with_its_cause(burning):
    assert burning.status == "ROLLBACK_COMPLETE", burning.why
    assert burning.reasons == []
    (reason,) = burning.account.failures(burning.stack_id, "Done")
    assert "ClusterFailed: cluster c-burning" in reason
    assert "it is on fire" in reason
    all_deleted(burning)
