"""DynamoDB tables."""

from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models import table as moto_table

from localcloud.resources.model import Place, Resource, Wanted, in_place_of

#: The account's own key for DynamoDB, which encryption without a named key uses.
_ACCOUNT_KEY = "alias/aws/dynamodb"


@in_place_of(moto_table.Table, maker="moto.dynamodb.models")
class Table(Resource, moto_table.Table, CloudFormationModel):
    """`AWS::DynamoDB::Table`; moto's knows neither an update nor a time to live."""

    cfn_attributes: ClassVar = {"Arn": "table_arn", "StreamArn": "stream_arn"}

    @property
    def stream_arn(self) -> str:
        """The ARN of the table's stream."""
        return str(self.describe()["TableDescription"]["LatestStreamArn"])

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Table":
        """Creates the table with its time to live and backups."""
        table: Table = super().create_resource(wanted)
        table.sse_specification = _encryption(wanted.properties)
        _keep(wanted.place.regional(dynamodb_backends), table, wanted.properties)
        return table

    def update_resource(self, wanted: Wanted) -> "Table":
        """Changes capacity, time to live, backups, protection and encryption; keys and indexes stay."""
        properties = wanted.properties
        backend = wanted.place.regional(dynamodb_backends)
        backend.update_table(
            self.name,
            attr_definitions=properties.get("AttributeDefinitions"),
            global_index=[],
            throughput=properties.get("ProvisionedThroughput"),
            billing_mode=properties.get("BillingMode"),
            stream_spec={},
            deletion_protection_enabled=properties.get("DeletionProtectionEnabled", False),
            warm_throughput=properties.get("WarmThroughput"),
        )
        self.sse_specification = _encryption(properties)
        _keep(backend, self, properties)
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the table with its items."""
        backend = place.regional(dynamodb_backends)
        if physical_id in backend.tables:
            backend.delete_table(physical_id)


def _encryption(properties: dict[str, Any]) -> dict[str, Any] | None:
    """A template's encryption in the API's words; None is DynamoDB's own key."""
    wanted = properties.get("SSESpecification")
    if not wanted or str(wanted["SSEEnabled"]).lower() != "true":
        return None
    return {"Enabled": True, "KMSMasterKeyId": wanted.get("KMSMasterKeyId", _ACCOUNT_KEY)}


def _keep(backend: DynamoDBBackend, table: Table, properties: dict[str, Any]) -> None:
    """Sets how long items and backups are kept."""
    if "TimeToLiveSpecification" in properties:
        backend.update_time_to_live(table.name, properties["TimeToLiveSpecification"])
    if "PointInTimeRecoverySpecification" in properties:
        backend.update_continuous_backups(table.name, properties["PointInTimeRecoverySpecification"])
