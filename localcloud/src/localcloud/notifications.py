"""Notifies listeners of status changes of resources, in order and outside the lock."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from localcloud.clock import clock

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ResourceEvent:
    """A resource changed its status.

    Attributes:
        root_name: Name of the stack at the top of the nesting, which may be the resource's own.
    """

    stack_id: str
    stack_name: str
    root_name: str
    stack_tags: Mapping[str, str]
    logical_id: str
    physical_id: str | None
    resource_type: str
    status: str
    properties: Mapping[str, Any]


Listener = Callable[[ResourceEvent], None]

_listeners: list[Listener] = []
_outbox: deque[Callable[[], None]] = deque()
_delivering = threading.Lock()


def subscribe(listener: Listener) -> None:
    """Calls a listener after each status change of a resource, in order, on a thread of its own.

    The listener may call this cloud's APIs and may block: later notifications wait.
    """
    _listeners.append(listener)


def unsubscribe(listener: Listener) -> None:
    """Ends a subscription."""
    _listeners.remove(listener)


def announce(event: ResourceEvent) -> None:
    """Schedules a call of every listener."""
    for listener in _listeners:
        send(partial(listener, event))


def send(notification: Callable[[], None]) -> None:
    """Queues a call that must not run under the lock."""
    _outbox.append(notification)
    clock.call_later(0, _deliver)


def _deliver() -> None:
    # Deliveries wait for each other, so that the order is kept and nothing stays in the queue.
    with _delivering:
        while _outbox:
            notification = _outbox.popleft()
            try:
                notification()
            except Exception:
                # One listener's fault must neither lose the other notifications nor stop a stack.
                _LOG.exception("a listener to stack events failed")
