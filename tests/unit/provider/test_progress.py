"""What the end of an engine call adds to the work on a request."""

from dataclasses import replace
from typing import Any

import pytest

from cluster_provider.core import engine_call
from cluster_provider.core.engine_call import EngineError, EngineResult, Operation
from cluster_provider.core.progress import Outcome, Phase, Progress, absorb
from tests.support.cases import at, call, progress
from tests.support.world import FLEET_RUNS

MESSAGES = [{"level": "INFO", "type": "A", "message": "b"}]
DETAILS = [{"a": "b"}]
OUTCOME, SIGNAL = Outcome("SUCCESS", "hpc", "{}"), Outcome("SUCCESS", "hpc", "{1}")


def test_operations_are_what_docs_engine_says_of_them() -> None:
    assert {operation.value for operation in Operation} == {
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
    assert reads == engine_call.READS
    assert {"create", "build-image"} == engine_call.MAKES
    assert {"create", "build-image", "update"} == engine_call.CONFIGURED
    assert {"stop-fleet", "start-fleet"} == engine_call.ABOUT_FLEET
    assert {*reads, "start-fleet"} == engine_call.HARMLESS
    assert {"Throttled", "ClusterBusy", "Fenced", "Denied"} == engine_call.TRANSIENT
    assert {"Internal", "AlreadyExists"} == engine_call.RETRIED
    assert (engine_call.REFUSED, engine_call.UNTOLD) == ("UpdateRejected", "Internal")


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
    assert progress(owes="hpc").restarts
    assert not progress(owes="hpc", phase=Phase.RESTARTING).restarts
    assert progress(owes="lab", phase=Phase.RESTARTING).restarts


def test_what_is_left_of_a_request_is_a_clusters_fleet() -> None:
    before = progress(owes="hpc", stack_id="arn", fleet_calls={"a": call(Operation.STOP_FLEET)})
    own = before.turned_to_fleet(Phase.ANSWERED)
    assert own == replace(before, phase=Phase.RESTARTING, ended=Phase.ANSWERED)
    other = replace(before, owes="lab").turned_to_fleet(Phase.DROPPED)
    assert other == replace(
        before,
        owes="lab",
        phase=Phase.RESTARTING,
        ended=Phase.DROPPED,
        cluster_name="lab",
        stack_id=None,
        fleet_calls={},
    )


def test_tries_are_counted_by_operation_and_by_name_where_that_is_another() -> None:
    so_far = progress(attempts={"delete": 1, "delete lab": 2, "describe": 3})
    assert so_far.attempted(Operation.DELETE) == 1
    assert so_far.attempted(Operation.DELETE, "hpc") == 1
    assert so_far.attempted(Operation.DELETE, "lab") == 2
    assert so_far.attempted(Operation.DELETE, "other") == 0
    assert so_far.attempted(Operation.DESCRIBE, "lab") == 3


def test_a_failure_is_that_of_the_last_call_if_it_was_of_this_kind_and_cluster() -> None:
    refused = progress(call=call(Operation.UPDATE, "BadRequest"))
    assert refused.failure(Operation.UPDATE) == EngineError("BadRequest", "no")
    assert refused.failure(Operation.DELETE) is None
    assert replace(refused, cluster_name="lab").failure(Operation.UPDATE) is None
    assert progress().failure(Operation.UPDATE) is None
    assert progress(call=call(Operation.UPDATE)).failure(Operation.UPDATE) is None
    assert progress(call=call(Operation.UPDATE, ended_s=None)).failure(Operation.UPDATE) is None


# The end of a call


def absorbed(before: Progress | None = None, *args: Any, **result: Any) -> Progress:
    return absorb(before or progress(), call(*args, **result))


def test_nothing_is_taken_over_before_the_end_or_twice() -> None:
    before = progress(attempts={"update": 3, "stop-fleet": 3})
    assert absorb(before, None) == before
    assert absorb(before, replace(call(Operation.UPDATE), ended_at=None)) == before
    assert absorb(before, call(Operation.UPDATE, ended_s=None)) == before
    assert absorb(before, replace(call(Operation.UPDATE), result=None)) == before
    once = absorbed(before, Operation.UPDATE, "Throttled")
    assert absorb(once, call(Operation.UPDATE, "Throttled")) == once
    assert once.attempts["update"] == 2
    fleet = absorbed(before, Operation.STOP_FLEET, "Throttled")
    assert absorb(fleet, call(Operation.STOP_FLEET, "Throttled")) == fleet
    assert fleet.attempts["stop-fleet"] == 2


def test_a_call_that_was_accepted_shows_its_stack_and_its_messages() -> None:
    after = absorbed(
        progress(attempts={"update": 1}),
        Operation.UPDATE,
        sent=True,
        stack_id="arn",
        validation_messages=MESSAGES,
    )
    assert (after.stack_id, after.effect_seen, after.validation_messages) == ("arn", True, MESSAGES)
    assert after.attempts == {"update": 1}
    assert after.call == call(Operation.UPDATE, sent=True, stack_id="arn")


def test_a_stack_that_was_seen_stays_and_so_do_effects_and_messages() -> None:
    before = progress(stack_id="arn", effect_seen=True, validation_messages=MESSAGES)
    after = absorbed(before, Operation.UPDATE, stack_id="arn:other")
    assert (after.stack_id, after.effect_seen, after.validation_messages) == ("arn", True, MESSAGES)


def test_a_stack_that_was_there_already_is_the_requests_own() -> None:
    after = absorbed(progress(), Operation.CREATE, stack_id="arn")
    assert (after.stack_id, after.effect_seen) == ("arn", False)


def test_a_refusal_replaces_messages_by_its_own_and_shows_no_stack() -> None:
    before = progress(validation_messages=MESSAGES)
    after = absorbed(before, Operation.UPDATE, "ClusterRejected", stack_id="arn", details=DETAILS)
    assert (after.validation_messages, after.stack_id, after.effect_seen) == ([], None, False)
    assert after.call is not None
    assert after.call.result is not None
    assert after.call.result.error == EngineError("ClusterRejected", "no", DETAILS)
    sent = absorbed(before, Operation.UPDATE, "Internal", stack_id="arn", sent=True)
    assert (sent.stack_id, sent.effect_seen) == ("arn", True)


@pytest.mark.parametrize("code", ["Throttled", "ClusterBusy", "Fenced"])
def test_a_try_that_passes_is_not_counted(code: str) -> None:
    for before, left in ((2, 1), (0, 0)):
        assert (
            absorbed(progress(attempts={"update": before}), Operation.UPDATE, code).attempts["update"] == left
        )
    assert absorbed(progress(), Operation.UPDATE, code).attempts["update"] == 0
    counted = absorbed(progress(attempts={"update": 2}), Operation.UPDATE, "Internal")
    assert counted.attempts == {"update": 2}


def test_a_refusal_for_running_nodes_counts_from_the_stopping_of_the_fleet_on() -> None:
    tried = progress(attempts={"update": 2})
    refusal = {"details": [FLEET_RUNS]}
    assert absorbed(tried, Operation.UPDATE, "UpdateRejected", **refusal).attempts == {"update": 0}
    stopped = replace(tried, fleet_calls={Operation.STOP_FLEET: call(Operation.STOP_FLEET)})
    assert absorbed(stopped, Operation.UPDATE, "UpdateRejected", **refusal).attempts == {"update": 2}


def test_a_call_about_another_cluster_says_nothing_of_the_requests_own() -> None:
    before = progress(attempts={"delete lab": 2}, validation_messages=MESSAGES)
    after = absorbed(
        before,
        Operation.DELETE,
        "Throttled",
        name="lab",
        stack_id="arn",
        sent=True,
        details=DETAILS,
        validation_messages=MESSAGES,
    )
    told = call(Operation.DELETE, "Throttled", name="lab", stack_id="arn", sent=True)
    assert after == replace(before, call=told, attempts={"delete lab": 1})
    well = absorbed(before, Operation.DELETE, name="lab")
    assert well == replace(before, call=call(Operation.DELETE, name="lab"))


@pytest.mark.parametrize(("error", "counts"), [("", {"stop-fleet": 0}), ("BadRequest", {"stop-fleet": 2})])
def test_failures_about_a_fleet_count_in_a_row(error: str, counts: dict[str, int]) -> None:
    before = progress(attempts={"stop-fleet": 2}, call=call(Operation.UPDATE))
    after = absorbed(before, Operation.STOP_FLEET, error, details=DETAILS, fleet_status="STOPPING")
    assert after.attempts == counts
    assert after.call == before.call
    assert after.fleet_calls == {
        Operation.STOP_FLEET: call(Operation.STOP_FLEET, error, fleet_status="STOPPING")
    }
    both = absorbed(after, Operation.START_FLEET)
    assert set(both.fleet_calls) == {Operation.STOP_FLEET, Operation.START_FLEET}


@pytest.mark.parametrize(("error", "is_deleted"), [("", True), ("NotFound", True), ("BadRequest", False)])
def test_an_image_that_an_engine_deleted_or_did_not_find_is_deleted(error: str, is_deleted: bool) -> None:
    after = absorbed(progress(deleted=["first"]), Operation.DELETE_IMAGE, error, name="image")
    assert after.deleted == (["first", "image"] if is_deleted else ["first"])
    assert absorbed(progress(), Operation.DELETE, error).deleted == []


DESCRIBED = EngineResult("succeeded", cluster={"clusterName": "hpc"})


def test_a_description_is_kept_with_its_instant() -> None:
    before = progress(describe_failures=2, not_described=EngineError("Internal", "no"))
    after = absorbed(before, Operation.DESCRIBE, cluster={"clusterName": "hpc"})
    described_by = call(Operation.DESCRIBE).call_id
    assert after == replace(
        before,
        description=DESCRIBED,
        described_at=at(10),
        described_by=described_by,
        describe_failures=0,
        not_described=None,
    )
    assert absorbed(after, Operation.DESCRIBE, "Internal") == after


def test_a_description_that_failed_leaves_the_last_one_and_is_counted_unless_it_passes() -> None:
    before = progress(description=DESCRIBED, describe_failures=1, described_by="earlier")
    after = absorbed(before, Operation.DESCRIBE, "Internal", details=DETAILS)
    assert (after.description, after.describe_failures) == (DESCRIBED, 2)
    assert (after.not_described, after.described_at) == (EngineError("Internal", "no"), at(10))
    busy = absorbed(before, Operation.DESCRIBE, "Throttled")
    assert (busy.describe_failures, busy.not_described) == (1, EngineError("Throttled", "no"))
