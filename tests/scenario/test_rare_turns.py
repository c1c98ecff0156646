"""Rare turns: two requests, two senders or two causes that meet, each decided by one condition."""

import pytest

from cluster_provider.effects import RESEND_AFTER_S
from tests.support.fakes import HANDLES
from tests.support.world import CONFIGURATION, FLEET_RUNS, OTHER_NODES, World, failed, properties

HANDLE = f"{HANDLES}1"
STOP = {"ComputeFleetUpdatePolicy": "StopAndRestart"}
REPLACE = {"ClusterNameUpdatePolicy": "Replace"}
NEW = {**CONFIGURATION, "Tags": []}
THIRD_NODES = {**OTHER_NODES, "Scheduling": {"SlurmQueues": [{"Name": "q1", "InstanceType": "c7i.large"}]}}


def operations(world: World) -> list[str]:
    return [call["operation"] for _, call in world.engines.calls]


def test_a_fleet_that_an_earlier_update_found_running_is_stopped_for_the_next_one_as_well() -> None:
    world = World()
    world.made()
    world.update(ClusterConfiguration=OTHER_NODES, **STOP)
    world.run_engine()
    assert world.run_engine()["operation"] == "stop-fleet"
    world.clock.advance(60)
    old = properties(ClusterConfiguration=OTHER_NODES, **STOP)
    request = world.update(old, ClusterConfiguration=THIRD_NODES, **STOP)
    world.run_engine(failed("UpdateRejected", "Update failure", details=[FLEET_RUNS]))
    assert operations(world) == ["stop-fleet"]
    assert not world.sink.answers(request)


def test_a_fleet_of_unknown_status_is_not_stopped() -> None:
    world = World()
    world.made()
    request = world.update(ClusterConfiguration=OTHER_NODES, **STOP)
    world.run_engine(failed("UpdateRejected", "Update failure", details=[FLEET_RUNS]))
    assert operations(world) == []
    assert "its compute fleet is unknown, so it cannot be stopped." in world.sink.answer(request)["Reason"]


def test_an_update_is_answered_when_it_begins_only_once_a_leftover_is_gone() -> None:
    world = World()
    world.made()
    world.update(ClusterName="lab", **REPLACE)
    world.run_engine()
    world.settle("lab", "CREATE_FAILED")
    world.run_engine()
    world.clock.advance(60)
    lab = properties(ClusterName="lab", **REPLACE)
    request = world.update(lab, ClusterConfiguration=NEW, WaitConditionHandle=HANDLE, **REPLACE)
    for _ in range(3):
        world.run_engine(failed("Internal", "it is protected"))
        world.pass_time(60)
    assert operations(world) == ["update"]
    world.settle("lab", "DELETE_IN_PROGRESS")
    world.run_engine()
    assert world.cluster("hpc").in_progress
    assert not world.sink.answers(request)
    world.settle("lab", "DELETE_COMPLETE")
    assert not world.sink.answers(request), "events of another stack wake no owner"
    world.pass_time(120)
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert "NotDeleted" not in world.sink.answer(request)["Data"]["validationMessages"]


def test_a_slow_sender_of_an_answer_does_not_reopen_what_was_signalled_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    send = world.sink.send

    def sending(url: str, body: str) -> None:
        monkeypatch.setattr(world.sink, "send", send)
        send(url, body)
        world.clock.advance(RESEND_AFTER_S)
        world.sweep()
        world.settle("hpc", "CREATE_COMPLETE")
        world.run_engine()
        assert world.sink.signal(HANDLE)["Status"] == "SUCCESS"

    monkeypatch.setattr(world.sink, "send", sending)
    request = world.create(ResourceProperties=properties(WaitConditionHandle=HANDLE))
    world.run_engine()
    assert len(world.sink.answers(request)) == 2
    assert world.store.waiting() == []
    world.pass_time(600)
    assert len(world.sink.signals[HANDLE]) == 1


def test_a_call_that_failed_by_itself_is_repeated_after_half_a_minute_and_no_later() -> None:
    world = World()
    world.create()
    for _ in range(2):
        world.run_engine(failed("Internal", "no"))
        world.clock.advance(29)
        world.sweep()
        assert operations(world) == []
        world.clock.advance(1)
        world.sweep()
        assert operations(world) == ["create"]
