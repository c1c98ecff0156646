"""Tells others about status changes: outside the lock, in the order in which they happened."""

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
    """A resource took on a status.

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
    """Has a listener called after each status change of a resource, on a thread of its own, in order.

    The listener may call this cloud's APIs, and it may take its time: later notifications wait.
    """
    _listeners.append(listener)


def unsubscribe(listener: Listener) -> None:
    """Ends a subscription."""
    _listeners.remove(listener)


def announce(event: ResourceEvent) -> None:
    """Tells every listener, soon."""
    for listener in _listeners:
        send(partial(listener, event))


def send(notification: Callable[[], None]) -> None:
    """Queues a call that must not run under the lock."""
    _outbox.append(notification)
    clock.call_later(0, _deliver)


def _deliver() -> None:
    # Whoever comes while another delivers waits for its turn, so nothing is overtaken and nothing is left.
    with _delivering:
        while _outbox:
            notification = _outbox.popleft()
            try:
                notification()
            except Exception:
                # One listener's fault must neither lose the other notifications nor stop a stack.
                _LOG.exception("a listener to stack events failed")
