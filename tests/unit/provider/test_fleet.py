"""The pending restart of a compute fleet that was stopped, and what is reported of it."""

from dataclasses import replace

import pytest

from cluster_provider.core import compute_fleet
from cluster_provider.core.engine import EngineAction, EngineCall, EngineError, EngineResult
from cluster_provider.core.observed import Cluster
from cluster_provider.core.state import Progress
from tests.support.cases import progress
from tests.support.fakes import START

RAN = ["RUNNING", "PROTECTED", "START_REQUESTED", "STARTING"]
DID_NOT_RUN = ["STOPPED", "STOPPING", "STOP_REQUESTED", ""]
ASKED = EngineCall("call", "request", EngineAction.START_FLEET, "hpc", START, START, ended_at=START)


def found(status: str) -> Cluster:
    """A cluster whose fleet had this status when it was to be stopped."""
    return Cluster("hpc", "request", fleet_status_before=status)


def started(result: EngineResult | None) -> Progress:
    """The fleet was asked to start, and this came of it."""
    return progress(fleet_calls={EngineAction.START_FLEET: replace(ASKED, result=result)})


@pytest.mark.parametrize("status", RAN)
def test_a_fleet_that_ran_is_to_be_started_until_it_was_asked_to(status: str) -> None:
    assert compute_fleet.is_restart_pending(found(status), Progress(START))
    assert not compute_fleet.is_restart_pending(
        found(status), started(EngineResult("succeeded", fleet_status="STARTING"))
    )


@pytest.mark.parametrize("status", DID_NOT_RUN)
def test_a_fleet_that_did_not_run_is_left_alone(status: str) -> None:
    assert not compute_fleet.is_restart_pending(found(status), Progress(START))


@pytest.mark.parametrize(
    "result", [None, EngineResult("failed", fleet_status="RUNNING", error=EngineError("Internal", "no"))]
)
def test_a_start_of_which_nothing_came_is_none(result: EngineResult | None) -> None:
    assert compute_fleet.is_restart_pending(found("RUNNING"), started(result))
    level, sentence = compute_fleet.describe_restart(found("RUNNING"), started(result))
    assert level == "WARNING"
    assert "is not started again yet" in sentence


@pytest.mark.parametrize(
    ("status", "level", "end"),
    [
        ("START_REQUESTED", "INFO", "is on its way up again (START_REQUESTED)."),
        ("STARTING", "INFO", "is on its way up again (STARTING)."),
        ("RUNNING", "INFO", "is RUNNING again."),
        ("PROTECTED", "WARNING", "is PROTECTED again."),
    ],
)
def test_a_fleet_that_was_started_is_reported_with_its_status(status: str, level: str, end: str) -> None:
    described = compute_fleet.describe_restart(
        found("RUNNING"), started(EngineResult("succeeded", fleet_status=status))
    )
    assert described == (level, f"The compute fleet was RUNNING; it was stopped for an update and {end}")


def test_a_fleet_that_was_stopped_from_outside_is_reported_as_such() -> None:
    described = compute_fleet.describe_restart(found("STOPPING"), Progress(START))
    assert described == ("INFO", "The compute fleet was being stopped by somebody else, and stays stopped.")


@pytest.mark.parametrize("known", [None, found("")])
def test_nothing_is_reported_of_a_fleet_that_was_left_alone(known: Cluster | None) -> None:
    assert compute_fleet.describe_restart(known, Progress(START)) == ("", "")
