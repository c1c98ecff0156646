"""Bounds of a provider stack and of a cluster: a create and updates beyond them, a shrink, and a rollback."""

import pytest

from tests.e2e.account import ROOT, outputs
from tests.e2e.foretold import foretell
from tests.e2e.parents import COMPUTE, Parent
from tests.e2e.recorded import IS_PRICED

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not IS_PRICED, reason="it expects prices of us-east-1")]

PLACE = "ClusterConfiguration/Scheduling/SlurmQueues/0/ComputeResources/0 (queue compute/c6i)"
FAILING = {"Sibling": {"Type": "AWS::SQS::Queue", "DependsOn": "Cluster"}}


def nodes(count):
    """The compute nodes at full scale, which may become fewer; the head node is one more."""
    return {
        f"{COMPUTE}__MaxCount": count,
        "Scheduling__SlurmSettings": {"QueueUpdateStrategy": "TERMINATE"},
    }


@pytest.fixture(scope="module")
def bounded(account):
    """Updates a provider stack of its own, and returns its service token: 5 nodes and one dollar an hour."""
    template = account.packaged(ROOT / "template.yaml")
    name = "bounding-provider"
    stack = account.create(name, template, MaxNodes="5", MaxHourlyCostAtScale="1.0")
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)

    def bound(**parameters):
        if parameters:
            assert account.update(name, template, **parameters)["StackStatus"] == "UPDATE_COMPLETE"
        return outputs(stack)["ServiceToken"]

    yield bound
    assert account.cloud.errors() == []
    assert account.delete(name)["StackStatus"] == "DELETE_COMPLETE"


@pytest.fixture(scope="module")
def living(account, bounded):
    """A stack whose cluster has as many nodes as its provider allows."""
    stack = Parent(account, bounded(), "bounded", changes=nodes(4))
    assert stack.create().status == "CREATE_COMPLETE", stack.why
    yield stack
    assert stack.delete().status == "DELETE_COMPLETE"


def refused(stack):
    """Why a create was refused, which made nothing."""
    assert stack.create().status == "ROLLBACK_COMPLETE", stack.why
    (reason,) = stack.reasons
    assert stack.cluster_stack is None
    assert stack.delete().status == "DELETE_COMPLETE"
    return reason


def test_a_create_beyond_the_providers_bound_makes_nothing_and_a_dry_run_says_so(account, bounded, tmp_path):
    stack = Parent(account, bounded(), "too-many", changes=nodes(5), MaxNodes=100)
    status, said = foretell(stack, tmp_path)
    assert (status, "has 6 nodes, more than MaxNodes of the provider stack (5)" in said) == (1, True), said
    reason = refused(stack)
    assert f"BudgetExceeded: {PLACE.split(maxsplit=1)[0]}: at full scale the cluster " in reason
    assert "has 6 nodes, more than MaxNodes of the provider stack (5)" in reason
    assert f"{PLACE}: 5; " in reason
    assert "ask the provider's operator" in reason


def test_a_create_beyond_a_stricter_bound_of_its_own_makes_nothing_and_a_dry_run_says_so(
    account, bounded, tmp_path
):
    stack = Parent(account, bounded(), "too-dear", changes=nodes(4), MaxHourlyCostAtScale="0.70")
    # t3.medium 0.0416, 4 x c6i.xlarge 0.17, 5 x 45 GB gp3 of 0.08 a month.
    refusal = "costs 0.746 USD an hour, more than MaxHourlyCostAtScale of the resource (0.70)"
    status, said = foretell(stack, tmp_path)
    assert (status, refusal in said) == (1, True), said
    reason = refused(stack)
    assert refusal in reason
    assert f"{PLACE}: 0.680; " in reason
    assert "change the property MaxHourlyCostAtScale" in reason


def test_what_has_no_price_is_refused_while_the_cost_is_bounded(account, bounded):
    reserved = {"Scheduling__SlurmQueues__0__CapacityReservationTarget": {"CapacityReservationId": "cr-1"}}
    reason = refused(Parent(account, bounded(), "unpriced", changes=reserved))
    assert "No price: " in reason
    assert f"{PLACE}: runs in a capacity reservation" in reason


def test_an_update_beyond_a_bound_is_refused_and_its_rollback_succeeds(living):
    assert living.update(changes=nodes(8)).status == "UPDATE_ROLLBACK_COMPLETE", living.why
    assert "BudgetExceeded" in living.reasons[-1]
    assert "has 9 nodes" in living.reasons[-1]
    assert "costs 1.446 USD an hour" in living.reasons[-1]
    assert living.max_count == 4
    living.forget_changes(changes=nodes(4))


def test_a_cluster_above_a_lowered_bound_may_shrink(bounded, living):
    bounded(MaxNodes="2", MaxHourlyCostAtScale="0.1")
    assert living.update(changes=nodes(3)).status == "UPDATE_COMPLETE", living.why
    assert living.max_count == 3


def test_the_rollback_of_a_shrink_goes_back_beyond_the_bound(cloud, living):
    cloud.set_behaviours([{"stack": "bounded", "logical_id": "Sibling", "fail": "no queue"}])
    living.update(changes=nodes(2), siblings=FAILING)
    assert living.status == "UPDATE_ROLLBACK_COMPLETE", living.why
    cloud.set_behaviours([])
    assert living.max_count == 3
    assert [reason for reason in living.reasons if "BudgetExceeded" not in reason] == []
