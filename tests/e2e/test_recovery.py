"""A creation that failed with rollback disabled: tried again, corrected, or taken back.

AWS does not document whether the failed cluster is deleted before the new one is made or after it, so each
test runs in both orders.
"""

import pytest

from tests.e2e.parents import COMPUTE, all_deleted

pytestmark = pytest.mark.e2e

ORDERS = ("delete-first", "create-first")
#: Longer than the provider waits until it looks at anything again.
QUIET_S = 1800


@pytest.fixture(params=ORDERS)
def order(request, cloud, parent):  # noqa: ARG001 - parent takes the behaviour back
    cloud.set_behaviours([{"type": "Custom::PclusterCluster", "retry": request.param}])
    return request.param


def break_head_nodes(cloud, *stacks):
    for stack in stacks:
        cloud.set_head_nodes(cluster=stack.cluster, failure={"reason": "the disk is on fire"})


def repair_head_nodes(cloud, *stacks):
    for stack in stacks:
        cloud.set_head_nodes(cluster=stack.cluster)


def all_failed(*stacks):
    """Begins all at once with rollback disabled, and waits until each has failed."""
    for stack in stacks:
        stack.create(DisableRollback=True)
    for stack in stacks:
        assert stack.status == "CREATE_FAILED", stack.why
        assert len(stack.reasons) == 1


def assert_one_healthy_cluster(cloud, stack):
    """Nothing of the failed cluster is left, and nothing that comes late harms the new one."""
    assert stack.status == "UPDATE_COMPLETE", stack.why
    healthy = stack.cluster_stack
    assert healthy["StackStatus"] == "CREATE_COMPLETE", stack.why
    assert stack.has_one_good_cluster()
    cloud.advance(QUIET_S)
    assert stack.cluster_stack == healthy
    assert stack.has_one_good_cluster()
    assert len(stack.reasons) == 1, stack.reasons


def assert_nothing_left(stack):
    assert stack.cluster_stack is None, stack.why
    assert stack.account.head_nodes(stack.cluster) == []


def test_a_retry_makes_the_cluster_anew(cloud, parent, order):
    stack = parent(f"retry-{order}")
    break_head_nodes(cloud, stack)
    all_failed(stack)
    assert "the disk is on fire" in stack.reasons[0]
    failed_id = stack.physical_id

    repair_head_nodes(cloud, stack)
    stack.update(disable_rollback=True)

    assert_one_healthy_cluster(cloud, stack)
    assert stack.clusters_ever == 2
    assert stack.physical_id != failed_id
    # What was recovered is a cluster like any other.
    assert stack.update(changes={f"{COMPUTE}__MaxCount": 7}).status == "UPDATE_COMPLETE", stack.why
    assert stack.max_count == 7
    all_deleted(stack)


def test_a_corrected_configuration_is_made_whether_a_cluster_was_begun_or_not(cloud, parent, order):
    begun = parent(f"begun-{order}", changes={f"{COMPUTE}__MaxCount": 3})
    refused = parent(f"refused-{order}", changes={"HeadNode__InstanceType": "t3.imaginary"})
    break_head_nodes(cloud, begun)
    all_failed(begun, refused)
    assert "ClusterRejected" in refused.reasons[0]

    repair_head_nodes(cloud, begun)
    for stack in (begun, refused):
        stack.update(disable_rollback=True, changes={f"{COMPUTE}__MaxCount": 5})

    for stack, clusters_ever in ((begun, 2), (refused, 1)):
        assert_one_healthy_cluster(cloud, stack)
        assert stack.max_count == 5
        assert stack.clusters_ever == clusters_ever
    all_deleted(begun, refused)


def test_a_late_delete_spares_the_cluster_that_took_the_place_of_one_deleted_by_hand(cloud, parent, order):
    stack = parent(f"by-hand-{order}")
    break_head_nodes(cloud, stack)
    all_failed(stack)
    broken = stack.cluster_stack
    stack.account.cloudformation.delete_stack(StackName=broken["StackId"])
    assert stack.account.settled(broken["StackId"])["StackStatus"] == "DELETE_COMPLETE"

    repair_head_nodes(cloud, stack)
    stack.update(disable_rollback=True)

    assert_one_healthy_cluster(cloud, stack)
    all_deleted(stack)


def test_what_was_made_before_another_resource_failed_is_kept(parent, order):
    handle = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    never = {
        "Type": "AWS::CloudFormation::WaitCondition",
        "DependsOn": "Cluster",
        "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "5", "Count": 1},
    }
    stack = parent(f"kept-{order}", siblings={"Handle": handle, "Never": never})
    assert stack.create(DisableRollback=True).status == "CREATE_FAILED", stack.why
    before = stack.cluster_stack

    stack.update(disable_rollback=True, siblings={"Handle": handle})

    assert stack.status == "UPDATE_COMPLETE", stack.why
    assert stack.cluster_stack == before
    assert stack.has_one_good_cluster()
    assert stack.clusters_ever == 1
    all_deleted(stack)


def test_a_roll_back_leaves_nothing(cloud, parent, order):
    once, twice = parent(f"once-{order}"), parent(f"twice-{order}")
    break_head_nodes(cloud, once, twice)
    all_failed(once, twice)
    assert twice.update(disable_rollback=True).status == "UPDATE_FAILED", twice.why
    assert [reason for reason in twice.reasons if "the disk is on fire" not in reason] == []

    for stack in (once, twice):
        stack.roll_back()

    for stack in (once, twice):
        assert stack.status == "ROLLBACK_COMPLETE", stack.why
        assert_nothing_left(stack)
    all_deleted(once, twice)
