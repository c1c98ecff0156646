"""Who is due, in which order, with which share and backoff.

The sweep takes owners off the queue, the longest overdue first. An owner whose passes fail, hang or die is
moved back, ever further, before each pass begins: it costs its own time and nobody else's. This is the work
queue of controller-runtime, kept in the table: backoff per key, fairness across keys.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from zlib import crc32

from cluster_provider.core import deadline, measurements
from cluster_provider.core.errors import DeliveryFailed, Unavailable
from cluster_provider.core.identity import Owner
from cluster_provider.core.state import QueueEntry, backlog
from cluster_provider.ports import Ports

logger = logging.getLogger(__name__)

#: The least delay after a pass that did not end well, in seconds, and the longest. Each further failure
#: doubles it.
BACKOFF_MIN_S = 60
BACKOFF_MAX_S = 900

#: The sweep leaves this much of its time unused, in seconds.
SWEEP_RESERVE_S = 15

#: Owners whose passes failed before get their turn once so much of a sweep's time is left, in seconds,
#: however many others are due: one that fails may use up what is left, and nobody waits for it for ever.
RETRY_SHARE_S = 30


def next_attempt_at(
    now: datetime, lease_until: datetime, failed_passes: int = 0, deadline_at: datetime | None = None
) -> datetime:
    """Returns when an owner is due again whose pass, which begins now, does not end well.

    Args:
        now: The time.
        lease_until: Until when nobody else can take the owner's lease, should the pass die.
        failed_passes: How many passes in a row did not end well before this one.
        deadline_at: When the owner's request is answered whatever happens; None if that is not known. It is
            due then, and as often as can be in the minutes that an answer has left.
    """
    backoff_s = min(BACKOFF_MIN_S * 2 ** min(failed_passes, 10), BACKOFF_MAX_S)
    at = now + timedelta(seconds=backoff_s)
    if deadline_at is not None:
        urgent_until = deadline_at + timedelta(seconds=deadline.MARGIN_S)
        if now < deadline_at:
            at = min(at, deadline_at)
        elif now < urgent_until:
            at = now + timedelta(seconds=BACKOFF_MIN_S)
    return max(at, lease_until)


class Queue:
    """The owners that wait for something, as the sweep works on them.

    Args:
        ports: The world.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def sweep(
        self,
        wake: Callable[[Owner, datetime], None],
        redrive: Callable[[], None],
        remaining_s: Callable[[], float],
    ) -> None:
        """Wakes what is due; one owner's trouble does not hold up the others.

        Owners whose passes failed, and events that could not be handled, may both use up the time that is
        left, or end the invocation. So either comes first in half of all minutes. An owner whose request is
        to be answered now does not wait for events: its answer has minutes only.

        Args:
            wake: Takes an owner a pass further; given when it is due again if the pass does not end well.
            redrive: Handles events again that could not be handled.
            remaining_s: Seconds that this invocation has left.

        Raises:
            ExceptionGroup: Not everybody could be woken, for other reasons than a service that is away.
        """
        now = self._ports.clock.now()
        failures: list[Exception] = []
        waiting = self._waiting(redrive)
        due = self._due(waiting, now, failures)
        failed = self._failed_passes(due, failures)
        order = _order(due, failed, now, remaining_s)

        def work(turns: Iterator[tuple[QueueEntry, float]]) -> None:
            for item, left_s in turns:
                at = self._ports.clock.now()
                until = at + timedelta(seconds=left_s)
                requeue_at = next_attempt_at(at, until, failed.get(item.owner, 0), item.deadline_at)
                _try(partial(wake, item.owner, requeue_at), failures)

        work(order.fresh() if _are_events_first(now) else order.all())
        _try(redrive, failures)
        work(order.all())
        self._ports.metrics.record(measurements.swept(backlog(waiting, now)))
        if failures:
            raise ExceptionGroup("operations could not be woken", failures)

    def _waiting(self, redrive: Callable[[], None]) -> list[QueueEntry]:
        """Everybody who waits. Where the table cannot tell, who could not be recorded is not forgotten."""
        try:
            return self._ports.store.waiting()
        except Exception:
            redrive()
            raise

    def _due(
        self, waiting: Sequence[QueueEntry], now: datetime, failures: list[Exception]
    ) -> list[QueueEntry]:
        """Who is due, the longest overdue first, but for those whose stack is still in progress.

        One call tells it for all of them. Without its answer each is looked at, whatever the reason.
        """
        due = [item for item in waiting if item.is_due(now)]
        in_progress: frozenset[str] = frozenset()
        if any(item.watching for item in due):
            try:
                in_progress = self._ports.stacks.in_progress()
            except Unavailable as error:
                logger.warning("the stacks in progress could not be listed: %s", error)
            except Exception as error:
                logger.exception("the stacks in progress could not be listed")
                failures.append(error)
        return [item for item in due if not item.is_idle(in_progress, now)]

    def _failed_passes(self, due: Sequence[QueueEntry], failures: list[Exception]) -> Mapping[Owner, int]:
        """How many passes in a row failed, of those that are due; without an answer nobody's did."""
        if not due:
            return {}
        try:
            return self._ports.store.failed_passes([item.owner for item in due])
        except Unavailable as error:
            logger.warning("the failed passes could not be read: %s", error)
        except Exception as error:
            logger.exception("the failed passes could not be read")
            failures.append(error)
        return {}


def _try(do: Callable[[], None], failures: list[Exception]) -> None:
    """Does something; what goes wrong is logged, and kept unless it is a service that is away."""
    try:
        do()
    except (Unavailable, DeliveryFailed) as error:
        logger.warning("a later sweep goes on: %s", error)
    except Exception as error:
        logger.exception("the sweep goes on without what failed")
        failures.append(error)


def _are_events_first(now: datetime) -> bool:
    """Whether events come before owners whose passes failed in this minute.

    It follows no rhythm: sweeps that take all their time would fall into it, and meet the same order always.
    """
    return crc32(now.isoformat(timespec="minutes").encode()) % 2 == 0


def _interleaved(retried: Sequence[QueueEntry], failed: Mapping[Owner, int]) -> list[QueueEntry]:
    """The longest overdue and those that failed least, by turns.

    Who has failed once only does not wait for all that always fail, and nobody waits for ever.
    """
    least = sorted(retried, key=lambda item: failed[item.owner])
    return list(dict.fromkeys(chain.from_iterable(zip(retried, least, strict=True))))


def _order(
    due: Sequence[QueueEntry], failed: Mapping[Owner, int], now: datetime, remaining_s: Callable[[], float]
) -> "_Order":
    """The turns of those that are due: who never failed, then who is to be answered now, then the others."""
    fresh = [item for item in due if not failed.get(item.owner)]
    before = [item for item in due if failed.get(item.owner)]
    urgent = sorted((item for item in before if item.is_late(now)), key=lambda item: failed[item.owner])
    retried = _interleaved([item for item in before if not item.is_late(now)], failed)
    return _Order([*fresh, *urgent], retried, remaining_s)


class _Order:
    """Owners in the order of their turns, as long as there is time: those that never failed come first.

    Args:
        fresh: Owners whose passes never failed, the longest overdue first, then those to be answered now.
        retried: The others.
        remaining_s: Seconds that are left.
    """

    def __init__(
        self, fresh: Sequence[QueueEntry], retried: Sequence[QueueEntry], remaining_s: Callable[[], float]
    ) -> None:
        self._fresh, self._retried = deque(fresh), deque(retried)
        self._remaining_s = remaining_s

    def fresh(self) -> Iterator[tuple[QueueEntry, float]]:
        """Yields owners that never failed or are late; the others in their share if those are too many."""
        while self._fresh:
            left_s = self._remaining_s()
            if left_s < SWEEP_RESERVE_S:
                logger.warning("the sweep ran out of time; the next one goes on")
                return
            is_their_turn = self._retried and left_s < RETRY_SHARE_S
            yield (self._retried if is_their_turn else self._fresh).popleft(), left_s

    def all(self) -> Iterator[tuple[QueueEntry, float]]:
        """Yields owners that never failed, then the others."""
        yield from self.fresh()
        while self._retried:
            left_s = self._remaining_s()
            if left_s < SWEEP_RESERVE_S:
                logger.warning("the sweep ran out of time; the next one goes on")
                return
            yield self._retried.popleft(), left_s
