"""Updates that need a stopped compute fleet, and what becomes of the fleet."""

import json

import pytest

from cluster_provider.core.deadline import ENGINE_LIMIT_S, FENCE_GRACE_S
from cluster_provider.core.errors import Undeliverable
from cluster_provider.core.measurements import Metric
from tests.support.fakes import HANDLES, stack_of
from tests.support.simulation import SWEEP_S
from tests.support.world import CONFIGURATION, FLEET_RUNS, OTHER_NODES, World, failed, properties

ENDS = (Metric.OPERATIONS_SUCCEEDED, Metric.OPERATIONS_FAILED, Metric.OPERATIONS_DROPPED)
STOP = {"ComputeFleetUpdatePolicy": "StopAndRestart"}


def operations(world: World) -> list[str]:
    return [call["operation"] for _, call in world.engines.calls]


def fleet_messages(world: World, request: str) -> list[dict[str, str]]:
    messages = json.loads(world.sink.answer(request)["Data"]["validationMessages"])
    return [message for message in messages if message["type"] == "ComputeFleetUpdatePolicy"]


def stopped(world: World) -> str:
    """An update has been refused and its fleet been stopped; the update is about to be asked for again."""
    world.made()
    request = world.update(ClusterConfiguration=OTHER_NODES, **STOP)
    world.run_engine()
    world.run_engine()
    world.fleets["hpc"] = "STOPPED"
    world.pass_time(60)
    world.run_engine()
    assert operations(world) == ["update"]
    return request


def updated(world: World) -> None:
    """The fleet has stopped, and the update is made."""
    world.fleets["hpc"] = "STOPPED"
    world.pass_time(60)
    world.run_engine()
    assert world.run_engine()["operation"] == "update"
    world.settle("hpc", "UPDATE_COMPLETE")


def restarted(world: World) -> None:
    """The fleet is asked to start, and is up."""
    assert operations(world) == ["start-fleet"]
    world.run_engine()
    world.fleets["hpc"] = "RUNNING"
    world.pass_time(60)
    world.run_engine()


def test_an_update_that_needs_a_stopped_fleet_stops_it_updates_and_starts_it_again() -> None:
    world = World()
    world.made()
    request = world.update(ClusterConfiguration=OTHER_NODES, **STOP)
    assert world.run_engine()["operation"] == "update"
    assert world.run_engine()["operation"] == "stop-fleet"
    assert world.fleet() == "STOP_REQUESTED"
    world.pass_time(60)
    assert world.run_engine()["operation"] == "stop-fleet"
    updated(world)
    assert not world.sink.answers(request)
    restarted(world)
    assert world.run_engine()["operation"] == "describe"
    answer = world.sink.answer(request)
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"]["computeFleetStatus"] == "RUNNING"
    (message,) = fleet_messages(world, request)
    assert message["message"] == (
        "The compute fleet was RUNNING; it was stopped for an update and is RUNNING again."
    )


def test_without_the_policy_the_refusal_names_the_parameter_and_the_property() -> None:
    world = World()
    world.made()
    request = world.update(ClusterConfiguration=OTHER_NODES)
    world.run_engine()
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("ClusterRejected: ClusterConfiguration: Scheduling.SlurmQueues[q1].InstanceType")
    assert "Set ComputeFleetUpdatePolicy: StopAndRestart" in reason
    assert world.fleet() == "RUNNING"


def test_a_fleet_is_not_stopped_for_an_update_that_needs_more_than_that() -> None:
    world = World()
    world.made()
    request = world.update(ClusterConfiguration=OTHER_NODES, **STOP)
    other = {**FLEET_RUNS, "parameter": "HeadNode.InstanceType", "cure": ""}
    refused = failed("UpdateRejected", "Update failure", details=[FLEET_RUNS, other])
    world.run_engine(refused | {"fleet_status": "RUNNING"})
    reason = world.sink.answer(request)["Reason"]
    assert "A stopped compute fleet would allow all of it but HeadNode.InstanceType." in reason
    assert operations(world) == []


def test_an_update_that_can_be_done_with_running_nodes_leaves_the_fleet_alone() -> None:
    world = World()
    world.made()
    request = world.update(ClusterConfiguration={**CONFIGURATION, "Tags": []}, **STOP)
    world.run_engine()
    world.settle("hpc", "UPDATE_COMPLETE")
    assert world.run_engine()["operation"] == "describe"
    assert fleet_messages(world, request) == []


def test_a_fleet_that_the_user_is_stopping_is_waited_for_and_stays_stopped() -> None:
    world = World()
    world.made()
    world.fleets["hpc"] = "STOPPING"
    request = world.update(ClusterConfiguration=OTHER_NODES, **STOP)
    world.run_engine()
    world.fleets["hpc"] = "STOPPED"
    world.run_engine()
    assert world.run_engine()["operation"] == "update"
    world.settle("hpc", "UPDATE_COMPLETE")
    assert world.run_engine()["operation"] == "describe"
    assert world.sink.answer(request)["Data"]["computeFleetStatus"] == "STOPPED"
    assert "stays stopped" in fleet_messages(world, request)[0]["message"]


def test_a_fleet_stopped_for_an_update_that_fails_is_started_before_the_failure_is_reported() -> None:
    world = World()
    request = stopped(world)
    before = world.cluster()
    world.run_engine()
    world.fail("hpc", "UPDATE_ROLLBACK_IN_PROGRESS", ("HeadNodeWaitCondition", "it did not start"))
    assert world.run_engine()["operation"] == "describe"  # with the head node's logs
    world.settle("hpc", "UPDATE_ROLLBACK_COMPLETE", parameters=before.parameters, outputs=before.outputs)
    assert not world.sink.answers(request)
    restarted(world)
    reason = world.sink.answer(request)["Reason"]
    assert "it did not start" in reason
    assert "is RUNNING again" in reason
    undone = world.update(old=properties(ClusterConfiguration=OTHER_NODES, **STOP))
    assert world.run_engine()["operation"] == "describe"
    assert world.sink.answer(undone)["Status"] == "SUCCESS"


def test_a_fleet_stopped_for_an_update_that_is_cancelled_is_started_by_the_rollback() -> None:
    world = World()
    stopped(world)
    world.engines.calls.clear()
    world.clock.advance(400)
    undone = world.update(old=properties(ClusterConfiguration=OTHER_NODES, **STOP))
    restarted(world)
    assert world.run_engine()["operation"] == "describe"
    answer = world.sink.answer(undone)
    assert (answer["Status"], answer["Data"]["computeFleetStatus"]) == ("SUCCESS", "RUNNING")


def test_a_fleet_restart_is_pending_though_the_engine_that_stopped_it_reported_no_result() -> None:
    world = World()
    world.made()
    world.update(ClusterConfiguration=OTHER_NODES, **STOP)
    world.run_engine()
    world.run_engine(report=False)
    world.fleets["hpc"] = "STOPPED"
    undone = world.update(old=properties(ClusterConfiguration=OTHER_NODES, **STOP))
    world.pass_time(480)
    restarted(world)
    world.run_engine()
    assert world.sink.answer(undone)["Status"] == "SUCCESS"
    assert world.fleet() == "RUNNING"


def test_a_rollback_may_stop_the_fleet_if_either_set_of_properties_allows_it() -> None:
    world = World()
    request = stopped(world)
    world.run_engine()
    world.settle("hpc", "UPDATE_COMPLETE")
    restarted(world)
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    world.update(old=properties(ClusterConfiguration=OTHER_NODES, **STOP))
    world.run_engine()
    assert operations(world) == ["stop-fleet"]


def test_a_fleet_that_does_not_stop_in_time_is_started_again_and_the_update_fails() -> None:
    world = World()
    world.made()
    request = world.update(ClusterConfiguration=OTHER_NODES, **STOP)
    world.run_engine()
    world.run_engine()
    for _ in range(60):
        world.pass_time(60)
        if operations(world) == ["start-fleet"]:
            break
        if world.engines.calls:
            world.run_engine()
    restarted(world)
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("DeadlineExceeded: cluster hpc: its compute fleet did not stop in time")
    assert "is RUNNING again" in reason


def test_a_fleet_that_cannot_be_stopped_fails_the_update_after_three_tries() -> None:
    world = World()
    world.made()
    request = world.update(ClusterConfiguration=OTHER_NODES, **STOP)
    world.run_engine()
    for _ in range(3):
        world.run_engine(failed("Internal", "Could not retrieve compute fleet status."))
        world.pass_time(60)
    assert world.run_engine()["operation"] == "start-fleet"
    reason = world.sink.answer(request)["Reason"]
    assert "could not be stopped: Could not retrieve compute fleet status." in reason


def test_a_fleet_is_stopped_though_engines_were_lost_before_the_update_was_refused() -> None:
    world = World()
    world.made()
    request = world.update(ClusterConfiguration=OTHER_NODES, **STOP)
    for _ in range(2):
        world.run_engine(failed("Internal", "exit status 1"))
        world.pass_time(60)
    assert world.run_engine()["operation"] == "update"
    assert world.run_engine()["operation"] == "stop-fleet"
    updated(world)
    restarted(world)
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_an_update_whose_fleet_is_stopped_has_all_its_tries() -> None:
    world = World()
    request = stopped(world)
    for _ in range(2):
        world.run_engine(failed("Internal", "exit status 1"))
        world.pass_time(60)
    assert world.run_engine()["operation"] == "update"
    world.settle("hpc", "UPDATE_COMPLETE")
    restarted(world)
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_an_update_that_is_refused_though_the_fleet_was_stopped_for_it_is_given_up() -> None:
    world = World()
    request = stopped(world)
    refused = failed("UpdateRejected", "Update failure", details=[FLEET_RUNS]) | {"fleet_status": "RUNNING"}
    for _ in range(2):
        world.clock.advance(10)
        assert world.run_engine(refused)["operation"] == "update"
        world.pass_time(60)
        world.clock.advance(10)
        assert world.run_engine()["operation"] == "stop-fleet"
    assert world.run_engine(refused)["operation"] == "update"
    restarted(world)
    reason = world.sink.answer(request)["Reason"]
    assert "The update was refused though the compute fleet had been stopped." in reason
    assert "Set ComputeFleetUpdatePolicy" not in reason


def test_a_fleet_whose_status_is_not_known_is_not_stopped() -> None:
    world = World()
    world.made()
    request = world.update(ClusterConfiguration=OTHER_NODES, **STOP)
    world.run_engine(failed("UpdateRejected", "Update failure", details=[FLEET_RUNS]))
    assert "its compute fleet is unknown, so it cannot be stopped" in world.sink.answer(request)["Reason"]
    assert operations(world) == []


def test_an_update_succeeds_though_its_fleet_is_slow_to_start() -> None:
    world = World()
    request = stopped(world)
    world.run_engine()
    world.settle("hpc", "UPDATE_COMPLETE")
    for _ in range(60):
        if operations(world) == ["describe"]:
            break
        if world.engines.calls:
            world.run_engine()
        world.pass_time(60)
    answer = world.sink.answer(request)
    assert answer["Status"] == "SUCCESS"
    assert "on its way up again (START_REQUESTED)" in fleet_messages(world, request)[0]["message"]


def test_an_update_succeeds_though_the_start_of_its_fleet_reports_no_result() -> None:
    world = World()
    request = stopped(world)
    world.run_engine()
    world.clock.advance(3000)
    world.settle("hpc", "UPDATE_COMPLETE")
    assert world.run_engine(report=False)["operation"] == "start-fleet"
    world.pass_time(400)
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.fleet() == "START_REQUESTED"


def updating_until(world: World, before_s: float) -> str:
    """An update with a stopped fleet whose stack is in progress so long before the deadline."""
    request = stopped(world)
    world.run_engine()
    operation = world.store.load_operation(world.owner(), request)
    assert operation is not None
    world.pass_time((operation.deadline_at - world.clock.now()).total_seconds() - before_s)
    return request


def is_restarting(world: World) -> bool:
    record = world.store.load(world.owner())
    assert record is not None
    return record.restarts


def test_a_fleet_is_started_after_the_answer_of_an_update_that_ended_in_the_last_minute() -> None:
    world = World()
    request = updating_until(world, before_s=45)
    world.settle("hpc", "UPDATE_COMPLETE")
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert "is not started again yet" in fleet_messages(world, request)[0]["message"]
    world.pass_time(60)
    assert world.run_engine()["operation"] == "start-fleet"
    assert world.fleet() == "START_REQUESTED"
    world.pass_time(7200)
    assert operations(world) == []
    assert world.store.waiting() == []
    assert len(world.sink.answers(request)) == 1


def test_an_answer_that_never_arrived_counts_as_none_though_its_fleet_is_started() -> None:
    world = World()
    request = updating_until(world, before_s=0)
    late = world.update(properties(ClusterConfiguration=OTHER_NODES), "hpc")
    assert world.sink.answers(request)
    operation = world.store.load_operation(world.owner(), late)
    assert operation is not None
    world.sink.refuse_next(Undeliverable("403"))
    world.pass_time((operation.deadline_at - world.clock.now()).total_seconds())
    assert is_restarting(world)
    assert world.metrics.total(Metric.OPERATIONS_DROPPED, late) == 1
    assert world.metrics.total(Metric.OPERATIONS_SUCCEEDED, late) == 0
    assert world.metrics.total(Metric.OPERATIONS_FAILED, late) == 0


def test_a_fleet_is_started_once_the_stack_has_settled_though_the_update_failed_at_its_deadline() -> None:
    world = World()
    request = updating_until(world, before_s=0)
    assert world.sink.answer(request)["Reason"].startswith("DeadlineExceeded")
    world.pass_time(3600)
    assert operations(world) == []
    world.settle("hpc", "UPDATE_COMPLETE")
    assert world.run_engine()["operation"] == "start-fleet"
    assert world.fleet() == "START_REQUESTED"
    assert not is_restarting(world)
    assert world.store.waiting() == []


def test_a_start_of_a_fleet_that_reports_no_result_after_the_answer_is_repeated() -> None:
    world = World()
    updating_until(world, before_s=0)
    world.settle("hpc", "UPDATE_COMPLETE")
    assert world.run_engine(report=False)["operation"] == "start-fleet"
    world.pass_time(600)
    assert world.run_engine()["operation"] == "start-fleet"
    assert not is_restarting(world)


def test_a_start_that_reports_no_result_is_repeated_by_the_first_sweep_after_its_fence() -> None:
    world = World()
    updating_until(world, before_s=0)
    world.settle("hpc", "UPDATE_COMPLETE")
    for _ in range(3):
        sent_at = world.clock.now()
        world.engines.calls.clear()  # it dies, and Lambda's report of it is lost
        while not world.engines.calls:
            world.pass_time(SWEEP_S)
        waited_s = (world.clock.now() - sent_at).total_seconds()
        assert ENGINE_LIMIT_S + FENCE_GRACE_S <= waited_s <= ENGINE_LIMIT_S + FENCE_GRACE_S + SWEEP_S


def test_a_rollback_takes_over_the_fleet_that_is_still_to_be_started() -> None:
    world = World()
    updating_until(world, before_s=0)
    assert is_restarting(world)
    rollback = world.update(old=properties(ClusterConfiguration=OTHER_NODES, **STOP), **STOP)
    assert not is_restarting(world)
    world.settle("hpc", "UPDATE_COMPLETE")
    assert world.run_engine()["operation"] == "update"
    world.settle("hpc", "UPDATE_COMPLETE")
    restarted(world)
    world.run_engine()
    assert world.sink.answer(rollback)["Data"]["computeFleetStatus"] == "RUNNING"
    totals = [world.metrics.total(metric, "request-2") for metric in ENDS]
    assert totals == [0, 1, 0]


def test_a_delete_takes_over_the_cluster_whose_fleet_is_still_to_be_started() -> None:
    world = World()
    updating_until(world, before_s=0)
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine(failed("Internal", "no"))
    delete = world.delete()
    assert world.run_engine()["operation"] == "delete"
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(delete)["Status"] == "SUCCESS"
    assert world.store.waiting() == []


def test_a_fleet_that_cannot_be_started_after_the_answer_rings_an_alarm_and_is_given_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    updating_until(world, before_s=0)
    world.settle("hpc", "UPDATE_COMPLETE")
    calls, late = 0, []
    for _ in range(13):
        for _ in range(60):
            while world.engines.calls:
                calls += world.run_engine(failed("Internal", "no"))["operation"] == "start-fleet"
            world.pass_time(60)
        late.append(world.metrics.values(Metric.OPERATIONS_LATE)[-1])
    assert (late[0], late[8], late[-1]) == (0, 1, 0)
    assert 50 < calls < 100
    assert world.store.waiting() == []
    (error,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert error.message == "the compute fleet of cluster hpc could not be started again"
    following = world.update(
        old=properties(ClusterConfiguration=OTHER_NODES, **STOP), ClusterConfiguration=OTHER_NODES
    )
    assert world.run_engine()["operation"] == "update"  # no changes
    restarted(world)
    world.run_engine()
    assert world.sink.answer(following)["Data"]["computeFleetStatus"] == "RUNNING"


def test_a_fleet_stopped_by_an_update_that_cloudformation_no_longer_waits_for_is_started() -> None:
    world = World()
    stopped(world)
    world.run_engine(failed("Throttled", "slow down"))
    world.stacks.awaited[world.owner()] = False
    world.pass_time(300)
    assert world.run_engine()["operation"] == "start-fleet"
    assert world.store.waiting() == []


def test_a_cluster_is_not_retained_with_a_stopped_fleet_while_it_is_being_updated() -> None:
    world = World()
    updating_until(world, before_s=0)
    delete = world.delete(
        ResourceProperties=properties(ClusterConfiguration=OTHER_NODES, DeletionPolicy="Retain", **STOP)
    )
    world.pass_time(600)
    assert not world.sink.answers(delete)
    world.settle("hpc", "UPDATE_COMPLETE")
    restarted(world)
    assert world.sink.answer(delete)["Status"] == "SUCCESS"
    assert world.cluster().works


def test_a_cluster_that_settles_in_a_deletes_last_minute_is_not_retained_with_a_stopped_fleet() -> None:
    world = World()
    updating_until(world, before_s=0)
    retained = properties(ClusterConfiguration=OTHER_NODES, DeletionPolicy="Retain", **STOP)
    delete = world.delete(ResourceProperties=retained)
    world.pass_time(3390 - 40)
    world.settle("hpc", "UPDATE_COMPLETE")
    assert world.run_engine()["operation"] == "start-fleet"
    world.pass_time(60)
    assert world.sink.answer(delete)["Status"] == "SUCCESS"
    assert world.fleet() == "START_REQUESTED"


def test_a_wait_condition_is_signalled_before_a_fleet_that_cannot_be_started_is_tried_further() -> None:
    world = World()
    world.made()
    handle = f"{HANDLES}1"
    world.update(ClusterConfiguration=OTHER_NODES, WaitConditionHandle=handle, **STOP)
    world.run_engine()
    world.run_engine()
    world.fleets["hpc"] = "STOPPED"
    world.pass_time(60)
    world.run_engine()
    world.run_engine()
    world.settle("hpc", "UPDATE_COMPLETE")
    for _ in range(3):
        world.run_engine(failed("Internal", "no"))
        world.pass_time(60)
    world.run_engine()
    assert world.sink.signal(handle)["Status"] == "SUCCESS"
    assert is_restarting(world)
    world.pass_time(240)
    assert world.run_engine()["operation"] == "start-fleet"
    assert world.store.waiting() == []
    assert len(world.sink.signals[handle]) == 1


def test_a_fleet_that_cannot_be_started_is_reported_and_tried_again_by_the_next_request() -> None:
    world = World()
    request = stopped(world)
    world.run_engine()
    world.settle("hpc", "UPDATE_COMPLETE")
    for _ in range(3):
        world.run_engine(failed("Internal", "no"))
        world.pass_time(60)
    world.run_engine()
    (message,) = fleet_messages(world, request)
    assert (message["level"], "is not started again" in message["message"]) == ("WARNING", True)
    following = world.update(
        old=properties(ClusterConfiguration=OTHER_NODES, **STOP), ClusterConfiguration=OTHER_NODES
    )
    restarted(world)
    world.run_engine()
    assert world.sink.answer(following)["Data"]["computeFleetStatus"] == "RUNNING"


def test_a_delete_does_not_start_the_fleet_of_what_it_deletes() -> None:
    world = World()
    stopped(world)
    world.engines.calls.clear()
    world.clock.advance(400)
    world.delete()
    assert operations(world) == ["delete"]


def test_a_cluster_is_retained_with_its_fleet_as_it_was_found() -> None:
    world = World()
    stopped(world)
    world.engines.calls.clear()
    world.clock.advance(400)
    request = world.delete(ResourceProperties=properties(DeletionPolicy="Retain"))
    restarted(world)
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.cluster().status == "CREATE_COMPLETE"
    assert world.fleet() == "RUNNING"


def retained_with_a_pending_restart(world: World) -> str:
    """The stack keeps a cluster whose fleet was stopped for an update that was cancelled."""
    stopped(world)
    world.engines.calls.clear()
    world.clock.advance(400)
    return world.delete(ResourceProperties=properties(DeletionPolicy="Retain"))


def test_a_cluster_is_not_retained_with_a_stopped_fleet_after_three_failed_starts() -> None:
    world = World()
    request = retained_with_a_pending_restart(world)
    for _ in range(5):
        assert world.run_engine(failed("Internal", "no"))["operation"] == "start-fleet"
        world.pass_time(60)
    assert not world.sink.answers(request)
    restarted(world)
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert (world.cluster().works, world.fleet()) == (True, "RUNNING")
    assert world.store.waiting() == []


def test_a_delete_that_keeps_a_cluster_whose_fleet_cannot_be_started_fails_and_tries_further() -> None:
    world = World()
    request = retained_with_a_pending_restart(world)
    while not world.sink.answers(request):
        while world.engines.calls:
            world.run_engine(failed("Internal", "no"))
        world.pass_time(60)
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("ClusterFailed: cluster hpc: its compute fleet could not be started: no. ")
    assert "It is started as soon as the cluster allows it" in reason
    assert is_restarting(world)
    while not world.engines.calls:
        world.pass_time(60)
    assert world.run_engine()["operation"] == "start-fleet"
    assert world.store.waiting() == []
    again = world.delete(ResourceProperties=properties(DeletionPolicy="Retain"))
    assert world.sink.answer(again)["Status"] == "SUCCESS"
    assert (world.cluster().works, world.fleet()) == (True, "START_REQUESTED")


def go_on(world: World, request: str, *, starts: bool) -> None:
    """A request goes on to its answer; whether its fleet can be started is the test's to say."""
    while not world.sink.answers(request):
        while world.engines.calls:
            fails = operations(world)[0] == "start-fleet" and not starts
            world.run_engine(failed("Internal", "no") if fails else None)
        for name in ("hpc", "lab"):
            stack = world.stacks.living(name)
            if stack is not None and stack.in_progress:
                world.settle(name, f"{stack.status.removesuffix('IN_PROGRESS')}COMPLETE")
        world.pass_time(60)


REPLACED = {**STOP, "ClusterNameUpdatePolicy": "Replace", "ClusterConfiguration": OTHER_NODES}


def rolled_back_to_a_debt(world: World) -> None:
    """A replacement by lab was rolled back to hpc, whose fleet could not be started since an update."""
    before = properties(ClusterConfiguration=OTHER_NODES, **STOP)
    go_on(world, stopped(world), starts=False)
    go_on(world, world.update(before, ClusterName="lab", **REPLACED), starts=False)
    undone = world.update(properties(ClusterName="lab", **REPLACED), "lab", **before)
    go_on(world, undone, starts=False)
    assert world.sink.answer(undone)["Status"] == "SUCCESS"
    assert is_restarting(world)


@pytest.mark.parametrize("is_updated", [False, True])
def test_a_fleet_is_started_after_the_answer_to_a_delete_of_another_cluster(is_updated: bool) -> None:
    world = World()
    rolled_back_to_a_debt(world)
    cleanup = world.delete("lab", ResourceProperties=properties(ClusterName="lab", **REPLACED))
    go_on(world, cleanup, starts=False)
    assert world.sink.answer(cleanup)["Status"] == "SUCCESS"
    assert world.fleet() == "STOPPED"
    if is_updated:
        world.settle("hpc", "UPDATE_IN_PROGRESS")
        world.run_engine(failed("Fenced", "not_after had passed"))
        world.pass_time(600)
        assert operations(world) == []
        world.settle("hpc", "UPDATE_COMPLETE")
    assert world.run_engine()["cluster_name"] == "hpc"
    assert world.fleet() == "START_REQUESTED"
    assert not is_restarting(world)
    assert world.store.waiting() == []
    assert len(world.sink.answers(cleanup)) == 1


def test_a_cluster_is_not_taken_over_while_its_fleet_is_still_to_be_started() -> None:
    world = World()
    go_on(world, stopped(world), starts=False)
    world.run_engine(failed("Internal", "no"))
    assert is_restarting(world)
    world.stacks.declare(stack_of("parent", "UPDATE_COMPLETE", unique="0"))
    second = "arn:aws:cloudformation:us-east-1:123456789012:stack/second/0"
    world.stacks.declare(stack_of("second", "CREATE_IN_PROGRESS", unique="0"))
    adopting = properties(AdoptExisting="true", ClusterConfiguration=OTHER_NODES)
    early = world.create(StackId=second, ResourceProperties=adopting)
    assert world.sink.answer(early)["Reason"].startswith("NotOwner")
    while not world.engines.calls:
        world.pass_time(60)
    assert world.run_engine()["operation"] == "start-fleet"
    later = world.create(StackId=second, ResourceProperties=adopting)
    go_on(world, later, starts=True)
    assert world.sink.answer(later)["Status"] == "SUCCESS"
    assert world.fleet() == "START_REQUESTED"


def test_a_fleet_is_not_stopped_for_an_update_that_cloudformation_no_longer_wants() -> None:
    world = World()
    world.made()
    world.update(ClusterConfiguration=OTHER_NODES, **STOP)
    world.stacks.awaited[world.owner()] = False
    world.clock.advance(30)
    world.run_engine()
    assert operations(world) == []
    assert world.fleet() == "RUNNING"
