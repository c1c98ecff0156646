"""The ledger of a request's engine calls: what came of each kind of call, and when one is made again.

There is one retry policy for all of them. An error that says nothing about the request is waited out, as
often as the time allows. One that may pass is tried a bounded number of times. Every other error is final.
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

#: An engine that has no effect is called this often, all in all.
ATTEMPTS_MAX = 3

#: How long to leave AWS alone before a call is repeated, in seconds.
RETRY_AFTER_S = 30

#: Calls that AWS turned away together come back spread over so many seconds more.
SPREAD_S = 30


@dataclass(frozen=True)
class CallHistory:
    """The calls of one action on one subject.

    Args:
        tries: Calls that count: all that were sent, without those that AWS throttled or that came too late.
            For a compute fleet, which is asked again until it is there, those since the last success. For
            reads all of them.
        failures: Calls in a row that ended with an error, without those that AWS throttled.
        last: The last call that ended. Its result is truncated to what decisions read.
        found: What a read found the last time that it succeeded; None for other actions.
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
        """The error of the last call; None if it succeeded, or if no call ended."""
        return self.result.error if self.result is not None else None

    @property
    def success(self) -> EngineResult | None:
        """The result of the last call if it succeeded."""
        return self.result if self.error is None else None

    @property
    def is_exhausted(self) -> bool:
        """Whether no further call is worth it. A read counts only what failed: nothing else is lost by it."""
        is_read = self.last is not None and self.last.action in READS
        return (self.failures if is_read else self.tries) >= ATTEMPTS_MAX

    def is_refused(self, retried: frozenset[str] = RETRIED) -> bool:
        """Whether the error of the last call is final.

        Args:
            retried: Codes of errors that may pass, so that the call is tried again until it is exhausted.
        """
        error = self.error
        if error is None or error.code in TRANSIENT:
            return False
        return error.code not in retried or self.is_exhausted

    def retry_at(self) -> datetime | None:
        """When the next call may be made; None if no call ended yet.

        Calls that AWS turned away are spread: the same call always comes back after the same pause.
        """
        if self.last is None or self.last.ended_at is None:
            return None
        spread_s = 0.0
        if self.error is not None and self.error.code in TRANSIENT:
            spread_s = SPREAD_S * hashlib.sha256(self.last.call_id.encode()).digest()[0] / 256
        return self.last.ended_at + timedelta(seconds=RETRY_AFTER_S + spread_s)

    def with_try(self) -> "CallHistory":
        """The history once another call is about to be sent."""
        return replace(self, tries=self.tries + 1)

    def with_end(self, call: EngineCall, result: EngineResult) -> "CallHistory":
        """The history once a call ended.

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
        # What only informs an answer is not asked for without end.
        return ended if call.action in READS else replace(ended, tries=max(0, self.tries - 1))


def key(action: EngineAction, subject: str) -> str:
    """Returns the ledger's key for calls of an action on a subject, a cluster's or an image's name.

    What a request reads has one subject only, which need not be the cluster that the request is about.
    """
    return action.value if action in READS else f"{action.value} {subject}"


def _summary(call: EngineCall, result: EngineResult) -> EngineResult:
    """A result without what is kept elsewhere: descriptions in ``found``, messages with the request."""
    if call.action in READS:
        return EngineResult(result.status, error=result.error)
    return replace(result, validation_messages=[])
