"""When a cluster that was taken over may be deleted: its stack and every one around it were complete."""

from dataclasses import replace
from typing import Any

import pytest

from cluster_provider.ownership import PARENTS_MAX
from tests.support.fakes import stack_of
from tests.support.world import PARENT, World, properties

DELETING: dict[str, Any] = properties(AdoptExisting="true", DeletionPolicy="Delete")
MIDDLE, ROOT = (
    f"arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/0" for name in ("middle", "root")
)
ALL = (PARENT, MIDDLE, ROOT)


def declare(world: World, *statuses: str, **facts: Any) -> None:
    """The owner's stack has the first of these statuses, the one around it the second, and so on."""
    arns = ALL[: len(statuses)]
    for arn, status, around in zip(arns, statuses, (*arns[1:], None), strict=True):
        stack = stack_of(arn.split("/")[1], status, unique="0")
        world.stacks.declare(replace(stack, parent_id=around, **facts))


def adopted(*statuses: str) -> World:
    """A cluster is taken over by a stack in as many others as there are statuses."""
    world = World()
    world.foreign()
    declare(world, *statuses)
    request = world.create(ResourceProperties=DELETING)
    world.run_engine()
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    world.clock.advance(60)
    return world


def completed(world: World, *arns: str) -> None:
    for arn in arns:
        world.stacks.completed_at[arn] = world.clock.now()
    world.clock.advance(60)


def is_disowned(world: World) -> bool:
    """Whether a Delete leaves the cluster as it is."""
    before = world.cluster()
    request = world.delete(ResourceProperties=DELETING)
    if world.engines.calls:
        assert world.run_engine()["operation"] == "delete"
        return False
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.cluster() == before
    assert world.claims.holders == {}
    return True


@pytest.mark.parametrize(
    "root",
    ["ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"],
)
@pytest.mark.parametrize("depth", [1, 2])
def test_a_nested_stack_that_is_deleted_because_one_around_it_rolls_back_disowns_the_cluster(
    root: str, depth: int
) -> None:
    world = adopted(*["CREATE_IN_PROGRESS"] * (depth + 1))
    completed(world, *ALL[:depth])
    declare(world, *["DELETE_IN_PROGRESS"] * depth, root)
    assert is_disowned(world)


def test_a_nested_stack_disowns_the_cluster_though_cloudformation_shows_the_rollback_late() -> None:
    world = adopted("CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS")
    completed(world, PARENT)
    declare(world, "DELETE_IN_PROGRESS", "CREATE_IN_PROGRESS")
    assert is_disowned(world)


def test_an_update_of_a_nested_stack_is_not_complete_before_its_root_s() -> None:
    world = adopted("UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
    completed(world, PARENT)  # UPDATE_COMPLETE_CLEANUP_IN_PROGRESS, and then the root goes back
    declare(world, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS")
    assert is_disowned(world)


def test_the_rollback_of_a_root_that_was_complete_before_disowns_the_cluster() -> None:
    world = adopted("CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS")
    completed(world, PARENT, MIDDLE)
    declare(world, "DELETE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    assert is_disowned(world)


def test_what_a_nested_stack_took_over_is_deleted_once_every_stack_around_it_was_complete() -> None:
    world = adopted(*["CREATE_IN_PROGRESS"] * 3)
    completed(world, *ALL)
    declare(world, "DELETE_IN_PROGRESS", "DELETE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    assert not is_disowned(world)


def test_a_stack_around_it_that_cannot_be_seen_is_not_known_to_be_complete() -> None:
    world = adopted("CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS")
    completed(world, PARENT, MIDDLE)
    del world.stacks.facts[MIDDLE]
    assert is_disowned(world)


def test_stacks_are_not_followed_upwards_for_ever() -> None:
    world = adopted("CREATE_IN_PROGRESS")
    arns = [f"{ROOT}{number}" for number in range(PARENTS_MAX)]
    for arn, around in zip([PARENT, *arns], [*arns, None], strict=True):
        stack = stack_of(arn.split("/")[1], "DELETE_IN_PROGRESS", unique=arn.split("/")[2])
        world.stacks.declare(replace(stack, parent_id=around))
    completed(world, PARENT, *arns)
    assert is_disowned(world)


def test_a_stack_that_failed_and_was_left_so_for_two_months_disowns_the_cluster() -> None:
    world = adopted("CREATE_IN_PROGRESS")
    world.clock.advance(61 * 86_400)
    declare(world, "DELETE_IN_PROGRESS")
    assert is_disowned(world)


@pytest.mark.parametrize("rollback_disabled", [True, False])
def test_where_events_are_forgotten_a_stack_that_keeps_its_failures_is_not_known_to_be_complete(
    *, rollback_disabled: bool
) -> None:
    world = adopted("CREATE_IN_PROGRESS")
    completed(world, PARENT)
    world.clock.advance(91 * 86_400)
    world.stacks.forget_events(before=world.clock.now())
    declare(world, "DELETE_IN_PROGRESS", rollback_disabled=rollback_disabled)
    assert is_disowned(world) == rollback_disabled


def test_forgotten_events_of_a_young_adoption_prove_nothing() -> None:
    world = adopted("CREATE_IN_PROGRESS")
    world.stacks.forget_events(before=world.clock.now())
    declare(world, "DELETE_IN_PROGRESS")
    assert is_disowned(world)
