"""A Create that takes a cluster over and fails: whose the cluster is, in a stack that keeps its failures."""

import pytest

from cluster_provider.core.errors import Unavailable
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import ClusterStack
from tests.support.adoption import OTHER, begun_and_failed
from tests.support.fakes import stack_of
from tests.support.world import OTHER_NODES, PARENT, World, failed, properties

STOPPING = {"ClusterConfiguration": OTHER_NODES, "ComputeFleetUpdatePolicy": "StopAndRestart"}
ADOPTING = properties(AdoptExisting="true", DeletionPolicy="Delete", **STOPPING)
SECOND = "arn:aws:cloudformation:us-east-1:123456789012:stack/second/0"
MADE_UP = "parent-Cluster-1ABCDEF"


def parent(world: World, status: str) -> None:
    world.stacks.declare(stack_of("parent", status, unique="0"))


def completes_without_it(world: World) -> None:
    """The next update takes the resource out and succeeds; what is left of it is cleaned up."""
    world.clock.advance(60)
    world.stacks.completed_at[PARENT] = world.clock.now()
    parent(world, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")


@pytest.fixture
def world() -> World:
    """A stack that keeps its failures is being updated; there is a cluster of another owner."""
    world = World()
    parent(world, "UPDATE_IN_PROGRESS")
    world.foreign()
    return world


@pytest.fixture
def marker(world: World) -> str:
    """The physical id of a Create whose adoption failed while a restart of the fleet is pending."""
    before = world.cluster()
    request = world.create(ResourceProperties=ADOPTING)
    assert [world.run_engine()["operation"] for _ in range(2)] == ["update", "stop-fleet"]
    world.fleets["hpc"] = "STOPPED"
    world.pass_time(60)
    assert [world.run_engine()["operation"] for _ in range(2)] == ["stop-fleet", "update"]
    old = {"parameters": before.parameters, "outputs": before.outputs}
    world.settle("hpc", "UPDATE_ROLLBACK_COMPLETE", **old)
    while not world.sink.answers(request):
        while world.engines.calls:
            assert world.run_engine(failed("Internal", "no"))["operation"] == "start-fleet"
        world.pass_time(60)
    world.engines.calls.clear()
    world.clock.advance(400)
    parent(world, "UPDATE_FAILED")
    answer = world.sink.answer(request)
    assert answer["Status"] == "FAILED"
    return str(answer["PhysicalResourceId"])


def work(world: World) -> list[str]:
    """Engines and clusters do what they are asked for; what that was."""
    done = []
    for _ in range(4):
        world.pass_time(60)
        while world.engines.calls:
            done.append(world.run_engine()["operation"])
            if world.fleet() == "START_REQUESTED":
                world.fleets["hpc"] = "RUNNING"
        for name in ("hpc", "lab"):
            stack = world.stacks.living(name)
            if stack is not None and stack.in_progress:
                world.settle(name, f"{stack.status.removesuffix('IN_PROGRESS')}COMPLETE")
    return done


def is_free(world: World, before: ClusterStack) -> bool:
    """Whether the cluster is as it was, runs, and has no owner."""
    assert (world.cluster(), world.fleet()) == (before, "RUNNING")
    assert before.name not in world.record().clusters
    return world.claims.holders == {}


def test_a_failed_adoption_is_disowned_once_its_fleet_is_started(world: World, marker: str) -> None:
    before = world.cluster()
    assert work(world) == ["start-fleet"]
    assert is_free(world, before)
    completes_without_it(world)
    deleted = world.delete(marker, ResourceProperties=ADOPTING)
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert world.engines.calls == []


def test_a_failed_adoption_survives_the_clean_up_of_a_stack_that_is_complete_without_it(
    world: World, marker: str
) -> None:
    before = world.cluster()
    completes_without_it(world)
    deleted = world.delete(marker, ResourceProperties=ADOPTING)
    assert set(work(world)) == {"start-fleet"}
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert is_free(world, before)


@pytest.mark.parametrize("started", [True, False])
def test_a_failed_adoption_does_not_belong_to_the_resource_that_comes_next(
    world: World, marker: str, *, started: bool
) -> None:
    before = world.cluster()
    if started:
        work(world)
    request = world.create(ResourceProperties=properties(ClusterConfiguration=OTHER))
    assert set(work(world)) == (set() if started else {"start-fleet"})
    answer = world.sink.answer(request)
    assert "a cluster of this name exists and does not belong to this resource" in answer["Reason"]
    assert is_free(world, before)
    completes_without_it(world)
    for physical_id in (marker, answer["PhysicalResourceId"]):
        world.clock.advance(60)
        assert world.sink.answer(world.delete(physical_id))["Status"] == "SUCCESS"
    assert world.engines.calls == []


def test_a_second_try_to_take_a_cluster_over_starts_the_fleet_that_the_first_one_stopped(
    world: World, marker: str
) -> None:
    request = world.create(ResourceProperties=ADOPTING)
    assert work(world)[:2] == ["update", "start-fleet"]
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.fleet() == "RUNNING"
    completes_without_it(world)
    assert world.sink.answer(world.delete(marker, ResourceProperties=ADOPTING))["Status"] == "SUCCESS"
    world.clock.advance(60)
    world.delete(ResourceProperties=ADOPTING)
    assert work(world) == ["delete"]


def test_a_cluster_of_another_name_does_not_cancel_a_pending_fleet_restart(world: World, marker: str) -> None:
    before = world.cluster()
    request = world.create(ResourceProperties=properties(ClusterName="lab"))
    assert "create" in work(world)
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    completes_without_it(world)
    deleted = world.delete(marker, ResourceProperties=ADOPTING)
    work(world)
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert is_free(world, before)
    assert world.cluster("lab").status == "CREATE_COMPLETE"


@pytest.mark.parametrize("adopts", [True, False])
def test_what_an_unanswered_create_took_over_is_not_changed_for_the_next_one_unless_it_asks_for_it(
    world: World, *, adopts: bool
) -> None:
    world.create(ResourceProperties=properties(AdoptExisting="true"))
    world.run_engine()
    world.clock.advance(60)
    wanted = {"AdoptExisting": "true"} if adopts else {}
    request = world.create(ResourceProperties=properties(ClusterConfiguration=OTHER, **wanted))
    assert ("update" in work(world)) == adopts
    assert world.sink.answer(request)["Status"] == ("SUCCESS" if adopts else "FAILED")
    assert world.claims.holders == ({world.cluster().stack_id: world.owner()} if adopts else {})


def test_an_unacknowledged_success_disowns_the_cluster_though_the_stack_is_complete(world: World) -> None:
    before, wanted = world.cluster(), properties(AdoptExisting="true", DeletionPolicy="Delete")
    request = world.create(ResourceProperties=wanted)
    work(world)
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    completes_without_it(world)
    deleted = world.delete(MADE_UP, ResourceProperties=wanted)
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert work(world) == []
    assert is_free(world, before)


@pytest.mark.parametrize("fixed", [True, False])
def test_an_adoption_that_failed_after_its_answer_is_deleted_with_the_stack_only_if_an_update_fixed_it(
    world: World, *, fixed: bool
) -> None:
    wanted = begun_and_failed(world, DeletionPolicy="Delete")
    if fixed:
        work_on = world.update(wanted, **{**wanted, "ValidationFailureLevel": "WARNING"})
        work(world)
        assert world.sink.answer(work_on)["Status"] == "SUCCESS"
    before = world.cluster()
    completes_without_it(world)
    deleted = world.delete(ResourceProperties=wanted)
    assert work(world) == (["delete"] if fixed else [])
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert fixed or is_free(world, before)


def test_a_claim_that_could_not_be_released_keeps_no_other_owner_from_the_cluster(
    world: World, marker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disclaim(*_: object) -> None:
        raise Unavailable("Throttling: Rate exceeded")

    assert marker
    with monkeypatch.context() as patch:
        patch.setattr(world.claims, "disclaim", disclaim)
        while world.record().at_work:
            try:
                work(world)
            except Unavailable:
                world.clock.advance(120)
    assert world.claims.holders == {world.cluster().stack_id: world.owner()}
    world.stacks.declare(stack_of("second", "CREATE_IN_PROGRESS", unique="0"))
    request = world.create(StackId=SECOND, ResourceProperties=properties(AdoptExisting="true"))
    work(world)
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.claims.holders == {world.cluster().stack_id: Owner(SECOND, "Cluster")}
