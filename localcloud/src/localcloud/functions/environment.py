"""An execution environment: one process that runs a function through Lambda's own runtime client."""

import json
import logging
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from localcloud.callers import Caller, callers, new_access_key_id
from localcloud.clock import clock
from localcloud.functions.deployment import Deployment
from localcloud.functions.forks import BOOTSTRAP, Process, Start, fork_server
from localcloud.functions.logs import LogStream
from localcloud.functions.process import Settings, process_environment
from localcloud.functions.records import Attempt, Ending
from localcloud.functions.runtime_api import (
    DeadlinePassed,
    Delivery,
    Exited,
    Failed,
    InitFailed,
    Ready,
    Responded,
    RuntimeApi,
    RuntimeEvent,
)
from localcloud.gaps import gap

_LOG = logging.getLogger(__name__)

#: Source: AWS Lambda developer guide, "Understanding the Lambda execution environment lifecycle": init phase.
INIT_LIMIT_S = 10
#: Source: AWS Lambda quotas, invocation payload, synchronous: 6 MB for request and response each.
RESPONSE_LIMIT_BYTES = 6 * 1024 * 1024


@dataclass(frozen=True)
class Outcome:
    """How one invocation ended."""

    ending: Ending
    payload: bytes
    duration_ms: float
    cold: bool
    log_tail: bytes
    max_rss_mb: int | None
    log_file: Path

    @property
    def error(self) -> str | None:
        """Type and message of the error, or nothing after success."""
        if self.ending == "success":
            return None
        try:
            described = json.loads(self.payload)
            return f"{described.get('errorType', self.ending)}: {described['errorMessage']}"
        except (ValueError, KeyError, AttributeError):
            return self.payload.decode(errors="replace")[:500]


class ExecutionEnvironment:
    """Starts cold, stays warm, and is over after a time-out, a crash or a failed initialisation."""

    def __init__(self, deployment: Deployment, settings: Settings) -> None:
        self.deployment = deployment
        self.alive = True
        self._settings = settings
        self._id = uuid.uuid4().hex
        self._folder = settings.folder / "environments" / self._id
        self._stream_name = f"{clock.now():%Y/%m/%d}/[{deployment.version}]{self._id}"
        self._log = LogStream(
            deployment.account,
            deployment.region,
            deployment.log_group,
            self._stream_name,
            settings.log_dir / deployment.function_name / f"{self._id}.log",
        )
        self._runtime = RuntimeApi(self._sleep)
        self._deadline: datetime | None = None
        self._access_key_id = new_access_key_id()
        self._process: Process | None = None

    def run(self, attempt: Attempt) -> Outcome:
        """Runs one invocation to its end."""
        request_id = attempt.request_id
        self._log.begin_tail()
        cold = self._process is None
        init_s = 0.0
        failure = None
        if cold:
            started_s = time.monotonic()
            failure = self._initialise(request_id)
            init_s = time.monotonic() - started_s
        self._log.write(f"START RequestId: {request_id} Version: {self.deployment.version}")
        started_s = time.monotonic()
        ending, answer = _limited(*(failure or self._invoke(attempt)))
        duration_ms = (time.monotonic() - started_s) * 1000
        max_rss_mb = self._max_rss_mb()
        if ending not in {"success", "function error"}:
            self.stop()
        self._report(request_id, duration_ms, init_s * 1000 if cold else None, max_rss_mb)
        return Outcome(ending, answer, duration_ms, cold, self._log.tail(), max_rss_mb, self._log.file)

    def stop(self) -> None:
        """Ends the process and its children, and removes its /tmp."""
        self.alive = False
        callers.remove(self._access_key_id)
        if self._process is not None:
            _end_group(self._process)
        self._runtime.close()
        self._log.drain()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _initialise(self, request_id: str) -> tuple[Ending, bytes] | None:
        if not self.deployment.runtime.startswith("python"):
            message = f"functions of {self.deployment.runtime} are not run {gap('lambda.languages')}"
            return "init error", _described("Runtime.NotEmulated", message)
        if warning := self._settings.interpreters.compare(self.deployment):
            self._log.write(f"LOCALCLOUD {warning}")
        self._start()
        # On Lambda a slow initialisation is started over within the first invocation's own time.
        event = self._wait(INIT_LIMIT_S + self.deployment.timeout_s)
        match event:
            case Ready():
                return None
            case InitFailed(payload):
                return "init error", payload
            case Exited(code):
                return "crash", _exit_error(request_id, code)
            case _:
                return "timeout", self._timeout_error(request_id)

    def _invoke(self, attempt: Attempt) -> tuple[Ending, bytes]:
        request_id = attempt.request_id
        self._deadline = deadline = clock.now() + timedelta(seconds=self.deployment.timeout_s)
        trace_id = f"Root=1-{int(clock.now().timestamp()):08x}-{uuid.uuid4().hex[:24]};Sampled=0"
        trace_id += f";Lineage={attempt.lineage}"
        self._runtime.deliver(
            Delivery(
                request_id, attempt.payload, attempt.invoked_arn, int(deadline.timestamp() * 1000), trace_id
            )
        )
        give_up_at_s = time.monotonic() + self.deployment.timeout_s
        while True:
            match self._wait(give_up_at_s - time.monotonic()):
                case Responded(answered_id, answer) if answered_id == request_id:
                    return "success", answer
                case Failed(answered_id, answer) if answered_id == request_id:
                    return "function error", answer
                case Exited(code):
                    return "crash", _exit_error(request_id, code)
                case DeadlinePassed() | None:
                    return "timeout", self._timeout_error(request_id)
                case _:  # the runtime asks for the next invocation after each one
                    continue

    def _sleep(self, seconds: float) -> float:
        """Lets a handler sleep in simulated time, at most to its deadline."""
        until = clock.now() + timedelta(seconds=seconds)
        if self._deadline is None or until < self._deadline:
            clock.sleep_until(until)
        else:
            clock.sleep_until(self._deadline)
            self._runtime.events.put(DeadlinePassed())
        return clock.now().timestamp()

    def _caller(self, process: Process) -> Caller:
        def kill() -> None:
            os.killpg(process.pid, signal.SIGKILL)

        def time_out() -> None:
            if self._deadline is not None:
                clock.sleep_until(self._deadline)
            self._runtime.events.put(DeadlinePassed())

        deployment = self.deployment
        return Caller(deployment.function_name, deployment.role_arn, process.pid, kill, time_out)

    def _wait(self, timeout_s: float) -> RuntimeEvent | None:
        try:
            return self._runtime.events.get(timeout=max(timeout_s, 0))
        except queue.Empty:
            return None

    def _start(self) -> None:
        self._folder.mkdir(parents=True)
        output, writing_end = os.pipe()
        try:
            self._process = self._run(writing_end)
        finally:
            os.close(writing_end)
        self._log.follow(output)
        callers.add(self._access_key_id, self._caller(self._process))
        threading.Thread(
            target=self._watch, args=(self._process,), name="function process", daemon=True
        ).start()

    def _run(self, output: int) -> Process:
        deployment, python = self.deployment, self._settings.python(self.deployment.runtime)
        start = Start(
            handler=deployment.handler,
            timeout_s=deployment.timeout_s,
            layers=tuple(map(str, deployment.layers)),
            code=str(deployment.code),
            variables=process_environment(
                deployment,
                self._settings,
                self._runtime.address,
                self._stream_name,
                self._folder,
                access_key_id=self._access_key_id,
            ),
        )
        forked = fork_server.fork(start, output) if python is None else None
        return forked or subprocess.Popen(
            # Without -P the bootstrap's own folder would be a place to import from.
            [
                python or sys.executable,
                "-P",
                str(BOOTSTRAP),
                start.handler,
                str(start.timeout_s),
                *start.layers,
            ],
            cwd=start.code,
            env=start.variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _watch(self, process: Process) -> None:
        self._runtime.events.put(Exited(process.wait()))

    def _timeout_error(self, request_id: str) -> bytes:
        message = (
            f"{clock.now():%Y-%m-%dT%H:%M:%S.%f}"[:-3]
            + f"Z {request_id} Task timed out after {self.deployment.timeout_s:.2f} seconds"
        )
        self._log.write(message)
        return _described("Sandbox.Timedout", message)

    def _report(
        self, request_id: str, duration_ms: float, init_ms: float | None, max_rss_mb: int | None
    ) -> None:
        self._log.write(f"END RequestId: {request_id}")
        used_mb = "" if max_rss_mb is None else f"\tMax Memory Used: {max_rss_mb} MB"
        init = "" if init_ms is None else f"\tInit Duration: {init_ms:.2f} ms"
        self._log.write(
            f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms"
            f"\tBilled Duration: {int(duration_ms) + 1} ms"
            f"\tMemory Size: {self.deployment.memory_mb} MB{used_mb}{init}"
        )

    def _max_rss_mb(self) -> int | None:
        if self._process is None:
            return None
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:  # not Linux, or the process has gone
            return None
        peaks_kb = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
        return peaks_kb[0] // 1024 if peaks_kb else None


def _end_group(process: Process) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        _LOG.debug("process %d had ended already", process.pid)
    process.wait()


def _limited(ending: Ending, answer: bytes) -> tuple[Ending, bytes]:
    if len(answer) <= RESPONSE_LIMIT_BYTES:
        return ending, answer
    message = "Response payload size exceeded maximum allowed payload size"
    return "function error", _described(
        "Function.ResponseSizeTooLarge", f"{message} ({RESPONSE_LIMIT_BYTES} bytes)."
    )


def _exit_error(request_id: str, code: int) -> bytes:
    reason = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
    error = "without providing a reason" if code == 0 else f"with error: {reason}"
    return _described("Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited {error}")


def _described(error_type: str, message: str) -> bytes:
    description: dict[str, Any] = {"errorType": error_type, "errorMessage": message}
    return json.dumps(description).encode()
