"""Alarms on one metric, whose state follows the metric."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from moto.cloudwatch import models as moto_cloudwatch
from moto.core.utils import utcnow

from localcloud.resources.model import Place, in_place_of

_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Maximum": max,
    "Minimum": min,
    "SampleCount": lambda values: float(len(values)),
    "Sum": sum,
}

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
}

#: What a period without data counts as; any other treatment leaves it out.
#: Source: Amazon CloudWatch user guide, "Configuring how CloudWatch alarms treat missing data".
_MISSING = {"breaching": True, "notBreaching": False}


@in_place_of(moto_cloudwatch.Alarm)
class MetricAlarm(moto_cloudwatch.Alarm):
    """An alarm that evaluates its last periods on every read; moto's never changes by itself."""

    @property
    def state_value(self) -> str:
        """``OK``, ``ALARM`` or ``INSUFFICIENT_DATA``."""
        judged = (
            self.metric_name and self.statistic in _STATISTICS and self.comparison_operator in _COMPARISONS
        )
        return self._judge() if judged else self._given

    @state_value.setter
    def state_value(self, given: str) -> None:
        # moto begins with OK; an alarm that nothing is known of is neither.
        self._given = given if hasattr(self, "_given") else "INSUFFICIENT_DATA"

    def _judge(self) -> str:
        missing = _MISSING.get(self.treat_missing_data or "")
        breaches = [
            missing if value is None else _COMPARISONS[self.comparison_operator](value, self.threshold)
            for value in self._periods()
        ]
        known = [breach for breach in breaches if breach is not None]
        if not known:
            return self._given if self.treat_missing_data == "ignore" else "INSUFFICIENT_DATA"
        wanted = int(self.datapoints_to_alarm or self.evaluation_periods)
        return "ALARM" if sum(known) >= wanted else "OK"

    def _periods(self) -> list[float | None]:
        """The statistic of each of the last periods, None for one without data."""
        data, now = self._data(), utcnow()  # in this order: some data are made when they are asked for
        begins = [
            now - timedelta(seconds=self.period * number) for number in range(1, self.evaluation_periods + 1)
        ]
        found = [
            [value for at, value in data if begin < at <= begin + timedelta(seconds=self.period)]
            for begin in begins
        ]
        return [_STATISTICS[self.statistic](values) if values else None for values in found]

    def _data(self) -> list[tuple[datetime, float]]:
        *_, region, account, _, _ = self.alarm_arn.split(":", 6)
        backend: Any = Place(account, region).regional(moto_cloudwatch.cloudwatch_backends)
        wanted = {(dimension.name, dimension.value) for dimension in self.dimensions}
        return [
            (datum.timestamp, datum.value)
            for datum in backend.get_all_metrics()
            if isinstance(datum, moto_cloudwatch.MetricDatum)
            and (datum.namespace, datum.name) == (self.namespace, self.metric_name)
            and {(dimension.name, dimension.value) for dimension in datum.dimensions} == wanted
        ]
