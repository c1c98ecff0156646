"""Claims on clusters, in the operations table: one item per adopted cluster."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from cluster_provider.core.identity import Owner
from cluster_provider.ports import Clock
from cluster_provider.sdk import unavailable_if_transient

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_CONDITION_FAILED = "ConditionalCheckFailedException"

#: A claim that was removed expires after the same time as a closed record.
EXPIRES_AFTER = timedelta(hours=48)


class DynamoClaims:
    """The port Claims on a DynamoDB table.

    Args:
        client: The client.
        table: Name of the operations table.
        clock: Gives the time when a removed claim expires.
    """

    def __init__(self, client: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def claim(self, cluster_id: str, owner: Owner, instead_of: Owner | None = None) -> Owner:
        """Records the owner of a cluster, unless another one is recorded; returns the recorded owner.

        Args:
            cluster_id: ARN of the cluster's stack.
            owner: The owner that adopts the cluster.
            instead_of: The previous owner to replace; None if there is none.
        """
        previous_owner = instead_of or owner
        condition = "attribute_not_exists(pk) OR attribute_exists(expires_at) OR holder IN (:owner, :former)"
        holder = self._put(cluster_id, owner, condition, {":owner": owner.key, ":former": previous_owner.key})
        return owner if holder is None else Owner.from_key(holder)

    def disclaim(self, cluster_id: str, owner: Owner) -> None:
        """Marks the owner's claim on a cluster as removed; a claim of another owner is left alone.

        Args:
            cluster_id: ARN of the cluster's stack.
            owner: The owner that disowns the cluster.
        """
        expires_at = int((self._clock.now() + EXPIRES_AFTER).timestamp())
        expiry = {"expires_at": {"N": str(expires_at)}}
        self._put(cluster_id, owner, "holder = :owner", {":owner": owner.key}, expiry)

    def _put(
        self,
        cluster_id: str,
        owner: Owner,
        condition: str,
        values: dict[str, str],
        more: dict[str, Any] | None = None,
    ) -> str | None:
        """Writes the item; returns None if it is written, else the key of the recorded holder."""
        key = {"pk": {"S": f"claim|{cluster_id}"}, "sk": {"S": "claim"}}
        with unavailable_if_transient():
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item={**key, "holder": {"S": owner.key}, **(more or {})},
                    ConditionExpression=condition,
                    ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != _CONDITION_FAILED:
                    raise
                found: Any = error.response.get("Item", {})
                return str(found.get("holder", {}).get("S", ""))
        return None
