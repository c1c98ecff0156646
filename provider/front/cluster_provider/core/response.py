"""The one response to a request: at most 4,096 bytes, whatever has to be said."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from cluster_provider.core.attributes import messages_text
from cluster_provider.core.failures import worst_first
from cluster_provider.core.identity import Owner
from cluster_provider.core.progress import Outcome

#: Source: AWS CloudFormation user guide, "Custom resource response objects".
BODY_MAX_BYTES = 4096

_ELLIPSIS = "…"

SUCCESS, FAILED = "SUCCESS", "FAILED"


class Addressee(Protocol):
    """What is answered: the fields that a response copies unchanged."""

    @property
    def owner(self) -> Owner:
        """The resource."""
        ...

    @property
    def request_id(self) -> str:
        """CloudFormation's id of the request."""
        ...


def success(
    request: Addressee,
    physical_id: str,
    data: Mapping[str, str],
    messages: Sequence[Mapping[str, str]],
    log_group: str,
) -> Outcome:
    """A SUCCESS with its values; validation messages are cut by whole messages, the least severe first.

    Args:
        request: What is answered.
        physical_id: The physical resource id.
        data: The attributes without ``validationMessages``; empty for a Delete.
        messages: ParallelCluster's validation messages.
        log_group: Where the whole list is logged, named in the last entry of a list that was cut.
    """
    fields = dict(data)
    if data:
        fields["validationMessages"] = _fit_messages(request, physical_id, data, messages, log_group)
    return Outcome(SUCCESS, physical_id, _body(request, SUCCESS, physical_id, data=fields))


def failure(request: Addressee, physical_id: str, reason: str, code: str) -> Outcome:
    """A FAILED with its reason; a long one loses its end, since the root cause comes first."""
    body = _body(request, FAILED, physical_id, reason=reason)
    excess = _size(body) - BODY_MAX_BYTES
    while excess > 0:
        # Every character removed frees at least one byte, so this ends.
        reason = reason[: -(excess // 4 + 2)].rstrip() + _ELLIPSIS
        body = _body(request, FAILED, physical_id, reason=reason)
        excess = _size(body) - BODY_MAX_BYTES
    return Outcome(FAILED, physical_id, body, code, reason)


def _fit_messages(
    request: Addressee,
    physical_id: str,
    data: Mapping[str, str],
    messages: Sequence[Mapping[str, str]],
    log_group: str,
) -> str:
    ranked = worst_first([dict(message) for message in messages])
    for kept in range(len(ranked), -1, -1):
        shown = [*ranked[:kept], *_left_out(len(ranked) - kept, log_group)]
        text = messages_text(shown)
        body = _body(request, SUCCESS, physical_id, data={**data, "validationMessages": text})
        if _size(body) <= BODY_MAX_BYTES:
            return text
    return "[]"


def _left_out(count: int, log_group: str) -> list[dict[str, str]]:
    if count == 0:
        return []
    text = f"{count} more left out; all are in log group {log_group}."
    return [{"level": "INFO", "type": "LeftOut", "message": text}]


def _body(
    request: Addressee, status: str, physical_id: str, reason: str = "", data: Mapping[str, str] | None = None
) -> str:
    fields: dict[str, Any] = {
        "Status": status,
        "PhysicalResourceId": physical_id,
        "StackId": request.owner.stack_id,
        "RequestId": request.request_id,
        "LogicalResourceId": request.owner.logical_id,
    }
    if reason:
        fields["Reason"] = reason
    if data:
        fields["Data"] = dict(data)
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def _size(body: str) -> int:
    return len(body.encode())
