"""Truncates an engine's result to what an answer can use, so that a record fits into its item.

A result has at most 128 KiB (docs/reference/engine.md), an answer 4,096 bytes, and an item of the table
400 KB. The sum behind ``CONFIGURATION_MAX_BYTES`` (core/properties.py) relies on these limits.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cluster_provider.core.attributes import AMI_ATTRIBUTES, CLUSTER_NAMES, IMAGE_ATTRIBUTES
from cluster_provider.core.bounds import clip
from cluster_provider.core.engine import EngineResult, HeadNodeLogs
from cluster_provider.core.failures import worst_first
from cluster_provider.core.identity import OWNER_TAG_PREFIX
from cluster_provider.core.observed import StackFailure
from cluster_provider.core.redact import redact_output
from cluster_provider.core.response import BODY_MAX_BYTES, LEFT_OUT

#: Maximum size of a list of validation messages or of a cluster's failures, in bytes: several times the size
#: of an answer.
LIST_MAX_BYTES = 16_000

#: Maximum number of lines of a head node's logs, and maximum length of each and of what could not be read, in
#: characters. Source: docs/reference/engine.md.
LOG_LINES_MAX, LOG_TEXT_MAX = 8, 500


def truncate_for_storage(result: EngineResult) -> EngineResult:
    """Returns a result without the parts that no answer shows; long lists are cut after whole items.

    The validation messages of a refusal are its reasons, so they are kept in full. Together with the error's
    details they are part of one result, whose size is bounded.
    """
    error = result.error
    messages = result.validation_messages
    return replace(
        result,
        change_set=[],
        cluster=_cluster(result.cluster) if result.cluster is not None else None,
        image=_image(result.image) if result.image is not None else None,
        head_node_logs=_logs(result.head_node_logs) if result.head_node_logs is not None else None,
        validation_messages=_messages(messages) if error is None else messages,
        error=replace(error, message=_clipped(error.message)) if error is not None else None,
    )


def truncate_failure(failure: StackFailure) -> StackFailure:
    """Returns a failed resource, with each text cut to the size of an answer."""
    return replace(
        failure,
        logical_id=_clipped(failure.logical_id),
        resource_type=_clipped(failure.resource_type),
        reason=_clipped(failure.reason),
    )


def _messages(messages: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Returns the most severe messages, and an entry with the number of those left out."""
    ranked = worst_first(messages)
    shown = _fitting(ranked)
    if len(shown) == len(ranked):
        return list(messages)
    count = str(len(ranked) - len(shown))
    return [*shown, {"level": "INFO", "type": LEFT_OUT, "message": f"{count} more left out.", "count": count}]


def _cluster(described: Mapping[str, Any]) -> dict[str, Any]:
    names = (*CLUSTER_NAMES, "headNode", "loginNodes")
    picked = {name: described[name] for name in names if name in described}
    return picked | {"failures": _fitting(described.get("failures") or [])}


def _image(described: Mapping[str, Any]) -> dict[str, Any]:
    picked = {name: described[name] for name in IMAGE_ATTRIBUTES if name in described}
    ami = described.get("ec2AmiInfo")
    if ami is None:
        return picked
    tags = [tag for tag in ami.get("tags") or [] if str(tag.get("key")).startswith(OWNER_TAG_PREFIX)]
    return picked | {"ec2AmiInfo": {name: ami.get(name) for name in AMI_ATTRIBUTES.values()} | {"tags": tags}}


def _logs(logs: HeadNodeLogs) -> HeadNodeLogs:
    """Returns the lines of a head node's logs without credentials, which scripts print."""
    lines = [
        {"log": clip(line.get("log", "")), "text": clip(redact_output(line.get("text", "")), LOG_TEXT_MAX)}
        for line in logs.lines[:LOG_LINES_MAX]
    ]
    return HeadNodeLogs(lines, clip(redact_output(logs.unread), LOG_TEXT_MAX))


def _fitting(items: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Returns as many of the first items as fit, with each text cut to the size of an answer."""
    fitting: list[dict[str, str]] = []
    room = LIST_MAX_BYTES
    for item in items:
        clipped = {name: _clipped(text) for name, text in item.items()}
        room -= len(json.dumps(clipped, ensure_ascii=False).encode())
        if room < 0:
            break
        fitting.append(clipped)
    return fitting


def _clipped(text: str) -> str:
    if len(text.encode()) <= BODY_MAX_BYTES:
        return text
    return text.encode()[: BODY_MAX_BYTES - 3].decode(errors="ignore") + "…"
