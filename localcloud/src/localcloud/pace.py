"""Seconds that pass more slowly while the machine is short of processors.

On AWS each invocation and each service has processors of its own. Here they share this machine's with all
its other work. While more threads want to run than there are processors, each runs at a fraction of its
speed, and so does this time.
"""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

#: Real seconds between two looks.
_PERIOD_S = 0.02
_LOADAVG = Path("/proc/loadavg")


class Pace:
    """Seconds since some fixed point; never faster than real ones.

    Args:
        processors: How many there are.
        runnable: How many threads run or could.
        monotonic_s: Real seconds since some fixed point.
    """

    def __init__(
        self,
        processors: int,
        runnable: Callable[[], int],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._processors = processors
        self._runnable = runnable
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._started_s = self._at_s = self._passed_s = monotonic_s()
        self._rate = 1.0

    @classmethod
    def of_machine(cls) -> "Pace":
        """Returns the pace of this machine; real time's where the system does not say how busy it is."""
        return cls(os.cpu_count() or 1, _runnable)

    def seconds(self) -> float:
        """Returns the seconds that have passed."""
        with self._lock:
            return self._now()

    @property
    def mean(self) -> float:
        """Mean seconds in a real one so far."""
        real_s = self._monotonic_s() - self._started_s
        return (self.seconds() - self._started_s) / real_s if real_s > 0 else 1.0

    def look(self) -> None:
        """Measures the load and adapts the pace."""
        rate = min(1.0, self._processors / max(self._runnable(), 1))
        with self._lock:
            self._passed_s = self._now()
            self._at_s = self._monotonic_s()
            self._rate = rate

    def keep(self, then: Callable[[], None]) -> None:
        """Adapts the pace from now on, on a thread of its own; calls ``then`` each time."""

        def run() -> None:
            while True:
                time.sleep(_PERIOD_S)
                self.look()
                then()

        threading.Thread(target=run, name="pace", daemon=True).start()

    def _now(self) -> float:
        return self._passed_s + (self._monotonic_s() - self._at_s) * self._rate


def _runnable() -> int:
    """Threads that run or could, without the one that asks. Source: proc(5), /proc/loadavg, fourth field."""
    try:
        counts = _LOADAVG.read_text(encoding="ascii").split()[3]
    except OSError:  # not Linux
        return 0
    return int(counts.partition("/")[0]) - 1
