"""Timers, and the errors of their actions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(order=True)
class Timer:
    """An action that is due at an instant; equal instants fire in the order of creation."""

    when: datetime
    sequence: int
    action: Callable[[], None] = field(compare=False)
    background: bool = field(compare=False)
    cancelled: bool = field(compare=False, default=False)

    def cancel(self) -> None:
        """Prevents the action, unless it has started."""
        self.cancelled = True


@dataclass(frozen=True)
class ActionError:
    """An exception that an action raised."""

    at: datetime
    action: str
    trace: str
