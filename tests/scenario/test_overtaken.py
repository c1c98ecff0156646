"""A pass that is overtaken: a newer request is accepted between its reads and its write."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.support.fakes import FactStacks
from tests.support.world import World, properties

if TYPE_CHECKING:
    from collections.abc import Callable

REPLACING = {"ClusterNameUpdatePolicy": "Replace"}


class InterruptedStacks(FactStacks):
    """Stacks during whose last look before an answer something else happens."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], object]] = []

    def ended_at(self, stack_id: str) -> datetime | None:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return super().ended_at(stack_id)


def settle(world: World) -> None:
    """A good half hour: engines run, stacks come to their ends, the sweep fires."""
    for _ in range(30):
        while world.engines.calls:
            world.run_engine()
        for fact in list(world.stacks.facts.values()):
            if fact.stack.in_progress and fact.stack.name != "parent":
                world.settle(fact.stack.name, fact.stack.status.replace("IN_PROGRESS", "COMPLETE"))
        world.pass_time(60)


def test_a_replacement_that_is_cancelled_while_its_answer_is_written_is_deleted_by_the_rollback() -> None:
    stacks = InterruptedStacks()
    world = World(stacks=stacks)
    world.made()
    update = world.update(ClusterName="lab", **REPLACING)
    world.run_engine()
    rollbacks: list[str] = []
    old = properties(ClusterName="lab", **REPLACING)
    stacks.meanwhile = [lambda: rollbacks.append(world.update(old, "hpc", **REPLACING))]
    world.settle("lab", "CREATE_COMPLETE")
    world.run_engine()
    assert not world.sink.answers(update)
    settle(world)
    assert world.sink.answer(rollbacks[0])["Status"] == "SUCCESS"
    assert not world.sink.answers(update)
    assert world.stacks.living("lab") is None
    assert world.cluster("hpc").works


def test_a_cluster_of_a_create_that_is_cancelled_while_its_answer_is_written_is_not_retained() -> None:
    stacks = InterruptedStacks()
    world = World(stacks=stacks)
    retained = properties(DeletionPolicy="Retain")
    world.create(ResourceProperties=retained)
    world.run_engine()
    deletes: list[str] = []
    stacks.meanwhile = [
        lambda: deletes.append(world.delete("parent-Cluster-1A", ResourceProperties=retained))
    ]
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    settle(world)
    assert world.sink.answer(deletes[0])["Status"] == "SUCCESS"
    assert world.stacks.living("hpc") is None


def test_a_swap_waits_for_what_a_replacement_may_still_make_though_its_properties_are_refused() -> None:
    world = World()
    world.made()
    refused = properties(Nonsense="1")
    update = world.update(refused, "hpc", ClusterName="lab", **REPLACING)
    operation = world.store.load_operation(world.owner(), update)
    assert operation is not None
    last_call_at = operation.deadline_at - timedelta(seconds=120)
    while world.clock.now() < last_call_at or not world.engines.calls:
        while world.engines.calls:
            world.run_engine({"status": "failed", "error": {"code": "Throttled", "message": "slow down"}})
        world.pass_time(15)
    late = world.engines.calls[0]
    world.pass_time((operation.deadline_at - world.clock.now()).total_seconds())
    assert world.sink.answer(update)["Status"] == "FAILED"
    event = world.event(
        "Update",
        PhysicalResourceId="hpc",
        ResourceProperties=refused,
        OldResourceProperties=properties(ClusterName="lab", **REPLACING),
    )
    rollback = world.deliver(event)
    world.engines.calls = [late]
    world.run_engine(report=False)
    settle(world)
    assert world.sink.answer(rollback)["Status"] == "SUCCESS"
    assert world.stacks.living("lab") is None
