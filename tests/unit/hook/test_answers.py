"""What the hook answers: the worst first, whole lines, and never more than Hooks keeps."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_hook.answers import MESSAGE_MAX, Outcome, bounded, not_yet, outcome, unable
from pcluster_cfn.planning.clusters import Place, PlannedAction
from pcluster_cfn.planning.guardrails import Provider

READ = Provider()
CHANGE = {
    "parameter": "MaxCount",
    "currentValue": "4",
    "requestedValue": "2",
    "update": "",
    "refused": "Shrinking\nneeds a stopped fleet.",
    "cure": "",
}


def planned(action, name="hpc", **more):
    return Place("", (name.title(),)).planned(name, action, **more)


def test_nothing_to_do_is_a_success():
    assert outcome([], READ) == Outcome("Plan: no cluster changes.")
    assert outcome([], READ).answer("t") == {
        "hookStatus": "SUCCESS",
        "message": "Plan: no cluster changes.",
        "clientRequestToken": "t",
    }


def test_a_refusal_comes_first_with_its_reason_and_its_changes_and_fails_the_hook():
    clusters = [
        planned(PlannedAction.CREATE, "new"),
        planned(PlannedAction.REFUSED, "old", reason="no", changes=[CHANGE]),
    ]
    found = outcome(clusters, READ)
    assert found.message.splitlines() == [
        "Plan: 1 create, 1 refused.",
        "✗ Old  refused: old",
        "    no",
        "    MaxCount: 4 → 2",
        "    Shrinking needs a stopped fleet.",
        "+ New  create: new",
    ]
    answer = found.answer("t")
    assert (answer["hookStatus"], answer["errorCode"]) == ("FAILED", "NonCompliant")


@pytest.mark.parametrize("action", [a for a in PlannedAction if a is not PlannedAction.REFUSED])
def test_nothing_but_a_refusal_fails_the_hook(action):
    assert outcome([planned(action)], READ).error_code == ""


def test_what_cannot_be_judged_is_no_refusal():
    assert unable("the payload is not JSON") == Outcome(
        "The clusters were not planned: the payload is not JSON.", "InternalFailure"
    )


def test_another_call_is_asked_for_with_what_it_needs():
    answer = not_yet("t", "id", 20)
    assert (answer["hookStatus"], answer["callbackContext"]) == ("IN_PROGRESS", "id")
    assert answer["callbackDelaySeconds"] == 20


def test_a_message_has_whole_lines_and_says_how_many_are_missing():
    changes = [{**CHANGE, "refused": "", "parameter": f"Queue{n}" + "x" * 50} for n in range(200)]
    said = outcome([planned(PlannedAction.REFUSED, changes=changes)], READ).message
    *lines, last = said.splitlines()
    assert len(said) <= MESSAGE_MAX
    assert all(line.endswith("4 → 2") for line in lines[2:])
    assert last == f"… and {202 - len(lines)} more lines"


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\n")), min_size=1), st.integers(60, 300))
def test_no_message_is_longer_than_its_bound(lines, limit):
    said = bounded(lines, limit)
    assert len(said) <= limit
    assert said == "\n".join(lines) or "…" in said


def test_a_first_line_that_is_too_long_is_shortened():
    assert bounded(["x" * 5000, "y"]) == "x" * (MESSAGE_MAX - 1) + "…"


def test_what_is_not_known_of_the_provider_is_said_before_the_clusters():
    found = outcome([planned(PlannedAction.CREATE)], Provider("arn:p", unread="no permission"))
    assert found.error_code == ""
    assert found.message.splitlines() == [
        "Plan: 1 create.",
        "Provider: its parameters and versions are not known (no permission).",
        "+ Hpc  create: hpc",
    ]
