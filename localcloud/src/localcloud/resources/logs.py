"""CloudWatch Logs: log groups, streams with metrics in their lines, and metric filters.

A function creates its deleted log group again only if its role allows it.
Source: AWS Lambda developer guide, "Sending Lambda function logs to CloudWatch Logs": Lambda makes the group
with the function's role, which needs ``logs:CreateLogGroup``.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

from moto.awslambda.models import lambda_backends
from moto.core.common_models import CloudFormationModel
from moto.logs import models as moto_logs
from moto.logs.models import LogsBackend

from localcloud.iam.account import Account
from localcloud.iam.policy import Decision, Request
from localcloud.metrics import put_embedded
from localcloud.resources.model import Identified, Place, Resource, Stored, Wanted, in_place_of


@in_place_of(moto_logs.LogGroup)
class LogGroup(Resource, moto_logs.LogGroup, CloudFormationModel):
    """`AWS::Logs::LogGroup`; moto cannot change its retention and does not see a template's key."""

    stored: ClassVar = Stored(moto_logs.logs_backends, "groups", "delete_log_group")
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


@in_place_of(moto_logs.LogStream)
class LogStream(moto_logs.LogStream):
    """A stream; metrics that its lines carry are taken out of them."""

    def put_log_events(self, log_events: list[dict[str, Any]]) -> str:
        """Appends lines."""
        token = str(super().put_log_events(log_events))
        for event in log_events:
            put_embedded(Place(self.account_id, self.region), event["message"])
        return token


class MetricFilter(Identified, CloudFormationModel):
    """`AWS::Logs::MetricFilter`; its physical id is its name. It is stored, but yields no metric."""

    cfn_type = "AWS::Logs::MetricFilter"
    cfn_name_property = "FilterName"

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


_CREATE = "logs:CreateLogGroup"
_ensure: Any = LogsBackend.ensure_log_group
_delete: Any = LogsBackend.delete_log_group


def stay_deleted() -> None:
    """Keeps deleted log groups of moto deleted while functions still write to them; repeatable."""
    backend: Any = LogsBackend
    backend.ensure_log_group = _ensure_log_group
    backend.delete_log_group = _delete_log_group


def _delete_log_group(backend: Any, log_group_name: str) -> None:
    _delete(backend, log_group_name)
    # Kept in the backend, so that a reset of moto forgets it.
    backend.__dict__.setdefault("deleted_group_names", set()).add(log_group_name)


def _ensure_log_group(backend: Any, log_group_name: str) -> None:
    was_deleted = log_group_name in backend.__dict__.get("deleted_group_names", ())
    if was_deleted and not _may_be_made_anew(backend, log_group_name):
        return
    _ensure(backend, log_group_name)


def _may_be_made_anew(backend: Any, group_name: str) -> bool:
    account = Account(backend.account_id, backend.region_name)
    request = Request(_CREATE, account.place.arn("logs", f"log-group:{group_name}"))
    writers = filter(None, map(account.role, _roles_of_writers(backend, group_name)))
    return any(
        account.policies(role, request.resource).decide(request) is Decision.ALLOWED for role in writers
    )


def _roles_of_writers(backend: Any, group_name: str) -> Iterator[str]:
    functions: Any = lambda_backends[backend.account_id][backend.region_name].list_functions()
    for function in functions:
        if function.log_group == group_name:
            yield str(function.role)
