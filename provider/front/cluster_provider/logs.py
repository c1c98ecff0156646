"""Log lines: one JSON object each, with credentials masked and the request named in every line."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger

from cluster_provider.core.bounds import shown
from cluster_provider.core.redact import redact, redact_text


def _serialize(record: dict[str, Any]) -> str:
    """Returns a log record as a line; every line passes through here, so credentials are masked last."""
    line = redact_text(json.dumps(redact(record), default=str, ensure_ascii=False))
    # A line with half of a surrogate pair cannot be encoded, and would be lost.
    return line.encode(errors="backslashreplace").decode()


#: Has the package's name, so that the logger of every module is its child.
logger = Logger(service="cluster_provider", json_serializer=_serialize)

#: Maximum length of a name in a line, in characters. The ARN of a stack is shorter.
_NAME_MAX = 300

#: Names that a line may carry, as far as they are known.
_NAMES = ("request_id", "request_type", "stack_id", "logical_id", "cluster_name", "call_id")


def begin_invocation(invocation_id: str) -> None:
    """Starts the log of an invocation: its lines carry the invocation's id, as Lambda's own lines do."""
    bind_log_context({})
    logger.remove_keys(["wake_up"])
    logger.append_keys(invocation_id=invocation_id)


def bind_source(source: str) -> None:
    """Adds the source of the wake-up to all further lines of this invocation."""
    logger.append_keys(wake_up=source)


def bind_log_context(names: Mapping[str, str]) -> None:
    """Sets the names that all further lines carry, and removes those set before."""
    logger.remove_keys(_NAMES)
    logger.append_keys(**names)


def names_of_request(event: Mapping[str, Any]) -> dict[str, str]:
    """Returns the names in an event that is not yet known to be a request."""
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
    """Returns the names in an engine call; empty if it has none."""
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
    """Sends log lines and warnings of libraries through this logger, which masks and names them."""
    logging.captureWarnings(capture=True)
    logging.getLogger().handlers = list(logger.handlers)
    logging.getLogger(logger.service).propagate = False
