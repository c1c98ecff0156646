"""Measurements: the numbers that follow from changes of records.

A change is counted by the invocation that wrote it, after the write. A duplicate, a repeated pass and a
resent answer write nothing new, so they count nothing. If the invocation dies between the write and the
count, the change is not counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cluster_provider.core.engine import EngineCall
from cluster_provider.core.state import Backlog, OperationRecord, OwnerRecord, Phase


class Metric(StrEnum):
    """Names of the metrics in CloudWatch; docs/how-to/operations.md explains them."""

    OPERATIONS_STARTED = "OperationsStarted"
    OPERATIONS_SUCCEEDED = "OperationsSucceeded"
    OPERATIONS_FAILED = "OperationsFailed"
    OPERATIONS_DROPPED = "OperationsDropped"
    OPERATION_DURATION = "OperationDuration"
    ANSWER_LATENCY = "AnswerLatency"
    WAKE_UPS = "WakeUps"
    DELIVERIES_FAILED = "DeliveriesFailed"
    ENGINE_CALLS_SUCCEEDED = "EngineCallsSucceeded"
    ENGINE_CALLS_FAILED = "EngineCallsFailed"
    SWEEPS = "Sweeps"
    OPERATIONS_OPEN = "OperationsOpen"
    OPERATIONS_LATE = "OperationsLate"

    @property
    def unit(self) -> str:
        """The unit, in CloudWatch's words."""
        seconds = {Metric.OPERATION_DURATION, Metric.ANSWER_LATENCY}
        return "Seconds" if self in seconds else "Count"


@dataclass(frozen=True)
class Measurement:
    """Values that were measured together.

    Args:
        values: The values by metric, in the metric's unit.
        dimensions: CloudWatch's dimensions. Each should have few values, since CloudWatch charges for every
            combination.
        names: What the values are about, for logs only.
    """

    values: Mapping[Metric, float]
    dimensions: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


def of_change(
    before: OwnerRecord | None, after: OwnerRecord, operations: Sequence[OperationRecord], now: datetime
) -> list[Measurement]:
    """Returns the measurements of a change of an owner's record.

    Args:
        before: The record before; None for a new owner.
        after: The record after.
        operations: The requests' records that were written with it.
        now: The current time.
    """
    about = {operation.request.request_id: operation for operation in operations}
    newest = about.get(after.newest_request_id)
    measured: list[Measurement] = []
    if before is None or before.newest_request_id != after.newest_request_id:
        measured += _accepted(before, after, newest)
    elif before.is_open and not after.is_open and newest is not None:
        measured += _closed(newest, now)
    if before is not None and before.call is not None and after.call is not None:
        measured += _engine_ended(before.call, after.call)
    return measured


def delivery_failed(names: Mapping[str, str]) -> Measurement:
    """Returns the measurement of a response that did not arrive, whether another attempt follows or not.

    Args:
        names: What it is about, for logs only.
    """
    return Measurement({Metric.DELIVERIES_FAILED: 1}, names=names)


def swept(backlog: Backlog) -> Measurement:
    """Returns the measurement of a completed sweep: its heartbeat, and the open requests."""
    values = {Metric.SWEEPS: 1, Metric.OPERATIONS_OPEN: backlog.open, Metric.OPERATIONS_LATE: backlog.late}
    return Measurement(values)


def _accepted(
    before: OwnerRecord | None, after: OwnerRecord, newest: OperationRecord | None
) -> Iterator[Measurement]:
    """Yields the measurement of a new request, and of an open one that it superseded."""
    if before is not None and before.is_open:
        names = {"request_id": before.newest_request_id}
        yield Measurement({Metric.OPERATIONS_DROPPED: 1}, {"RequestType": before.newest_type.value}, names)
    names = newest.names if newest is not None else {}
    yield Measurement({Metric.OPERATIONS_STARTED: 1}, {"RequestType": after.newest_type.value}, names)


def _closed(operation: OperationRecord, now: datetime) -> Iterator[Measurement]:
    request, progress = operation.request, operation.progress
    by_type = {"RequestType": request.type.value}
    outcome = progress.signal or progress.outcome
    if (progress.ended or progress.phase) is not Phase.ANSWERED or outcome is None:
        yield Measurement({Metric.OPERATIONS_DROPPED: 1}, by_type, operation.names)
        return
    values: dict[Metric, float] = {
        Metric.OPERATION_DURATION: (now - request.issued_at).total_seconds(),
        Metric.WAKE_UPS: progress.wakes,
    }
    if progress.cluster_ended_at is not None:
        values[Metric.ANSWER_LATENCY] = (now - progress.cluster_ended_at).total_seconds()
    if outcome.code:
        by_code = {**by_type, "ErrorCode": outcome.code}
        yield Measurement({Metric.OPERATIONS_FAILED: 1}, by_code, operation.names)
    else:
        values[Metric.OPERATIONS_SUCCEEDED] = 1
    yield Measurement(values, by_type, operation.names)


def _engine_ended(before: EngineCall, after: EngineCall) -> Iterator[Measurement]:
    if before.ended_at is not None or after.ended_at is None or before.call_id != after.call_id:
        return
    names = {"request_id": after.request_id, "call_id": after.call_id, "cluster_name": after.cluster_name}
    by_version = {"Version": after.version or "unknown"}
    error = after.result.error if after.result is not None else None
    if error is None:
        yield Measurement({Metric.ENGINE_CALLS_SUCCEEDED: 1}, by_version, names)
    else:
        by_code = {**by_version, "ErrorCode": error.code}
        yield Measurement({Metric.ENGINE_CALLS_FAILED: 1}, by_code, names)
