"""However a cluster ends, nothing that its stack made is left, and nothing else is taken."""

import pytest

from tests.e2e.parents import PROVIDER, all_created, all_deleted, eventually

pytestmark = pytest.mark.e2e

QUEUE = {"Type": "AWS::SQS::Queue"}


def test_a_creation_that_is_given_up_leaves_no_cluster_and_makes_none_later(cloud, parent):
    overtaken, cancelled = parent("overtaken"), parent("cancelled")
    outrun = parent("outrun", siblings={"Sibling": QUEUE})
    cloud.set_head_nodes(cluster="c-cancelled", create_s=3300)
    cloud.set_head_nodes(cluster="c-outrun", create_s=3300)
    cloud.set_behaviours(
        [
            {
                "stack": "outrun",
                "logical_id": "Sibling",
                "action": "CREATE",
                "duration_s": 900,
                "fail": "no queue",
            }
        ]
    )
    late = {"service": "request", "operation": "Create", "function": PROVIDER}
    cloud.set_faults(
        [
            {**late, "kind": "delay", "after_s": 2000, "times": 1},
            {**late, "kind": "duplicate", "after_s": 1800, "times": 2},
        ]
    )
    overtaken.create()
    # Its Create is on the way, and held up there.
    eventually(lambda: cloud.faults()[0]["struck"] == 1, lambda: overtaken.why)
    assert overtaken.delete().status == "DELETE_COMPLETE", overtaken.why
    cancelled.create()
    outrun.create()
    eventually(lambda: cancelled.cluster_stack is not None, lambda: cancelled.why)
    assert cancelled.delete().status == "DELETE_COMPLETE", cancelled.why
    assert outrun.status == "ROLLBACK_COMPLETE", outrun.why
    assert outrun.account.failures(outrun.stack_id, "Sibling") == ["no queue"]
    all_deleted(outrun)
    # The Creates arrive, or arrive once more, when all is over.
    cloud.advance(2400)
    assert [fault["struck"] for fault in cloud.faults()] == [1, 2]
    assert [stack.clusters_ever for stack in (overtaken, cancelled, outrun)] == [0, 1, 1]
    assert cancelled.cluster_stack is outrun.cluster_stack is None


def test_each_way_in_which_a_cluster_can_be_deleted(cloud, parent, account):
    cloudformation = account.cloudformation
    stuck, leaving, vanished = parent("stuck"), parent("leaving"), parent("vanished")
    unread, kept = parent("unread"), parent("kept", DeletionPolicy="Retain")
    all_created(stuck, leaving, vanished, unread, kept)

    # Deleted by another process, before or at the same time.
    cloudformation.delete_stack(StackName="c-vanished")
    cloud.set_behaviours(
        [
            {"stack": "c-leaving", "type": "AWS::EC2::Instance", "action": "DELETE", "duration_s": 200},
            {
                "stack": "c-stuck",
                "type": "AWS::EC2::SecurityGroup",
                "action": "DELETE",
                "fail": "it is in use",
            },
        ]
    )
    cloudformation.delete_stack(StackName="c-leaving")
    unread.delete_stored_configuration()
    eventually(lambda: vanished.cluster_stack is None, lambda: vanished.why)
    for stack in (stuck, leaving, vanished, unread, kept):
        stack.delete()
    for stack in (leaving, vanished, unread):
        assert stack.status == "DELETE_COMPLETE", stack.why
        assert stack.cluster_stack is None

    # Kept because the template says so.
    assert kept.status == "DELETE_COMPLETE", kept.why
    assert kept.cluster_stack["StackStatus"] == "CREATE_COMPLETE"
    cloudformation.delete_stack(StackName="c-kept")

    # Not deleted in spite of three attempts; the next Delete needs two.
    assert stuck.status == "DELETE_FAILED"
    (reason,) = stuck.reasons
    assert "ClusterFailed" in reason
    assert "it is in use" in reason
    cloud.set_behaviours(
        [
            {
                "stack": "c-stuck",
                "logical_id": "HeadNodeSecurityGroup",
                "action": "DELETE",
                "fail": "it is in use",
                "times": 1,
            }
        ]
    )
    all_deleted(stuck)


def test_a_replacement_deletes_the_old_cluster_or_goes_back_to_it(cloud, parent, account):
    stack = parent("moving", ClusterNameUpdatePolicy="Replace")
    all_created(stack)
    assert stack.update(ClusterName="c-moved").status == "UPDATE_COMPLETE", stack.why
    assert stack.physical_id == "c-moved"
    assert stack.has_one_good_cluster()
    assert account.stack("c-moving") is None

    cloud.set_behaviours([{"stack": "moving", "logical_id": "Sibling", "fail": "no queue"}])
    sibling = {"Sibling": {**QUEUE, "DependsOn": "Cluster"}}
    stack.update(ClusterName="c-moved-again", siblings=sibling)
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE", stack.why
    assert account.stack("c-moved-again") is None
    stack.forget_changes(ClusterName="c-moved")
    assert stack.physical_id == "c-moved"
    assert stack.has_one_good_cluster()
    all_deleted(stack)
