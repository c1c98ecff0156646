"""What the end of an engine call adds to the work on a request."""

from dataclasses import replace
from typing import Any

import pytest

from cluster_provider.core import engine
from cluster_provider.core.engine import EngineAction, EngineError, EngineResult
from cluster_provider.core.ledger import CallHistory
from cluster_provider.core.state import Outcome, Phase, Progress
from cluster_provider.core.transitions.work import merge_call_result
from tests.support.cases import at, call, progress
from tests.support.world import FLEET_RUNS

MESSAGES = [{"level": "INFO", "type": "A", "message": "b"}]
DETAILS = [{"a": "b"}]
OUTCOME, SIGNAL = Outcome("SUCCESS", "hpc", "{}"), Outcome("SUCCESS", "hpc", "{1}")


def test_operations_are_what_docs_engine_says_of_them() -> None:
    assert {operation.value for operation in EngineAction} == {
        "create",
        "update",
        "delete",
        "describe",
        "list-clusters",
        "list-official-images",
        "stop-fleet",
        "start-fleet",
        "build-image",
        "describe-image",
        "delete-image",
    }
    reads = {"describe", "list-clusters", "list-official-images", "describe-image"}
    assert reads == engine.READS
    assert {"create", "build-image"} == engine.MAKES
    assert {"create", "build-image", "update"} == engine.CONFIGURED
    assert {"stop-fleet", "start-fleet"} == engine.ABOUT_FLEET
    assert {*reads, "start-fleet"} == engine.HARMLESS
    assert {"Throttled", "ClusterBusy", "Fenced", "Denied"} == engine.TRANSIENT
    assert {"Internal", "AlreadyExists"} == engine.RETRIED
    assert (engine.REFUSED, engine.OUTCOME_UNKNOWN) == ("UpdateRejected", "Internal")


def test_a_record_of_every_earlier_version_is_read_by_the_names_of_the_phases() -> None:
    assert [phase.value for phase in Phase] == [
        "open",
        "answering",
        "following",
        "signalling",
        "restarting",
        "answered",
        "dropped",
    ]


# How far a request has come


def test_what_is_written_down_is_the_answer_or_the_signal_that_is_being_sent() -> None:
    both = progress(outcome=OUTCOME, signal=SIGNAL)
    written = {phase: replace(both, phase=phase).written for phase in Phase}
    assert written == {**dict.fromkeys(Phase), Phase.ANSWERING: OUTCOME, Phase.SIGNALLING: SIGNAL}


def test_the_work_goes_on_after_a_success_that_a_wait_condition_waits_beyond() -> None:
    answering = progress(phase=Phase.ANSWERING, outcome=OUTCOME, signals=True)
    assert answering.follows
    assert not progress(phase=Phase.ANSWERING, outcome=OUTCOME).follows
    for facts in (
        {"signals": False},
        {"phase": Phase.OPEN},
        {"outcome": None},
        {"outcome": replace(OUTCOME, code="ClusterFailed")},
    ):
        assert not replace(answering, **facts).follows


def test_a_fleet_is_started_after_the_work_once_for_each_cluster() -> None:
    assert not progress().restarts
    assert progress(fleet_restart_pending="hpc").restarts
    assert not progress(fleet_restart_pending="hpc", phase=Phase.RESTARTING).restarts
    assert progress(fleet_restart_pending="lab", phase=Phase.RESTARTING).restarts


def test_what_is_left_of_a_request_is_a_clusters_fleet() -> None:
    stopped = {EngineAction.STOP_FLEET: call(EngineAction.STOP_FLEET)}
    before = progress(fleet_restart_pending="hpc", stack_id="arn", fleet_calls=stopped)
    own = before.turned_to_fleet(Phase.ANSWERED)
    assert own == replace(before, phase=Phase.RESTARTING, ended=Phase.ANSWERED)
    other = replace(before, fleet_restart_pending="lab").turned_to_fleet(Phase.DROPPED)
    assert other == replace(
        before,
        fleet_restart_pending="lab",
        phase=Phase.RESTARTING,
        ended=Phase.DROPPED,
        cluster_name="lab",
        stack_id=None,
    )
    assert other.history(EngineAction.STOP_FLEET) == CallHistory(), "the other cluster's fleet has its own"


# The ledger


def test_calls_are_kept_by_action_and_subject_and_those_that_read_by_action() -> None:
    so_far = progress(attempts={"delete": 1, "delete lab": 2, "describe": 3})
    assert so_far.history(EngineAction.DELETE).tries == 1
    assert so_far.history(EngineAction.DELETE, "hpc").tries == 1
    assert so_far.history(EngineAction.DELETE, "lab").tries == 2
    assert so_far.history(EngineAction.DELETE, "other") == CallHistory()
    assert so_far.history(EngineAction.DESCRIBE, "lab").tries == 3
    assert set(so_far.calls) == {"delete hpc", "delete lab", "describe"}


def test_an_error_is_that_of_the_last_call_of_its_action_and_subject() -> None:
    refused = progress(call=call(EngineAction.UPDATE, "BadRequest"))
    assert refused.history(EngineAction.UPDATE).error == EngineError("BadRequest", "no")
    assert refused.history(EngineAction.UPDATE).success is None
    assert refused.history(EngineAction.DELETE).error is None
    assert replace(refused, cluster_name="lab").history(EngineAction.UPDATE).error is None
    assert progress(call=call(EngineAction.UPDATE)).history(EngineAction.UPDATE).error is None
    unended = progress(call=call(EngineAction.UPDATE, ended_s=None)).history(EngineAction.UPDATE)
    assert (unended.error, unended.success, unended.retry_at()) == (None, None, None)


@pytest.mark.parametrize(
    ("code", "tries", "is_refused"),
    [
        ("", 9, False),
        ("Throttled", 9, False),
        ("Denied", 9, False),
        ("Internal", 2, False),
        ("Internal", 3, True),
        ("AlreadyExists", 2, False),
        ("AlreadyExists", 3, True),
        ("BadRequest", 0, True),
    ],
)
def test_an_error_is_final_unless_it_says_nothing_or_may_pass_and_has_tries_left(
    code: str, tries: int, is_refused: bool
) -> None:
    history = progress(call=call(EngineAction.CREATE, code), attempts={"create": tries}).history(
        EngineAction.CREATE
    )
    assert history.is_refused() is is_refused


def test_what_may_pass_can_be_narrowed() -> None:
    history = progress(call=call(EngineAction.CREATE, "AlreadyExists")).history(EngineAction.CREATE)
    assert history.is_refused(frozenset({"Internal"}))


def test_reads_are_exhausted_by_failures_in_a_row_and_other_calls_by_tries() -> None:
    died = EngineError("Internal", "no")
    for failures, exhausted in ((2, False), (3, True)):
        reading = progress(not_described=died, describe_failures=failures, attempts={"describe": 9})
        assert reading.history(EngineAction.DESCRIBE).is_exhausted is exhausted
        tried = progress(attempts={"create": failures}).history(EngineAction.CREATE)
        assert tried.is_exhausted is exhausted


def test_a_call_is_repeated_half_a_minute_later_and_what_aws_turned_away_is_spread() -> None:
    ended = progress(call=call(EngineAction.CREATE, "Internal")).history(EngineAction.CREATE)
    assert ended.retry_at() == at(40)
    busy = call(EngineAction.CREATE, "Throttled")
    instants = set()
    for number in range(20):
        one = progress(call=replace(busy, call_id=f"call-{number}")).history(EngineAction.CREATE)
        assert one.retry_at() == one.retry_at()
        instants.add(one.retry_at())
    assert len(instants) > 10
    assert all(at(40) <= instant < at(70) for instant in instants if instant is not None)


# The end of a call


def merged(before: Progress | None = None, *args: Any, **result: Any) -> Progress:
    return merge_call_result(before or progress(), call(*args, **result))


def tries(after: Progress, action: EngineAction, name: str = "hpc") -> int:
    return after.history(action, name).tries


def test_nothing_is_merged_before_the_end_or_twice() -> None:
    before = progress(attempts={"update": 3, "stop-fleet": 3})
    assert merge_call_result(before, None) == before
    assert merge_call_result(before, replace(call(EngineAction.UPDATE), ended_at=None)) == before
    assert merge_call_result(before, call(EngineAction.UPDATE, ended_s=None)) == before
    assert merge_call_result(before, replace(call(EngineAction.UPDATE), result=None)) == before
    for action in (EngineAction.UPDATE, EngineAction.STOP_FLEET):
        once = merged(before, action, "Throttled")
        assert merge_call_result(once, call(action, "Throttled")) == once
        assert tries(once, action) == 2


def test_a_call_that_was_accepted_shows_its_stack_and_its_messages() -> None:
    sent = {"sent": True, "stack_id": "arn"}
    after = merged(
        progress(attempts={"update": 1}), EngineAction.UPDATE, **sent, validation_messages=MESSAGES
    )
    assert (after.stack_id, after.effect_seen, after.validation_messages) == ("arn", True, MESSAGES)
    history = after.history(EngineAction.UPDATE)
    assert history == CallHistory(tries=1, last=call(EngineAction.UPDATE, **sent))


def test_a_stack_that_was_seen_stays_and_so_do_effects_and_messages() -> None:
    before = progress(stack_id="arn", effect_seen=True, validation_messages=MESSAGES)
    after = merged(before, EngineAction.UPDATE, stack_id="arn:other")
    assert (after.stack_id, after.effect_seen, after.validation_messages) == ("arn", True, MESSAGES)


def test_a_stack_that_was_there_already_is_the_requests_own() -> None:
    after = merged(progress(), EngineAction.CREATE, stack_id="arn")
    assert (after.stack_id, after.effect_seen) == ("arn", False)


def test_a_refusal_replaces_messages_by_its_own_and_shows_no_stack() -> None:
    before = progress(validation_messages=MESSAGES)
    after = merged(before, EngineAction.UPDATE, "ClusterRejected", stack_id="arn", details=DETAILS)
    assert (after.validation_messages, after.stack_id, after.effect_seen) == ([], None, False)
    assert after.history(EngineAction.UPDATE).error == EngineError("ClusterRejected", "no", DETAILS)
    sent = merged(before, EngineAction.UPDATE, "Internal", stack_id="arn", sent=True)
    assert (sent.stack_id, sent.effect_seen) == ("arn", True)


@pytest.mark.parametrize("code", ["Throttled", "ClusterBusy", "Fenced"])
def test_a_try_that_passes_is_not_counted(code: str) -> None:
    for before, left in ((2, 1), (0, 0)):
        after = merged(progress(attempts={"update": before}), EngineAction.UPDATE, code)
        assert tries(after, EngineAction.UPDATE) == left
        assert after.history(EngineAction.UPDATE).failures == 0
    counted = merged(progress(attempts={"update": 2}), EngineAction.UPDATE, "Internal")
    assert tries(counted, EngineAction.UPDATE) == 2
    assert counted.history(EngineAction.UPDATE).failures == 1


def test_a_refusal_for_running_nodes_counts_from_the_stopping_of_the_fleet_on() -> None:
    refusal = {"details": [FLEET_RUNS]}
    tried = progress(attempts={"update": 2})
    assert tries(merged(tried, EngineAction.UPDATE, "UpdateRejected", **refusal), EngineAction.UPDATE) == 0
    stopped = {EngineAction.STOP_FLEET: call(EngineAction.STOP_FLEET)}
    tried = progress(attempts={"update": 2}, fleet_calls=stopped)
    assert tries(merged(tried, EngineAction.UPDATE, "UpdateRejected", **refusal), EngineAction.UPDATE) == 2


def test_a_code_of_updates_sets_no_other_count_back() -> None:
    tried = progress(attempts={"describe": 1, "delete": 2})
    assert tries(merged(tried, EngineAction.DESCRIBE, "UpdateRejected"), EngineAction.DESCRIBE) == 1
    assert tries(merged(tried, EngineAction.DELETE, "UpdateRejected"), EngineAction.DELETE) == 2


def test_a_call_about_another_cluster_says_nothing_of_the_requests_own() -> None:
    before = progress(attempts={"delete lab": 2}, validation_messages=MESSAGES)
    about_lab = {"name": "lab", "stack_id": "arn", "sent": True}
    after = merged(
        before, EngineAction.DELETE, "Throttled", **about_lab, details=DETAILS, validation_messages=MESSAGES
    )
    last = call(EngineAction.DELETE, "Throttled", **about_lab)
    assert after == before.with_history(EngineAction.DELETE, "lab", CallHistory(tries=1, last=last))


@pytest.mark.parametrize(("deletes", "stack_id"), [(False, None), (True, "arn")])
def test_what_another_request_than_a_delete_deletes_is_what_an_earlier_one_left(
    deletes: bool, stack_id: str | None
) -> None:
    ended = call(EngineAction.DELETE, sent=True, stack_id="arn")
    after = merge_call_result(progress(), ended, deletes=deletes)
    assert (after.stack_id, after.effect_seen) == (stack_id, deletes)


@pytest.mark.parametrize(("error", "count"), [("", 0), ("BadRequest", 2)])
def test_failures_about_a_fleet_count_in_a_row(error: str, count: int) -> None:
    before = progress(attempts={"stop-fleet": 2}, call=call(EngineAction.UPDATE))
    after = merged(before, EngineAction.STOP_FLEET, error, details=DETAILS, fleet_status="STOPPING")
    assert tries(after, EngineAction.STOP_FLEET) == count
    assert after.history(EngineAction.UPDATE) == before.history(EngineAction.UPDATE)
    last = call(EngineAction.STOP_FLEET, error, fleet_status="STOPPING")
    assert after.history(EngineAction.STOP_FLEET).last == last


@pytest.mark.parametrize(("error", "is_deleted"), [("", True), ("NotFound", True), ("BadRequest", False)])
def test_an_image_that_an_engine_deleted_or_did_not_find_is_deleted(error: str, is_deleted: bool) -> None:
    after = merged(progress(), EngineAction.DELETE_IMAGE, error, name="image")
    assert after.has_deleted_image("image") is is_deleted
    assert not after.has_deleted_image("other")
    assert not merged(progress(), EngineAction.DELETE, error, name="image").has_deleted_image("image")


DESCRIBED = EngineResult("succeeded", cluster={"clusterName": "hpc"})


def test_a_description_is_kept_with_its_instant() -> None:
    before = progress(describe_failures=2, not_described=EngineError("Internal", "no"))
    after = merged(before, EngineAction.DESCRIBE, cluster={"clusterName": "hpc"})
    assert after.description == DESCRIBED
    history = after.history(EngineAction.DESCRIBE)
    assert (history.failures, history.error, history.retry_at()) == (0, None, at(40))
    assert history.result == EngineResult("succeeded"), "what was found is not kept twice"
    assert merged(after, EngineAction.DESCRIBE, "Internal") == after


def test_a_description_that_failed_leaves_the_last_one_and_is_counted_unless_it_passes() -> None:
    before = progress(description=DESCRIBED, describe_failures=1, attempts={"describe": 2})
    after = merged(before, EngineAction.DESCRIBE, "Internal", details=DETAILS)
    assert (after.description, after.reads.failures) == (DESCRIBED, 2)
    assert after.reads.error == EngineError("Internal", "no")
    busy = merged(before, EngineAction.DESCRIBE, "Throttled")
    assert (busy.reads.failures, busy.reads.error) == (1, EngineError("Throttled", "no"))
    assert busy.reads.tries == 2, "a read that AWS throttles counts, so that it is not repeated without end"
