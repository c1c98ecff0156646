"""Metrics as log lines in CloudWatch's embedded metric format (EMF), which need no API call."""

import json
import sys
from typing import TextIO

from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from cluster_provider.core.measurements import Measurement
from cluster_provider.core.redact import redact_text

#: The namespace of all metrics in CloudWatch, and the dimension that identifies the provider stack.
NAMESPACE = "PclusterProvider"
PROVIDER = "Provider"


class EmfMetrics:
    """The port Metrics on the function's standard output.

    Args:
        function_name: Name of the provider function; the value of dimension ``Provider``.
        output: The destination of lines; standard output if None.
    """

    def __init__(self, function_name: str, output: TextIO | None = None) -> None:
        self._function_name = function_name
        self._output = output

    def record(self, *measurements: Measurement) -> None:
        """Writes one line per measurement at once, so that none is lost with the invocation."""
        output = self._output or sys.stdout
        for measurement in measurements:
            output.write(self._line(measurement) + "\n")
            output.flush()

    def _line(self, measurement: Measurement) -> str:
        # Powertools' ``Metrics`` holds one set of dimensions until the invocation ends. Each measurement has
        # its own dimensions, and its line must be out before the invocation can die: one provider for each.
        emf = AmazonCloudWatchEMFProvider(namespace=NAMESPACE)
        for name, value in {PROVIDER: self._function_name, **measurement.dimensions}.items():
            emf.add_dimension(name, value)
        for key, text in measurement.names.items():
            emf.add_metadata(key, text)
        for metric, number in measurement.values.items():
            emf.add_metric(metric.value, metric.unit, number)
        return redact_text(json.dumps(emf.serialize_metric_set(), separators=(",", ":")))
