"""Past CloudFormation's hour: the answer comes when the cluster has begun, and the end is signalled."""

import json
from typing import Any

from cluster_provider.core.errors import DeliveryFailed
from tests.support.fakes import HANDLES
from tests.support.world import CONFIGURATION, World, failed, properties

FIRST, SECOND = f"{HANDLES}1?X-Amz-Signature=s3cr3t", f"{HANDLES}2?X-Amz-Signature=s3cr3t"
BIGGER = {**CONFIGURATION, "Scheduling": {"SlurmQueues": [{"Name": "q1", "MaxCount": "8"}]}}
HOUR_S = 3600


def with_handle(handle: str = FIRST, **changed: Any) -> dict[str, Any]:
    return properties(WaitConditionHandle=handle, **changed)


def begun(world: World) -> str:
    """A Create whose cluster has begun."""
    request = world.create(ResourceProperties=with_handle())
    world.run_engine()
    return request


def followed(world: World) -> None:
    """A Create whose wait condition was signalled its success."""
    begun(world)
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    world.pass_time(120)
    assert world.sink.signal(FIRST)["Status"] == "SUCCESS"


def test_a_cluster_that_takes_three_hours_is_answered_when_it_begins_and_signalled_when_it_ends() -> None:
    world = World()
    request = begun(world)
    answer = world.sink.answer(request)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "hpc")
    assert answer["Data"]["cloudFormationStackStatus"] == "CREATE_IN_PROGRESS"
    assert answer["Data"]["headNode.publicIpAddress"] == ""
    world.pass_time(3 * HOUR_S)
    assert not world.sink.signals

    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()

    signal = world.sink.signal(FIRST)
    assert (signal["Status"], signal["UniqueId"]) == ("SUCCESS", "hpc")
    data = json.loads(signal["Data"])
    assert data["headNode.publicIpAddress"] == "203.0.113.7"
    assert data.keys() == answer["Data"].keys()
    world.pass_time(HOUR_S)
    assert world.engines.calls == []
    assert world.store.waiting() == []


def test_a_cluster_of_a_cancelled_create_that_was_answered_too_late_is_made_anew_by_the_retry() -> None:
    world = World()
    world.create(ResourceProperties=with_handle())
    # CloudFormation cancels the Create and begins another one, whose event is slow.
    world.clock.advance(3)
    retried = world.event("Create")
    world.clock.advance(20)
    world.run_engine()
    world.deliver(retried)
    assert not world.sink.answers(retried["RequestId"])
    call = world.run_engine()
    assert (call["operation"], call["cluster_name"]) == ("delete", "hpc")
    world.settle("hpc", "DELETE_COMPLETE")
    world.pass_time(60)
    assert world.run_engine()["operation"] == "create"
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(retried["RequestId"])["PhysicalResourceId"] == "hpc"


def test_a_cluster_that_fails_after_two_hours_signals_its_root_cause_and_is_cleaned_up() -> None:
    world = World()
    begun(world)
    world.pass_time(2 * HOUR_S)
    world.fail("hpc", "CREATE_FAILED", ("HeadNode", "no capacity"))
    world.run_engine()

    signal = world.sink.signal(FIRST)
    assert signal["Status"] == "FAILURE"
    assert signal["Reason"].startswith("ClusterFailed: cluster hpc: ")
    assert "no capacity" in signal["Reason"]

    deleted = world.delete(ResourceProperties=with_handle())
    world.run_engine()
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert len(world.sink.signals[FIRST]) == 1


def test_a_refused_create_is_answered_and_signals_nothing() -> None:
    world = World()
    request = world.create(ResourceProperties=with_handle())
    world.run_engine(failed("ClusterRejected", "no"))
    world.pass_time(HOUR_S)
    assert world.sink.answer(request)["Status"] == "FAILED"
    assert world.sink.signals == {}


def test_a_delete_ends_what_is_followed_and_nothing_is_signalled() -> None:
    world = World()
    begun(world)
    world.pass_time(HOUR_S)
    deleted = world.delete(ResourceProperties=with_handle())
    world.run_engine()
    world.settle("hpc", "DELETE_COMPLETE")
    world.pass_time(HOUR_S)
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert world.sink.signals == {}


def test_an_update_with_a_new_handle_is_answered_when_it_begins_and_signalled_when_it_ends() -> None:
    world = World()
    followed(world)
    changed = {"ClusterConfiguration": BIGGER, "WaitConditionHandle": SECOND}
    update = world.update(with_handle(), **changed)
    world.run_engine()
    assert world.sink.answer(update)["Status"] == "SUCCESS"
    world.pass_time(2 * HOUR_S)
    assert SECOND not in world.sink.signals

    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.sink.signal(SECOND)["Status"] == "SUCCESS"
    assert len(world.sink.signals[FIRST]) == 1


def test_an_update_with_a_new_handle_and_nothing_to_do_is_answered_and_signalled() -> None:
    world = World()
    followed(world)
    update = world.update(with_handle(), WaitConditionHandle=SECOND)
    world.run_engine()
    world.pass_time(60)
    assert world.sink.answer(update)["Data"]["headNode.publicIpAddress"] == "203.0.113.7"
    assert world.sink.signal(SECOND)["Status"] == "SUCCESS"


def test_an_update_with_the_same_handle_is_answered_when_it_ends() -> None:
    world = World()
    followed(world)
    update = world.update(with_handle(), ClusterConfiguration=BIGGER, WaitConditionHandle=FIRST)
    world.run_engine()
    assert not world.sink.answers(update)
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    world.pass_time(HOUR_S)
    assert world.sink.answer(update)["Status"] == "SUCCESS"
    assert len(world.sink.signals[FIRST]) == 1


def test_an_update_that_fails_after_its_answer_is_rolled_back_without_a_second_signal() -> None:
    world = World()
    followed(world)
    new = with_handle(SECOND, ClusterConfiguration=BIGGER)
    world.update(with_handle(), **new)
    world.run_engine()
    world.pass_time(2 * HOUR_S)
    world.fail("hpc", "UPDATE_ROLLBACK_COMPLETE", ("HeadNode", "no capacity"))
    assert "no capacity" in world.sink.signal(SECOND)["Reason"]

    rolled_back = world.update(new, **with_handle())
    world.run_engine()
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(rolled_back)["Status"] == "SUCCESS"
    assert len(world.sink.signals[FIRST]) == 1


def test_a_replacement_is_answered_when_it_begins_and_signalled_when_it_ends() -> None:
    world = World()
    followed(world)
    changed = {"ClusterName": "other", "ClusterNameUpdatePolicy": "Replace", "WaitConditionHandle": SECOND}
    update = world.update(with_handle(), **changed)
    world.run_engine()
    assert world.sink.answer(update)["PhysicalResourceId"] == "other"
    world.pass_time(2 * HOUR_S)
    world.settle("other", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.signal(SECOND)["UniqueId"] == "other"

    world.delete("hpc", ResourceProperties=with_handle())
    assert world.run_engine()["cluster_name"] == "hpc"
    assert world.cluster("other").works


def test_a_signal_that_did_not_arrive_is_sent_again() -> None:
    world = World()
    begun(world)
    world.settle("hpc", "CREATE_COMPLETE")
    world.sink.refuse_next(DeliveryFailed("503"))
    try:
        world.run_engine()
    except DeliveryFailed:
        world.pass_time(120)
    assert world.sink.signal(FIRST)["Status"] == "SUCCESS"


def test_a_cluster_that_never_ends_is_signalled_before_the_wait_condition_gives_up() -> None:
    world = World()
    begun(world)
    world.pass_time(12 * HOUR_S - 120)
    signal = world.sink.signal(FIRST)
    assert signal["Status"] == "FAILURE"
    assert signal["Reason"].startswith("DeadlineExceeded: cluster hpc: not done")
    assert "CREATE_IN_PROGRESS" in signal["Reason"]
