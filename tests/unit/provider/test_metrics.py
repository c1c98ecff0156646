"""The lines from which CloudWatch Logs reads metrics."""

import io
import json

from cluster_provider.adapters.metrics import EmfMetrics
from cluster_provider.core.measurements import Measurement, Metric


def recorded(*measurements: Measurement) -> list[str]:
    output = io.StringIO()
    EmfMetrics("stack-Provider-1", output).record(*measurements)
    return output.getvalue().splitlines()


def test_a_line_declares_its_metrics_with_unit_and_dimensions_and_carries_their_values() -> None:
    values: dict[Metric, float] = {Metric.OPERATIONS_SUCCEEDED: 1, Metric.OPERATION_DURATION: 309.5}
    (line,) = recorded(Measurement(values, {"RequestType": "Create"}, {"request_id": "r1"}))
    fields = json.loads(line)
    (directive,) = fields["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "PclusterProvider",
        "Dimensions": [["Provider", "RequestType"]],
        "Metrics": [
            {"Name": "OperationsSucceeded", "Unit": "Count"},
            {"Name": "OperationDuration", "Unit": "Seconds"},
        ],
    }
    assert (fields["Provider"], fields["RequestType"]) == ("stack-Provider-1", "Create")
    assert (fields["OperationsSucceeded"], fields["OperationDuration"]) == ([1.0], [309.5])
    assert fields["request_id"] == "r1"


def test_measurements_do_not_mix() -> None:
    first, second = recorded(
        Measurement({Metric.SWEEPS: 1}, names={"request_id": "r1"}),
        Measurement({Metric.DELIVERIES_FAILED: 1}, {"RequestType": "Create"}),
    )
    assert json.loads(first)["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Provider"]]
    assert {"Sweeps", "request_id"}.isdisjoint(json.loads(second))


def test_a_credential_that_got_into_a_name_is_masked() -> None:
    (line,) = recorded(Measurement({Metric.SWEEPS: 1}, names={"why": "https://u?X-Amz-Signature=s3cr3t"}))
    assert "s3cr3t" not in line
