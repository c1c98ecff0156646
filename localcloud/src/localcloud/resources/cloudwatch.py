"""CloudWatch alarms and dashboards."""

from dataclasses import replace
from typing import Any, ClassVar

from moto.cloudwatch import models as moto_cloudwatch
from moto.core.common_models import CloudFormationModel

from localcloud.resources.model import Place, Resource, Wanted, in_place_of


class Alarm(Resource, CloudFormationModel):
    """`AWS::CloudWatch::Alarm` on one metric; its physical id is its name."""

    cfn_type: ClassVar = "AWS::CloudWatch::Alarm"
    cfn_name_property: ClassVar = "AlarmName"
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
            rule=properties.get("AlarmRule"),
            tags=properties.get("Tags"),
        )
        return cls(wanted.name, alarm.alarm_arn)

    def update_resource(self, wanted: Wanted) -> Any:
        """Overwrites the alarm under its name, as the API does."""
        return self.create_resource(replace(wanted, name=self.physical_resource_id))

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the alarm."""
        place.regional(moto_cloudwatch.cloudwatch_backends).delete_alarms([physical_id])


class CompositeAlarm(Alarm, CloudFormationModel):
    """`AWS::CloudWatch::CompositeAlarm`."""

    cfn_type: ClassVar = "AWS::CloudWatch::CompositeAlarm"


@in_place_of(moto_cloudwatch.Dashboard)
class Dashboard(Resource, moto_cloudwatch.Dashboard, CloudFormationModel):
    """`AWS::CloudWatch::Dashboard`; moto gives it a new random name at an update."""

    cfn_name_property: ClassVar = "DashboardName"

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
