"""CloudWatch alarms, whose state follows their metric, and dashboards."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from moto.cloudwatch import models as moto_cloudwatch
from moto.core.common_models import CloudFormationModel
from moto.core.utils import utcnow

from localcloud.resources.model import Place, Resource, Wanted, in_place_of


class _Alarm(Resource):
    """What metric alarms and composite alarms have in common; their physical id is their name."""

    cfn_name_property = "AlarmName"
    cfn_attributes: ClassVar = {"Arn": "arn"}

    def __init__(self, name: str, arn: str) -> None:
        self.physical_resource_id = name
        self.arn = arn

    @classmethod
    def create_resource(cls, wanted: Wanted) -> Any:
        """Creates or overwrites the alarm, as PutMetricAlarm and PutCompositeAlarm do."""
        properties = wanted.properties
        alarm = wanted.place.regional(moto_cloudwatch.cloudwatch_backends).put_metric_alarm(
            name=wanted.name,
            namespace=properties.get("Namespace", ""),
            metric_name=properties.get("MetricName", ""),
            comparison_operator=properties.get("ComparisonOperator", ""),
            evaluation_periods=int(properties.get("EvaluationPeriods", 0)),
            period=int(properties.get("Period", 0)),
            threshold=float(properties.get("Threshold", 0)),
            statistic=properties.get("Statistic", ""),
            description=properties.get("AlarmDescription", ""),
            dimensions=properties.get("Dimensions", []),
            alarm_actions=properties.get("AlarmActions", []),
            ok_actions=properties.get("OKActions", []),
            insufficient_data_actions=properties.get("InsufficientDataActions", []),
            datapoints_to_alarm=properties.get("DatapointsToAlarm"),
            extended_statistic=properties.get("ExtendedStatistic"),
            unit=properties.get("Unit"),
            actions_enabled=properties.get("ActionsEnabled", True),
            treat_missing_data=properties.get("TreatMissingData"),
            tags=properties.get("Tags"),
            rule=properties.get("AlarmRule"),
        )
        return cls(wanted.name, alarm.alarm_arn)

    def update_resource(self, wanted: Wanted) -> Any:
        """Overwrites the alarm under its name, as the API does."""
        return self.create_resource(replace(wanted, name=self.physical_resource_id))

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the alarm."""
        place.regional(moto_cloudwatch.cloudwatch_backends).delete_alarms([physical_id])


class Alarm(_Alarm, CloudFormationModel):
    """`AWS::CloudWatch::Alarm` on one metric."""

    cfn_type = "AWS::CloudWatch::Alarm"


class CompositeAlarm(_Alarm, CloudFormationModel):
    """`AWS::CloudWatch::CompositeAlarm`."""

    cfn_type = "AWS::CloudWatch::CompositeAlarm"


@in_place_of(moto_cloudwatch.Dashboard)
class Dashboard(Resource, moto_cloudwatch.Dashboard, CloudFormationModel):
    """`AWS::CloudWatch::Dashboard`; moto gives it a new random name at an update."""

    cfn_name_property = "DashboardName"

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Dashboard":
        """Creates the dashboard."""
        body = wanted.properties["DashboardBody"]
        backend = wanted.place.regional(moto_cloudwatch.cloudwatch_backends)
        dashboard: Dashboard = backend.put_dashboard(name=wanted.name, body=body)
        return dashboard

    def update_resource(self, wanted: Wanted) -> "Dashboard":
        """Replaces the body in place."""
        self.body = wanted.properties["DashboardBody"]
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the dashboard."""
        place.regional(moto_cloudwatch.cloudwatch_backends).delete_dashboards([physical_id])


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
