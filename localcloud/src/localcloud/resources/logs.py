"""CloudWatch Logs: log groups, streams with metrics in their lines, and metric filters."""

from dataclasses import replace
from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.logs import models as moto_logs

from localcloud.metrics import put_embedded
from localcloud.resources.model import Place, Resource, Wanted, in_place_of


@in_place_of(moto_logs.LogGroup)
class LogGroup(Resource, moto_logs.LogGroup, CloudFormationModel):
    """`AWS::Logs::LogGroup`; moto cannot change its retention and does not see a template's key."""

    cfn_attributes: ClassVar = {"Arn": "arn_of_streams"}

    @property
    def arn_of_streams(self) -> str:
        """The ARN as `Fn::GetAtt` gives it, which ends with a wildcard for the streams.

        Source: CloudFormation user guide, AWS::Logs::LogGroup, return values.
        """
        return f"{self.arn}:*"

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "LogGroup":
        """Creates the group with its key."""
        group: LogGroup = super().create_resource(wanted)
        group.kms_key_id = wanted.properties.get("KmsKeyId")
        return group

    def update_resource(self, wanted: Wanted) -> "LogGroup":
        """Changes retention and key in place."""
        self.set_retention_policy(wanted.properties.get("RetentionInDays"))
        self.kms_key_id = wanted.properties.get("KmsKeyId")
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the group with its events."""
        backend = place.regional(moto_logs.logs_backends)
        if physical_id in backend.groups:
            backend.delete_log_group(physical_id)


@in_place_of(moto_logs.LogStream)
class LogStream(moto_logs.LogStream):
    """A stream; metrics that its lines carry are taken out of them."""

    def put_log_events(self, log_events: list[dict[str, Any]]) -> str:
        """Appends lines."""
        token = str(super().put_log_events(log_events))
        for event in log_events:
            put_embedded(Place(self.account_id, self.region), event["message"])
        return token


class MetricFilter(Resource, CloudFormationModel):
    """`AWS::Logs::MetricFilter`; its physical id is its name. It is stored, but yields no metric."""

    cfn_type: ClassVar = "AWS::Logs::MetricFilter"
    cfn_name_property: ClassVar = "FilterName"

    def __init__(self, name: str) -> None:
        self.physical_resource_id = name

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "MetricFilter":
        """Puts the filter on its log group."""
        properties = wanted.properties
        wanted.place.regional(moto_logs.logs_backends).put_metric_filter(
            wanted.name,
            properties["FilterPattern"],
            properties["LogGroupName"],
            [_in_api_words(transformation) for transformation in properties["MetricTransformations"]],
        )
        return cls(wanted.name)

    def update_resource(self, wanted: Wanted) -> "MetricFilter":
        """Puts the filter again under its name."""
        self.delete_resource(self.physical_resource_id, wanted.place)
        return self.create_resource(replace(wanted, name=self.physical_resource_id))

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Removes the filter from its log group."""
        filters = place.regional(moto_logs.logs_backends).filters
        filters.metric_filters = [
            kept for kept in filters.metric_filters if kept["filterName"] != physical_id
        ]


def _in_api_words(transformation: dict[str, Any]) -> dict[str, Any]:
    words = {key[0].lower() + key[1:]: value for key, value in transformation.items()}
    if "dimensions" in words:
        words["dimensions"] = {item["Key"]: item["Value"] for item in words["dimensions"]}
    return words
