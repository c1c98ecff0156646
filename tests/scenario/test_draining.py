"""The deletion of a replaced cluster waits for its dynamic nodes, as long as DrainTimeout says."""

from typing import Any

import pytest

from tests.support.world import CONFIGURATION, World, failed, properties

OTHER = {"ClusterName": "lab", "ClusterNameUpdatePolicy": "Replace"}
DRAINS = {"DrainTimeout": "600"}


def replaced(world: World, old: dict[str, Any], new: dict[str, Any]) -> None:
    """hpc was replaced by lab, and CloudFormation is about to clean up."""
    world.made()
    world.update(old, **OTHER, **new)
    world.run_engine()
    world.settle("lab", "CREATE_COMPLETE")
    world.run_engine()
    world.clock.advance(60)


def clean_up(world: World, **fields: Any) -> str:
    return world.delete("hpc", ResourceProperties=properties(**fields))


def operations(world: World) -> list[str]:
    return [call["operation"] for _, call in world.engines.calls]


def counted(world: World) -> None:
    """The engine is asked for the dynamic nodes, and answers."""
    (_, call) = world.engines.calls[0]
    assert (call["operation"], call["arguments"]) == ("describe", {"dynamic_nodes": True})
    world.run_engine()


def deleted(world: World, request: str) -> None:
    """The cluster is deleted now."""
    assert (world.run_engine()["operation"], world.engines.calls) == ("delete", [])
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.cluster("lab").works


@pytest.mark.parametrize(
    ("new", "cleaned_up"),
    [(DRAINS, {}), ({}, DRAINS), (DRAINS, {**OTHER, **DRAINS}), ({"DrainTimeout": "0"}, DRAINS)],
    ids=["of the update", "of the old properties", "of both", "of the old properties only"],
)
def test_a_replaced_cluster_is_deleted_once_no_dynamic_node_runs(
    new: dict[str, str], cleaned_up: dict[str, str]
) -> None:
    world = World()
    replaced(world, properties(), new)
    world.dynamic_nodes["hpc"] = 2
    request = clean_up(world, **cleaned_up)
    for _ in range(3):
        counted(world)
        assert (operations(world), world.cluster().works) == ([], True)
        world.pass_time(60)
    world.dynamic_nodes["hpc"] = 0
    counted(world)
    deleted(world, request)


def test_after_the_time_it_is_deleted_whatever_runs() -> None:
    world = World()
    replaced(world, properties(), DRAINS)
    world.dynamic_nodes["hpc"] = 2
    began = world.clock.now()
    request = clean_up(world)
    while operations(world) != ["delete"]:
        counted(world) if world.engines.calls else world.pass_time(60)
    assert 600 <= (world.clock.now() - began).total_seconds() <= 660
    deleted(world, request)


def test_a_short_service_timeout_leaves_time_for_the_deletion() -> None:
    world = World()
    replaced(world, properties(), {"DrainTimeout": "2400"})
    world.dynamic_nodes["hpc"] = 2
    began = world.clock.now()
    request = clean_up(world, ServiceTimeout="1500")
    while operations(world) != ["delete"]:
        counted(world) if world.engines.calls else world.pass_time(60)
    assert 390 <= (world.clock.now() - began).total_seconds() <= 450  # 1500 - 210 - 900
    deleted(world, request)


def test_a_service_timeout_without_room_for_waiting_has_it_deleted_at_once() -> None:
    world = World()
    replaced(world, properties(), DRAINS)
    world.dynamic_nodes["hpc"] = 2
    deleted(world, clean_up(world, ServiceTimeout="900"))


@pytest.mark.parametrize("cleaned_up", [{}, {"DrainTimeout": "0"}, {"DrainTimeout": "soon"}])
def test_without_the_property_nothing_is_counted(cleaned_up: dict[str, str]) -> None:
    world = World()
    replaced(world, properties(), {})
    world.dynamic_nodes["hpc"] = 2
    deleted(world, clean_up(world, **cleaned_up))


def test_a_deletion_without_a_successor_does_not_wait() -> None:
    world = World()
    world.made()
    world.dynamic_nodes["hpc"] = 2
    request = clean_up(world, **DRAINS)
    assert world.run_engine()["operation"] == "delete"
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_a_replacement_that_is_rolled_back_drains_too() -> None:
    world = World()
    replaced(world, properties(), DRAINS)
    undone = world.update(properties(**OTHER, **DRAINS), physical_id="lab")
    world.run_engine()
    assert world.sink.answer(undone)["PhysicalResourceId"] == "hpc"
    world.clock.advance(60)
    world.dynamic_nodes["lab"] = 1
    request = world.delete("lab", ResourceProperties=properties(**OTHER, **DRAINS))
    counted(world)
    world.dynamic_nodes["lab"] = 0
    world.pass_time(60)
    counted(world)
    assert world.run_engine()["cluster_name"] == "lab"
    world.settle("lab", "DELETE_COMPLETE")
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_a_cluster_that_was_never_complete_has_no_jobs_to_wait_for() -> None:
    world = World()
    replaced(world, properties(), DRAINS)
    world.settle("hpc", "UPDATE_ROLLBACK_FAILED")
    deleted(world, clean_up(world))


def test_a_retained_cluster_is_not_waited_for() -> None:
    world = World()
    replaced(world, properties(), DRAINS)
    world.dynamic_nodes["hpc"] = 2
    request = clean_up(world, DeletionPolicy="Retain")
    assert (world.sink.answer(request)["Status"], world.engines.calls) == ("SUCCESS", [])
    assert world.cluster("hpc").works


@pytest.mark.parametrize("code", ["Throttled", "Internal"])
def test_nodes_that_could_not_be_counted_for_a_moment_are_counted_again(code: str) -> None:
    world = World()
    replaced(world, properties(), DRAINS)
    request = clean_up(world)
    world.run_engine(failed(code, "AWS did not answer"))
    assert operations(world) == []
    world.pass_time(120)
    counted(world)
    deleted(world, request)


def test_as_long_as_the_nodes_cannot_be_counted_the_time_is_waited_for() -> None:
    world = World()
    replaced(world, properties(), DRAINS)
    began = world.clock.now()
    request = clean_up(world)
    world.run_engine(failed("BadRequest", "no such argument"))
    while not world.engines.calls:
        world.pass_time(60)
    assert (world.clock.now() - began).total_seconds() >= 600
    deleted(world, request)


def test_an_engine_that_knows_no_such_count_delays_and_prevents_nothing() -> None:
    world = World()
    replaced(world, properties(), DRAINS)
    request = clean_up(world)
    while operations(world) != ["delete"]:
        world.crash_engine("the event breaks the contract") if world.engines.calls else world.pass_time(60)
    deleted(world, request)


def test_a_change_of_the_time_alone_changes_no_cluster() -> None:
    world = World()
    world.made()
    before = world.cluster()
    request = world.update(ClusterConfiguration=CONFIGURATION, **DRAINS)
    assert world.run_engine()["operation"] == "describe"
    assert (world.sink.answer(request)["Status"], world.cluster()) == ("SUCCESS", before)
