"""The sweep: cheap while nothing happens, certain when events are lost, fair when much is due."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from cluster_provider.core.deadline import MARGIN_S
from cluster_provider.core.errors import DeliveryFailed, Unavailable
from cluster_provider.core.measurements import Metric
from cluster_provider.core.observed import ClusterStack
from tests.support.fakes import FactStacks, QueuedEngines
from tests.support.world import World, failed, failed_id, properties, stack_of

SWEEP = {"detail-type": "Scheduled Event", "source": "aws.events"}


class NotedStacks(FactStacks):
    """Stacks that note who is asked about, and know nothing of some."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.silent: set[str] = set()
        self.forbidden: set[str] = set()
        self.unlisted: Exception | None = None

    def describe(self, name_or_arn: str) -> ClusterStack | None:
        self.asked.append(name_or_arn)
        if name_or_arn in self.silent:
            raise Unavailable("Throttling: Rate exceeded")
        if name_or_arn in self.forbidden:
            raise PermissionError("AccessDenied")
        return super().describe(name_or_arn)

    def in_progress(self) -> frozenset[str]:
        if self.unlisted is not None:
            raise self.unlisted
        return super().in_progress()


@dataclass
class ShortContext:
    """An invocation in which every look at the clock takes so long."""

    look_ms: int = 1000
    aws_request_id: str = "short"
    remaining_ms: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        self.remaining_ms -= self.look_ms
        return self.remaining_ms


@pytest.fixture
def stacks() -> NotedStacks:
    return NotedStacks()


@pytest.fixture
def world(stacks: NotedStacks) -> World:
    return World(stacks=stacks)


def wakes(world: World) -> list[float]:
    return world.metrics.values(Metric.WAKE_UPS, RequestType="Create")


def create_many(world: World, count: int) -> list[str]:
    """Clusters that are being created, each of another resource; answers their requests, oldest first."""
    requests = []
    for number in range(count):
        wanted = properties(ClusterName=f"c{number:03}")
        requests.append(world.create(logical_id=f"C{number:03}", ResourceProperties=wanted))
        world.run_engine()
        world.clock.advance(0.01)
    return requests


def test_a_cluster_in_progress_is_not_looked_at_before_it_is_done(world: World, stacks: NotedStacks) -> None:
    world.create()
    world.run_engine()
    stacks.asked.clear()
    world.pass_time(15 * 60)
    assert stacks.asked == []
    assert world.metrics.total(Metric.SWEEPS) == 15
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    # The request, the end of either engine call, the stack's event.
    assert wakes(world) == [4]


def test_a_cluster_whose_event_is_lost_is_found_by_the_next_sweep(world: World) -> None:
    request = world.create()
    world.run_engine()
    world.pass_time(20 * 60)
    world.settle("hpc", "CREATE_COMPLETE", tell=False)
    world.pass_time(60)
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_without_the_list_of_stacks_in_progress_each_is_looked_at(world: World, stacks: NotedStacks) -> None:
    request = world.create()
    world.run_engine()
    stacks.unlisted = Unavailable("Throttling: Rate exceeded")
    world.settle("hpc", "CREATE_COMPLETE", tell=False)
    world.pass_time(60)
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_a_cluster_that_stays_in_progress_is_answered_at_the_deadline(world: World) -> None:
    request = world.create()
    world.run_engine()
    world.pass_time(3600 - 210)
    assert world.sink.answer(request)["Reason"].startswith("DeadlineExceeded")


def test_owners_that_a_sweep_has_no_time_for_are_woken_by_the_next_ones_longest_overdue_first(
    world: World,
) -> None:
    requests = create_many(world, 100)
    for number in range(100):
        world.settle(f"c{number:03}", "CREATE_COMPLETE", tell=False)
    world.clock.advance(60)
    described = []
    for _ in range(6):
        world.provider.handle(SWEEP, ShortContext())
        described.append([call["cluster_name"] for _, call in world.engines.calls])
        while world.engines.calls:
            world.run_engine()
    first = described[0]
    assert first == [f"c{number:03}" for number in range(len(first))]
    assert 0 < len(first) < 100
    assert [name for names in described for name in names] == [f"c{number:03}" for number in range(100)]
    assert {world.sink.answer(request)["Status"] for request in requests} == {"SUCCESS"}


def test_a_thousand_due_operations_take_a_few_sweeps_and_none_is_woken_twice(world: World) -> None:
    requests = create_many(world, 1000)
    for number in range(1000):
        world.settle(f"c{number:03}", "CREATE_COMPLETE", tell=False)
    world.clock.advance(60)
    described, sweeps = Counter[str](), 0
    while len(described) < len(requests):
        # A pass looks at the clock as well: some 300 of a sixth of a second each fit into one sweep.
        world.provider.handle(SWEEP, ShortContext(look_ms=75))
        described.update(call["cluster_name"] for _, call in world.engines.calls)
        sweeps += 1
        while world.engines.calls:
            world.run_engine()
        world.clock.advance(60)
    assert sweeps == 4
    assert set(described.values()) == {1}
    assert {world.sink.answer(request)["Status"] for request in requests} == {"SUCCESS"}


def test_a_burst_of_one_stack_does_not_hold_up_the_delete_of_another(world: World) -> None:
    other = "arn:aws:cloudformation:us-east-1:123456789012:stack/other/1"
    world.stacks.declare(stack_of("other", "CREATE_IN_PROGRESS", {}, unique="1"))
    mine = {"StackId": other, "ResourceProperties": properties(ClusterName="mine")}
    world.create(**mine)
    world.run_engine()
    world.settle("mine", "CREATE_COMPLETE")
    world.run_engine()

    burst = [
        world.create(logical_id=f"C{number}", ResourceProperties=properties(ClusterName=f"c{number}"))
        for number in range(300)
    ]
    request = world.delete("mine", **mine)
    world.engines.calls = world.engines.calls[
        -1:
    ]  # Lambda runs them side by side; those of the burst still work
    world.run_engine()
    world.settle("mine", "DELETE_COMPLETE")
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert not any(world.sink.answers(created) for created in burst)


def test_calls_that_were_throttled_together_are_not_repeated_together(world: World) -> None:
    for number in range(40):
        world.create(logical_id=f"C{number}", ResourceProperties=properties(ClusterName=f"c{number}"))
    for _ in range(40):
        world.run_engine(failed("Throttled", "Rate exceeded"))
    repeated = []
    for _ in range(7):
        world.pass_time(10)
        repeated.append(len(world.engines.calls))
    # Half a minute of peace, another half in which one after the other comes back.
    assert repeated[:2] == [0, 0]
    assert repeated == sorted(repeated)
    assert 0 < repeated[3] < repeated[4] < repeated[5] == repeated[6] == 40


def test_trouble_with_one_cluster_does_not_hold_up_the_others(world: World, stacks: NotedStacks) -> None:
    requests = create_many(world, 3)
    stacks.silent = {world.cluster("c000").stack_id}
    for number in range(3):
        world.settle(f"c{number:03}", "CREATE_COMPLETE", tell=False)
    world.pass_time(60)
    while world.engines.calls:
        world.run_engine()
    answered = [bool(world.sink.answers(request)) for request in requests]
    assert answered == [False, True, True]


def test_an_operation_that_cannot_be_woken_is_an_error_and_holds_up_no_other(
    world: World, stacks: NotedStacks
) -> None:
    requests = create_many(world, 3)
    stacks.forbidden = {world.cluster("c000").stack_id}
    for number in range(3):
        world.settle(f"c{number:03}", "CREATE_COMPLETE", tell=False)
    world.clock.advance(60)
    with pytest.raises(ExceptionGroup) as failed:
        world.sweep()
    assert [str(error) for error in failed.value.exceptions] == ["AccessDenied"]
    while world.engines.calls:
        world.run_engine()
    assert [bool(world.sink.answers(request)) for request in requests] == [False, True, True]
    assert world.metrics.total(Metric.SWEEPS) == 1

    stacks.forbidden.clear()
    world.pass_time(60)
    world.run_engine()
    assert world.sink.answers(requests[0])


def test_an_error_that_does_not_pass_is_the_answer_at_the_deadline(world: World, stacks: NotedStacks) -> None:
    request = world.create()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE", tell=False)
    stacks.forbidden = {world.cluster().stack_id}
    stacks.hide_events(PermissionError("AccessDenied"))
    world.clock.advance(60)
    with pytest.raises(ExceptionGroup):
        world.sweep()
    assert not world.sink.answers(request)

    world.clock.advance(3600 - MARGIN_S - 60)
    world.sweep()
    answer = world.sink.answer(request)
    assert answer["Reason"].startswith("DeadlineExceeded: cluster hpc")
    assert "AccessDenied" in answer["Reason"]
    assert answer["PhysicalResourceId"] == failed_id(request)


def test_an_answer_that_did_not_arrive_is_sent_again_though_nothing_can_be_asked(
    world: World, stacks: NotedStacks
) -> None:
    request = world.create()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.sink.refuse_next(DeliveryFailed("503"))
    with pytest.raises(DeliveryFailed):
        world.run_engine()
    stacks.forbidden = {world.cluster().stack_id}
    stacks.asked.clear()
    world.pass_time(60)
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert not stacks.asked


def test_stacks_that_may_not_be_listed_are_an_error_and_delay_no_request(
    world: World, stacks: NotedStacks
) -> None:
    request = world.create()
    world.run_engine()
    world.pass_time(60)
    stacks.unlisted = PermissionError("AccessDenied")
    world.settle("hpc", "CREATE_COMPLETE", tell=False)
    world.clock.advance(60)
    with pytest.raises(ExceptionGroup) as failed:
        world.sweep()
    assert [str(error) for error in failed.value.exceptions] == ["AccessDenied"]
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


class HastyEngines(QueuedEngines):
    """Engines of which the first has ended before the provider learns whether it was started."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], object]] = []

    def invoke(self, version: str, call: Mapping[str, object]) -> None:
        super().invoke(version, call)
        if self.meanwhile:
            self.meanwhile.pop()()
            raise Unavailable("Read timeout")


def test_an_engine_that_ends_before_its_start_is_known_is_not_forgotten() -> None:
    engines = HastyEngines()
    world = World(engines=engines)
    engines.meanwhile.append(world.run_engine)
    request = world.create()
    operation = world.store.load_operation(world.owner(), request)
    assert operation is not None
    assert operation.progress.stack_id == world.cluster().stack_id


def test_a_call_that_lambda_had_no_room_for_counts_as_no_try(world: World) -> None:
    request = world.create()
    for _ in range(5):
        _, call = world.engines.calls.pop(0)
        world.report(call, {}, condition="EventAgeExceeded")
        world.pass_time(60)
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("token", "woken"), [("request-1-1", True), ("", True), ("Console-DeleteStack-ab12cd", False)]
)
def test_an_event_of_a_change_from_outside_is_left_to_the_sweep(
    world: World, token: str, woken: bool
) -> None:
    world.create()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE", tell=False)
    detail: dict[str, Any] = {"stack-id": world.cluster().stack_id, "client-request-token": token}
    world.deliver({"detail-type": "CloudFormation Stack Status Change", "detail": detail})
    assert bool(world.engines.calls) == woken
