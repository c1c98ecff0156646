"""The system's time."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The port Clock on the system's clock."""

    def now(self) -> datetime:
        """Returns the current time, as an aware datetime in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Waits, in seconds."""
        time.sleep(seconds)
