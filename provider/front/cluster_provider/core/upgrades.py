"""Converts documents of earlier releases, so that an upgrade can continue requests in progress."""

from collections.abc import Mapping
from typing import Any

from cluster_provider.core import ledger
from cluster_provider.core.engine import READS, EngineAction

#: Fields about engine calls in documents of releases without a ledger.
_BEFORE_LEDGER = frozenset(
    {
        "attempts",
        "call",
        "fleet_calls",
        "deleted",
        "description",
        "described_at",
        "described_by",
        "not_described",
        "describe_failures",
    }
)


def upgrade_progress(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the progress with a ledger; unchanged if it has one, or if it has no fields about calls.

    Args:
        document: ``Progress``, as it was stored.
    """
    if "ledger" in document or not _BEFORE_LEDGER & document.keys():
        return document
    own, calls = document.get("cluster_name", ""), dict[str, dict[str, Any]]()
    for counted_as, count in (document.get("attempts") or {}).items():
        action, _, name = counted_as.partition(" ")
        calls[_key(action, name or own)] = {"tries": count}
    for name in document.get("deleted") or []:
        _history(calls, "delete-image", name)["last"] = _deleted(document, name)
    for call in [document.get("call"), *(document.get("fleet_calls") or {}).values()]:
        if call is not None:
            _history(calls, call["operation"], call["cluster_name"])["last"] = call
    if document.get("described_at") is not None:
        action = next((action for action in READS if action in calls), EngineAction.DESCRIBE)
        _history(calls, action, own).update(_read(document, action))
    kept = {name: value for name, value in document.items() if name not in _BEFORE_LEDGER}
    return {**kept, "ledger": calls}


def _key(action: str, subject: str) -> str:
    return ledger.key(EngineAction(action), subject)


def _history(calls: dict[str, dict[str, Any]], action: str, subject: str) -> dict[str, Any]:
    return calls.setdefault(_key(action, subject), {})


def _call(document: Mapping[str, Any], action: str, name: str, **facts: Any) -> dict[str, Any]:
    """Returns a call of which only the result was stored."""
    at = document["accepted_at"]
    unknown = {"call_id": "", "request_id": "", "sent_at": at, "not_after": at, "ended_at": at}
    return {**unknown, "operation": action, "cluster_name": name, **facts}


def _deleted(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    return _call(document, "delete-image", name, result={"status": "succeeded"})


def _read(document: Mapping[str, Any], action: str) -> dict[str, Any]:
    error = document.get("not_described")
    last = _call(
        document,
        action,
        document.get("cluster_name", ""),
        call_id=document.get("described_by", ""),
        ended_at=document["described_at"],
        result={"status": "failed" if error else "succeeded", "error": error},
    )
    return {
        "last": last,
        "found": document.get("description"),
        "failures": document.get("describe_failures", 0),
    }
