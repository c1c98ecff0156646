"""The operations table, on DynamoDB: one item per owner, one per request.

Items: ``pk`` is the owner's key; ``sk`` is ``owner`` or ``request#ID``. The records themselves are JSON in
``document``; beside it stand only the attributes that DynamoDB must see: ``revision`` (optimistic lock),
``due``, ``wake_at`` and ``late_at`` (index of what is waited for), ``following`` (index by cluster), the
lease, and ``expires_at`` (time to live).
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from cluster_provider.core.document import format_instant, from_document, to_document
from cluster_provider.core.errors import Unavailable
from cluster_provider.core.identity import Owner
from cluster_provider.core.progress import Backlog, OperationRecord, OwnerRecord, Phase
from cluster_provider.ports import Clock
from cluster_provider.sdk import unavailable_if_transient

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

OWNER_ITEM = "owner"
DUE_INDEX = "due"
CLUSTER_INDEX = "cluster"

#: Everything that is waited for stands in one partition of the index, so one query finds what is due.
DUE = "open"

#: A closed record stays until no delivery of its request can arrive any more.
#: Source: AWS Lambda developer guide: asynchronous events are kept for at most 6 hours.
TOMBSTONE_S = 48 * 3600

_WRITE_ATTEMPTS_MAX = 10
_LEASE_ATTEMPTS_MAX = 5
_CONDITION_FAILED = "ConditionalCheckFailedException"
_TRANSACTION_CANCELLED = "TransactionCanceledException"


class DynamoOperations:
    """The port Operations on a DynamoDB table.

    Args:
        client: The client.
        table: The table's name.
        clock: Tells when closed records expire and leases end.
    """

    def __init__(self, client: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def load(self, owner: Owner) -> OwnerRecord | None:
        """What is known of an owner."""
        item = self._get(owner, OWNER_ITEM)
        return from_document(OwnerRecord, json.loads(item["document"]["S"])) if item else None

    def load_operation(self, owner: Owner, request_id: str) -> OperationRecord | None:
        """The record of one request."""
        item = self._get(owner, _request_item(request_id))
        return from_document(OperationRecord, json.loads(item["document"]["S"])) if item else None

    def change(
        self,
        owner: Owner,
        change: Callable[[OwnerRecord | None], OwnerRecord],
        operations: Sequence[OperationRecord] = (),
    ) -> OwnerRecord:
        """Replaces an owner's record by what ``change`` makes of it, writing operations in the same step."""
        for _ in range(_WRITE_ATTEMPTS_MAX):
            item = self._get(owner, OWNER_ITEM)
            present = from_document(OwnerRecord, json.loads(item["document"]["S"])) if item else None
            changed = change(present)
            revision = int(item["revision"]["N"]) if item else 0
            overtaken = present if present is not None and _is_overtaken(present, changed) else None
            if self._write(owner, changed, revision, operations, overtaken):
                return changed
        raise Unavailable(f"{_WRITE_ATTEMPTS_MAX} others wrote at the same time")

    def lease(self, owner: Owner, holder: str, until: datetime) -> bool:
        """Takes the owner's lease; if somebody holds it, leaves a mark for them and answers False."""
        for _ in range(_LEASE_ATTEMPTS_MAX):
            now = format_instant(self._clock.now())
            taken = self._update(
                owner,
                "SET lease_holder = :holder, lease_until = :until REMOVE dirty",
                "attribute_exists(pk) AND (attribute_not_exists(lease_until) OR lease_until < :now)",
                {":holder": holder, ":until": format_instant(until), ":now": now},
            )
            if taken:
                return True
            marked = self._update(
                owner, "SET dirty = :holder", "lease_until >= :now", {":holder": holder, ":now": now}
            )
            if marked or self._get(owner, OWNER_ITEM) is None:
                return False
        raise Unavailable("the lease changed hands again and again")

    def release(self, owner: Owner, holder: str) -> bool:
        """Gives the lease back; if a mark was left meanwhile, keeps it, takes the mark and says False."""
        released = self._update(
            owner,
            "REMOVE lease_holder, lease_until",
            "lease_holder = :holder AND attribute_not_exists(dirty)",
            {":holder": holder},
        )
        if released:
            return True
        # Either a mark was left, or the lease ran out and is somebody else's by now.
        return not self._update(owner, "REMOVE dirty", "lease_holder = :holder", {":holder": holder})

    def due(self, now: datetime, limit: int) -> list[Owner]:
        """Owners whose wake-up is due, the longest overdue first."""
        with unavailable_if_transient():
            answer = self._client.query(
                TableName=self._table,
                IndexName=DUE_INDEX,
                KeyConditionExpression="due = :due AND wake_at <= :now",
                ExpressionAttributeValues={":due": {"S": DUE}, ":now": {"S": format_instant(now)}},
                Limit=limit,
            )
        return [Owner.from_key(item["pk"]["S"]) for item in answer["Items"]]

    def backlog(self, now: datetime) -> Backlog:
        """How many requests are open, and how many of them late."""
        with unavailable_if_transient():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                IndexName=DUE_INDEX,
                KeyConditionExpression="due = :due",
                ExpressionAttributeValues={":due": {"S": DUE}},
            )
            waiting = [item for page in pages for item in page["Items"]]
        late = [item for item in waiting if "late_at" in item and item["late_at"]["S"] <= format_instant(now)]
        return Backlog(len(waiting), len(late))

    def owners_of(self, cluster_name: str) -> list[Owner]:
        """Owners with an open request about a cluster of this name."""
        with unavailable_if_transient():
            answer = self._client.query(
                TableName=self._table,
                IndexName=CLUSTER_INDEX,
                KeyConditionExpression="following = :name",
                ExpressionAttributeValues={":name": {"S": cluster_name}},
            )
        return [Owner.from_key(item["pk"]["S"]) for item in answer["Items"]]

    def _get(self, owner: Owner, sk: str) -> dict[str, Any] | None:
        with unavailable_if_transient():
            answer = self._client.get_item(TableName=self._table, Key=_key(owner, sk), ConsistentRead=True)
        return answer.get("Item")

    def _update(self, owner: Owner, update: str, condition: str, values: dict[str, str]) -> bool:
        with unavailable_if_transient():
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(owner, OWNER_ITEM),
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
                )
            except ClientError as error:
                if error.response["Error"]["Code"] == _CONDITION_FAILED:
                    return False
                raise
        return True

    def _write(
        self,
        owner: Owner,
        record: OwnerRecord,
        revision: int,
        operations: Sequence[OperationRecord],
        overtaken: OwnerRecord | None,
    ) -> bool:
        """Writes everything or nothing; False if somebody else wrote the owner's record since it was read."""
        expires_at = int((self._clock.now() + timedelta(seconds=TOMBSTONE_S)).timestamp())
        writes: list[Any] = [{"Update": self._owner_update(owner, record, revision, expires_at)}]
        writes += [
            {"Put": self._operation_put(operation, record.newest_request_id, expires_at)}
            for operation in operations
        ]
        if overtaken is not None:
            # It was open, so its item is there; a step that is still at it writes it as overtaken, too.
            expiry = {
                "TableName": self._table,
                "Key": _key(owner, _request_item(overtaken.newest_request_id)),
                "UpdateExpression": "SET expires_at = :expires_at",
                "ExpressionAttributeValues": {":expires_at": {"N": str(expires_at)}},
            }
            writes.append({"Update": expiry})
        with unavailable_if_transient():
            try:
                self._client.transact_write_items(TransactItems=writes)
            except ClientError as error:
                if error.response["Error"]["Code"] == _TRANSACTION_CANCELLED:
                    return False
                raise
        return True

    def _owner_update(
        self, owner: Owner, record: OwnerRecord, revision: int, expires_at: int
    ) -> dict[str, Any]:
        """Sets the record's attributes and no other: the lease belongs to whoever holds it."""
        index = {
            "due": {"S": DUE} if record.wake_at is not None else None,
            "wake_at": {"S": format_instant(record.wake_at)} if record.wake_at is not None else None,
            "late_at": {"S": format_instant(record.late_at)} if record.late_at is not None else None,
            "following": {"S": record.following} if record.following else None,
            "expires_at": None if record.is_open or record.clusters else {"N": str(expires_at)},
        }
        values = {
            "document": {"S": json.dumps(to_document(record), separators=(",", ":"))},
            "revision": {"N": str(revision + 1)},
        } | {name: value for name, value in index.items() if value is not None}
        removed = [f"#{name}" for name, value in index.items() if value is None]
        update = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
        if removed:
            update += " REMOVE " + ", ".join(removed)
        return {
            "TableName": self._table,
            "Key": _key(owner, OWNER_ITEM),
            "UpdateExpression": update,
            "ConditionExpression": "#revision = :expected" if revision else "attribute_not_exists(#revision)",
            "ExpressionAttributeNames": {f"#{name}": name for name in (*values, *index)},
            "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}
            | ({":expected": {"N": str(revision)}} if revision else {}),
        }

    def _operation_put(
        self, operation: OperationRecord, newest_request_id: str, expires_at: int
    ) -> dict[str, Any]:
        request = operation.request
        over = operation.progress.phase in {Phase.ANSWERED, Phase.DROPPED}
        item = {
            **_key(request.owner, _request_item(request.request_id)),
            "document": {"S": json.dumps(to_document(operation), separators=(",", ":"), ensure_ascii=False)},
        }
        if over or request.request_id != newest_request_id:
            item["expires_at"] = {"N": str(expires_at)}
        return {"TableName": self._table, "Item": item}


def _is_overtaken(present: OwnerRecord, changed: OwnerRecord) -> bool:
    """Whether a newer request takes the place of one that was not answered."""
    return present.is_open and present.newest_request_id != changed.newest_request_id


def _key(owner: Owner, sk: str) -> dict[str, Any]:
    return {"pk": {"S": owner.key}, "sk": {"S": sk}}


def _request_item(request_id: str) -> str:
    return f"request#{request_id}"
