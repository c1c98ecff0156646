"""The one lock, and steps that run under it, now or at a later time.

moto's models know no locks, and a stack is changed by API requests, timers, responses and other stacks.
So everything that touches either runs as a step: short, never waiting, one at a time.
"""

import threading
from collections.abc import Callable

from localcloud.clock import clock
from localcloud.timers import Timer

lock = threading.RLock()


def schedule(step: Callable[[], None], delay_s: float = 0.0) -> Timer:
    """Runs a step under the lock after a simulated delay, never before the caller's own step has ended."""

    def run() -> None:
        with lock:
            step()

    return clock.call_later(delay_s, run)
