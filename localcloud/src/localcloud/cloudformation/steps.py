"""One lock, and steps that run under it, now or later.

moto's models are not thread-safe, and API requests, timers, responses and other stacks change a stack.
So everything that touches either runs as a step: it is short, never waits, and runs alone.
"""

import threading
from collections.abc import Callable

from localcloud.clock import clock
from localcloud.timers import Timer

lock = threading.RLock()


def schedule(step: Callable[[], None], delay_s: float = 0.0) -> Timer:
    """Runs a step under the lock after a simulated delay, and after the caller's own step."""

    def run() -> None:
        with lock:
            step()

    return clock.call_later(delay_s, run)
