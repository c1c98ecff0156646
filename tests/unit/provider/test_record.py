"""What the table keeps, and what follows from it alone."""

from datetime import timedelta

import pytest

from cluster_provider.core.identity import Owner
from cluster_provider.core.state import Phase, QueueEntry, backlog, deadline_of
from tests.support.cases import progress, request
from tests.support.fakes import HANDLES, START

ARN = "arn:aws:cloudformation:us-east-1:123456789012:stack/hpc/1"
OWNER = Owner("arn:aws:cloudformation:us-east-1:123456789012:stack/parent/0", "Cluster")
SECOND = timedelta(seconds=1)


def waiting(**facts: object) -> QueueEntry:
    return QueueEntry(
        **{"owner": OWNER, "requeue_at": START, "watching": ARN, "deadline_at": START + SECOND, **facts}
    )


def test_an_owner_that_waits_for_a_stack_in_progress_is_idle_until_there_is_something_to_do() -> None:
    assert waiting().is_idle({ARN}, START)
    assert not waiting().is_idle({ARN}, START + SECOND)
    assert not waiting().is_idle({ARN}, START + 2 * SECOND)


@pytest.mark.parametrize("facts", [{"watching": None}, {"watching": f"{ARN}2"}, {"deadline_at": None}])
def test_an_owner_that_waits_for_no_stack_in_progress_is_looked_at(facts: dict[str, object]) -> None:
    assert not waiting(**facts).is_idle({ARN}, START)


def test_a_waiting_owner_is_due_from_the_very_instant_on() -> None:
    assert not waiting().is_due(START - SECOND)
    assert waiting().is_due(START)


def test_work_makes_sense_until_the_answer_then_until_the_signal_and_for_a_fleet_some_hours_more() -> None:
    plain, signalled = request("Create"), request("Create", WaitConditionHandle=f"{HANDLES}1")
    signal_deadline_at = START + timedelta(seconds=42_990)
    more = timedelta(hours=12)
    for phase in Phase:
        followed = phase in {Phase.FOLLOWING, Phase.SIGNALLING}
        expected = signal_deadline_at if followed else signalled.deadline
        if phase is Phase.RESTARTING:
            expected = signal_deadline_at + more
        assert deadline_of(signalled, progress(phase=phase)) == expected
        later = more if phase is Phase.RESTARTING else timedelta()
        assert deadline_of(plain, progress(phase=phase)) == plain.deadline + later


def test_a_backlog_counts_those_as_late_whose_half_time_has_come() -> None:
    half_times = [None, START - SECOND, START, START + SECOND]
    found = backlog([waiting(half_time_at=half_time) for half_time in half_times], START)
    assert (found.open, found.late) == (4, 2)
