"""Wait conditions: a handle receives signals, and a condition waits for a number of them."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from localcloud.cloudformation.resource import (
    Cancel,
    Handler,
    Made,
    Progress,
    Target,
    no_attribute,
    no_cancel,
)
from localcloud.cloudformation.response_endpoint import Expectation, response_endpoint
from localcloud.cloudformation.response_urls import signal_host
from localcloud.cloudformation.steps import schedule

#: Longer than the longest wait. Source: AWS::CloudFormation::WaitCondition, Timeout.
_URL_EXPIRES_S = 2 * 43_200


@dataclass(frozen=True)
class Signal:
    """A signal that a handle received."""

    status: str
    reason: str
    unique_id: str
    data: str


@dataclass
class _Handle:
    expectation: Expectation | None = None
    signals: dict[str, Signal] = field(default_factory=dict)
    listeners: list[Callable[[], None]] = field(default_factory=list)

    def take(self, signal: Signal) -> None:
        # A unique id counts once, with its first word.
        self.signals.setdefault(signal.unique_id, signal)
        for listener in list(self.listeners):
            listener()


_handles: dict[str, _Handle] = {}


def signal_wait_handle(handle: str, status: str, reason: str, unique_id: str, data: str) -> None:
    """Signals a wait condition as its handle's URL would.

    Args:
        handle: The physical id of the handle, which is its URL.
        status: ``SUCCESS`` or ``FAILURE``.
        reason: Why, for a failure.
        unique_id: Counts once for each handle.
        data: What ``Fn::GetAtt`` of ``Data`` shows for this signal.

    Raises:
        KeyError: There is no such handle.
    """
    taker = _handles[handle]
    schedule(lambda: taker.take(Signal(status, reason, unique_id, data)))


def _parse(body: bytes) -> Signal | None:
    try:
        document = json.loads(body)
        status, unique_id = document["Status"], document["UniqueId"]
    except (ValueError, KeyError, TypeError):
        return None
    if status not in {"SUCCESS", "FAILURE"}:
        return None
    return Signal(status, str(document.get("Reason", "")), str(unique_id), str(document.get("Data", "")))


class _UnchangingHandler(Handler):
    """A handler of what is replaced by hand only: a new wait needs a new condition and a new handle."""

    def update(self, target: Target, made: Made, progress: Progress) -> Cancel:  # noqa: ARG002 - always refused
        """Fails."""
        progress.failed(f"Update to resource type {target.resource_type} is not supported.")
        return no_cancel

    def restore(self, before: Made, made: Made, progress: Progress) -> Cancel:  # noqa: ARG002 - as it was
        """Completes at once, since there are no updates."""
        progress.succeeded(before)
        return no_cancel


class WaitHandleHandler(_UnchangingHandler):
    """Creates the URLs that receive signals."""

    def create(self, target: Target, progress: Progress) -> Cancel:
        """Signs a URL."""
        handle = _Handle()

        def receive(body: bytes) -> None:
            # A body that is not a signal is ignored, and its condition times out.
            if signal := _parse(body):
                handle.take(signal)

        stack, region = target.stack, target.stack.region_name
        # Source: a handle recorded in November 2025 has an id of its own before its name.
        key = f"{stack.id}/{uuid.uuid4()}/{target.logical_id}"
        handle.expectation = response_endpoint.expect(
            signal_host(region), key, region, receive=receive, expires_s=_URL_EXPIRES_S
        )
        url = handle.expectation.url
        _handles[url] = handle
        made = Made(target, url, handle)
        progress.initiated(made)
        progress.succeeded(made)
        return no_cancel

    def delete(self, made: Made, progress: Progress) -> Cancel:
        """Ignores further signals."""
        handle = _handles.pop(made.physical_id, None)
        if handle is not None and handle.expectation is not None:
            handle.expectation.close()
        progress.succeeded()
        return no_cancel


class WaitConditionHandler(_UnchangingHandler):
    """Waits for signals; ``made.state`` is the handle."""

    def create(self, target: Target, progress: Progress) -> Cancel:
        """Waits for enough signals, for one failure, or for the time-out."""
        properties = target.properties
        handle = _handles.get(str(properties.get("Handle")))
        if handle is None or "Timeout" not in properties:
            progress.failed("WaitCondition needs the Handle of a WaitConditionHandle, and a Timeout")
            return no_cancel
        count = int(properties.get("Count", 1))
        made = Made(target, f"{target.stack.id}/{target.logical_id}", handle)

        def judge() -> None:
            failures = [s for s in handle.signals.values() if s.status == "FAILURE"]
            if failures:
                stop()
                first = failures[0]
                progress.failed(
                    f"WaitCondition received failed message: '{first.reason}' "
                    f"for uniqueId: {first.unique_id}",
                    made,
                )
            elif len(handle.signals) >= count:
                stop()
                progress.succeeded(made)

        def time_out() -> None:
            stop()
            received = len(handle.signals)
            progress.failed(
                f"WaitCondition timed out. Received {received} conditions when expecting {count}", made
            )

        def stop() -> None:
            timer.cancel()
            if judge in handle.listeners:
                handle.listeners.remove(judge)

        timer = schedule(time_out, delay_s=float(properties["Timeout"]))
        handle.listeners.append(judge)
        progress.initiated(made)
        judge()
        return stop

    def delete(self, made: Made, progress: Progress) -> Cancel:  # noqa: ARG002 - there is nothing to remove
        """Completes at once."""
        progress.succeeded()
        return no_cancel

    def attribute(self, made: Made, name: str) -> Any:
        """Returns ``Data``: a JSON map of unique ids to what was signalled."""
        if name != "Data":
            raise no_attribute(made, name)
        return json.dumps({s.unique_id: s.data for s in made.state.signals.values()}, separators=(",", ":"))
