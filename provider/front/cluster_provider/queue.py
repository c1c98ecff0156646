"""The work queue: which owners are due, in which order, with which share of time and which backoff.

The sweep handles the owners that are due, the longest overdue first. An owner is requeued before each pass,
and further in the future after each failed pass. An owner whose passes fail, hang or die therefore costs the
other owners no time. This is the work queue of Kubernetes' controller-runtime, kept in a table: backoff per
key, fairness across keys.
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

#: Shortest and longest delay after a failed pass, in seconds. Each further failure doubles the delay.
BACKOFF_MIN_S = 60
BACKOFF_MAX_S = 900

#: Time that the sweep leaves unused, in seconds.
SWEEP_RESERVE_S = 15

#: Owners whose passes failed get their turn when this much of a sweep's time is left, in seconds, even if
#: other owners are still due. A pass that hangs can then use up only this share, and no owner waits for ever.
RETRY_SHARE_S = 30


def next_attempt_at(
    now: datetime, lease_until: datetime, failed_passes: int = 0, deadline_at: datetime | None = None
) -> datetime:
    """Returns when an owner is due again if the pass that begins now fails, hangs or dies.

    At its deadline a request must be answered. The owner is therefore due at the deadline at the latest, and
    after it every ``BACKOFF_MIN_S`` while CloudFormation still accepts the answer.

    Args:
        now: The current time.
        lease_until: When the lease ends; if the pass dies, no other pass can start before.
        failed_passes: Number of failed passes in a row before this one.
        deadline_at: The deadline of the owner's request; None if it is not known.
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
    """The owners that wait for a pass, as the sweep handles them.

    Args:
        ports: The outside world.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def sweep(
        self,
        wake: Callable[[Owner, datetime], None],
        redrive: Callable[[], None],
        remaining_s: Callable[[], float],
    ) -> None:
        """Wakes the owners that are due; a failure of one does not stop the others.

        Owners whose passes failed, and events in the dead-letter queue, may each use up the rest of the time
        or end the invocation. Each of the two comes first in about half of the minutes. An owner whose
        request has reached its deadline comes before those events, because its answer is accepted for minutes
        only.

        Args:
            wake: Runs passes over an owner; its second argument is when the owner is due again if they fail.
            redrive: Handles the events in the dead-letter queue.
            remaining_s: Returns the time that this invocation has left, in seconds.

        Raises:
            ExceptionGroup: Some owners could not be woken, for a reason other than an unavailable service.
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
        """Returns all owners that wait.

        If the table cannot answer, the events in the dead-letter queue are handled before the error is
        raised, since requests that could not be recorded are among them.
        """
        try:
            return self._ports.store.waiting()
        except Exception:
            redrive()
            raise

    def _due(
        self, waiting: Sequence[QueueEntry], now: datetime, failures: list[Exception]
    ) -> list[QueueEntry]:
        """Returns the owners that are due, the longest overdue first, unless their stack is in progress.

        One list of the stacks in progress serves all owners. Without that list, every owner whose time has
        come is returned.
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
        """Returns the number of failed passes in a row, by owner; empty if the table cannot answer."""
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
    """Runs a function; logs an exception, and adds it to ``failures`` unless a service was unavailable."""
    try:
        do()
    except (Unavailable, DeliveryFailed) as error:
        logger.warning("a later sweep goes on: %s", error)
    except Exception as error:
        logger.exception("the sweep goes on without what failed")
        failures.append(error)


def _are_events_first(now: datetime) -> bool:
    """Returns whether, in this minute, the dead-letter queue comes before owners whose passes failed.

    The choice is pseudorandom. A fixed alternation could coincide with sweeps that use up all their time, and
    those would then always see the same order.
    """
    return crc32(now.isoformat(timespec="minutes").encode()) % 2 == 0


def _interleaved(retried: Sequence[QueueEntry], failed: Mapping[Owner, int]) -> list[QueueEntry]:
    """Returns owners whose passes failed, alternating between the longest overdue and the least often failed.

    An owner that failed once thus need not wait for all that fail always, and every owner gets its turn.
    """
    least = sorted(retried, key=lambda item: failed[item.owner])
    return list(dict.fromkeys(chain.from_iterable(zip(retried, least, strict=True))))


def _order(
    due: Sequence[QueueEntry], failed: Mapping[Owner, int], now: datetime, remaining_s: Callable[[], float]
) -> "_Order":
    """Returns the turns of the owners that are due.

    Owners without failed passes come first, then those whose request has reached its deadline, then the
    others.
    """
    fresh = [item for item in due if not failed.get(item.owner)]
    before = [item for item in due if failed.get(item.owner)]
    urgent = sorted((item for item in before if item.is_late(now)), key=lambda item: failed[item.owner])
    retried = _interleaved([item for item in before if not item.is_late(now)], failed)
    return _Order([*fresh, *urgent], retried, remaining_s)


class _Order:
    """The turns of the owners that are due, as long as there is time.

    Args:
        fresh: Owners without failed passes, the longest overdue first, then those that reached their
            deadline.
        retried: The other owners.
        remaining_s: Returns the time that is left, in seconds.
    """

    def __init__(
        self, fresh: Sequence[QueueEntry], retried: Sequence[QueueEntry], remaining_s: Callable[[], float]
    ) -> None:
        self._fresh, self._retried = deque(fresh), deque(retried)
        self._remaining_s = remaining_s

    def fresh(self) -> Iterator[tuple[QueueEntry, float]]:
        """Yields owners without failed passes or past their deadline, each with the seconds that are left.

        When less than ``RETRY_SHARE_S`` is left, it yields the other owners instead.
        """
        while self._fresh:
            left_s = self._remaining_s()
            if left_s < SWEEP_RESERVE_S:
                logger.warning("the sweep ran out of time; the next one goes on")
                return
            is_their_turn = self._retried and left_s < RETRY_SHARE_S
            yield (self._retried if is_their_turn else self._fresh).popleft(), left_s

    def all(self) -> Iterator[tuple[QueueEntry, float]]:
        """Yields all owners that have not had their turn, each with the seconds that are left."""
        yield from self.fresh()
        while self._retried:
            left_s = self._remaining_s()
            if left_s < SWEEP_RESERVE_S:
                logger.warning("the sweep ran out of time; the next one goes on")
                return
            yield self._retried.popleft(), left_s
