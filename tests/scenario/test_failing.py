"""Clusters that fail before their request's time is over, and have not settled by then."""

from datetime import timedelta
from typing import Any

import pytest

from cluster_provider.core.errors import Unavailable
from cluster_provider.core.observed import StackFailure
from tests.scenario.test_compute_fleet import is_restarting, updating_until
from tests.scenario.test_deadline import SilentStacks, deadline_of
from tests.support.fakes import HANDLES, FactStacks
from tests.support.world import CONFIGURATION, IMAGE_TYPE, World, failed_id, image_properties, properties

NEW = {**CONFIGURATION, "Tags": []}
NO_CAPACITY = "We currently do not have sufficient p5.48xlarge capacity."
CAUSE = f"HeadNode (AWS::EC2::Instance) CREATE_FAILED: {NO_CAPACITY}"
ADVICE = "Fix the cause; more time would not help."


@pytest.fixture
def stacks() -> SilentStacks:
    return SilentStacks()


@pytest.fixture
def world(stacks: SilentStacks) -> World:
    return World(stacks=stacks)


def creating(world: World, **fields: Any) -> str:
    """A cluster is being made, and no pass looks at it yet."""
    request = world.create(**fields)
    world.run_engine()
    return request


def break_resource(world: World, name: str = "hpc", *reasons: str, status: str = "CREATE_FAILED") -> None:
    """A resource of a stack fails, and the stack's status does not show it yet."""
    for reason in reasons or (NO_CAPACITY, "Resource creation cancelled"):
        failure = StackFailure("HeadNode", "AWS::EC2::Instance", status, reason, world.clock.now())
        world.stacks.declare_failure(world.cluster(name).stack_id, failure)
        world.clock.advance(1)


def to_deadline(world: World, request: str) -> dict[str, Any]:
    """The sweep fires each minute until the deadline has passed; answers the answer."""
    until = deadline_of(world, request)
    while world.clock.now() < until:
        assert not world.sink.answers(request)
        world.pass_time(60)
    return world.sink.answer(request)


def test_a_create_that_is_still_being_rolled_back_at_its_deadline_is_answered_with_its_root_cause(
    world: World,
) -> None:
    request = creating(world)
    world.pass_time(3000)
    break_resource(world)
    world.settle("hpc", "ROLLBACK_IN_PROGRESS")
    answer = to_deadline(world, request)
    still = "The stack is ROLLBACK_IN_PROGRESS, and CloudFormation waits no longer for its end."
    assert answer["Reason"].startswith(
        f"ClusterFailed: cluster hpc: {CAUSE} {still} {ADVICE} Logs of the nodes"
    )
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", failed_id(request))
    delete = world.delete(failed_id(request))
    world.settle("hpc", "ROLLBACK_COMPLETE")
    assert world.run_engine()["operation"] == "delete"
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(delete)["Status"] == "SUCCESS"


def test_the_events_of_a_stack_that_fails_are_read_once_however_often_it_is_looked_at(world: World) -> None:
    request = creating(world)
    break_resource(world)
    for status in ("ROLLBACK_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"):
        world.settle("hpc", status)
    assert world.run_engine()["operation"] == "describe"
    assert world.sink.answer(request)["Reason"].startswith(f"ClusterFailed: cluster hpc: {CAUSE}")
    assert world.stacks.event_reads == [world.cluster().stack_id]


def test_the_events_of_a_cluster_that_comes_up_are_never_read(world: World) -> None:
    world.made()
    request = world.update(ClusterConfiguration=NEW)
    world.run_engine()
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.stacks.event_reads == []


def test_events_that_name_no_cause_yet_are_read_again_once_the_stack_has_gone_on(world: World) -> None:
    request = creating(world)
    break_resource(world, "hpc", "Resource creation cancelled")
    world.settle("hpc", "ROLLBACK_IN_PROGRESS")
    world.settle("hpc", "ROLLBACK_IN_PROGRESS")
    assert len(world.stacks.event_reads) == 1
    break_resource(world)
    world.settle("hpc", "ROLLBACK_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Reason"].startswith(f"ClusterFailed: cluster hpc: {CAUSE}")
    assert len(world.stacks.event_reads) == 2


def test_a_root_cause_survives_that_aws_cannot_be_asked_at_the_deadline(
    world: World, stacks: SilentStacks
) -> None:
    request = creating(world)
    break_resource(world)
    world.settle("hpc", "ROLLBACK_IN_PROGRESS")
    stacks.silent = True
    stacks.hide_events()
    answer = to_deadline(world, request)
    last_seen = "The stack was ROLLBACK_IN_PROGRESS when it was last seen."
    assert answer["Reason"] == f"ClusterFailed: cluster hpc: {CAUSE} {last_seen} {ADVICE}"
    assert answer["PhysicalResourceId"] == failed_id(request)


def test_events_that_are_throttled_when_the_stack_begins_to_fail_are_read_by_the_next_sweep(
    world: World,
) -> None:
    request = creating(world)
    break_resource(world)
    world.stacks.hide_events()
    world.settle("hpc", "ROLLBACK_IN_PROGRESS")
    world.stacks.show_events()
    world.pass_time(60)
    assert len(world.stacks.event_reads) == 1
    world.stacks.hide_events()
    assert CAUSE in to_deadline(world, request)["Reason"]


@pytest.mark.parametrize("why", [Unavailable("Throttling: Rate exceeded"), PermissionError("AccessDenied")])
def test_a_stack_that_fails_is_reported_by_its_status_where_its_events_cannot_be_read(
    world: World, why: Exception
) -> None:
    request = creating(world)
    world.clock.at = deadline_of(world, request) - timedelta(seconds=30)
    world.settle("hpc", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed: [HeadNode].", tell=False)
    world.stacks.hide_events(why)
    reason = to_deadline(world, request)["Reason"]
    status_text = "the stack is ROLLBACK_IN_PROGRESS: The following resource(s) failed: [HeadNode]."
    assert reason.startswith(f"ClusterFailed: cluster hpc: {status_text}")
    assert "ServiceTimeout" not in reason


def test_a_resource_that_failed_shortly_before_the_deadline_is_found_though_the_stack_does_not_show_it(
    world: World,
) -> None:
    request = creating(world)
    world.clock.at = deadline_of(world, request) - timedelta(seconds=30)
    break_resource(world)
    reason = to_deadline(world, request)["Reason"]
    still = "The stack is CREATE_IN_PROGRESS, and CloudFormation waits no longer for its end."
    assert reason.startswith(f"ClusterFailed: cluster hpc: {CAUSE} {still} {ADVICE}")


def test_a_failure_whose_event_was_lost_is_found_at_the_deadline(world: World) -> None:
    request = creating(world)
    break_resource(world)
    world.settle("hpc", "ROLLBACK_IN_PROGRESS", tell=False)
    assert to_deadline(world, request)["Reason"].startswith(f"ClusterFailed: cluster hpc: {CAUSE}")
    assert len(world.stacks.event_reads) == 1


def test_a_slow_create_is_advised_a_longer_timeout_after_one_look_at_its_events(world: World) -> None:
    request = creating(world)
    reason = to_deadline(world, request)["Reason"]
    assert reason.startswith("DeadlineExceeded: cluster hpc: not done in the time CloudFormation gives")
    assert "Raise ServiceTimeout" in reason
    assert len(world.stacks.event_reads) == 1
    operation = world.store.load_operation(world.owner(), request)
    assert operation is not None
    assert operation.progress.failing is None


def test_a_resource_that_failed_in_an_update_shortly_before_the_deadline_is_found(world: World) -> None:
    world.made()
    request = world.update(ClusterConfiguration=NEW)
    world.run_engine()
    break_resource(world, status="UPDATE_FAILED")
    reason = to_deadline(world, request)["Reason"]
    assert "HeadNode (AWS::EC2::Instance) UPDATE_FAILED" in reason
    assert "The stack is UPDATE_IN_PROGRESS" in reason


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
def test_an_update_that_waits_for_another_is_not_blamed_for_what_fails_in_that_one(
    world: World, status: str
) -> None:
    world.made()
    request = world.update(ClusterConfiguration=NEW)
    world.engines.calls.clear()  # nothing was begun for it
    world.settle("hpc", status, tell=False)
    break_resource(world, status="UPDATE_FAILED")
    reason = to_deadline(world, request)["Reason"]
    assert reason.startswith("DeadlineExceeded: cluster hpc: not done in the time CloudFormation gives")
    assert world.stacks.event_reads == []


def test_an_update_that_is_still_being_rolled_back_at_its_deadline_is_answered_with_its_root_cause(
    world: World,
) -> None:
    world.made()
    before = world.cluster()
    request = world.update(ClusterConfiguration=NEW)
    world.run_engine()
    break_resource(world, status="UPDATE_FAILED")
    world.settle("hpc", "UPDATE_ROLLBACK_IN_PROGRESS")
    answer = to_deadline(world, request)
    cause = f"HeadNode (AWS::EC2::Instance) UPDATE_FAILED: {NO_CAPACITY}"
    still = "The stack is UPDATE_ROLLBACK_IN_PROGRESS"
    assert answer["Reason"].startswith(f"ClusterFailed: cluster hpc: {cause} {still}")
    assert "ServiceTimeout" not in answer["Reason"]
    rollback = world.update(properties(ClusterConfiguration=NEW))
    world.settle("hpc", "UPDATE_ROLLBACK_COMPLETE", parameters=before.parameters, outputs=before.outputs)
    world.run_engine()
    assert world.sink.answer(rollback)["Status"] == "SUCCESS"


def test_a_slow_update_is_not_blamed_for_what_failed_in_the_update_before_it(world: World) -> None:
    world.made()
    world.settle("hpc", "UPDATE_IN_PROGRESS", tell=False)
    request = world.update(ClusterConfiguration=NEW)
    world.clock.advance(1)
    break_resource(world, status="UPDATE_FAILED")
    world.settle("hpc", "UPDATE_ROLLBACK_IN_PROGRESS")
    world.clock.advance(120)
    world.settle("hpc", "UPDATE_ROLLBACK_COMPLETE")
    assert world.run_engine()["operation"] == "update"
    reason = to_deadline(world, request)["Reason"]
    assert reason.startswith("DeadlineExceeded: cluster hpc")
    assert "HeadNode" not in reason


def test_the_end_of_an_earlier_update_is_no_failure_of_one_that_does_not_show_yet(world: World) -> None:
    world.made()
    world.settle("hpc", "UPDATE_ROLLBACK_COMPLETE", tell=False, updated_at=world.clock.now())
    world.clock.advance(600)
    request = world.update(ClusterConfiguration=NEW)
    stale = world.cluster()
    call = world.run_engine(report=False)
    world.stacks.declare(stale)  # CloudFormation's reads may be late
    outcome = {"status": "succeeded", "stack_id": stale.stack_id, "sent": True, "validation_messages": []}
    base = {"contract": 1, "call_id": call["call_id"], "operation": "update", "version": "3.16.1"}
    world.report(call, base | outcome)
    assert to_deadline(world, request)["Reason"].startswith("DeadlineExceeded: cluster hpc")
    assert world.stacks.event_reads == []


def test_what_cannot_be_cleaned_up_after_an_update_is_no_failure_of_it(world: World) -> None:
    world.made()
    request = world.update(ClusterConfiguration=NEW)
    world.run_engine()
    world.settle("hpc", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    break_resource(world, status="DELETE_FAILED")
    assert to_deadline(world, request)["Reason"].startswith("DeadlineExceeded: cluster hpc")
    assert world.stacks.event_reads == []


def test_a_delete_that_is_stuck_at_its_deadline_names_what_keeps_the_cluster(world: World) -> None:
    world.made()
    delete = world.delete()
    world.run_engine()
    world.pass_time(1800)
    break_resource(world, "hpc", "subnet has dependencies", status="DELETE_FAILED")
    answer = to_deadline(world, delete)
    cause = "HeadNode (AWS::EC2::Instance) DELETE_FAILED: subnet has dependencies."
    assert answer["Reason"].startswith(f"ClusterFailed: cluster hpc: {cause} The stack is DELETE_IN_PROGRESS")
    assert "Remove what keeps it, then delete it again." in answer["Reason"]
    assert answer["PhysicalResourceId"] == "hpc"


def test_a_delete_of_a_cluster_that_could_not_be_deleted_before_begins_without_a_look_at_its_events(
    world: World,
) -> None:
    world.made()
    world.settle("hpc", "DELETE_FAILED", tell=False)
    world.delete()
    assert world.run_engine()["operation"] == "delete"
    assert world.stacks.event_reads == []


def test_a_second_try_to_delete_that_is_only_slow_is_no_failure_where_no_event_named_one(
    world: World,
) -> None:
    world.made()
    delete = world.delete()
    world.run_engine()
    world.settle("hpc", "DELETE_FAILED")
    world.pass_time(120)
    assert world.run_engine()["operation"] == "delete"
    assert to_deadline(world, delete)["Reason"].startswith("DeadlineExceeded: cluster hpc")


def test_a_wait_condition_is_signalled_the_root_cause_at_its_deadline(world: World) -> None:
    handle = f"{HANDLES}late"
    request = creating(world, ResourceProperties=properties(WaitConditionHandle=handle))
    world.pass_time(60)
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    world.clock.advance(11 * 3600)
    break_resource(world)
    world.settle("hpc", "ROLLBACK_IN_PROGRESS")
    while handle not in world.sink.signals:
        world.pass_time(60)
    reason = world.sink.signal(handle)["Reason"]
    assert reason.startswith(f"ClusterFailed: cluster hpc: {CAUSE} The stack is ROLLBACK_IN_PROGRESS")
    assert "12 hours" not in reason


def test_an_image_that_is_still_being_rolled_back_at_its_deadline_is_answered_with_its_root_cause(
    world: World,
) -> None:
    request = creating(world, ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())
    break_resource(world, "image", "the script ended with 1")
    world.settle("image", "ROLLBACK_IN_PROGRESS")
    answer = to_deadline(world, request)
    cause = "HeadNode (AWS::EC2::Instance) CREATE_FAILED: the script ended with 1."
    assert answer["Reason"].startswith(f"ImageFailed: image image: {cause} The stack is ROLLBACK_IN_PROGRESS")
    assert ADVICE in answer["Reason"]


def test_an_image_whose_stack_cannot_delete_itself_has_not_failed_at_its_deadline(world: World) -> None:
    request = creating(world, ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())
    world.amis["image"] = dict(world.cluster("image").tags)
    break_resource(world, "image", status="DELETE_FAILED")
    world.settle("image", "DELETE_FAILED")
    world.engines.calls.clear()
    assert to_deadline(world, request)["Reason"].startswith("DeadlineExceeded: image image")


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"])
def test_no_events_are_read_for_a_failure_once_it_was_answered(world: World, status: str) -> None:
    updating_until(world, before_s=0)
    at_the_deadline = list(world.stacks.event_reads)
    world.settle("hpc", status)
    world.pass_time(600)
    assert is_restarting(world)
    assert world.stacks.event_reads == at_the_deadline


def test_a_root_cause_of_any_length_is_kept_no_longer_than_an_answer() -> None:
    world = World(stacks=FactStacks())
    request = creating(world)
    break_resource(world, "hpc", "x" * 100_000)
    world.settle("hpc", "ROLLBACK_IN_PROGRESS")
    operation = world.store.load_operation(world.owner(), request)
    assert operation is not None
    assert operation.progress.failing is not None
    assert operation.progress.failing.cause is not None
    assert len(operation.progress.failing.cause.reason.encode()) <= 4096
    assert to_deadline(world, request)["Reason"].startswith("ClusterFailed: cluster hpc: HeadNode")
