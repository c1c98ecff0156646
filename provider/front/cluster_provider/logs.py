"""Log lines: one JSON object each, masked last of all, and named after what they are about."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger

from cluster_provider.core.bounds import shown
from cluster_provider.core.redact import redact, redact_text


def _serialize(record: dict[str, Any]) -> str:
    """Every log line passes here: what is a credential is masked last of all, wherever it came from."""
    line = redact_text(json.dumps(redact(record), default=str, ensure_ascii=False))
    # Half of a surrogate pair cannot be written; a line that cannot be written is lost.
    return line.encode(errors="backslashreplace").decode()


#: Named like the package, so that every module's logger is its child.
logger = Logger(service="cluster_provider", json_serializer=_serialize)

#: Longest name in a line, in characters: a stack's ARN has fewer.
_NAME_MAX = 300

#: What a line is told apart by, as far as it is known.
_NAMES = ("request_id", "request_type", "stack_id", "logical_id", "cluster_name", "call_id")


def begin_invocation(invocation_id: str) -> None:
    """An invocation begins; its lines carry its id, as those of Lambda itself do."""
    bind_log_context({})
    logger.remove_keys(["wake_up"])
    logger.append_keys(invocation_id=invocation_id)


def bind_source(source: str) -> None:
    """Says what this invocation was woken by."""
    logger.append_keys(wake_up=source)


def bind_log_context(names: Mapping[str, str]) -> None:
    """From here on every line says what it is about, whoever writes it, and nothing of what came before."""
    logger.remove_keys(_NAMES)
    logger.append_keys(**names)


def names_of_request(event: Mapping[str, Any]) -> dict[str, str]:
    """What an event says of itself, before anybody knows whether it is a request."""
    fields = {
        "request_id": "RequestId",
        "request_type": "RequestType",
        "stack_id": "StackId",
        "logical_id": "LogicalResourceId",
    }
    names = {name: shown(event[field], _NAME_MAX) for name, field in fields.items() if event.get(field)}
    properties = event.get("ResourceProperties")
    if isinstance(properties, Mapping) and properties.get("ClusterName"):
        names["cluster_name"] = shown(properties["ClusterName"], _NAME_MAX)
    return names


def names_of_call(call: Any) -> dict[str, str]:
    """The same of an engine's end."""
    if not isinstance(call, Mapping):
        return {}
    fields = ("request_id", "call_id", "cluster_name")
    names = {name: shown(call[name], _NAME_MAX) for name in fields if call.get(name)}
    owner = call.get("owner")
    if not isinstance(owner, Mapping):
        return names
    of_owner = ("stack_id", "logical_id")
    return names | {name: shown(owner[name], _NAME_MAX) for name in of_owner if owner.get(name)}


def route_library_logs() -> None:
    """What libraries and warnings say goes the way of our own lines, and is masked and named like them."""
    logging.captureWarnings(capture=True)
    logging.getLogger().handlers = list(logger.handlers)
    logging.getLogger(logger.service).propagate = False
