"""Bounds of the provider's operator and of a resource reach the engine, and its refusal the answer."""

from dataclasses import replace
from typing import Any

import pytest

from cluster_provider.core.budget import Budget
from tests.support.fakes import stack_of
from tests.support.world import CONFIGURATION, PARENT, World, failed, properties

OPERATORS = Budget("20", "12.5")
BOTH = {
    "max_nodes": {"limit": "20", "set_by": "provider"},
    "max_hourly_cost_at_scale": {"limit": "12.5", "set_by": "provider"},
}
LARGER = {"Region": "us-east-1", "Scheduling": {"SlurmQueues": [{"Name": "q1", "MaxCount": "40"}]}}
DETAIL = {
    "message": "at full scale the cluster has 41 nodes, more than MaxNodes of the provider stack (20).",
    "way_out": "Lower MaxCount.",
    "parts": [{"path": "/Scheduling/SlurmQueues/0/ComputeResources/0", "name": "queue q1/r", "value": "40"}],
}
REFUSED = failed("BudgetExceeded", "x", details=[DETAIL])


def parent_is(world: World, status: str, **facts: Any) -> None:
    parent = stack_of("parent", status, {"team": "hpc"}, unique="0")
    world.stacks.declare(replace(parent, **facts))


def bounds_of(world: World) -> Any:
    (_, call) = world.engines.calls[-1]
    return call["arguments"].get("budget")


@pytest.mark.parametrize(
    ("own", "effective"),
    [
        ({}, BOTH),
        ({"MaxNodes": "0", "MaxHourlyCostAtScale": "0"}, BOTH),
        ({"MaxNodes": "21", "MaxHourlyCostAtScale": "100"}, BOTH),
        ({"MaxNodes": "20", "MaxHourlyCostAtScale": "12.50"}, BOTH),
        (
            {"MaxNodes": "9", "MaxHourlyCostAtScale": "2"},
            {
                "max_nodes": {"limit": "9", "set_by": "property"},
                "max_hourly_cost_at_scale": {"limit": "2", "set_by": "property"},
            },
        ),
    ],
)
def test_of_the_operators_and_the_resources_bound_the_stricter_one_counts(
    own: dict[str, str], effective: Any
) -> None:
    world = World(budget=OPERATORS)
    world.create(ResourceProperties=properties(**own))
    assert bounds_of(world) == effective


def test_without_bounds_an_engine_of_any_release_is_asked_as_before() -> None:
    world = World()
    world.create()
    assert world.engines.calls[-1][1]["arguments"] == {}


def test_a_create_beyond_a_bound_is_answered_once_and_nothing_is_made() -> None:
    world = World()
    request = world.create(ResourceProperties=properties(MaxNodes="20"))
    assert bounds_of(world) == {"max_nodes": {"limit": "20", "set_by": "property"}}
    world.run_engine(REFUSED)
    answer = world.sink.answer(request)
    assert (answer["Status"], answer["PhysicalResourceId"].split(":")[1]) == ("FAILED", "not-created")
    assert answer["Reason"] == (
        "BudgetExceeded: ClusterConfiguration/Scheduling/SlurmQueues/0/ComputeResources/0: at full scale the "
        "cluster has 41 nodes, more than MaxNodes of the provider stack (20). Nothing was changed. "
        "Lower MaxCount."
    )
    assert (world.engines.calls, world.stacks.living("hpc")) == ([], None)


def test_an_update_beyond_a_bound_is_refused_and_its_rollback_asks_no_engine() -> None:
    world = World(budget=OPERATORS)
    world.made()
    parent_is(world, "UPDATE_IN_PROGRESS")
    request = world.update(ClusterConfiguration=LARGER)
    assert bounds_of(world) == BOTH
    world.run_engine(REFUSED)
    answer = world.sink.answer(request)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", "hpc")
    assert answer["Reason"].startswith("BudgetExceeded: ")
    world.clock.advance(5)
    parent_is(world, "UPDATE_ROLLBACK_IN_PROGRESS")
    undone = world.update(old=properties(ClusterConfiguration=LARGER))
    assert world.run_engine()["operation"] == "describe"
    assert world.sink.answer(undone)["Status"] == "SUCCESS"


def test_a_lower_bound_alone_asks_no_engine() -> None:
    world = World(budget=OPERATORS)
    world.made()
    request = world.update(MaxNodes="1")
    assert world.run_engine()["operation"] == "describe"
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def shrunk(world: World) -> None:
    """The cluster had the larger configuration, and an Update of its stack has just made it smaller."""
    world.create(ResourceProperties=properties(ClusterConfiguration=LARGER))
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    world.clock.advance(60)
    parent_is(world, "UPDATE_IN_PROGRESS")
    request = world.update(old=properties(ClusterConfiguration=LARGER))
    world.run_engine()
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    world.clock.advance(5)


def test_the_rollback_of_an_update_that_made_a_cluster_smaller_is_not_bounded() -> None:
    world = World(budget=OPERATORS)
    shrunk(world)
    parent_is(world, "UPDATE_ROLLBACK_IN_PROGRESS")
    undone = world.update(old=properties(), ClusterConfiguration=LARGER)
    assert (world.engines.calls[-1][1]["operation"], bounds_of(world)) == ("update", None)
    world.run_engine()
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(undone)["Status"] == "SUCCESS"


def test_a_nested_stack_that_goes_back_with_its_root_is_not_bounded() -> None:
    world = World(budget=OPERATORS)
    shrunk(world)
    root = world.stacks.declare(stack_of("root", "UPDATE_ROLLBACK_IN_PROGRESS", unique="r"))
    parent_is(world, "UPDATE_IN_PROGRESS", parent_id=root.stack_id)
    world.update(old=properties(), ClusterConfiguration=LARGER)
    assert bounds_of(world) is None


def test_going_back_by_an_update_of_ones_own_is_bounded() -> None:
    world = World(budget=OPERATORS)
    shrunk(world)
    world.update(old=properties(), ClusterConfiguration=LARGER)
    assert bounds_of(world) == BOTH


def test_the_update_by_which_a_cluster_is_taken_over_is_bounded_too() -> None:
    world = World(budget=OPERATORS)
    world.foreign()
    world.create(ResourceProperties=properties(AdoptExisting="true", ClusterConfiguration=LARGER))
    _, call = world.engines.calls[-1]
    assert call["arguments"] == {"budget": BOTH, "refuse_removals": True, "resemble_stored": True}


def test_an_engine_that_does_not_know_bounds_makes_nothing_and_the_answer_says_what_to_do() -> None:
    world = World(budget=OPERATORS)
    request = world.create()
    for _ in range(3):
        assert not world.sink.answers(request)
        world.crash_engine("the event breaks the engine's contract at $.arguments")
        world.pass_time(120)
    answer = world.sink.answer(request)
    assert answer["Reason"].startswith("EngineFailed: cluster hpc: ")
    assert answer["Reason"].endswith(
        "at $.arguments. Nothing was changed. "
        "The engine is of another release of this provider: deploy it anew."
    )
    assert (world.engines.calls, world.stacks.living("hpc")) == ([], None)


def test_the_parent_is_the_stack_whose_state_is_read() -> None:
    assert stack_of("parent", "UPDATE_IN_PROGRESS", unique="0").stack_id == PARENT
    assert CONFIGURATION != LARGER
