"""The ledger of a request's engine calls: the results of each kind of call, and when it may be repeated.

All kinds have one retry policy:

- A transient error does not depend on the request. The call is repeated as often as time allows.
- An error that may pass is retried a bounded number of times.
- Every other error is final.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cluster_provider.core.engine import (
    ABOUT_FLEET,
    READS,
    RETRIED,
    TRANSIENT,
    EngineAction,
    EngineCall,
    EngineError,
    EngineResult,
)

#: Maximum number of counted calls of one action on one subject.
ATTEMPTS_MAX = 3

#: Pause between the end of a call and its repetition, in seconds.
RETRY_AFTER_S = 30

#: Maximum further pause after a transient error, in seconds. Calls that AWS throttled together are spread
#: over it.
SPREAD_S = 30


@dataclass(frozen=True)
class CallHistory:
    """The calls of one action on one subject.

    Args:
        tries: Calls that count: all that were sent, except those that ended with a transient error. For
            actions on a compute fleet, those since the last success. For reads, all.
        failures: Calls in a row that ended with an error that is not transient.
        last: The last call that ended. Its result is truncated to what decisions read.
        found: Result of the last successful read; None for other actions.
    """

    tries: int = 0
    failures: int = 0
    last: EngineCall | None = None
    found: EngineResult | None = None

    @property
    def result(self) -> EngineResult | None:
        """The result of the last call."""
        return self.last.result if self.last is not None else None

    @property
    def error(self) -> EngineError | None:
        """The error of the last call; None if it succeeded, or if no call has ended."""
        return self.result.error if self.result is not None else None

    @property
    def success(self) -> EngineResult | None:
        """The result of the last call if it succeeded; else None."""
        return self.result if self.error is None else None

    @property
    def is_exhausted(self) -> bool:
        """Whether the limit of calls is reached, so that no further one is made.

        For a read only failures count, since a read has no effect.
        """
        is_read = self.last is not None and self.last.action in READS
        return (self.failures if is_read else self.tries) >= ATTEMPTS_MAX

    def is_refused(self, retried: frozenset[str] = RETRIED) -> bool:
        """Returns whether the error of the last call is final.

        Args:
            retried: Codes of errors that may pass; they are final once the call is exhausted.
        """
        error = self.error
        if error is None or error.code in TRANSIENT:
            return False
        return error.code not in retried or self.is_exhausted

    def retry_at(self) -> datetime | None:
        """Returns when the next call may be made; None if no call has ended.

        After a transient error, the pause has a further part that depends on the call's id. It is the same
        each time it is computed.
        """
        if self.last is None or self.last.ended_at is None:
            return None
        spread_s = 0.0
        if self.error is not None and self.error.code in TRANSIENT:
            spread_s = SPREAD_S * hashlib.sha256(self.last.call_id.encode()).digest()[0] / 256
        return self.last.ended_at + timedelta(seconds=RETRY_AFTER_S + spread_s)

    def with_try(self) -> "CallHistory":
        """Returns the history with one more call, which is about to be sent."""
        return replace(self, tries=self.tries + 1)

    def with_end(self, call: EngineCall, result: EngineResult) -> "CallHistory":
        """Returns the history with the end of a call.

        Args:
            call: The call.
            result: What it reported.
        """
        error = result.error
        if error is None:
            tries = 0 if call.action in ABOUT_FLEET else self.tries
            ended = replace(self, tries=tries, failures=0, last=replace(call, result=_summary(call, result)))
            return replace(ended, found=result) if call.action in READS else ended
        ended = replace(self, last=replace(call, result=_summary(call, result)))
        if error.code not in TRANSIENT:
            return replace(ended, failures=self.failures + 1)
        # All calls of a read count as tries, including those that AWS throttled.
        return ended if call.action in READS else replace(ended, tries=max(0, self.tries - 1))


def key(action: EngineAction, subject: str) -> str:
    """Returns the ledger's key for the calls of an action on a subject.

    A request reads one subject only, which need not be its own cluster. The key of a read therefore has no
    subject.

    Args:
        action: The action.
        subject: Name of a cluster or an image.
    """
    return action.value if action in READS else f"{action.value} {subject}"


def _summary(call: EngineCall, result: EngineResult) -> EngineResult:
    """Returns a result without the parts stored elsewhere.

    Descriptions are in ``found``, and validation messages are in the request's progress.
    """
    if call.action in READS:
        return EngineResult(result.status, error=result.error)
    return replace(result, validation_messages=[])
