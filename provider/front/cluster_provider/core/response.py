"""Responses to requests and signals to wait conditions, each of at most 4,096 bytes.

Every answer is built here. What does not fit is left out in a fixed order, the least important first.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from cluster_provider.core.attributes import messages_text
from cluster_provider.core.errors import ProviderError
from cluster_provider.core.failures import worst_first
from cluster_provider.core.identity import Owner
from cluster_provider.core.state import Outcome

#: Maximum size of a response, in bytes.
#: Source: AWS CloudFormation user guide, "Custom resource response objects".
BODY_MAX_BYTES = 4096

_ELLIPSIS = "…"

#: Type of the provider's message about messages or values that were left out.
LEFT_OUT = "LeftOut"

#: Attribute that is ``true`` if values were left out; not every resource has it.
_SHORTENED = "isShortened"

#: The statuses of a response. A wait condition's status of a failure is FAILURE.
SUCCESS, FAILED, FAILURE = "SUCCESS", "FAILED", "FAILURE"


class Addressee(Protocol):
    """The fields of a request that a response repeats unchanged."""

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
    """Returns a SUCCESS with as many values as fit.

    Whole validation messages are left out first, the least severe first. After that, the values of whole
    login pools are emptied, the last pool first. The names of the values stay.

    Args:
        request: The request.
        physical_id: The physical resource id.
        data: The attributes without ``validationMessages``; empty for a Delete.
        messages: Validation messages; None for a resource without that attribute.
        log_group: The log group that has all messages; the last entry of a shortened list names it.
    """

    def body(data: Mapping[str, str]) -> str:
        return _body(request, SUCCESS, physical_id, data=data)

    fields = _fit(body, data, messages, log_group) if data else {}
    return Outcome(SUCCESS, physical_id, body(fields))


def failure(request: Addressee, physical_id: str, error: ProviderError, log_group: str) -> Outcome:
    """Returns a FAILED with its reason, without the least important sentences if it is too long.

    Args:
        request: The request.
        physical_id: The physical resource id.
        error: The error.
        log_group: The log group that has the full reason; a shortened reason names it.
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
    """Returns the SUCCESS of a wait condition, with the same values as JSON text in the signal's ``Data``.

    CloudFormation documents no maximum size of a signal, so a response's is used.

    Args:
        physical_id: The physical resource id, which is the signal's unique id.
        data: The attributes without ``validationMessages``.
        messages: Validation messages.
        log_group: The log group that has all messages.
    """

    def body(data: Mapping[str, str]) -> str:
        text = json.dumps(dict(data), separators=(",", ":"), ensure_ascii=False)
        return _signal(physical_id, SUCCESS, Data=text)

    return Outcome(SUCCESS, physical_id, body(_fit(body, data, messages, log_group)))


def signal_failure(physical_id: str, error: ProviderError, log_group: str) -> Outcome:
    """Returns the FAILURE of a wait condition with its reason, shortened like a response's.

    Args:
        physical_id: The physical resource id, which is the signal's unique id.
        error: The error.
        log_group: The log group that has the full reason.
    """
    reason = _fit_reason(lambda text: _signal(physical_id, FAILURE, Reason=text), error, log_group)
    return Outcome(FAILURE, physical_id, _signal(physical_id, FAILURE, Reason=reason), error.code, reason)


def _signal(physical_id: str, status: str, **field: str) -> str:
    """Returns the text of a signal; each unique id counts as one signal.

    Source: AWS CloudFormation user guide, "Using wait conditions".
    """
    fields = {"Status": status, "UniqueId": physical_id, **field}
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def _fit_reason(body: Callable[[str], str], error: ProviderError, log_group: str) -> str:
    """Returns the longest text of an error that fits; if none fits, the beginning of the shortest."""
    for reason in error.texts(log_group):
        if _size(body(reason)) <= BODY_MAX_BYTES:
            return reason
    while (excess := _size(body(reason)) - BODY_MAX_BYTES) > 0:
        if reason in {"", _ELLIPSIS}:
            raise ValueError("the fields that a response repeats leave no room for a reason")
        # Each round removes at least two characters, the previous ellipsis among them, and adds one ellipsis.
        # The text therefore gets shorter in every round.
        reason = reason[: -(excess // 4 + 2)].rstrip() + _ELLIPSIS
    return reason


def _fit(
    body: Callable[[Mapping[str, str]], str],
    data: Mapping[str, str],
    messages: Sequence[Mapping[str, str]] | None,
    log_group: str,
) -> dict[str, str]:
    """Returns the values that fit, and the messages if the resource has that attribute."""
    groups = _least_needed_first(data)
    values = dict(data)
    for count in range(len(groups) + 1):
        emptied = groups[:count]
        values = {name: "" if _group(name) in emptied else value for name, value in data.items()}
        if emptied and _SHORTENED in data:
            values[_SHORTENED] = "true"
        if messages is None and _size(body(values)) <= BODY_MAX_BYTES:
            return values
        if messages is not None:
            fitted = _fit_messages(body, values, messages, _no_room(emptied), log_group)
            if fitted is not None:
                return {**values, "validationMessages": fitted}
    return values if messages is None else {**values, "validationMessages": "[]"}


def _least_needed_first(data: Mapping[str, str]) -> list[str]:
    """Returns groups of attributes in the order in which they are emptied: the last login pool first."""
    groups = list(dict.fromkeys(map(_group, reversed(list(data)))))
    return sorted(groups, key=lambda group: not group.rpartition(".")[2].isdecimal())


def _group(name: str) -> str:
    """Returns the group of an attribute: ``loginNodes.9`` for ``loginNodes.9.address``."""
    return name.rpartition(".")[0]


def _no_room(emptied: Sequence[str]) -> list[dict[str, str]]:
    if not emptied:
        return []
    names = ", ".join(group or "the cluster" for group in emptied)
    text = f"The values of {names} have no room in {BODY_MAX_BYTES} bytes."
    return [{"level": "WARNING", "type": LEFT_OUT, "message": text}]


def _fit_messages(
    body: Callable[[Mapping[str, str]], str],
    data: Mapping[str, str],
    messages: Sequence[Mapping[str, str]],
    notes: Sequence[Mapping[str, str]],
    log_group: str,
) -> str | None:
    """Returns as many messages as fit, after the notes, and the number left out; None if nothing fits."""
    missing = sum(int(message["count"]) for message in messages if "count" in message)
    ranked = worst_first([dict(message) for message in messages if "count" not in message])
    for kept in range(len(ranked), -1, -1):
        shown = [*notes, *ranked[:kept], *_left_out(missing + len(ranked) - kept, log_group)]
        text = messages_text(shown)
        if _size(body({**data, "validationMessages": text})) <= BODY_MAX_BYTES:
            return text
    return None


def _left_out(count: int, log_group: str) -> list[dict[str, str]]:
    if count == 0:
        return []
    text = f"{count} more left out; all are in log group {log_group}."
    return [{"level": "INFO", "type": LEFT_OUT, "message": text}]


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
