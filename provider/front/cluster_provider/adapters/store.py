"""The operations table on DynamoDB: one item per owner, and one per request (items.py)."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from cluster_provider import items
from cluster_provider.core.document import format_instant, from_document
from cluster_provider.core.errors import Unavailable
from cluster_provider.core.identity import Owner
from cluster_provider.core.state import OperationRecord, OwnerRecord, QueueEntry
from cluster_provider.ports import Clock
from cluster_provider.sdk import WRITE_CONFLICT, unavailable_if_transient, why_not_written

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

DUE_INDEX = "due"
CLUSTER_INDEX = "cluster"

#: A closed record expires after this time, in seconds, when no delivery of its request can arrive any longer.
#: Source: AWS Lambda developer guide: asynchronous events are kept for at most 6 hours.
TOMBSTONE_S = 48 * 3600

_WRITE_ATTEMPTS_MAX = 10
_LEASE_ATTEMPTS_MAX = 5
_CONDITION_FAILED = "ConditionalCheckFailedException"
_TRANSACTION_CONFLICT = "TransactionConflictException"

#: Pause before a write is repeated that conflicted with another transaction, in seconds; doubled each time.
_CONFLICT_PAUSE_S = 0.05

#: Maximum number of keys per read. Source: Amazon DynamoDB API reference, BatchGetItem.
_BATCH_MAX = 100


@dataclass(frozen=True)
class _Seen:
    """An owner's record as this process last read or wrote it.

    Args:
        owner: The owner.
        record: The record; None if there is none.
        revision: Its revision; 0 if there is no record.
        released_by: The holder that released the lease with this write; empty if the lease was left alone.
    """

    owner: Owner
    record: OwnerRecord | None
    revision: int
    released_by: str = ""


class DynamoStore:
    """The port Store on a DynamoDB table.

    Args:
        client: The client.
        table: The table's name.
        clock: Gives the time when closed records expire and leases end.
    """

    def __init__(self, client: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._seen: _Seen | None = None

    def load(self, owner: Owner) -> OwnerRecord | None:
        """Returns the owner's record; None if there is none."""
        return self._see(owner, self._get(owner, items.OWNER_ITEM)).record

    def load_operation(self, owner: Owner, request_id: str) -> OperationRecord | None:
        """Returns the record of one request; None if there is none."""
        item = self._get(owner, items.request_item(request_id))
        return from_document(OperationRecord, json.loads(item["document"]["S"])) if item else None

    def change(
        self,
        owner: Owner,
        change: Callable[[OwnerRecord | None], OwnerRecord],
        operations: Sequence[OperationRecord] = (),
        holder: str = "",
    ) -> OwnerRecord:
        """Replaces an owner's record by the result of ``change``, and writes operations in the same step.

        The first attempt uses the record that this process saw last. If that is outdated, the optimistic lock
        refuses the write, and the record is read again.

        Args:
            owner: The owner.
            change: Returns the new record from the present one; it must be pure.
            operations: Records of requests to write in the same step.
            holder: The holder of the lease, which is released in the same step unless the dirty flag is set.

        Raises:
            Unavailable: All attempts met other writers.
        """
        seen = self._seen if self._seen is not None and self._seen.owner == owner else None
        for attempt in range(_WRITE_ATTEMPTS_MAX):
            seen = seen or self._see(owner, self._get(owner, items.OWNER_ITEM))
            changed = change(seen.record)
            refusal = self._write(seen, changed, operations, holder)
            if not refusal:
                self._seen = _Seen(owner, changed, seen.revision + 1, released_by=holder)
                return changed
            if refusal == WRITE_CONFLICT:
                self._clock.sleep(_CONFLICT_PAUSE_S * 2 ** min(attempt, 4))
            # Another writer changed the record or set the dirty flag. The lease is kept: ``release`` reads
            # the flag.
            seen, holder = None, ""
        raise Unavailable(f"{_WRITE_ATTEMPTS_MAX} others wrote at the same time")

    def acquire(self, owner: Owner, holder: str, until: datetime, requeue_at: datetime) -> OwnerRecord | None:
        """Acquires the owner's lease and returns the record; else sets the dirty flag for the present holder.

        Args:
            owner: The owner.
            holder: Name of the new holder.
            until: When the lease ends.
            requeue_at: When the owner is due again if the pass fails, hangs or dies.

        Returns:
            None if the owner has no record, or another holder has the lease.

        Raises:
            Unavailable: Other holders acquired and released the lease during every attempt.
        """
        for _ in range(_LEASE_ATTEMPTS_MAX):
            now = format_instant(self._clock.now())
            taken = self._update(
                owner,
                "SET lease_holder = :holder, lease_until = :until, wake_at = :requeue_at "
                "REMOVE dirty ADD failed_passes :one",
                "attribute_exists(pk) AND (attribute_not_exists(lease_until) OR lease_until < :now)",
                {
                    ":holder": holder,
                    ":until": format_instant(until),
                    ":now": now,
                    ":requeue_at": format_instant(requeue_at),
                    ":one": 1,
                },
            )
            if taken is not None:
                return self._see(owner, taken).record
            marked = self._update(
                owner, "SET dirty = :holder", "lease_until >= :now", {":holder": holder, ":now": now}
            )
            if marked is not None or self._get(owner, items.OWNER_ITEM) is None:
                return None
        raise Unavailable("the lease changed hands again and again")

    def release(self, owner: Owner, holder: str, *, again: bool = True) -> OwnerRecord | None:
        """Releases the lease; if the dirty flag is set, clears it, keeps the lease and returns the record.

        Args:
            owner: The owner.
            holder: Name of the holder.
            again: False to release the lease even if the dirty flag is set; the owner is then due at once.

        Returns:
            The record for another pass; None if the lease is released, or has expired.
        """
        seen = self._seen
        if seen is not None and (seen.owner, seen.released_by) == (owner, holder):
            return None  # the last change released it
        disowned = self._update(
            owner,
            "REMOVE lease_holder, lease_until",
            "lease_holder = :holder AND attribute_not_exists(dirty)",
            {":holder": holder},
        )
        if disowned is not None:
            return None
        # Either the dirty flag is set, or the lease has expired and another holder may have it.
        if not again:
            self._update(
                owner,
                "SET wake_at = :now REMOVE lease_holder, lease_until, dirty",
                "lease_holder = :holder",
                {":holder": holder, ":now": format_instant(self._clock.now())},
            )
            return None
        marked = self._update(owner, "REMOVE dirty", "lease_holder = :holder", {":holder": holder})
        return self._see(owner, marked).record if marked is not None else None

    def waiting(self) -> list[QueueEntry]:
        """Returns all owners with an open request, the longest overdue first, with one paginated query."""
        with unavailable_if_transient():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                IndexName=DUE_INDEX,
                KeyConditionExpression="due = :due",
                ExpressionAttributeValues={":due": {"S": items.DUE}},
            )
            return [items.waiting(item) for page in pages for item in page["Items"]]

    def failed_passes(self, owners: Sequence[Owner]) -> dict[Owner, int]:
        """Returns the number of failed passes in a row, by owner; owners without any are left out."""
        found: dict[Owner, int] = {}
        for begin in range(0, len(owners), _BATCH_MAX):
            keys = [items.key(owner, items.OWNER_ITEM) for owner in owners[begin : begin + _BATCH_MAX]]
            for item in self._read_failed_passes(keys):
                found[Owner.from_key(item["pk"]["S"])] = int(item["failed_passes"]["N"])
        return found

    def _read_failed_passes(self, keys: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        with unavailable_if_transient():
            # DynamoDB may leave keys unprocessed; their owners count as not failed.
            answer = self._client.batch_get_item(
                RequestItems={self._table: {"Keys": keys, "ProjectionExpression": "pk, failed_passes"}}
            )
        items: list[dict[str, Any]] = answer["Responses"].get(self._table, [])
        return [item for item in items if "failed_passes" in item]

    def owners_of(self, cluster_name: str) -> list[Owner]:
        """Returns the owners with an open request about a cluster of this name."""
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
            answer = self._client.get_item(
                TableName=self._table, Key=items.key(owner, sk), ConsistentRead=True
            )
        return answer.get("Item")

    def _see(self, owner: Owner, item: "Mapping[str, Any] | None") -> "_Seen":
        record = from_document(OwnerRecord, json.loads(item["document"]["S"])) if item else None
        self._seen = _Seen(owner, record, int(item["revision"]["N"]) if item else 0)
        return self._seen

    def _update(
        self, owner: Owner, update: str, condition: str, values: dict[str, str | int]
    ) -> "Mapping[str, Any] | None":
        """Updates an owner's item; returns the whole new item, or None if the condition does not hold."""
        for attempt in range(_LEASE_ATTEMPTS_MAX):
            with unavailable_if_transient():
                try:
                    answer = self._client.update_item(
                        TableName=self._table,
                        Key=items.key(owner, items.OWNER_ITEM),
                        UpdateExpression=update,
                        ConditionExpression=condition,
                        ExpressionAttributeValues={
                            name: items.value(value) for name, value in values.items()
                        },
                        ReturnValues="ALL_NEW",
                    )
                except ClientError as error:
                    code = error.response["Error"]["Code"]
                    if code == _CONDITION_FAILED:
                        return None
                    if code == _TRANSACTION_CONFLICT and attempt < _LEASE_ATTEMPTS_MAX - 1:
                        # Another transaction is writing this item, which takes milliseconds.
                        self._clock.sleep(_CONFLICT_PAUSE_S * 2**attempt)
                        continue
                    raise
            return answer["Attributes"]
        raise AssertionError("the last attempt returns or raises")

    def _write(
        self, seen: "_Seen", record: OwnerRecord, operations: Sequence[OperationRecord], holder: str
    ) -> str:
        """Writes everything or nothing.

        Returns:
            Empty if it is written; else why not. Another writer changed the owner's record since it was read,
            set the dirty flag for the holder, or is writing at this moment.

        Raises:
            RecordTooLarge: An item is larger than DynamoDB allows.
            Unavailable: DynamoDB throttles.
        """
        expires_at = int((self._clock.now() + timedelta(seconds=TOMBSTONE_S)).timestamp())
        update = items.owner_update(seen.owner, record, seen.revision, holder, expires_at)
        writes: list[dict[str, Any]] = [{"Update": update}]
        writes += [
            {"Put": items.operation_put(operation, record.newest_request_id, expires_at)}
            for operation in operations
        ]
        if seen.record is not None and _is_superseded(seen.record, record):
            # The superseded request was open, so its item exists. A pass that still works on it also writes
            # it as superseded.
            writes.append({"Update": items.expiry(seen.owner, seen.record.newest_request_id, expires_at)})
        writes = [
            {verb: {"TableName": self._table, **write} for verb, write in item.items()} for item in writes
        ]
        with unavailable_if_transient():
            try:
                self._client.transact_write_items(TransactItems=cast("Any", writes))
            except ClientError as error:
                return why_not_written(error)
        return ""


def _is_superseded(present: OwnerRecord, changed: OwnerRecord) -> bool:
    """Returns whether a newer request supersedes one that was not answered, or whose work had not ended."""
    return present.at_work and present.newest_request_id != changed.newest_request_id
