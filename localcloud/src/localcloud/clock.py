"""Simulated time: it runs at real speed, can be moved, and can skip waits in which nothing happens."""

import heapq
import itertools
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from localcloud.timers import ActionError, Timer

_LOG = logging.getLogger(__name__)

#: A datetime's resolution: a jump lands this much later, so that rounding never leaves it before its aim.
_RESOLUTION_S = 1e-6
#: A client that asks again and again is granted this many times the grace, then time is skipped between
#: two of its requests: it waits for something to happen.
_POLLING_GRACES = 10


class Clock:
    """Simulated time and its timers.

    Each action runs on a thread of its own, so that one that waits keeps no other from starting.

    Args:
        skip_idle: Whether to jump to the next timer when nothing is in flight. Timers in the background
            never cause a jump, but fire on the way.
        idle_grace_s: Real seconds without work in flight before time is skipped; gives a client the chance
            to send its next request.
        monotonic_s: Real seconds since some fixed point.
    """

    def __init__(
        self,
        *,
        skip_idle: bool = False,
        idle_grace_s: float = 0.05,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.errors: list[ActionError] = []
        self.idle_grace_s = idle_grace_s
        self._skip_idle = skip_idle
        self._monotonic_s = monotonic_s
        self._epoch_s = time.time() - monotonic_s()
        self._changed = threading.Condition(threading.RLock())
        self._timers: list[Timer] = []
        self._sequence = itertools.count()
        self._in_flight = 0
        self._threads_work = threading.local()
        self._idle_since_s = self._worked_until_s = monotonic_s()
        self._jump_listeners: list[Callable[[float], None]] = []
        self._advancing = threading.Lock()
        self._ticker: threading.Thread | None = None
        self._stopped = False

    @property
    def skip_idle(self) -> bool:
        """Whether time jumps to the next timer when nothing is in flight."""
        return self._skip_idle

    @skip_idle.setter
    def skip_idle(self, skip_idle: bool) -> None:
        with self._changed:
            self._skip_idle = skip_idle
            self._changed.notify_all()

    @property
    def in_flight(self) -> int:
        """How many pieces of work are being done right now."""
        return self._in_flight

    def follow(self, monotonic_s: Callable[[], float]) -> None:
        """Takes the seconds from another source from now on; it must not run faster than real time."""
        with self._changed:
            ahead_s = monotonic_s() - self._monotonic_s()
            self._monotonic_s = monotonic_s
            self._epoch_s -= ahead_s
            self._idle_since_s += ahead_s
            self._worked_until_s += ahead_s

    def correct(self, other_s: Callable[[], float], shift: Callable[[float], None]) -> None:
        """Shifts another clock by the seconds that it differs, with no jump in between."""
        with self._changed:
            shift(self.now().timestamp() - other_s())

    def now(self) -> datetime:
        """Returns the simulated time, aware, in UTC."""
        return datetime.fromtimestamp(self._epoch_s + self._monotonic_s(), UTC)

    def call_at(self, when: datetime, action: Callable[[], None], *, background: bool = False) -> Timer:
        """Runs an action at an instant, or at once if that has passed.

        Args:
            when: An aware instant.
            action: Called on a thread of its own; counts as work in flight; what it raises is logged and
                kept in ``errors``.
            background: Whether idle time is not skipped for this timer.
        """
        with self._changed:
            timer = Timer(when, next(self._sequence), action, background)
            heapq.heappush(self._timers, timer)
            self._start_ticker()
            self._changed.notify_all()
        return timer

    def call_later(self, delay_s: float, action: Callable[[], None], *, background: bool = False) -> Timer:
        """Runs an action after a simulated delay; see ``call_at``."""
        return self.call_at(self.now() + timedelta(seconds=delay_s), action, background=background)

    def advance(self, seconds: float, *, settle_s: float = 30.0) -> None:
        """Moves time forward, firing what falls due on the way, each when the one before has settled.

        Args:
            seconds: Simulated seconds, at least 0.
            settle_s: Real seconds to wait in all for work in flight to end; after that time moves on
                without waiting. An action must not call this: it would wait for itself.

        Raises:
            ValueError: Time does not run backwards.
        """
        if seconds < 0:
            raise ValueError(f"time does not run backwards: {seconds} s")
        with self._advancing:
            patience_until_s = self._monotonic_s() + settle_s
            end = self.now() + timedelta(seconds=seconds)
            while self._fire_next(end):
                self._settle(patience_until_s)
            with self._changed:
                self._jump_to(end)
            self._settle(patience_until_s)

    @contextmanager
    def busy(self, *, request: bool = False) -> Iterator[None]:
        """Counts the block as work in flight: idle time is not skipped meanwhile.

        Args:
            request: Whether a client asked for it; requests alone do not put off a skip for ever.
        """
        self._work_began()
        self._threads_work.depth = self._depth + 1
        try:
            yield
        finally:
            self._threads_work.depth = self._depth - 1
            self._work_ended(request=request)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Does not count this thread's work in the block: it waits for work that is counted elsewhere."""
        depth = self._depth
        self._work_ended(depth)
        try:
            yield
        finally:
            self._work_began(depth)

    def hold(self) -> Callable[[], None]:
        """Counts work that begins on one thread and ends on another; call the result once at its end."""
        self._work_began()
        return self._work_ended

    def sleep_until(self, when: datetime) -> None:
        """Blocks until an instant on behalf of work in flight, which does not count meanwhile."""
        woken = threading.Event()

        def wake() -> None:
            self._work_began()  # while this action still counts, so that nothing is skipped in between
            woken.set()

        with self._changed:
            self.call_at(when, wake)
            self._work_ended()
        woken.wait()

    def note_error(self, action: str, error: BaseException) -> None:
        """Logs an exception that no caller can catch, and keeps it in ``errors``."""
        trace = "".join(traceback.format_exception(error))
        _LOG.error("%s failed\n%s", action, trace)
        self.errors.append(ActionError(self.now(), action, trace))

    def on_jump(self, listener: Callable[[float], None]) -> None:
        """Calls a listener with the seconds of every jump, when it happens; the listener must not block."""
        with self._changed:
            self._jump_listeners.append(listener)

    def stop(self) -> None:
        """Fires no further timer, and does not wait for running actions."""
        with self._changed:
            self._stopped = True
            self._timers.clear()
            self._changed.notify_all()
            ticker = self._ticker
        if ticker is not None and ticker is not threading.current_thread():
            ticker.join(timeout=5)

    # --- all below: with self._changed held, except _run, _tick and _settle, which take it ---

    def _start_ticker(self) -> None:
        if self._ticker is None and not self._stopped:
            self._ticker = threading.Thread(target=self._tick, name="clock", daemon=True)
            self._ticker.start()

    def _tick(self) -> None:
        with self._changed:
            while not self._stopped:
                if not self._fire_next(self.now()):
                    self._changed.wait(self._pause_s())

    def _fire_next(self, limit: datetime) -> bool:
        """Starts the next timer that is due by then, jumping to its time; says whether there was one."""
        with self._changed:
            timer = self._next()
            if timer is None or timer.when > limit:
                return False
            heapq.heappop(self._timers)
            self._jump_to(timer.when)
            self._in_flight += 1
            threading.Thread(target=self._run, args=(timer,), name="clock action", daemon=True).start()
            return True

    def _pause_s(self) -> float | None:
        """Real seconds until the next timer may be due; skips idle time and returns 0 where allowed."""
        timer = self._next()
        if timer is None:
            return None
        until_due_s = (timer.when - self.now()).total_seconds()
        if not self._skip_idle or self._in_flight or all(t.background or t.cancelled for t in self._timers):
            return max(until_due_s, 0)
        idle_at_s = min(
            self._idle_since_s + self.idle_grace_s,
            self._worked_until_s + self.idle_grace_s * _POLLING_GRACES,
        )
        until_idle_s = idle_at_s - self._monotonic_s()
        if until_idle_s > 0:
            return max(min(until_idle_s, until_due_s), 0)
        self._jump_to(timer.when)
        return 0

    def _next(self) -> Timer | None:
        while self._timers and self._timers[0].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0] if self._timers else None

    def _jump_to(self, when: datetime) -> None:
        ahead_s = (when - self.now()).total_seconds()
        if ahead_s <= 0:
            return
        self._epoch_s += ahead_s + _RESOLUTION_S
        for listener in self._jump_listeners:
            listener(ahead_s + _RESOLUTION_S)

    def _run(self, timer: Timer) -> None:
        self._threads_work.depth = 1
        try:
            timer.action()
        except Exception as error:
            self.note_error(getattr(timer.action, "__qualname__", repr(timer.action)), error)
        finally:
            self._work_ended()

    @property
    def _depth(self) -> int:
        depth: int = getattr(self._threads_work, "depth", 0)
        return depth

    def _work_began(self, count: int = 1) -> None:
        with self._changed:
            self._in_flight += count

    def _work_ended(self, count: int = 1, *, request: bool = False) -> None:
        with self._changed:
            self._in_flight -= count
            self._idle_since_s = self._monotonic_s()
            if not request:
                self._worked_until_s = self._idle_since_s
            self._changed.notify_all()

    def _settle(self, patience_until_s: float) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._in_flight == 0, timeout=max(patience_until_s - self._monotonic_s(), 0)
            )


#: The process's one clock.
clock = Clock()
