"""What must be true on AWS as on the embedded cloud. Nothing here can do more than a user of an account."""

import pytest

from tests.e2e.account import outputs
from tests.e2e.parents import COMPUTE, all_created, all_deleted, eventually

pytestmark = pytest.mark.e2e

HANDLE = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
#: Shorter than any head node takes to boot.
TOO_SHORT = {"DevSettings": {"Timeouts": {"HeadNodeBootstrapTimeout": 60}}}


def waits(timeout_s):
    """A handle, and a condition that waits for it behind the cluster."""
    properties = {"Handle": {"Ref": "Handle"}, "Timeout": str(timeout_s), "Count": 1}
    condition = {"Type": "AWS::CloudFormation::WaitCondition", "DependsOn": "Cluster"}
    return {"Handle": HANDLE, "Done": {**condition, "Properties": properties}}


@pytest.fixture(scope="module")
def living(record, parent):
    """A cluster that lives through most scenarios, and is kept by its stack."""
    stack = parent("living", DeletionPolicy="Retain")
    with record("create"):
        all_created(stack)
    return stack


def test_a_cluster_is_created(living):
    assert living.cluster_stack["StackStatus"] == "CREATE_COMPLETE"


def test_an_update_reaches_the_cluster(record, living):
    with record("update"):
        assert living.update(changes={f"{COMPUTE}__MaxCount": 8}).status == "UPDATE_COMPLETE", living.why
        assert living.max_count == 8
        assert living.has_one_good_cluster()


def test_an_update_that_needs_a_stopped_fleet_is_refused_by_default(record, living):
    with record("update-refused"):
        living.update(changes={f"{COMPUTE}__InstanceType": "c6i.2xlarge"})
        assert living.status == "UPDATE_ROLLBACK_COMPLETE", living.why
        assert "ClusterRejected" in living.reasons[-1]
        assert "ComputeFleetUpdatePolicy: StopAndRestart" in living.reasons[-1]


def test_the_fleet_is_stopped_and_runs_again(record, living):
    changes = {f"{COMPUTE}__InstanceType": "c6i.2xlarge"}
    with record("fleet-stop"):
        living.update(changes=changes, ComputeFleetUpdatePolicy="StopAndRestart")
        assert living.status == "UPDATE_COMPLETE", living.why
        (note,) = [each for each in living.messages if each["type"] == "ComputeFleetUpdatePolicy"]
        assert note["message"].endswith("it was stopped for an update and is RUNNING again.")


def test_an_update_that_fails_goes_back(record, living):
    before = living.stored_configuration
    changes = {f"{COMPUTE}__InstanceType": "c6i.2xlarge", f"{COMPUTE}__MaxCount": 9}
    with record("update-failed"):
        living.update(changes=changes, siblings=waits(timeout_s=1))
        assert living.status == "UPDATE_ROLLBACK_COMPLETE", living.why
        assert living.max_count == 4
        assert living.stored_configuration == before
        assert living.has_one_good_cluster()


def test_a_cluster_that_was_kept_is_taken_over_and_deleted(account, record, parent, living):
    kept = account.stack(living.cluster)
    with record("adoption"):
        assert living.delete().status == "DELETE_COMPLETE"
        assert account.stack(living.cluster)["StackId"] == kept["StackId"]
        changes = {f"{COMPUTE}__InstanceType": "c6i.2xlarge"}
        adopt = {"ClusterName": living.cluster, "AdoptExisting": True, "DeletionPolicy": "Delete"}
        owner = parent("adopting", changes=changes, **adopt)
        owner.cluster = living.cluster
        assert owner.create().status == "CREATE_COMPLETE", owner.why
        assert account.stack(living.cluster) == kept
        assert owner.has_one_good_cluster()
    with record("delete"):
        all_deleted(owner)
        assert account.head_nodes(living.cluster) == []


def test_a_configuration_that_cannot_be_is_refused_before_anything_is_made(record, parent):
    stack = parent("refused", changes={"HeadNode__InstanceType": "t3.imaginary"})
    with record("create-refused"):
        assert stack.create().status == "ROLLBACK_COMPLETE", stack.why
        assert "ClusterRejected" in stack.reasons[0]
        assert stack.clusters_ever == 0
        all_deleted(stack)


def test_a_creation_that_fails_is_tried_again(account, record, parent):
    stack = parent("retried", changes=TOO_SHORT)
    with record("create-failed"):
        assert stack.create(DisableRollback=True).status == "CREATE_FAILED", stack.why
        (reason,) = stack.reasons
        assert "ClusterFailed" in reason
        assert "HeadNodeWaitCondition" in reason
    with record("retry"):
        assert stack.update(changes={}, disable_rollback=True).status == "UPDATE_COMPLETE", stack.why
        assert stack.has_one_good_cluster()
        assert stack.clusters_ever == 2
    all_deleted(stack)
    assert account.head_nodes(stack.cluster) == []


def test_a_creation_that_is_cancelled_leaves_no_cluster(account, record, parent):
    stack = parent("cancelled")
    with record("create-cancelled"):
        stack.create()
        eventually(
            lambda: stack.cluster_stack is not None, lambda: stack.why, account.deadline_s, account.poll_s
        )
        assert stack.delete().status == "DELETE_COMPLETE", stack.why
        assert stack.cluster_stack is None
        assert account.head_nodes(stack.cluster) == []


def test_a_wait_condition_is_signalled_when_the_cluster_is_there(account, record, parent):
    handle = {"Ref": "Handle"}
    stack = parent("waiting", siblings=waits(timeout_s=7200), attributes=False, WaitConditionHandle=handle)
    with record("wait-condition"):
        assert stack.create().status == "CREATE_COMPLETE", stack.why
        assert len(account.head_nodes(stack.cluster)) == 1
        assert outputs(account.stack(stack.cluster)) != {}
    all_deleted(stack)
