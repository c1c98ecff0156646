"""The call: one attempt that the provider asks of the engine, as docs/engine.md defines it."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator


class CallMalformedError(ValueError):
    """The event is not a call of the contract; the provider made a mistake, or somebody else called."""


class MisdirectedCallError(RuntimeError):
    """The call is for an engine of another version, whose code was replaced while the call was on its way."""


@dataclass(frozen=True)
class Call:
    """One call. The fields are those of docs/engine.md; ``not_after`` is an aware instant."""

    call_id: str
    operation: str
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
        """Returns the call an event holds.

        Raises:
            CallMalformedError: The event does not follow the contract; names the place, never the value.
        """
        errors = [error.json_path for error in _validator().iter_errors(event)]
        if errors:
            raise CallMalformedError(f"the event breaks the engine's contract at {', '.join(sorted(errors))}")
        return cls(
            call_id=event["call_id"],
            operation=event["operation"],
            owner=event["owner"],
            request_id=event["request_id"],
            region=event["region"],
            cluster_name=event["cluster_name"],
            stack_id=event["stack_id"],
            not_after=datetime.strptime(event["not_after"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC),
            configuration=event["configuration"] or "",
            configuration_tags=event["configuration_tags"],
            stack_tags=event["stack_tags"],
            arguments=event["arguments"],
            version=event.get("version"),
            mark=event.get("mark"),
        )


@cache
def _validator() -> Draft202012Validator:
    path = resources.files("cluster_engine") / "contract.schema.json"
    contract = json.loads(path.read_text(encoding="utf-8"))
    return Draft202012Validator({"$defs": contract["$defs"], "$ref": "#/$defs/call"})
