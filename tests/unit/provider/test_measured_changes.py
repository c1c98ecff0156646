"""What a change of a record counts as."""

from dataclasses import replace
from typing import Any

import pytest

from cluster_provider.core.engine import EngineAction
from cluster_provider.core.measurements import Measurement, Metric, delivery_failed, of_change, swept
from cluster_provider.core.request import RequestType
from cluster_provider.core.state import Backlog, OperationRecord, Outcome, OwnerRecord, Phase
from tests.support.cases import THIS, VERSION, at, call, progress, request
from tests.support.fakes import START

CREATE = {"RequestType": "Create"}
OPEN = OwnerRecord(THIS, START, RequestType.CREATE)
CLOSED = replace(OPEN, is_open=False)


def work(**facts: Any) -> OperationRecord:
    base = {"phase": Phase.ANSWERED, "outcome": Outcome("SUCCESS", "hpc", "{}"), "wakes": 4}
    return OperationRecord(request("Create"), progress(**{**base, **facts}))


def test_metrics_have_the_names_and_units_that_alarms_and_docs_use() -> None:
    assert {metric.value: metric.unit for metric in Metric} == {
        "OperationsStarted": "Count",
        "OperationsSucceeded": "Count",
        "OperationsFailed": "Count",
        "OperationsDropped": "Count",
        "OperationDuration": "Seconds",
        "AnswerLatency": "Seconds",
        "WakeUps": "Count",
        "DeliveriesFailed": "Count",
        "EngineCallsSucceeded": "Count",
        "EngineCallsFailed": "Count",
        "Sweeps": "Count",
        "OperationsOpen": "Count",
        "OperationsLate": "Count",
    }


@pytest.mark.parametrize("before", [None, replace(CLOSED, newest_request_id="request-0")])
def test_a_new_request_is_started(before: OwnerRecord | None) -> None:
    operation = work(phase=Phase.OPEN, outcome=None)
    started = Measurement({Metric.OPERATIONS_STARTED: 1}, CREATE, operation.names)
    assert of_change(before, OPEN, [operation], at(9)) == [started]
    unnamed = Measurement({Metric.OPERATIONS_STARTED: 1}, CREATE)
    assert of_change(before, OPEN, [], at(9)) == [unnamed]


def test_a_request_that_was_open_is_dropped_by_a_newer_one() -> None:
    before = replace(OPEN, newest_request_id="request-0", newest_type=RequestType.UPDATE)
    dropped, started = of_change(before, OPEN, [work()], at(9))
    assert dropped == Measurement(
        {Metric.OPERATIONS_DROPPED: 1}, {"RequestType": "Update"}, {"request_id": "request-0"}
    )
    assert started.values == {Metric.OPERATIONS_STARTED: 1}


def test_a_success_is_measured_when_the_request_is_closed() -> None:
    operation = work(cluster_ended_at=at(5))
    (measured,) = of_change(OPEN, CLOSED, [operation], at(9))
    assert measured == Measurement(
        {
            Metric.OPERATION_DURATION: 9,
            Metric.WAKE_UPS: 4,
            Metric.ANSWER_LATENCY: 4,
            Metric.OPERATIONS_SUCCEEDED: 1,
        },
        CREATE,
        operation.names,
    )
    (without,) = of_change(OPEN, CLOSED, [work()], at(9))
    assert set(without.values) == {
        Metric.OPERATION_DURATION,
        Metric.WAKE_UPS,
        Metric.OPERATIONS_SUCCEEDED,
    }


def test_a_failure_is_counted_by_its_code_beside_its_duration() -> None:
    operation = work(outcome=Outcome("FAILED", "hpc", "{}", "ClusterFailed"))
    failed, measured = of_change(OPEN, CLOSED, [operation], at(9))
    assert failed == Measurement(
        {Metric.OPERATIONS_FAILED: 1}, {**CREATE, "ErrorCode": "ClusterFailed"}, operation.names
    )
    assert measured == Measurement(
        {Metric.OPERATION_DURATION: 9, Metric.WAKE_UPS: 4}, CREATE, operation.names
    )


def test_the_signal_of_a_wait_condition_counts_before_the_answer() -> None:
    operation = work(signal=Outcome("FAILED", "hpc", "{}", "ClusterFailed"))
    assert Metric.OPERATIONS_FAILED in of_change(OPEN, CLOSED, [operation], at(9))[0].values


@pytest.mark.parametrize(
    "facts",
    [{"phase": Phase.DROPPED}, {"outcome": None}, {"ended": Phase.DROPPED, "phase": Phase.RESTARTING}],
)
def test_a_request_without_a_delivered_answer_counts_as_dropped(facts: dict[str, Any]) -> None:
    operation = work(**facts)
    dropped = Measurement({Metric.OPERATIONS_DROPPED: 1}, CREATE, operation.names)
    assert of_change(OPEN, CLOSED, [operation], at(9)) == [dropped]


def test_a_request_whose_fleet_is_left_counts_as_it_ended() -> None:
    operation = work(ended=Phase.ANSWERED, phase=Phase.RESTARTING)
    (measured,) = of_change(OPEN, CLOSED, [operation], at(9))
    assert measured.values[Metric.OPERATIONS_SUCCEEDED] == 1


@pytest.mark.parametrize(
    ("before", "after", "operations"),
    [
        (OPEN, OPEN, [work()]),
        (CLOSED, CLOSED, [work()]),
        (CLOSED, OPEN, [work()]),
        (OPEN, CLOSED, []),
    ],
)
def test_what_changes_nothing_of_a_request_counts_nothing(
    before: OwnerRecord, after: OwnerRecord, operations: list[OperationRecord]
) -> None:
    assert of_change(before, after, operations, at(9)) == []


RUNNING = call(EngineAction.UPDATE, ended_s=None)
NAMES = {"request_id": THIS, "call_id": RUNNING.call_id, "cluster_name": "hpc"}


def test_a_calls_end_is_counted_by_version_and_by_how_it_failed() -> None:
    before = replace(OPEN, call=RUNNING)
    (well,) = of_change(before, replace(OPEN, call=call(EngineAction.UPDATE)), [], at(9))
    assert well == Measurement({Metric.ENGINE_CALLS_SUCCEEDED: 1}, {"Version": VERSION}, NAMES)
    (badly,) = of_change(before, replace(OPEN, call=call(EngineAction.UPDATE, "Internal")), [], at(9))
    assert badly == Measurement(
        {Metric.ENGINE_CALLS_FAILED: 1}, {"Version": VERSION, "ErrorCode": "Internal"}, NAMES
    )
    unnamed = replace(call(EngineAction.UPDATE), version="", result=None)
    (unknown,) = of_change(before, replace(OPEN, call=unnamed), [], at(9))
    assert unknown == Measurement({Metric.ENGINE_CALLS_SUCCEEDED: 1}, {"Version": "unknown"}, NAMES)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, call(EngineAction.UPDATE)),
        (RUNNING, None),
        (RUNNING, RUNNING),
        (call(EngineAction.UPDATE), call(EngineAction.UPDATE)),
        (RUNNING, call(EngineAction.DELETE)),
    ],
)
def test_a_call_that_did_not_end_just_now_is_not_counted(before: Any, after: Any) -> None:
    assert of_change(replace(OPEN, call=before), replace(OPEN, call=after), [], at(9)) == []
    assert of_change(None, replace(OPEN, call=after), [], at(9))[1:] == []


def test_sweeps_and_failed_deliveries_are_counted() -> None:
    assert swept(Backlog(3, 2)).values == {
        Metric.SWEEPS: 1,
        Metric.OPERATIONS_OPEN: 3,
        Metric.OPERATIONS_LATE: 2,
    }
    names = {"request_id": THIS}
    assert delivery_failed(names) == Measurement({Metric.DELIVERIES_FAILED: 1}, names=names)
