"""The layout of the operations table: one item per owner, and one per request.

``pk`` is the owner's key. ``sk`` is ``owner`` or ``request#ID``. ``document`` has the record as JSON. The
other attributes are those that DynamoDB must read:

- ``revision``: the optimistic lock.
- ``due``, ``wake_at``, ``late_at``, ``watching`` and ``act_by``: the index of owners that wait.
- ``following``: the index by cluster name.
- ``lease_holder``, ``lease_until`` and ``dirty``: the lease and its dirty flag.
- ``failed_passes``: the number of failed passes in a row.
- ``expires_at``: the time to live.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cluster_provider.core.document import format_instant, parse_instant, to_document
from cluster_provider.core.identity import Owner
from cluster_provider.core.state import OperationRecord, OwnerRecord, Phase, QueueEntry

OWNER_ITEM = "owner"

#: All waiting owners are in one partition of the index, so that one query finds those that are due.
DUE = "open"


def key(owner: Owner, sk: str) -> dict[str, Any]:
    """Returns the key of an owner's item."""
    return {"pk": {"S": owner.key}, "sk": {"S": sk}}


def request_item(request_id: str) -> str:
    """Returns the sort key of a request's item."""
    return f"request#{request_id}"


def value(of: str | int) -> dict[str, str]:
    """Returns a text or a number in DynamoDB's form."""
    return {"N": str(of)} if isinstance(of, int) else {"S": of}


def owner_update(
    owner: Owner, record: OwnerRecord, revision: int, holder: str, expires_at: int
) -> dict[str, Any]:
    """Returns the update that stores an owner's record, and releases the lease if a holder is named.

    Args:
        owner: The owner.
        record: The record.
        revision: Revision of the record that this one replaces; 0 for a new owner.
        holder: Holder of the lease to release; empty to leave the lease alone. The update fails if the dirty
            flag is set.
        expires_at: When an item that need not last expires, in seconds since 1970.
    """
    index = {
        "due": {"S": DUE} if record.requeue_at is not None else None,
        "wake_at": {"S": format_instant(record.requeue_at)} if record.requeue_at is not None else None,
        "late_at": {"S": format_instant(record.half_time_at)} if record.half_time_at is not None else None,
        "watching": {"S": record.watching} if record.watching else None,
        "act_by": {"S": format_instant(record.deadline_at)} if record.deadline_at is not None else None,
        "following": {"S": record.following} if record.following else None,
        "expires_at": None if record.lasts else {"N": str(expires_at)},
    }
    values = {"document": {"S": _document(record)}, "revision": {"N": str(revision + 1)}}
    values |= {name: attribute for name, attribute in index.items() if attribute is not None}
    removed = [f"#{name}" for name, attribute in index.items() if attribute is None]
    if not record.is_answering:
        # The pass succeeded. While an answer is being sent, the count stays, because sending may fail again.
        removed.append("failed_passes")
    condition = "#revision = :expected" if revision else "attribute_not_exists(#revision)"
    expected: dict[str, Any] = {":expected": {"N": str(revision)}} if revision else {}
    if holder:
        removed += ["lease_holder", "lease_until"]
        condition += " AND lease_holder = :holder AND attribute_not_exists(dirty)"
        expected[":holder"] = {"S": holder}
    update = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
    if removed:
        update += " REMOVE " + ", ".join(removed)
    return {
        "Key": key(owner, OWNER_ITEM),
        "UpdateExpression": update,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {f"#{name}": name for name in (*values, *index)},
        "ExpressionAttributeValues": {f":{name}": attribute for name, attribute in values.items()} | expected,
    }


def operation_put(operation: OperationRecord, newest_request_id: str, expires_at: int) -> dict[str, Any]:
    """Returns the write of a request's item, which expires once the request has ended or is superseded.

    Args:
        operation: The request and the work on it.
        newest_request_id: The owner's newest request.
        expires_at: When an ended or superseded request expires, in seconds since 1970.
    """
    request = operation.request
    over = operation.progress.phase in {Phase.ANSWERED, Phase.DROPPED}
    item = {
        **key(request.owner, request_item(request.request_id)),
        "document": {"S": _document(operation)},
    }
    if over or request.request_id != newest_request_id:
        item["expires_at"] = {"N": str(expires_at)}
    return {"Item": item}


def expiry(owner: Owner, request_id: str, expires_at: int) -> dict[str, Any]:
    """Returns the update that makes a request's item expire.

    Args:
        owner: The owner.
        request_id: The request.
        expires_at: When the item expires, in seconds since 1970.
    """
    return {
        "Key": key(owner, request_item(request_id)),
        "UpdateExpression": "SET expires_at = :expires_at",
        "ExpressionAttributeValues": {":expires_at": {"N": str(expires_at)}},
    }


def waiting(item: Mapping[str, Any]) -> QueueEntry:
    """Returns the queue entry of an owner, from an item of the index."""

    def instant(name: str) -> datetime | None:
        return parse_instant(item[name]["S"]) if name in item else None

    return QueueEntry(
        owner=Owner.from_key(item["pk"]["S"]),
        requeue_at=parse_instant(item["wake_at"]["S"]),
        half_time_at=instant("late_at"),
        watching=item["watching"]["S"] if "watching" in item else None,
        deadline_at=instant("act_by"),
    )


def _document(record: OwnerRecord | OperationRecord) -> str:
    return json.dumps(to_document(record), separators=(",", ":"), ensure_ascii=False)
