"""What a run of many clusters is taken to show."""

import io
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from tools.scale import report
from tools.scale.figures import (
    Phase,
    claims,
    cost_claims,
    in_flight_max,
    latency,
    memory_mb,
    percentile,
    replay_claim,
)
from tools.scale.observed import Kept, Operation, Work
from tools.scale.plan import Action, Plan

START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
NOTHING = Work(0, 0, 0, 0, Counter(), 0, Counter(), ())
EMPTY = Kept(items=2, size_bytes=2000, open=0, lasting=0, dead_letters=0)


def operation(requested_s=0.0, ended_s=600.0, answered_s=602.0, **changes):
    def at(seconds):
        return None if seconds is None else START + timedelta(seconds=seconds)

    facts = {
        "name": "0001",
        "status": "CREATE_COMPLETE",
        "requested_at": at(requested_s),
        "cluster_ended_at": at(ended_s),
        "answered_at": at(answered_s),
        "answers": 1,
        "succeeded": True,
        "reason": "",
    }
    return Operation(**{**facts, **changes})


def phase(*operations, kept=EMPTY, work=NOTHING):
    return Phase(Action.CREATE, operations, work, kept)


def broken(*phases, latency_p95_s=None):
    found = claims(phases, latency_p95_s=latency_p95_s)
    return [claim.text for claim in found if not claim.holds]


def test_a_percentile_is_a_value_that_was_seen():
    taken = [float(number) for number in range(1, 21)]
    assert (percentile(taken, 50), percentile(taken, 95), percentile([3.0], 95)) == (10.0, 19.0, 3.0)


def test_latency_counts_from_the_clusters_end_and_leaves_out_what_has_none():
    taken = latency([operation(), operation(ended_s=None), operation(answered_s=None)])
    assert taken is not None
    assert (taken.p50_s, taken.p95_s, taken.max_s) == (2.0, 2.0, 2.0)
    assert latency([operation(ended_s=None)]) is None


def test_operations_are_in_flight_from_their_request_to_their_answer():
    overlapping = [operation(0, answered_s=10), operation(5, answered_s=15), operation(10, answered_s=20)]
    assert in_flight_max(overlapping) == 2


def test_a_run_in_which_everything_went_well_bears_out_all_claims():
    assert broken(phase(operation()), latency_p95_s=5) == []


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"succeeded": False}, "create: all 1 answered SUCCESS"),
        ({"status": "ROLLBACK_COMPLETE"}, "create: all 1 answered SUCCESS"),
        ({"answers": 0}, "create: no answer lost, none twice"),
        ({"answers": 2}, "create: no answer lost, none twice"),
        ({"answered_s": 606.0}, "create: p95 of the answer's latency at most 5 s"),
    ],
)
def test_each_way_to_fail_breaks_its_claim(changes, claim):
    assert broken(phase(operation(**changes)), latency_p95_s=5) == [claim]


@pytest.mark.parametrize("left", ["open", "lasting", "dead_letters"])
def test_whatever_is_left_behind_breaks_a_claim(left):
    kept = Kept(**{**vars(EMPTY), left: 1})
    assert broken(phase(operation(), kept=kept)) == ["nothing left but records that expire"]


def test_memory_is_compared_between_the_first_and_the_last_hundred():
    growing = Work(0, 0, 0, 0, Counter(), 0, Counter(), (50,) * 100 + (60,) * 100 + (70,) * 100)
    assert memory_mb(growing.peaks_mb) == (50.0, 70.0)
    assert broken(phase(operation(), work=growing)) == ["memory of the provider process flat"]


def test_one_create_may_not_cost_more_than_is_promised():
    dear = Work(7, 15, 3, 0, Counter({"dynamodb GetItem": 31}), 0, Counter(), ())
    assert [claim.holds for claim in cost_claims(dear)] == [False, False, False]
    assert all(claim.holds for claim in cost_claims(NOTHING))


def test_durations_and_faults_are_the_same_for_the_same_seed():
    assert Plan(3, 7, faults=True).boots() == Plan(3, 7).boots()
    assert Plan(3, 7).boots() != Plan(3, 8).boots()
    assert Plan(3, 7, faults=True).wrong() == Plan(3, 7, faults=True).wrong()
    assert Plan(3, 7).wrong() == []


def test_what_is_replayed_must_have_been_compared_and_found_equal():
    seen = [{"synthesised": 1}, {"equal": 1, "replayed": 9}, {"equal": 1, "different": 1}]
    assert [replay_claim(Counter(counts)).holds for counts in seen] == [False, True, False]


@pytest.mark.parametrize(
    ("syntheses", "shown"),
    [
        ({}, ["by the library             all", "from a recording              0"]),
        (
            {"synthesised": 1, "equal": 1, "replayed": 8},
            ["by the library             2", "from a recording              8"],
        ),
    ],
)
def test_a_report_says_what_was_replayed_and_how_fast_time_ran(syntheses, shown):
    output = io.StringIO()
    report.show_conditions(Console(file=output, width=60), Counter(syntheses), 0.5)
    words = [" ".join(line.split()) for line in output.getvalue().splitlines()]
    expected = [" ".join(text.split()) for text in shown]
    assert all(any(line.endswith(text) for line in words) for text in expected)
    assert words[-2].endswith("0.50")


def test_a_report_off_a_terminal_is_aligned_text_and_names_what_failed():
    output = io.StringIO()
    console = Console(file=output, width=60)
    phases = [phase(operation(), operation(succeeded=False, reason="NotOwner: x"))]
    report.show_phases(console, phases)
    report.show_failures(console, phases)
    report.show_claims(console, claims(phases, latency_p95_s=None))
    shown = output.getvalue()
    assert "operations                          2" in shown
    assert "CREATE of 0001: CREATE_COMPLETE: NotOwner: x" in shown
    assert "NO" in shown
