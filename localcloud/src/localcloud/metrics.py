"""Metrics that services report: those of functions and queues, and those embedded in log lines.

Source: AWS Lambda developer guide, "Types of metrics for Lambda functions"; Amazon SQS developer guide,
"Available CloudWatch metrics for Amazon SQS"; Amazon CloudWatch user guide, "Specification: Embedded metric
format".
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from moto.cloudwatch.models import MetricDatum, cloudwatch_backends
from moto.core.common_models import CloudWatchMetricProvider
from moto.sqs.models import sqs_backends

from localcloud.functions.records import InvocationRecord
from localcloud.resources.model import Place


class Value(NamedTuple):
    """One value of a metric."""

    name: str
    value: float
    unit: str


def put(
    place: Place, namespace: str, dimensions: Mapping[str, str], *values: Value, at: datetime | None = None
) -> None:
    """Adds values to metrics, as PutMetricData does; an instant is aware, now by default."""
    members = [
        {
            "MetricName": value.name,
            "Value": value.value,
            "Unit": value.unit,
            "Dimensions": [{"Name": name, "Value": text} for name, text in dimensions.items()],
            # moto compares instants without a time zone
            "Timestamp": at.astimezone(UTC).replace(tzinfo=None) if at is not None else None,
        }
        for value in values
    ]
    place.regional(cloudwatch_backends).put_metric_data(namespace, members)


def put_invocation(place: Place, record: InvocationRecord) -> None:
    """Reports an invocation as Lambda does: throttled ones count as throttles, refused ones not at all."""
    if record.outcome == "refused":
        return
    throttled = record.outcome == "throttled"
    values = [Value("Throttles", float(throttled), "Count")]
    if not throttled:
        values += [
            Value("Invocations", 1, "Count"),
            Value("Errors", float(record.outcome != "success"), "Count"),
            Value("Duration", record.duration_ms, "Milliseconds"),
        ]
    put(place, "AWS/Lambda", {"FunctionName": record.function}, *values)


def put_embedded(place: Place, line: str) -> None:
    """Adds the metrics in a log line of the embedded metric format."""
    fields = _embedded(line)
    if fields is None:
        return
    about = fields["_aws"]
    at = datetime.fromtimestamp(about["Timestamp"] / 1000, UTC)
    for directive in about["CloudWatchMetrics"]:
        values = list(_values(fields, directive["Metrics"]))
        for names in directive["Dimensions"]:
            dimensions = {name: str(fields[name]) for name in names}
            put(place, directive["Namespace"], dimensions, *values, at=at)


def _embedded(line: str) -> dict[str, Any] | None:
    if '"_aws"' not in line:
        return None
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) and "CloudWatchMetrics" in fields.get("_aws", {}) else None


def _values(fields: Mapping[str, Any], metrics: list[Mapping[str, str]]) -> Iterator[Value]:
    for metric in metrics:
        target = fields[metric["Name"]]
        for number in target if isinstance(target, list) else [target]:
            yield Value(metric["Name"], float(number), metric.get("Unit", "None"))


class QueueMetrics(CloudWatchMetricProvider):
    """The number of messages in queues, computed on request; moto finds this class by itself."""

    @staticmethod
    def get_cloudwatch_metrics(account_id: str, region: str) -> list[MetricDatum]:
        """Returns how many unreceived messages each queue holds."""
        return [
            MetricDatum(
                namespace="AWS/SQS",
                name="ApproximateNumberOfMessagesVisible",
                value=float(queue.approximate_number_of_messages),
                dimensions=[{"Name": "QueueName", "Value": queue.name}],
                timestamp=None,
                unit="Count",
            )
            for queue in sqs_backends[account_id][region].queues.values()
        ]
