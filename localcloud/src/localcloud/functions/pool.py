"""The execution environments of one function: warm ones are reused, and jobs beyond the limit wait."""

import collections
import json
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path

from localcloud.clock import clock
from localcloud.functions.deployment import Deployment
from localcloud.functions.environment import ExecutionEnvironment, Outcome
from localcloud.functions.process import Settings
from localcloud.functions.records import Attempt


@dataclass(frozen=True)
class Job:
    """One attempt to run, with a callback for its outcome."""

    deployment: Deployment
    attempt: Attempt
    done: Callable[[Outcome], None]


class WarmEnvironments:
    """The idle execution environments of all functions, the longest idle first.

    Args:
        limit: How many stay; Lambda ends idle environments, too.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._idle: dict[Hashable, Callable[[], None]] = {}

    def add(self, environment: Hashable, end: Callable[[], None]) -> None:
        """Adds an idle environment and ends the oldest beyond the limit.

        Args:
            environment: The one that became idle.
            end: Ends it, unless it is in use again.
        """
        with self._lock:
            self._idle[environment] = end
            oldest = next(iter(self._idle)) if len(self._idle) > self._limit else None
            end_oldest = self._idle.pop(oldest) if oldest is not None else None
        if end_oldest is not None:
            end_oldest()

    def remove(self, environment: Hashable) -> None:
        """Removes an environment that is in use again or ended."""
        with self._lock:
            self._idle.pop(environment, None)


class FunctionPool:
    """Runs the jobs of one function in order.

    Args:
        settings: What all functions share.
        warm: The idle environments of all functions.
    """

    def __init__(self, settings: Settings, warm: WarmEnvironments) -> None:
        self._settings = settings
        self._warm = warm
        self._lock = threading.Lock()
        self._waiting: collections.deque[Job] = collections.deque()
        self._idle: list[ExecutionEnvironment] = []
        self._busy: set[ExecutionEnvironment] = set()
        self._workers = 0
        self._retired = False

    def submit(self, job: Job, limit: int) -> None:
        """Runs a job on a thread of the pool's own.

        Args:
            job: Its ``done`` is called on that thread.
            limit: Execution environments at most, at least 1.
        """
        # Counted from here on: a queued job must not look like an idle cloud.
        ended = clock.hold()

        def done(outcome: Outcome) -> None:
            try:
                job.done(outcome)
            finally:
                ended()

        with self._lock:
            self._waiting.append(Job(job.deployment, job.attempt, done))
            if self._workers < limit:
                self._workers += 1
                threading.Thread(target=self._work, name="function worker", daemon=True).start()

    def retire(self) -> None:
        """Ends the environments: idle ones now, the others when their invocation has ended."""
        with self._lock:
            self._retired = True
            idle, self._idle = self._idle, []
        for environment in idle:
            self._warm.remove(environment)
            environment.stop()

    def stop(self) -> None:
        """Ends all environments now, and running invocations like a crash."""
        self.retire()
        with self._lock:
            busy = list(self._busy)
        for environment in busy:
            environment.stop()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            environment = self._take(job.deployment)
            try:
                outcome = environment.run(job.attempt)
            except Exception as error:
                clock.note_error(f"running {job.deployment.function_name}", error)
                environment.stop()
                outcome = _not_run(error)
            self._give_back(environment)
            try:
                job.done(outcome)
            except Exception as error:
                clock.note_error(f"the end of {job.deployment.function_name}", error)

    def _next(self) -> Job | None:
        with self._lock:
            if not self._waiting:
                self._workers -= 1
                return None
            return self._waiting.popleft()

    def _take(self, deployment: Deployment) -> ExecutionEnvironment:
        with self._lock:
            outdated = [environment for environment in self._idle if environment.deployment != deployment]
            self._idle = [environment for environment in self._idle if environment.deployment == deployment]
            environment = self._idle.pop() if self._idle else ExecutionEnvironment(deployment, self._settings)
            self._busy.add(environment)
        self._warm.remove(environment)
        for other in outdated:
            self._warm.remove(other)
            other.stop()
        return environment

    def _give_back(self, environment: ExecutionEnvironment) -> None:
        with self._lock:
            self._busy.discard(environment)
            keep = environment.alive and not self._retired
            if keep:
                self._idle.append(environment)
        if keep:
            self._warm.add(environment, lambda: self._end_idle(environment))
        elif environment.alive:
            environment.stop()

    def _end_idle(self, environment: ExecutionEnvironment) -> None:
        with self._lock:
            if environment not in self._idle:
                return
            self._idle.remove(environment)
        environment.stop()


def _not_run(error: Exception) -> Outcome:
    payload = json.dumps({"errorType": "ServiceException", "errorMessage": str(error)}).encode()
    return Outcome("crash", payload, 0.0, cold=True, log_tail=b"", max_rss_mb=None, log_file=Path())
