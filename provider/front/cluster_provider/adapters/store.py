"""The operations table, on DynamoDB: one item per owner, one per request (items.py)."""

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
from cluster_provider.sdk import SOMEBODY_WRITES, unavailable_if_transient, why_not_written

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

DUE_INDEX = "due"
CLUSTER_INDEX = "cluster"

#: A closed record stays until no delivery of its request can arrive any more.
#: Source: AWS Lambda developer guide: asynchronous events are kept for at most 6 hours.
TOMBSTONE_S = 48 * 3600

_WRITE_ATTEMPTS_MAX = 10
_LEASE_ATTEMPTS_MAX = 5
_CONDITION_FAILED = "ConditionalCheckFailedException"
_TRANSACTION_CONFLICT = "TransactionConflictException"

#: The pause before a write is repeated that met somebody else's transaction, in seconds; doubled each time.
_CONFLICT_PAUSE_S = 0.05

#: Most keys of one read. Source: Amazon DynamoDB API reference, BatchGetItem.
_BATCH_MAX = 100


@dataclass(frozen=True)
class _Seen:
    """An owner's record as this process saw it last.

    Args:
        owner: Whose.
        record: The record; None if there is none.
        revision: Its lock's count; 0 if there is none.
        released_by: Who gave the lease back when it was written.
    """

    owner: Owner
    record: OwnerRecord | None
    revision: int
    released_by: str = ""


class DynamoStore:
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
        self._seen: _Seen | None = None

    def load(self, owner: Owner) -> OwnerRecord | None:
        """What is known of an owner."""
        return self._see(owner, self._get(owner, items.OWNER_ITEM)).record

    def load_operation(self, owner: Owner, request_id: str) -> OperationRecord | None:
        """The record of one request."""
        item = self._get(owner, items.request_item(request_id))
        return from_document(OperationRecord, json.loads(item["document"]["S"])) if item else None

    def change(
        self,
        owner: Owner,
        change: Callable[[OwnerRecord | None], OwnerRecord],
        operations: Sequence[OperationRecord] = (),
        holder: str = "",
    ) -> OwnerRecord:
        """Replaces an owner's record by what ``change`` makes of it, writing operations in the same step.

        What was seen last is tried first: the lock tells if it is outdated.
        """
        seen = self._seen if self._seen is not None and self._seen.owner == owner else None
        for attempt in range(_WRITE_ATTEMPTS_MAX):
            seen = seen or self._see(owner, self._get(owner, items.OWNER_ITEM))
            changed = change(seen.record)
            refusal = self._write(seen, changed, operations, holder)
            if not refusal:
                self._seen = _Seen(owner, changed, seen.revision + 1, released_by=holder)
                return changed
            if refusal == SOMEBODY_WRITES:
                self._clock.sleep(_CONFLICT_PAUSE_S * 2 ** min(attempt, 4))
            # Somebody wrote, or left a mark; the mark is for release to find.
            seen, holder = None, ""
        raise Unavailable(f"{_WRITE_ATTEMPTS_MAX} others wrote at the same time")

    def acquire(self, owner: Owner, holder: str, until: datetime, requeue_at: datetime) -> OwnerRecord | None:
        """Takes the owner's lease and returns the record; None if there is none, or somebody holds it."""
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
        """Gives the lease back; if a mark was left, keeps it, takes the mark and returns the record.

        Unless ``again``: then the lease is given back, and the owner is due at once.
        """
        seen = self._seen
        if seen is not None and (seen.owner, seen.released_by) == (owner, holder):
            return None  # with the last change
        disowned = self._update(
            owner,
            "REMOVE lease_holder, lease_until",
            "lease_holder = :holder AND attribute_not_exists(dirty)",
            {":holder": holder},
        )
        if disowned is not None:
            return None
        # Either a mark was left, or the lease ran out and is somebody else's by now.
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
        """Everybody with an open request, the longest overdue first: one query, page by page."""
        with unavailable_if_transient():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                IndexName=DUE_INDEX,
                KeyConditionExpression="due = :due",
                ExpressionAttributeValues={":due": {"S": items.DUE}},
            )
            return [items.waiting(item) for page in pages for item in page["Items"]]

    def failed_passes(self, owners: Sequence[Owner]) -> dict[Owner, int]:
        """How many passes in a row did not end well, by owner; owners with none are left out."""
        found: dict[Owner, int] = {}
        for begin in range(0, len(owners), _BATCH_MAX):
            keys = [items.key(owner, items.OWNER_ITEM) for owner in owners[begin : begin + _BATCH_MAX]]
            for item in self._read_failed_passes(keys):
                found[Owner.from_key(item["pk"]["S"])] = int(item["failed_passes"]["N"])
        return found

    def _read_failed_passes(self, keys: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        with unavailable_if_transient():
            # What DynamoDB has no time for is left out: whoever it is counts as not failed.
            answer = self._client.batch_get_item(
                RequestItems={self._table: {"Keys": keys, "ProjectionExpression": "pk, failed_passes"}}
            )
        items: list[dict[str, Any]] = answer["Responses"].get(self._table, [])
        return [item for item in items if "failed_passes" in item]

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
        """Returns the whole item as it is now; None if the condition does not hold."""
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
                        # Somebody's transaction is about this very item; it takes milliseconds.
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
            Empty if it is written; else why it was not: somebody wrote the owner's record since it was seen,
            or left a mark for the holder, or is writing at this moment.

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
        if seen.record is not None and _is_overtaken(seen.record, record):
            # It was open, so its item is there; a step that is still at it writes it as overtaken, too.
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


def _is_overtaken(present: OwnerRecord, changed: OwnerRecord) -> bool:
    """Whether a newer request takes the place of one that was not answered, or not at its end."""
    return present.at_work and present.newest_request_id != changed.newest_request_id
