"""Actions that wait for their time, and what became of those that failed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(order=True)
class Timer:
    """An action that waits for its time; equal times fire in the order in which they were asked for."""

    when: datetime
    sequence: int
    action: Callable[[], None] = field(compare=False)
    background: bool = field(compare=False)
    cancelled: bool = field(compare=False, default=False)

    def cancel(self) -> None:
        """Keeps the action from starting; without effect once it has started."""
        self.cancelled = True


@dataclass(frozen=True)
class ActionError:
    """An exception that an action let escape."""

    at: datetime
    action: str
    trace: str
