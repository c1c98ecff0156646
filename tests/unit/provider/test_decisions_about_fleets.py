"""Rows of the decision table about compute fleets."""

from dataclasses import replace
from typing import Any

import pytest

from cluster_provider.core.actions import Action, Fail, Nothing, Start, Succeed, Wait
from cluster_provider.core.decision.case import Case
from cluster_provider.core.decision.fleet import stop
from cluster_provider.core.engine import EngineAction, EngineCall, EngineResult
from cluster_provider.core.errors import ClusterFailed, ClusterRejected, DeadlineExceeded, ProviderError
from cluster_provider.core.observed import Cluster, Observed
from cluster_provider.core.request import Request
from cluster_provider.core.state import Phase
from tests.support.cases import DEADLINE_S, OWNER, VERSION, at, call, decided, known, progress, request, stack
from tests.support.world import FLEET_RUNS, OTHER_NODES, PARENT, properties

ARN = stack().stack_id
ASKS = request("Update", ClusterConfiguration=OTHER_NODES, ComputeFleetUpdatePolicy="StopAndRestart")
STOP, START_FLEET = EngineAction.STOP_FLEET, EngineAction.START_FLEET
STOP_CALL = Start(STOP, "hpc", ARN, version=VERSION, fleet_status_before="RUNNING")
START_CALL = Start(START_FLEET, "hpc", ARN, version=VERSION)
RAN = known(fleet_status_before="RUNNING")


def refused(fleet_status: str | None = "RUNNING", **facts: Any) -> EngineCall:
    """The update was refused because compute nodes run."""
    return call(
        EngineAction.UPDATE, "UpdateRejected", details=[FLEET_RUNS], fleet_status=fleet_status, **facts
    )


def stopped(status: str = "STOPPED", error: str = "", **facts: Any) -> dict[str, EngineCall]:
    return {STOP: call(STOP, error, fleet_status=status, **{"sent_s": 20, "ended_s": 25, **facts})}


def started(status: str | None = "RUNNING", error: str = "", **facts: Any) -> dict[str, EngineCall]:
    return {START_FLEET: call(START_FLEET, error, fleet_status=status, **facts)}


def updated(at_s: float = 60, asked: Request = ASKS, of: Cluster | None = None, **facts: Any) -> Action:
    """What is decided after the update was refused."""
    so_far = progress(**{"call": refused(), **facts})
    return decided(asked, so_far, at_s=at_s, cluster=stack(), known=of or known())


def failure(action: Action, kind: type[ProviderError]) -> str:
    assert isinstance(action, Fail), action
    assert type(action.error) is kind
    return str(action.error)


# Stopping it


@pytest.mark.parametrize(
    "status", ["RUNNING", "PROTECTED", "START_REQUESTED", "STARTING", "STOP_REQUESTED", "STOPPING"]
)
def test_a_fleet_that_keeps_an_update_from_being_made_is_stopped_and_its_status_written_down(
    status: str,
) -> None:
    assert updated(call=refused(status)) == replace(STOP_CALL, fleet_status_before=status)


@pytest.mark.parametrize(
    ("status", "shown"), [("STOPPED", "STOPPED"), (None, "unknown"), ("UNKNOWN", "UNKNOWN")]
)
def test_a_fleet_with_another_status_cannot_be_stopped(status: str | None, shown: str) -> None:
    text = failure(updated(call=refused(status)), ClusterFailed)
    assert (
        f"its compute fleet is {shown}, so it cannot be stopped. The configuration was not changed." in text
    )


def test_the_status_that_an_earlier_request_found_counts() -> None:
    assert updated(of=known(fleet_status_before="PROTECTED")) == replace(
        STOP_CALL, fleet_status_before="PROTECTED"
    )
    assert updated(of=RAN, call=refused(None)) == STOP_CALL


def test_a_fleet_is_stopped_only_where_the_template_allows_it_and_that_is_all_it_takes() -> None:
    without = request("Update", ClusterConfiguration=OTHER_NODES)
    assert "Set ComputeFleetUpdatePolicy: StopAndRestart" in failure(updated(asked=without), ClusterRejected)
    more = call(
        EngineAction.UPDATE, "UpdateRejected", details=[FLEET_RUNS, {"parameter": "HeadNode", "cure": ""}]
    )
    assert "would allow all of it but HeadNode." in failure(updated(call=more), ClusterRejected)


def test_a_fleet_that_stops_is_asked_after_every_half_minute() -> None:
    stopping = stopped("STOPPING")
    assert updated(fleet_calls=stopping, at_s=54) == Wait("stop-fleet was asked for: STOPPING", at(55))
    assert updated(fleet_calls=stopping, at_s=55) == STOP_CALL


def test_the_update_is_asked_for_again_once_the_fleet_has_stopped() -> None:
    action = updated(fleet_calls=stopped(), of=RAN)
    assert isinstance(action, Start)
    assert action.action is EngineAction.UPDATE


@pytest.mark.parametrize(("sent_s", "counts"), [(9, False), (10, True)])
def test_a_stop_that_was_asked_for_before_the_refusal_does_not_count(sent_s: float, counts: bool) -> None:
    action = updated(fleet_calls=stopped(sent_s=sent_s, ended_s=20), of=RAN)
    assert isinstance(action, Start)
    assert action.action is (EngineAction.UPDATE if counts else STOP)


def test_a_fleet_that_cannot_be_stopped_is_a_failure_after_three_tries() -> None:
    tried = stopped(error="BadRequest")
    assert updated(fleet_calls=tried, attempts={"stop-fleet": 2}) == STOP_CALL
    text = failure(updated(fleet_calls=tried, attempts={"stop-fleet": 3}), ClusterFailed)
    assert "its compute fleet could not be stopped: no. The configuration was not changed." in text
    without_result = failure(updated(attempts={"stop-fleet": 3}), ClusterFailed)
    assert "could not be stopped: the engine ended without a result." in without_result


def test_a_fleet_that_does_not_stop_ten_minutes_before_the_deadline_is_given_up() -> None:
    assert isinstance(updated(DEADLINE_S - 601, fleet_calls=stopped("STOPPING")), Start)
    text = failure(updated(DEADLINE_S - 600, fleet_calls=stopped("STOPPING")), DeadlineExceeded)
    assert (
        "its compute fleet did not stop in time; it is STOPPING. The configuration was not changed." in text
    )
    assert "it is RUNNING." in failure(updated(DEADLINE_S - 600), DeadlineExceeded)


def test_an_update_that_is_refused_with_a_stopped_fleet_is_asked_for_three_times_in_all() -> None:
    tried = {"fleet_calls": stopped(), "attempts": {"update": 3}, "call": refused(sent_s=30, ended_s=40)}
    text = failure(updated(**tried), ClusterRejected)
    assert "The update was refused though the compute fleet had been stopped." in text
    assert isinstance(updated(**{**tried, "attempts": {"update": 2}}), Start)
    assert isinstance(updated(**{**tried, "call": refused(sent_s=20, ended_s=24)}), Start)
    assert isinstance(updated(**{**tried, "fleet_calls": {}}), Start)


def asked_to_stop(known: Cluster | None = None, **facts: Any) -> Any:
    """What is to be done for a fleet, whatever is known of the refusal."""
    case = Case(ASKS, Observed(known=known), progress(**facts), at(60))
    return stop(case, stack())


def test_a_fleet_of_which_nothing_is_known_cannot_be_stopped() -> None:
    without_result = replace(refused(), result=None)
    for action in (asked_to_stop(), asked_to_stop(known=known()), asked_to_stop(call=without_result)):
        assert isinstance(action, ClusterFailed)
        assert "its compute fleet is unknown, so it cannot be stopped." in str(action)


def test_a_stop_counts_only_after_a_refusal_whose_end_is_known() -> None:
    assert asked_to_stop(RAN, fleet_calls=stopped()) == STOP_CALL
    running = replace(refused(), ended_at=None)
    assert asked_to_stop(RAN, call=running, fleet_calls=stopped()) == STOP_CALL
    assert asked_to_stop(RAN, call=refused(), fleet_calls=stopped()) is None


def test_a_stop_that_runs_or_has_no_result_is_asked_for_again_without_or_after_a_pause() -> None:
    running = {STOP: call(STOP, sent_s=20, ended_s=None)}
    assert updated(fleet_calls=running, at_s=30) == STOP_CALL
    died = {STOP: replace(stopped()[STOP], result=None)}
    why = "stop-fleet was asked for: the engine ended without a result."
    assert updated(fleet_calls=died, at_s=54) == Wait(why, at(55))
    assert updated(fleet_calls=died, at_s=55) == STOP_CALL


# Starting it again before an answer

BACK = request("Update")


def answered(
    of: Cluster | None = RAN,
    at_s: float = 60,
    asked: Request = BACK,
    status: str = "UPDATE_ROLLBACK_COMPLETE",
    owner: Any = OWNER,
    **facts: Any,
) -> Action:
    """What is decided when the work is over."""
    described = EngineResult("succeeded", cluster={"cloudFormationStackStatus": status})
    so_far = progress(**{"description": described, **facts})
    return decided(asked, so_far, at_s=at_s, cluster=stack(status, owner=owner), known=of)


def test_a_fleet_is_started_before_a_success_and_before_a_failure() -> None:
    assert answered() == START_CALL
    failed_update = answered(effect_seen=True, asked=ASKS)
    assert failed_update == START_CALL


@pytest.mark.parametrize(
    "of", [known(), known(fleet_status_before="STOPPED"), known(fleet_status_before="STOPPING")]
)
def test_a_fleet_that_did_not_run_is_not_started(of: Cluster) -> None:
    assert isinstance(answered(of), Succeed)


def test_a_start_is_asked_after_until_the_fleet_is_up() -> None:
    starting = {"fleet_calls": started("STARTING")}
    assert answered(at_s=39, **starting) == Wait("start-fleet was asked for: STARTING", at(40))
    assert answered(at_s=40, **starting) == START_CALL
    assert isinstance(answered(fleet_calls=started("RUNNING")), Succeed)
    assert isinstance(answered(fleet_calls=started("PROTECTED")), Succeed)


def test_a_fleet_that_cannot_be_started_is_reported_after_three_tries_or_in_the_last_minute() -> None:
    tried = {"fleet_calls": started(None, "BadRequest")}
    assert answered(at_s=39, **tried) == Wait("start-fleet was asked for: no.", at(40))
    assert answered(attempts={"start-fleet": 2}, **tried) == START_CALL
    assert isinstance(answered(attempts={"start-fleet": 3}, **tried), Succeed)
    assert answered(at_s=DEADLINE_S - 61, **tried) == START_CALL
    assert isinstance(answered(at_s=DEADLINE_S - 60, **tried), Succeed)


def test_a_failure_reports_the_state_of_the_fleet() -> None:
    tried = {"fleet_calls": started(), "effect_seen": True, "asked": ASKS}
    text = failure(answered(**tried), ClusterFailed)
    assert text.endswith("The compute fleet was RUNNING; it was stopped for an update and is RUNNING again.")
    broken = failure(answered(status="UPDATE_ROLLBACK_FAILED", effect_seen=True, asked=ASKS), ClusterFailed)
    assert "is not started again yet." in broken


def test_a_cluster_that_cannot_work_or_is_not_the_owners_has_no_fleet_to_start() -> None:
    assert isinstance(answered(status="UPDATE_ROLLBACK_FAILED", effect_seen=True, asked=ASKS), Fail)
    stranger = replace(OWNER, stack_id=PARENT.replace("parent", "other"))
    of = replace(RAN, stack_id=None)
    action = answered(of, owner=stranger)
    assert isinstance(action, Fail)


RETAINS = request("Delete", ResourceProperties=properties(DeletionPolicy="Retain"))


def test_a_delete_that_keeps_a_cluster_does_not_succeed_before_its_fleet_was_asked_to_start() -> None:
    tried = {"asked": RETAINS, "attempts": {"start-fleet": 3}, "fleet_calls": started(None, "BadRequest")}
    assert answered(**tried) == START_CALL
    assert isinstance(answered(**{**tried, "fleet_calls": started("STARTING")}), Succeed)
    assert answered(at_s=DEADLINE_S - 1, **tried) == START_CALL
    text = failure(answered(at_s=DEADLINE_S, **tried), ClusterFailed)
    assert "its compute fleet could not be started: no. The compute fleet was stopped for an update" in text
    assert "the engine was about to start-fleet it." in failure(
        answered(at_s=DEADLINE_S, asked=RETAINS), DeadlineExceeded
    )


def test_a_delete_that_fails_does_not_wait_for_a_fleet_that_cannot_be_started() -> None:
    tried = {"attempts": {"delete": 3, "start-fleet": 3}, "fleet_calls": started(None, "BadRequest")}
    action = answered(asked=request("Delete"), **tried)
    assert "is not started again yet." in failure(action, ClusterFailed)


def test_a_delete_that_keeps_a_cluster_waits_for_its_update_if_a_fleet_is_to_be_started() -> None:
    busy = answered(asked=RETAINS, status="UPDATE_IN_PROGRESS")
    why = "cluster hpc is UPDATE_IN_PROGRESS and its fleet is to be started"
    assert busy == Wait(why, watching=ARN)
    assert isinstance(answered(known(), asked=RETAINS, status="UPDATE_IN_PROGRESS"), Succeed)
    creating = answered(asked=RETAINS, status="CREATE_IN_PROGRESS")
    assert isinstance(creating, Succeed)


# Starting it after the answer


def restarted(
    at_s: float = 4000, of: Cluster | None = RAN, status: str = "UPDATE_COMPLETE", **facts: Any
) -> Action:
    so_far = progress(phase=Phase.RESTARTING, fleet_calls=facts.pop("fleet_calls", {}))
    seen = {"cluster": stack(status), "known": of, **facts}
    return decided(BACK, so_far, at_s=at_s, **seen)


def test_a_fleet_that_was_left_stopped_is_started_after_the_answer() -> None:
    assert restarted() == START_CALL


def test_no_fleet_is_started_without_a_pending_restart() -> None:
    as_found = Nothing("the compute fleet is as it was found")
    assert restarted(of=None) == as_found
    assert restarted(of=known()) == as_found
    assert restarted(fleet_calls=started("STARTING")) == as_found


def test_a_fleet_is_given_up_after_twelve_hours_more() -> None:
    assert restarted(DEADLINE_S + 43_199) == START_CALL
    assert restarted(DEADLINE_S + 43_200) == Nothing(
        "the compute fleet of cluster hpc could not be started again", gave_up=True
    )


def test_a_fleet_waits_for_an_engine_that_may_still_act_and_for_its_cluster() -> None:
    assert restarted(pending="an engine runs") == Wait("an engine runs")
    busy = restarted(status="UPDATE_IN_PROGRESS")
    assert busy == Wait("cluster hpc is UPDATE_IN_PROGRESS and its fleet is to be started", watching=ARN)
    assert restarted(status="UPDATE_FAILED") == Wait("cluster hpc is UPDATE_FAILED and has no fleet to start")


def test_a_fleet_whose_cluster_goes_or_is_anothers_is_left_alone() -> None:
    gone = Nothing("the cluster is gone, or being deleted")
    assert restarted(cluster=None) == gone
    for status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_FAILED"):
        assert restarted(status=status) == gone
    stranger = replace(OWNER, stack_id=PARENT.replace("parent", "other"))
    of = replace(RAN, stack_id=None)
    assert restarted(cluster=stack(owner=stranger), of=of) == gone


def test_a_start_that_failed_is_repeated_at_the_sweeps_rhythm() -> None:
    tried = started(None, "BadRequest", sent_s=3990, ended_s=4000)
    waits = Wait("start-fleet was asked for: no.", at(4240))
    assert restarted(4239, fleet_calls=tried) == waits
    assert restarted(4240, fleet_calls=tried) == START_CALL
    running = started(None, sent_s=3990, ended_s=None)
    assert restarted(4001, fleet_calls=running) == START_CALL
