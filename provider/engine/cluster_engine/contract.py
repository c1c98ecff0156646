"""The contract of docs/reference/engine.md as types: the call, the errors, and the result.

The JSON names of its fields never change. A result is never longer than what Lambda's destinations carry.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, Literal

from jsonschema import Draft202012Validator

from cluster_engine.gate import Gate

CONTRACT = 1
#: Source: docs/reference/engine.md. Lambda's destinations carry 256 KiB, the call included.
RESULT_MAX_BYTES = 128 * 1024
#: Keeps the error itself from filling the result; no sentence is as long.
MESSAGE_MAX_CHARACTERS = 8 * 1024

#: What a call asks for; the contract's field ``operation``.
EngineAction = Literal[
    "create",
    "update",
    "delete",
    "describe",
    "stop-fleet",
    "start-fleet",
    "list-clusters",
    "list-official-images",
    "build-image",
    "describe-image",
    "delete-image",
]
#: Actions that change a stack, and those that read a cluster's compute fleet.
CHANGES: frozenset[EngineAction] = frozenset({"create", "update", "delete", "build-image", "delete-image"})
ABOUT_FLEET: frozenset[EngineAction] = frozenset({"update", "stop-fleet", "start-fleet"})
#: Actions that make or change what somebody must wait for. A deletion is wanted even after the answer, and a
#: stopped fleet is started after it.
AWAITED: frozenset[EngineAction] = frozenset({"create", "update", "build-image", "stop-fleet"})

Code = Literal[
    "ConfigurationInvalid",
    "ClusterRejected",
    "UpdateRejected",
    "BudgetExceeded",
    "NoChanges",
    "AlreadyExists",
    "NotFound",
    "VersionMismatch",
    "ClusterBusy",
    "OtherOwner",
    "Throttled",
    "Fenced",
    "BadRequest",
    "Internal",
]

Result = dict[str, Any]


class CallMalformedError(ValueError):
    """The event is not a call of the contract: a bug of the provider, or another caller."""


class MisdirectedCallError(RuntimeError):
    """The call is for an engine of another version, whose code was replaced while the call was on its way."""


@dataclass(frozen=True)
class Call:
    """One call. The fields are those of docs/reference/engine.md.

    Args:
        action: The contract's ``operation``.
        not_after: An aware instant.
    """

    call_id: str
    action: EngineAction
    owner: dict[str, str]
    request_id: str
    region: str
    cluster_name: str
    stack_id: str | None
    not_after: datetime
    configuration: str
    configuration_tags: dict[str, str]
    stack_tags: dict[str, str]
    arguments: dict[str, Any]
    version: str | None = None
    mark: dict[str, Any] | None = None

    @classmethod
    def parse(cls, event: Any) -> "Call":
        """Returns the call in an event.

        Raises:
            CallMalformedError: The event does not follow the contract; names the place, never the value.
        """
        errors = [error.json_path for error in _validator().iter_errors(event)]
        if errors:
            raise CallMalformedError(f"the event breaks the engine's contract at {', '.join(sorted(errors))}")
        return cls(
            call_id=event["call_id"],
            action=event["operation"],
            owner=event["owner"],
            request_id=event["request_id"],
            region=event["region"],
            cluster_name=event["cluster_name"],
            stack_id=event["stack_id"],
            not_after=parse_instant(event["not_after"]),
            configuration=event["configuration"] or "",
            configuration_tags=event["configuration_tags"],
            stack_tags=event["stack_tags"],
            arguments=event["arguments"],
            version=event.get("version"),
            mark=event.get("mark"),
        )


def parse_instant(text: str) -> datetime:
    """Returns the aware UTC instant of a text of the form ``YYYY-MM-DDThh:mm:ss.sssZ``."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator({"$defs": schema()["$defs"], "$ref": "#/$defs/call"})


def schema() -> dict[str, Any]:
    """Returns the JSON Schema of the contract; its parts are in ``$defs``."""
    path = resources.files("cluster_engine") / "contract.schema.json"
    contract: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return contract


class EngineError(Exception):
    """The engine cannot carry out the call; the code says why, and what the provider may do next.

    Args:
        code: One of the codes of docs/reference/engine.md.
        message: Sentences for the template's author.
        details: Objects whose keys docs/reference/engine.md states per code.
        validation_messages: The messages of the library's validators, all levels.
        change_set: What an update would change.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        details: Sequence[dict[str, Any]] = (),
        validation_messages: Sequence[dict[str, Any]] = (),
        change_set: Sequence[dict[str, Any]] = (),
    ) -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message
        self.details = list(details)
        self.validation_messages = list(validation_messages)
        self.change_set = list(change_set)


class ConfigurationInvalidError(EngineError):
    """The configuration is neither YAML nor JSON, or does not fit the schema. AWS was not called."""

    def __init__(self, message: str, details: Sequence[dict[str, Any]]) -> None:
        super().__init__("ConfigurationInvalid", message, details=details)


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
    """Returns the result with its lists shortened, the longest first, until it fits 128 KiB of JSON."""
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
        "operation": call.action,
        "version": version,
        "stack_id": gate.stack_id,
    }
    if call.action in CHANGES:
        common["sent"] = gate.accepted
    if call.action in ABOUT_FLEET and gate.fleet_status is not None:
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
    """The last item of a shortened list; it has the keys of its neighbours."""
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
