"""Records of invocations, for the control API and for tests."""

import threading
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

Kind = Literal["Event", "RequestResponse"]
Ending = Literal["success", "function error", "timeout", "crash", "init error", "refused", "throttled"]


@dataclass(frozen=True)
class Attempt:
    """One attempt to run a function.

    Attributes:
        request_id: The same for all attempts of an asynchronous event.
        invoked_arn: The function as it was asked for, with a qualifier only if there was one.
        number: 1 for the first attempt.
        source: ARN of the rule that asked; empty for other callers.
        lineage: The chain of invocations that led here, see ``recursion``.
    """

    request_id: str
    payload: bytes
    invoked_arn: str
    kind: Kind
    number: int = 1
    source: str = ""
    lineage: str = ""


@dataclass(frozen=True)
class InvocationRecord:
    """One attempt to run a function.

    Attributes:
        source: ARN of the rule that asked for it; empty where it was no rule.
        attempt: 1 for the first; asynchronous retries keep the request id. 0 if the function was not reached.
        error: Type and message, unless it succeeded.
        max_rss_mb: The process's peak memory, without its children; null where the platform does not say.
    """

    function: str
    request_id: str
    kind: Kind
    attempt: int
    started_at: datetime
    outcome: Ending
    error: str | None
    duration_ms: float = 0.0
    cold: bool = False
    max_rss_mb: int | None = None
    log_file: str | None = None
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        """Returns the record with its instant as ISO text."""
        return asdict(self) | {"started_at": self.started_at.isoformat()}


class Records:
    """The invocations so far, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: list[InvocationRecord] = []

    def add(self, record: InvocationRecord) -> None:
        """Appends a record."""
        with self._lock:
            self._records.append(record)

    def all(self) -> list[InvocationRecord]:
        """Returns a copy of all records."""
        with self._lock:
            return list(self._records)
