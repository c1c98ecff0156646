"""What is counted, and how often, whatever comes twice, late or not at all."""

import pytest

from cluster_provider.core.errors import DeliveryFailed, NotAccepted, Undeliverable
from cluster_provider.core.measurements import Metric
from cluster_provider.effects import RESEND_AFTER_S
from tests.support.faults import Seam
from tests.support.simulation import DELIVERIES_MAX, SWEEP, Mail, Simulation
from tests.support.world import World, failed, properties

ENDS = (Metric.OPERATIONS_SUCCEEDED, Metric.OPERATIONS_FAILED, Metric.OPERATIONS_DROPPED)


def counts(world: World) -> dict[str, float]:
    """Operations begun, and ended in each way."""
    metrics = (Metric.OPERATIONS_STARTED, *ENDS)
    return {metric.value: total for metric in metrics if (total := world.metrics.total(metric))}


def test_a_success_is_measured_from_the_requests_issue_to_its_answer() -> None:
    world = World()
    world.create()
    world.clock.advance(5)
    world.run_engine()
    world.clock.advance(300)
    world.settle("hpc", "CREATE_COMPLETE")
    world.clock.advance(4)
    world.run_engine()

    create = {"RequestType": "Create"}
    assert world.metrics.values(Metric.OPERATIONS_STARTED, **create) == [1]
    assert world.metrics.values(Metric.OPERATIONS_SUCCEEDED, **create) == [1]
    assert world.metrics.values(Metric.OPERATION_DURATION, **create) == [309]
    # The request, two engine ends, the stack's event.
    assert world.metrics.values(Metric.WAKE_UPS, **create) == [4]
    # The cluster was complete; its description took four seconds more.
    assert world.metrics.values(Metric.ANSWER_LATENCY, **create) == [4]


def test_a_failure_is_counted_under_its_code() -> None:
    world = World()
    world.create()
    world.run_engine(failed("ClusterRejected", "the validators refused it"))
    assert world.metrics.values(
        Metric.OPERATIONS_FAILED, RequestType="Create", ErrorCode="ClusterRejected"
    ) == [1]
    assert world.metrics.values(Metric.OPERATION_DURATION, RequestType="Create") == [0]
    # Nothing was done to a cluster, so there is no end of one to count from.
    assert world.metrics.total(Metric.ANSWER_LATENCY) == 0


def test_an_update_that_changes_nothing_has_no_latency_from_a_cluster_that_settled_long_ago() -> None:
    world = World()
    world.made()
    world.metrics.measurements.clear()
    request = world.update(ClusterConfiguration=properties()["ClusterConfiguration"], DeletionPolicy="Retain")
    while world.engines.calls:
        world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.metrics.values(Metric.OPERATIONS_SUCCEEDED, RequestType="Update") == [1]
    assert world.metrics.total(Metric.ANSWER_LATENCY) == 0


def test_an_operation_is_counted_once_however_often_it_is_delivered_woken_and_answered() -> None:
    world = World()
    event = world.event("Create")
    world.deliver(event)
    world.deliver(event)
    call = world.run_engine()
    world.report(call, {"contract": 1, "status": "succeeded"})
    world.pass_time(120)
    world.sink.refuse_next(DeliveryFailed("503"))
    world.settle("hpc", "CREATE_COMPLETE")
    with pytest.raises(DeliveryFailed):
        world.run_engine()
    world.pass_time(120)
    world.deliver(event)

    assert counts(world) == {"OperationsStarted": 1, "OperationsSucceeded": 1}
    assert world.metrics.total(Metric.DELIVERIES_FAILED) == 1
    assert world.metrics.values(Metric.ENGINE_CALLS_SUCCEEDED, Version="3.16.1") == [1, 1]


def test_an_answer_that_two_invocations_deliver_at_once_is_counted_once() -> None:
    world = Simulation()
    world.resource().create(properties())
    met: list[Seam] = []

    def meet(seam: Seam) -> None:
        """A sweep comes between the first delivery and its record, and sends the answer again."""
        if seam == Seam("responses.send", taken=True) and not met:
            met.append(seam)
            world.clock.advance(RESEND_AFTER_S + 10)
            world.handle(Mail(dict(SWEEP), world.clock.now(), DELIVERIES_MAX))

    world.hook = meet
    world.until_answered()
    assert [len(bodies) for bodies in world.sink.bodies.values()] == [2]
    assert counts(world) == {"OperationsStarted": 1, "OperationsSucceeded": 1}


def test_a_request_that_a_newer_one_overtakes_is_dropped() -> None:
    world = World()
    world.create()
    world.run_engine()
    world.clock.advance(60)
    world.delete()
    assert counts(world) == {"OperationsStarted": 2, "OperationsDropped": 1}
    assert world.metrics.values(Metric.OPERATIONS_DROPPED, RequestType="Create") == [1]


def test_an_answer_that_can_never_arrive_is_a_failed_delivery_and_a_dropped_operation() -> None:
    world = World()
    world.create()
    world.sink.refuse_next(Undeliverable("403"))
    world.run_engine(failed("ClusterRejected", "the validators refused it"))
    assert counts(world) == {"OperationsStarted": 1, "OperationsDropped": 1}
    assert world.metrics.total(Metric.DELIVERIES_FAILED) == 1


def test_engine_calls_are_counted_by_version_and_by_how_they_failed() -> None:
    world = World()
    world.engines.refuse_next(NotAccepted("TooManyRequestsException", passing=True))
    world.create()
    world.pass_time(60)
    world.crash_engine()
    assert world.metrics.values(Metric.ENGINE_CALLS_FAILED, Version="3.16.1", ErrorCode="Throttled") == [1]
    assert world.metrics.values(Metric.ENGINE_CALLS_FAILED, Version="3.16.1", ErrorCode="Internal") == [1]


def test_every_sweep_beats_and_says_what_is_open_and_what_is_late() -> None:
    world = World()
    world.sweep()
    world.create()
    world.run_engine()
    world.sweep()
    world.pass_time(1700)
    beats = [found.values for found in world.metrics.measurements if Metric.SWEEPS in found.values]
    assert beats[0] == {Metric.SWEEPS: 1, Metric.OPERATIONS_OPEN: 0, Metric.OPERATIONS_LATE: 0}
    assert beats[1] == {Metric.SWEEPS: 1, Metric.OPERATIONS_OPEN: 1, Metric.OPERATIONS_LATE: 0}
    # Half of the time until the deadline, which is 210 s before CloudFormation's hour is over.
    assert beats[-1] == {Metric.SWEEPS: 1, Metric.OPERATIONS_OPEN: 1, Metric.OPERATIONS_LATE: 1}


def test_a_cluster_stack_whose_events_cannot_be_read_costs_the_latency_and_not_the_answer() -> None:
    world = World()
    request = world.create()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.stacks.hide_events()
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert counts(world) == {"OperationsStarted": 1, "OperationsSucceeded": 1}
    assert world.metrics.total(Metric.ANSWER_LATENCY) == 0
