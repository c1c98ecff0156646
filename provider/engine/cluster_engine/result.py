"""The result: what the engine returns, as docs/engine.md defines it, never too long for a destination."""

import json
from typing import Any

from cluster_engine.call import Call
from cluster_engine.errors import EngineError
from cluster_engine.gate import Gate

CONTRACT = 1
#: Source: docs/engine.md. Lambda's destinations carry 256 KiB, and they carry the call as well.
RESULT_MAX_BYTES = 128 * 1024
#: One sentence longer than this is no sentence; keeps the error itself from filling the result.
MESSAGE_MAX_CHARACTERS = 8 * 1024

#: Operations that change a stack, and those that look at a cluster's compute fleet.
CHANGES = frozenset({"create", "update", "delete", "build-image", "delete-image"})
ABOUT_FLEET = frozenset({"update", "stop-fleet", "start-fleet"})

Result = dict[str, Any]


def succeeded(call: Call, version: str, gate: Gate, outcome: Result) -> Result:
    """Returns the result of a call that was carried out."""
    return fit(_common(call, version, gate) | {"status": "succeeded"} | outcome)


def failed(call: Call, version: str, gate: Gate, error: EngineError) -> Result:
    """Returns the result of a call that was refused or went wrong."""
    described: Result = {"code": error.code, "message": _cut(error.message)}
    if error.details:
        described["details"] = error.details
    if gate.denied:
        described["denied"] = gate.denied
    lists = {"validation_messages": error.validation_messages, "change_set": error.change_set}
    found = {name: items for name, items in lists.items() if items}
    return fit(_common(call, version, gate) | {"status": "failed", "error": described} | found)


def fit(result: Result) -> Result:
    """Returns the result with its lists cut, the longest first, until it is at most 128 KiB of JSON."""
    error = result.get("error", {})
    holders = [(error, "details"), (result, "change_set"), (result, "validation_messages")]
    present = [(holder, name) for holder, name in holders if holder.get(name)]
    while (excess := size_bytes(result) - RESULT_MAX_BYTES) > 0 and present:
        holder, name = max(present, key=lambda place: size_bytes(place[0][place[1]]))
        present.remove((holder, name))
        holder[name] = _shortened(name, holder[name], excess)
    return result


def size_bytes(value: Any) -> int:
    """Returns the length of the value's JSON as Lambda sends it, in bytes."""
    return len(json.dumps(value).encode())


def _common(call: Call, version: str, gate: Gate) -> Result:
    common: Result = {
        "contract": CONTRACT,
        "call_id": call.call_id,
        "operation": call.operation,
        "version": version,
        "stack_id": gate.stack_id,
    }
    if call.operation in CHANGES:
        common["sent"] = gate.accepted
    if call.operation in ABOUT_FLEET and gate.fleet_status is not None:
        common["fleet_status"] = gate.fleet_status
    return common


def _shortened(name: str, items: list[dict[str, Any]], excess_bytes: int) -> list[dict[str, Any]]:
    room = size_bytes(items) - excess_bytes - size_bytes([_missing(name, len(items))])
    kept: list[dict[str, Any]] = []
    for item in items:
        room -= size_bytes(item) + len(", ")
        if room < 0:
            break
        kept.append(item)
    return [*kept, _missing(name, len(items) - len(kept))]


def _missing(name: str, count: int) -> dict[str, Any]:
    """The item at the end of a list that was cut; it has the keys of its neighbours."""
    note = f"{count} more not shown: the list is too long"
    return {
        "validation_messages": {"level": "INFO", "type": "Shortened", "message": note},
        "change_set": {"parameter": note, "currentValue": "", "requestedValue": ""},
        "details": {"path": "", "value": "", "expected": note, "message": note},
    }[name]


def _cut(message: str) -> str:
    if len(message) <= MESSAGE_MAX_CHARACTERS:
        return message or "no message was given"
    return message[: MESSAGE_MAX_CHARACTERS - 1] + "…"
