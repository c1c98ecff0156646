"""How many idle processes all functions keep in all: Lambda ends idle environments, too."""

import threading
from collections.abc import Callable, Hashable


class WarmEnvironments:
    """The idle execution environments of all functions, the longest idle first.

    Args:
        limit: So many are kept; functions that clusters bring along would otherwise add up.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._idle: dict[Hashable, Callable[[], None]] = {}

    def add(self, environment: Hashable, end: Callable[[], None]) -> None:
        """Counts one as idle and has those ended that are too many.

        Args:
            environment: What has become idle.
            end: Ends it, unless it has been taken into use meanwhile.
        """
        with self._lock:
            self._idle[environment] = end
            oldest = next(iter(self._idle)) if len(self._idle) > self._limit else None
            end_oldest = self._idle.pop(oldest) if oldest is not None else None
        if end_oldest is not None:
            end_oldest()

    def remove(self, environment: Hashable) -> None:
        """Counts one as idle no more."""
        with self._lock:
            self._idle.pop(environment, None)
