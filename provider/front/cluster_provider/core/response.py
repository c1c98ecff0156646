"""The one response to a request, and the signal that may follow: at most 4,096 bytes, whatever is said."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from cluster_provider.core.attributes import messages_text
from cluster_provider.core.errors import ProviderError
from cluster_provider.core.failures import worst_first
from cluster_provider.core.identity import Owner
from cluster_provider.core.progress import Outcome

#: Source: AWS CloudFormation user guide, "Custom resource response objects".
BODY_MAX_BYTES = 4096

_ELLIPSIS = "…"

#: A response's statuses, and what a wait condition calls the second one.
SUCCESS, FAILED, FAILURE = "SUCCESS", "FAILED", "FAILURE"


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
    messages: Sequence[Mapping[str, str]] | None,
    log_group: str,
) -> Outcome:
    """A SUCCESS with its values; validation messages are cut by whole messages, the least severe first.

    Args:
        request: What is answered.
        physical_id: The physical resource id.
        data: The attributes without ``validationMessages``; empty for a Delete.
        messages: ParallelCluster's validation messages; None for a resource that has no such attribute.
        log_group: Where the whole list is logged, named in the last entry of a list that was cut.
    """

    def body(data: Mapping[str, str]) -> str:
        return _body(request, SUCCESS, physical_id, data=data)

    fields = dict(data)
    if data and messages is not None:
        fields["validationMessages"] = _fit_messages(body, data, messages, log_group)
    return Outcome(SUCCESS, physical_id, body(fields))


def failure(request: Addressee, physical_id: str, error: ProviderError, log_group: str) -> Outcome:
    """A FAILED with its reason; of a long one the least important sentences are left out.

    Args:
        request: What is answered.
        physical_id: The physical resource id.
        error: Why it failed.
        log_group: Where the whole reason is logged, named in one that was shortened.
    """

    def body(reason: str) -> str:
        return _body(request, FAILED, physical_id, reason=reason)

    reason = _fit_reason(body, error, log_group)
    return Outcome(FAILED, physical_id, body(reason), error.code, reason)


def signal_success(
    physical_id: str,
    data: Mapping[str, str],
    messages: Sequence[Mapping[str, str]],
    log_group: str,
) -> Outcome:
    """The SUCCESS of a wait condition: the same values, as the JSON text of the signal's ``Data``.

    Its size is bounded like a response's: CloudFormation does not say how long a signal may be.
    """

    def body(data: Mapping[str, str]) -> str:
        text = json.dumps(dict(data), separators=(",", ":"), ensure_ascii=False)
        return _signal(physical_id, SUCCESS, Data=text)

    fields = {**data, "validationMessages": _fit_messages(body, data, messages, log_group)}
    return Outcome(SUCCESS, physical_id, body(fields))


def signal_failure(physical_id: str, error: ProviderError, log_group: str) -> Outcome:
    """The FAILURE of a wait condition with its reason, shortened like a response's."""
    reason = _fit_reason(lambda text: _signal(physical_id, FAILURE, Reason=text), error, log_group)
    return Outcome(FAILURE, physical_id, _signal(physical_id, FAILURE, Reason=reason), error.code, reason)


def _signal(physical_id: str, status: str, **field: str) -> str:
    """Source: AWS CloudFormation user guide, "Using wait conditions"; one unique id is one signal."""
    fields = {"Status": status, "UniqueId": physical_id, **field}
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def _fit_reason(body: Callable[[str], str], error: ProviderError, log_group: str) -> str:
    """The longest text of an error that fits; where even the shortest does not, its beginning."""
    for reason in error.texts(log_group):
        if _size(body(reason)) <= BODY_MAX_BYTES:
            return reason
    excess = _size(body(reason)) - BODY_MAX_BYTES
    while excess > 0:
        # Every character removed frees at least one byte, so this ends.
        reason = reason[: -(excess // 4 + 2)].rstrip() + _ELLIPSIS
        excess = _size(body(reason)) - BODY_MAX_BYTES
    return reason


def _fit_messages(
    body: Callable[[Mapping[str, str]], str],
    data: Mapping[str, str],
    messages: Sequence[Mapping[str, str]],
    log_group: str,
) -> str:
    ranked = worst_first([dict(message) for message in messages])
    for kept in range(len(ranked), -1, -1):
        shown = [*ranked[:kept], *_left_out(len(ranked) - kept, log_group)]
        text = messages_text(shown)
        if _size(body({**data, "validationMessages": text})) <= BODY_MAX_BYTES:
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
