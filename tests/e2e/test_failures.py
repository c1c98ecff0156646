"""What fails says why, in time, and is put back or cleared away."""

import pytest

from tests.e2e.parents import COMPUTE, Parent, all_created, all_deleted

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("parent")]


@pytest.fixture(scope="module")
def living(account, service_token):
    """A stack with a cluster that the tests leave as they found it."""
    stack = Parent(account, service_token, "living")
    all_created(stack)
    yield stack
    all_deleted(stack)


def max_count(count):
    return {f"{COMPUTE}__MaxCount": count}


def login_nodes(cloud):
    pool = {
        "Name": "login",
        "InstanceType": "t3.medium",
        "Count": 1,
        "GracetimePeriod": 3,
        "Networking": {"SubnetIds": [cloud.exports["HEAD_NODE_SUBNET"]]},
    }
    return {"LoginNodes": {"Pools": [pool]}}


def test_creates_that_fail_name_their_root_cause_and_leave_nothing(cloud, parent):
    headless, queueless = parent("headless"), parent("queueless")
    loginless = parent("loginless", changes=login_nodes(cloud))
    late, undone = parent("late", ServiceTimeout=900), parent("undone", ServiceTimeout=900)
    cloud.set_head_nodes(cluster="c-headless", failure={"reason": "the disk is on fire"})
    cloud.set_head_nodes(cluster="c-late", create_s=2000)
    cloud.set_head_nodes(cluster="c-undone", failure={"reason": "the fans stand still"})
    cloud.set_behaviours(
        [
            {"stack": "c-queueless-*", "type": "AWS::EC2::LaunchTemplate", "fail": "no template today"},
            {"stack": "c-loginless-*", "type": "AWS::*::LoadBalancer", "fail": "no balance"},
            # Its rollback takes until after the deadline, which is at 675 s.
            {"stack": "c-undone", "type": "AWS::EC2::Instance", "action": "DELETE", "duration_s": 700},
        ]
    )
    stacks = [stack.create() for stack in (headless, queueless, loginless, late, undone)]
    for stack in stacks:
        assert stack.status == "ROLLBACK_COMPLETE", stack.why

    for stack, *causes in [
        (headless, "ClusterFailed", "HeadNodeWaitCondition", "the disk is on fire"),
        (queueless, "ClusterFailed", "LaunchTemplate", "no template today"),
        (loginless, "ClusterFailed", "LoadBalancer", "no balance"),
        (late, "DeadlineExceeded", "CREATE_IN_PROGRESS", "ServiceTimeout"),
        (undone, "ClusterFailed", "HeadNodeWaitCondition", "fans stand still", "The stack is ROLLBACK_IN_"),
    ]:
        (reason,) = stack.reasons
        assert [cause for cause in causes if cause not in reason] == [], reason
        assert cloud_is_free_of(stack)
    all_deleted(*stacks)


def cloud_is_free_of(stack):
    return stack.account.stack(stack.cluster) is None and stack.account.head_nodes(stack.cluster) == []


def test_an_update_that_fails_is_rolled_back_to_the_old_configuration(cloud, living):
    before = living.stored_configuration
    cloud.set_head_nodes(cluster=living.cluster, failure={"reason": "the new configuration does not start"})
    assert living.update(changes=max_count(8)).status == "UPDATE_ROLLBACK_COMPLETE", living.why
    cloud.set_head_nodes(cluster=living.cluster)
    assert "ClusterFailed" in living.reasons[-1]
    assert "the new configuration does not start" in living.reasons[-1]
    assert living.stored_configuration == before
    assert living.has_one_good_cluster()
    living.forget_changes()


def test_an_update_that_parallelcluster_refuses_is_rolled_back_untouched(cloud, living):
    before = living.cluster_stack
    subnet = {"HeadNode__Networking__SubnetId": cloud.exports["COMPUTE_SUBNET"]}
    assert living.update(changes=subnet).status == "UPDATE_ROLLBACK_COMPLETE", living.why
    assert "ClusterRejected" in living.reasons[-1]
    assert cloud.exports["COMPUTE_SUBNET"] in living.reasons[-1]
    assert living.cluster_stack == before
    living.forget_changes()


def test_a_rename_is_refused_with_what_to_do(living):
    before = living.cluster_stack
    assert living.update(ClusterName="c-elsewhere").status == "UPDATE_ROLLBACK_COMPLETE", living.why
    living.forget_changes(ClusterName="c-living")
    assert "cannot be renamed" in living.reasons[-1]
    assert living.cluster_stack == before
    assert living.account.stack("c-elsewhere") is None


def test_an_update_without_a_difference_touches_nothing(living):
    before = living.cluster_stack
    assert living.update(ValidationFailureLevel="WARNING").status == "UPDATE_COMPLETE", living.why
    assert living.cluster_stack == before
    assert living.messages == []


def test_a_cluster_that_was_changed_outside_is_left_so_and_reported(living):
    living.change_outside(max_count=6)
    before = living.cluster_stack
    assert living.update(ValidationFailureLevel="ERROR").status == "UPDATE_COMPLETE", living.why
    assert living.cluster_stack == before
    (message,) = living.messages
    assert (message["level"], message["type"]) == ("WARNING", "ChangedOutsideStack")
    assert "left as it is" in message["message"]

    assert living.update(changes=max_count(7)).status == "UPDATE_COMPLETE", living.why
    assert living.max_count == 7


def test_a_name_that_is_taken_is_refused_and_its_owner_never_touched(parent, living):
    taker, other = parent("taker", ClusterName="c-living"), parent("other", ClusterName="c-plain")
    plain = {"StackName": "c-plain", "TemplateBody": PLAIN_STACK}
    cloudformation = living.account.cloudformation
    cloudformation.create_stack(**plain)
    strangers = [living.account.settled(name) for name in ("c-living", "c-plain")]
    for stack in (taker.create(), other.create()):
        assert stack.status == "ROLLBACK_COMPLETE", stack.why
        assert "NotOwner" in stack.reasons[0]
        assert stack.delete().status == "DELETE_COMPLETE"
    assert [living.account.stack(name) for name in ("c-living", "c-plain")] == strangers
    assert living.has_one_good_cluster()
    cloudformation.delete_stack(StackName="c-plain")


PLAIN_STACK = "Resources: {Handle: {Type: AWS::CloudFormation::WaitConditionHandle}}"
