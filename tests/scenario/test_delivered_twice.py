"""Lambda delivers an engine's call twice, the second time after the first was refused and answered.

What the first delivery was refused for may be gone by then: a denied permission, or a validator that AWS did
not answer. The second delivery comes within the call's fence.
"""

import copy
import logging
from typing import Any

import pytest

from cluster_provider.core.identity import is_marker
from tests.support.world import (
    IMAGE_TYPE,
    OTHER_NODES,
    World,
    failed,
    image_properties,
    properties,
)

REFUSED = failed("ClusterRejected", "AWS denied it")
NEW = {"Region": "us-east-1", "Scheduling": {"SlurmQueues": [{"Name": "q1", "MaxCount": "7"}]}}
OTHER = {"ClusterName": "lab", "ClusterNameUpdatePolicy": "Replace"}


def refuse(world: World, request: str) -> tuple[str, dict[str, Any]]:
    """The engine's call is refused, and that is answered; returns the call, to be delivered again."""
    (call,) = copy.deepcopy(world.engines.calls)
    world.run_engine(REFUSED)
    assert world.sink.answer(request)["Status"] == "FAILED"
    return call


def deliver_again(world: World, call: tuple[str, dict[str, Any]], *, on_its_way: bool = False) -> None:
    world.engines.calls.append(call)
    world.run_engine(on_its_way=on_its_way)


def go_on(world: World, request: str) -> None:
    """Fleets and stacks do at once what is asked of them, until the request is answered."""
    moves = {"STOP_REQUESTED": "STOPPED", "START_REQUESTED": "RUNNING"}
    while not world.sink.answers(request):
        world.fleets["hpc"] = moves.get(world.fleet(), world.fleet())
        if world.cluster().in_progress:
            world.settle("hpc", "UPDATE_COMPLETE")
        elif world.engines.calls:
            world.run_engine()
        else:
            world.pass_time(30)


def stacks_of(world: World) -> set[str]:
    return {fact.stack.name for fact in world.stacks.facts.values() if not fact.stack.gone} - {"parent"}


@pytest.mark.parametrize("deleted", [False, True])
def test_nothing_is_made_once_a_create_was_answered(deleted: bool) -> None:
    world = World()
    request = world.create()
    call = refuse(world, request)
    marker = world.sink.answer(request)["PhysicalResourceId"]
    assert is_marker(marker)
    if deleted:
        delete = world.delete(marker)
        assert world.sink.answer(delete)["Status"] == "SUCCESS"
    deliver_again(world, call)
    assert (stacks_of(world), world.engines.calls) == (set(), [])


def test_a_cluster_that_was_on_its_way_when_its_create_was_answered_is_deleted_with_the_resource() -> None:
    world = World()
    request = world.create()
    call = refuse(world, request)
    deliver_again(world, call, on_its_way=True)
    assert stacks_of(world) == {"hpc"}
    delete = world.delete(world.sink.answer(request)["PhysicalResourceId"])
    assert not world.sink.answers(delete)
    assert world.run_engine()["operation"] == "delete"
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(delete)["Status"] == "SUCCESS"
    assert world.record().clusters == {}


def test_the_delete_of_a_refused_create_leaves_a_cluster_of_that_name_alone() -> None:
    world = World()
    request = world.create()
    stranger = world.foreign()
    world.run_engine()
    answer = world.sink.answer(request)
    assert answer["Reason"].startswith("NotOwner")
    delete = world.delete(answer["PhysicalResourceId"])
    assert world.sink.answer(delete)["Status"] == "SUCCESS"
    assert (world.cluster(), world.engines.calls) == (stranger, [])


def test_a_cluster_is_not_changed_once_its_update_was_answered() -> None:
    world = World()
    world.made()
    before = world.cluster()
    request = world.update(ClusterConfiguration=NEW)
    call = refuse(world, request)
    deliver_again(world, call)
    assert world.cluster() == before
    rollback = world.update(properties(ClusterConfiguration=NEW))
    world.run_engine()
    assert world.sink.answer(rollback)["Status"] == "SUCCESS"
    deliver_again(world, call)
    assert world.cluster() == before


def test_a_replacement_that_was_on_its_way_is_deleted_by_the_rollback() -> None:
    world = World()
    world.made()
    request = world.update(**OTHER)
    call = refuse(world, request)
    deliver_again(world, call, on_its_way=True)
    assert stacks_of(world) == {"hpc", "lab"}
    rollback = world.update(properties(**OTHER))
    assert not world.sink.answers(rollback)
    assert world.run_engine()["operation"] == "delete"
    world.settle("lab", "DELETE_COMPLETE")
    world.pass_time(60)
    world.run_engine()
    assert world.sink.answer(rollback)["Status"] == "SUCCESS"
    assert stacks_of(world) == {"hpc"}


def test_a_fleet_is_not_stopped_once_its_update_was_answered() -> None:
    world = World()
    world.made()
    request = world.update(ClusterConfiguration=OTHER_NODES, ComputeFleetUpdatePolicy="StopAndRestart")
    world.run_engine()
    call = copy.deepcopy(world.engines.calls[0])
    assert world.run_engine()["operation"] == "stop-fleet"
    go_on(world, request)
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    deliver_again(world, call)
    assert world.fleet() == "RUNNING"


def test_an_image_is_not_built_once_its_create_was_answered() -> None:
    world = World()
    request = world.create(ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())
    call = refuse(world, request)
    deliver_again(world, call)
    assert (stacks_of(world), world.amis) == (set(), {})


def test_a_change_that_is_reported_for_a_call_that_is_over_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    request = world.create()
    call = refuse(world, request)
    with caplog.at_level(logging.WARNING):
        deliver_again(world, call, on_its_way=True)
    (line,) = [each for each in caplog.records if "that is over" in each.message]
    assert vars(line).items() >= {"call_id": call[1]["call_id"], "changed": "hpc"}.items()
