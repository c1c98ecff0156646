"""Requests arrive twice, processes die, AWS throttles: clusters come and go all the same, once."""

import pytest

from tests.e2e.parents import COMPUTE, ENGINE, PROVIDER, all_created, all_deleted, eventually

pytestmark = pytest.mark.e2e

EIGHT = {f"{COMPUTE}__MaxCount": 8}


def fault(service, operation, kind, function=PROVIDER, **options):
    return {
        "service": service,
        "operation": operation,
        "kind": kind,
        "function": function,
        "times": 1,
        **options,
    }


def all_struck(cloud):
    """Whether the faults that were asked for have happened; without that a test proves nothing."""
    return all(item["struck"] == item["times"] for item in cloud.faults())


def test_a_request_that_arrives_twice_makes_one_cluster(cloud, parent):
    at_once, later = parent("at-once"), parent("later")
    requests = [fault("request", kind, "duplicate", times=1) for kind in ("Create", "Delete")]
    late = [fault("request", "Create", "duplicate", times=1, after_s=120)]
    cloud.set_faults(requests + late)
    all_created(at_once, later)
    all_deleted(at_once, later)
    assert all_struck(cloud)


def test_the_engine_may_die_at_each_change_of_a_cluster_stack(cloud, parent):
    stack = parent("engine-dies")

    def dying(operation, *kinds):
        return [fault("cloudformation", operation, kind, function=ENGINE) for kind in kinds]

    cloud.set_faults(dying("CreateStack", "kill-before", "kill-after"))
    all_created(stack)
    assert all_struck(cloud)
    made = stack.cluster_stack["StackId"]

    cloud.set_faults(dying("UpdateStack", "kill-before", "kill-after"))
    assert stack.update(changes=EIGHT).status == "UPDATE_COMPLETE", stack.why
    assert all_struck(cloud)
    assert stack.cluster_stack["StackId"] == made
    assert stack.max_count == 8

    cloud.set_faults(dying("DeleteStack", "kill-before", "kill-after"))
    all_deleted(stack)
    assert all_struck(cloud)


def dying_provider(later_writes):
    """The provider's deaths in one request.

    Args:
        later_writes: How many of the later writes it dies after: every second one.
    """
    return [
        fault("dynamodb", "TransactWriteItems", "kill-before"),
        fault("dynamodb", "TransactWriteItems", "kill-after", skip=1),
        fault("lambda", "Invoke", "kill-after"),
        fault("dynamodb", "TransactWriteItems", "kill-after", skip=3, times=later_writes, ratio=0.5),
        fault("response", "*", "kill-before"),
        fault("response", "*", "kill-after"),
    ]


def test_the_provider_may_die_between_any_two_of_its_effects(cloud, parent):
    stack = parent("provider-dies")
    cloud.set_faults(dying_provider(later_writes=2))
    all_created(stack)
    assert all_struck(cloud)
    made = stack.cluster_stack["StackId"]

    cloud.set_faults(dying_provider(later_writes=2))
    assert stack.update(changes=EIGHT).status == "UPDATE_COMPLETE", stack.why
    assert all_struck(cloud)
    assert stack.cluster_stack["StackId"] == made

    # A deletion writes less.
    cloud.set_faults(dying_provider(later_writes=1))
    all_deleted(stack)
    assert all_struck(cloud)


def test_functions_may_run_out_of_time_at_any_call(cloud, parent):
    stack = parent("out-of-time")
    cloud.set_faults(
        [
            fault("cloudformation", "CreateStack", "time-out-after", function=ENGINE),
            fault("lambda", "Invoke", "time-out-before"),
            fault("dynamodb", "TransactWriteItems", "time-out-after", skip=2),
            fault("response", "Create", "time-out-before"),
        ]
    )
    all_created(stack)
    assert all_struck(cloud)
    all_deleted(stack)


def test_throttling_errors_and_lost_answers_are_waited_out(cloud, parent):
    stack = parent("throttled")
    cloud.set_faults(
        [
            fault("cloudformation", "*", "throttle", times=9),
            fault("dynamodb", "*", "throttle", times=9),
            fault("dynamodb", "*", "drop", skip=12, times=2),
            fault("lambda", "Invoke", "throttle", times=2),
            fault("lambda", "Invoke", "error", times=1),
            fault("lambda", "Invoke", "drop", times=1),
            fault("response", "Create", "throttle", times=6),
            fault("cloudformation", "CreateStack", "drop", function=ENGINE),
            fault("cloudformation", "DescribeStacks", "throttle", function=ENGINE, times=8),
            fault("ec2", "*", "throttle", function=ENGINE, times=8),
            fault("ec2", "*", "error", function=ENGINE, times=4),
            fault("bus", "CloudFormation Stack Status Change", "drop", times=3),
        ]
    )
    all_created(stack)
    assert all_struck(cloud), cloud.faults()
    all_deleted(stack)


def test_success_waits_until_ec2_describes_the_head_node(cloud, parent):
    stack = parent("unseen").create()
    eventually(lambda: stack.cluster_stack is not None, lambda: stack.why)
    cloud.set_faults([fault("ec2", "DescribeInstances", "throttle", function=ENGINE, times=30)])
    assert stack.status == "CREATE_COMPLETE", stack.why
    assert stack.has_one_good_cluster()
    assert all_struck(cloud), cloud.faults()
    all_deleted(stack)


def asked_for_the_resource_of(cloud, stack):
    """Whether an engine asked CloudFormation if the stack's resource is still in progress."""
    return any(
        call["operation"] == "DescribeStackResource"
        and call["function"].startswith(ENGINE.rstrip("*"))
        and call["parameters"]["StackName"] == stack.stack_id
        for call in cloud.calls()
    )


def test_a_call_of_an_engine_that_comes_again_after_its_refusal_was_answered_makes_nothing(cloud, parent):
    """What refused the first delivery is gone: the missing key pair is there now."""
    stack = parent("again", changes={"HeadNode__Ssh__KeyName": "late"}, attributes=False)
    cloud.set_faults([fault("event", "*", "duplicate", function=ENGINE, after_s=280)])
    assert stack.create().status == "ROLLBACK_COMPLETE", stack.why
    ec2 = cloud.client("ec2")
    ec2.create_key_pair(KeyName="late", KeyType="ed25519")
    assert "KeyPairValidator" in stack.reasons[0]
    assert not asked_for_the_resource_of(cloud, stack)
    eventually(lambda: asked_for_the_resource_of(cloud, stack), cloud.faults)
    cloud.advance(600)
    assert stack.clusters_ever == 0
    ec2.delete_key_pair(KeyName="late")
    all_deleted(stack)
