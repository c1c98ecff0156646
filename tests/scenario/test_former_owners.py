"""Who had a cluster that is taken over: it is not taken from them, and not theirs any more afterwards."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cluster_provider.core.identity import Owner
from cluster_provider.ownership import PARENTS_MAX
from tests.support.adoption import OTHER, begun_and_failed
from tests.support.fakes import FactStacks, stack_of
from tests.support.world import PARENT, World, properties

ADOPTING = properties(AdoptExisting="true")
REPLACE = {"ClusterNameUpdatePolicy": "Replace"}
SECOND = "arn:aws:cloudformation:us-east-1:123456789012:stack/second/0"
MIDDLE, ROOT = (
    f"arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/0" for name in ("middle", "root")
)
FIRST_OWNER, SECOND_OWNER = Owner(PARENT, "Cluster"), Owner(SECOND, "Cluster")


class BusyStacks(FactStacks):
    """Stacks that change while they are read."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[Callable[[], object]] = []

    def lists(self, owner: Owner, physical_id: str) -> bool:
        if self.looks:
            self.looks.pop(0)()
        return super().lists(owner, physical_id)


@pytest.fixture
def stacks() -> BusyStacks:
    return BusyStacks()


@pytest.fixture
def world(stacks: BusyStacks) -> World:
    """Two stacks; the second one is being created."""
    world = World(stacks=stacks)
    parent(world, "CREATE_COMPLETE")
    world.stacks.declare(stack_of("second", "CREATE_IN_PROGRESS", unique="0"))
    return world


def parent(world: World, status: str) -> None:
    world.stacks.declare(stack_of("parent", status, {"team": "hpc"}, unique="0"))


def finish(world: World) -> None:
    """Whatever is asked of engines and clusters is done."""
    for _ in range(6):
        while world.engines.calls:
            world.run_engine()
        for name in ("hpc", "lab"):
            stack = world.stacks.living(name)
            if stack is not None and stack.in_progress:
                world.settle(name, f"{stack.status.removesuffix('IN_PROGRESS')}COMPLETE")
        world.pass_time(60)


def take_over(world: World, stack_id: str = SECOND) -> dict[str, Any]:
    """A stack takes cluster hpc over, or is refused."""
    request = world.create(StackId=stack_id, ResourceProperties=ADOPTING)
    finish(world)
    answer = world.sink.answer(request)
    if answer["Status"] == "SUCCESS":
        world.stacks.listed[Owner(stack_id, "Cluster")] = "hpc"
    return answer


def refused(answer: dict[str, Any]) -> bool:
    words = "the cluster belongs to resource Cluster of stack"
    return answer["Status"] == "FAILED" and answer["Reason"].startswith(f"NotOwner: ClusterName hpc: {words}")


def test_a_cluster_is_not_taken_from_the_stack_that_is_just_making_it(world: World) -> None:
    made = world.create()
    world.run_engine()
    adopting = world.create(StackId=SECOND, ResourceProperties=ADOPTING)
    world.settle("hpc", "CREATE_COMPLETE")
    assert refused(world.sink.answer(adopting))
    world.run_engine()
    assert world.sink.answer(made)["Status"] == "SUCCESS"
    assert world.claims.holders == {}


def test_a_cluster_is_not_taken_from_a_stack_that_has_not_named_it_yet(world: World) -> None:
    world.made()
    world.stacks.listed[FIRST_OWNER] = ""
    assert refused(take_over(world))


@pytest.mark.parametrize(
    "status", ["UPDATE_IN_PROGRESS", "UPDATE_FAILED", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"]
)
def test_a_cluster_is_not_taken_from_a_stack_that_may_go_back_to_it_or_is_to_delete_it(
    world: World, status: str
) -> None:
    world.made()
    parent(world, status)
    world.update(ClusterName="lab", **REPLACE)
    finish(world)
    world.stacks.listed[FIRST_OWNER] = "lab"
    assert refused(take_over(world))
    assert world.claims.holders == {}
    parent(world, "UPDATE_COMPLETE")
    assert take_over(world)["Status"] == "SUCCESS"


def nested(world: World, root: str, middle: str = "UPDATE_COMPLETE") -> None:
    """The first stack replaced the cluster and is complete, in a stack in another one."""
    world.made()
    world.update(ClusterName="lab", **REPLACE)
    finish(world)
    world.stacks.listed[FIRST_OWNER] = "lab"
    around(world, "UPDATE_COMPLETE", middle, root)


def around(world: World, *statuses: str) -> None:
    """The first stack has the first of these statuses, the one around it the second, and so on."""
    arns = (PARENT, MIDDLE, ROOT)
    for arn, status, parent_id in zip(arns, statuses, (*arns[1:], None), strict=True):
        stack = stack_of(arn.split("/")[1], status, unique="0")
        world.stacks.declare(replace(stack, parent_id=parent_id))


UNFINISHED = [
    "UPDATE_IN_PROGRESS",
    "UPDATE_FAILED",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_ROLLBACK_IN_PROGRESS",
    "UPDATE_ROLLBACK_FAILED",
]


@pytest.mark.parametrize(
    ("middle", "root"),
    [("UPDATE_COMPLETE", status) for status in UNFINISHED] + [("UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")],
)
def test_a_cluster_is_not_taken_from_a_nested_stack_that_may_go_back_to_it_with_its_root(
    world: World, middle: str, root: str
) -> None:
    nested(world, root, middle)
    assert refused(take_over(world))
    assert world.claims.holders == {}
    around(world, "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS")
    back = world.update({**properties(ClusterName="lab"), **REPLACE}, "lab")
    finish(world)
    answer = world.sink.answer(back)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "hpc")


def test_a_cluster_is_taken_from_a_nested_stack_once_every_one_around_it_is_done(world: World) -> None:
    nested(world, "UPDATE_COMPLETE")
    assert take_over(world)["Status"] == "SUCCESS"


def test_a_stack_around_its_owners_that_cannot_be_seen_keeps_the_cluster(world: World) -> None:
    nested(world, "UPDATE_COMPLETE")
    del world.stacks.facts[MIDDLE]
    assert refused(take_over(world))


def test_stacks_around_its_owners_are_not_followed_for_ever(world: World) -> None:
    nested(world, "UPDATE_COMPLETE")
    arns = [f"{ROOT}{number}" for number in range(PARENTS_MAX)]
    for arn, parent_id in zip([PARENT, *arns], [*arns, None], strict=True):
        stack = stack_of(arn.split("/")[1], "UPDATE_COMPLETE", unique=arn.split("/")[2])
        world.stacks.declare(replace(stack, parent_id=parent_id))
    assert refused(take_over(world))


@pytest.mark.parametrize("gone", ["deleted", "forgotten"])
def test_a_cluster_is_taken_from_a_nested_stack_that_is_gone_whatever_its_root_does(
    world: World, gone: str
) -> None:
    nested(world, "UPDATE_IN_PROGRESS")
    del world.stacks.listed[FIRST_OWNER]
    around(world, "DELETE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS")
    if gone == "forgotten":
        del world.stacks.facts[PARENT]
    assert take_over(world)["Status"] == "SUCCESS"


def test_a_request_that_its_owner_gets_meanwhile_keeps_the_cluster(world: World, stacks: BusyStacks) -> None:
    world.made()
    stacks.looks = [lambda: None, lambda: world.update(ClusterConfiguration=OTHER)]
    adopting = world.create(StackId=SECOND, ResourceProperties=ADOPTING)
    assert stacks.looks == []
    assert refused(world.sink.answer(adopting))
    assert world.claims.holders == {}
    assert [call["owner"]["stack_id"] for _, call in world.engines.calls] == [PARENT]


def kept_on_replacement(world: World) -> None:
    """The first stack replaced the cluster and kept it, by UpdateReplacePolicy: Retain, without a request."""
    world.made()
    world.update(ClusterName="lab", **REPLACE)
    finish(world)
    world.stacks.listed[FIRST_OWNER] = "lab"


def go_back(world: World) -> str:
    lab = {**properties(ClusterName="lab"), **REPLACE}
    return world.update(lab, "lab", ClusterConfiguration=OTHER, **REPLACE)


def kept_on_removal(world: World) -> None:
    """The first stack took the cluster over, and lost the resource by DeletionPolicy: Retain."""
    world.foreign()
    assert take_over(world, PARENT)["Status"] == "SUCCESS"
    del world.stacks.listed[FIRST_OWNER]


def create_again(world: World) -> str:
    return world.create(ResourceProperties=properties(ClusterConfiguration=OTHER))


@pytest.mark.parametrize(("kept", "again"), [(kept_on_replacement, go_back), (kept_on_removal, create_again)])
def test_what_another_stack_took_over_is_not_changed_by_its_former_owner(
    world: World, kept: Callable[[World], None], again: Callable[[World], str]
) -> None:
    kept(world)
    assert take_over(world)["Status"] == "SUCCESS"
    before = world.cluster()
    request = again(world)
    finish(world)
    reason = "NotOwner: ClusterName hpc: a cluster of this name exists and does not belong to this resource;"
    assert world.sink.answer(request)["Reason"].startswith(reason)
    assert world.cluster() == before


def test_what_another_stack_took_over_survives_a_late_delete_of_its_former_owner(world: World) -> None:
    kept_on_replacement(world)
    assert take_over(world)["Status"] == "SUCCESS"
    before = world.cluster()
    deleted = world.delete()
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert world.engines.calls == []
    assert world.cluster() == before
    assert world.claims.holders == {before.stack_id: SECOND_OWNER}


def test_a_former_owner_takes_the_cluster_over_again_once_it_is_given_up(world: World) -> None:
    kept_on_removal(world)
    take_over(world)
    assert refused(take_over(world, PARENT))
    del world.stacks.listed[SECOND_OWNER]
    parent(world, "CREATE_IN_PROGRESS")
    assert take_over(world, PARENT)["Status"] == "SUCCESS"
    request = world.update(ADOPTING, AdoptExisting="true", ClusterConfiguration=OTHER)
    finish(world)
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.cluster().status == "UPDATE_COMPLETE"


def test_a_takeover_that_fails_after_its_answer_can_be_fixed_by_an_update(world: World) -> None:
    world.foreign()
    wanted = begun_and_failed(world)
    request = world.update(wanted, **{**wanted, "ValidationFailureLevel": "WARNING"})
    finish(world)
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.cluster().status == "UPDATE_COMPLETE"


def test_a_takeover_that_fails_after_its_answer_is_disowned_by_the_rollback(world: World) -> None:
    world.foreign()
    wanted = begun_and_failed(world)
    before = world.cluster()
    parent(world, "ROLLBACK_IN_PROGRESS")
    deleted = world.delete(ResourceProperties={**wanted, "DeletionPolicy": "Delete"})
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert world.cluster() == before
    assert world.engines.calls == []
    assert world.claims.holders == {}
