"""Starts a built function in a new process, with Lambda's environment."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud import guard

_MEASURED = Path(__file__).with_name("measured.py")
_TIMEOUT_S = 300


class BenchError(Exception):
    """A run failed, so its figures mean nothing."""


@dataclass(frozen=True)
class Program:
    """The program of a process.

    Args:
        path: Folders that come first on the import path, such as /var/task and /opt/python.
        target: ``module:function``.
        environment: Variables beside those of the runtime.
        programs: The folder of programs, such as /opt/bin; None where there is none.
    """

    path: tuple[Path, ...]
    target: str
    environment: Mapping[str, str] = field(default_factory=dict)
    programs: Path | None = None


@dataclass(frozen=True)
class Call:
    """One call in a process. Times are seconds after the start of the process."""

    started_s: float
    ended_s: float
    result: Any


@dataclass(frozen=True)
class Process:
    """The figures of a process that ended.

    Attributes:
        duration_s: From the request to start it to its end.
        imported_s: When its program was loaded; seconds after the start, as in ``calls`` and ``sent_s``.
        sent_s: When the watched requests were sent.
        peak_bytes: Peak memory of it and of every process it had started, added up.
        processor_s: Processor time of the same.
        processes: The number of these processes.
        output: Its standard output.
    """

    duration_s: float
    imported_s: float
    calls: list[Call]
    sent_s: list[float]
    peak_bytes: int
    processor_s: float
    processes: int
    output: str


@dataclass(frozen=True)
class Starter:
    """Starts processes.

    Args:
        python: The functions' interpreter.
        environment: Points AWS clients at the embedded cloud.
        processors: Numbers of the processors that they may use; empty for all.
    """

    python: Path
    environment: Mapping[str, str]
    processors: tuple[int, ...] = ()

    def run(self, program: Program, calls: Sequence[Mapping[str, Any]] = (), *, watch: str = "") -> Process:
        """Runs a program to its end.

        Args:
            program: The program.
            calls: What it calls its target with, one after the other: ``{"event": …}`` for a handler,
                ``{"arguments": …}`` for any other function.
            watch: A text in the requests whose times are recorded.

        Raises:
            BenchError: It failed; has its output.
        """
        folder = Path(tempfile.mkdtemp(prefix="bench-"))
        try:
            return self._run(program, list(calls), watch, folder)
        finally:
            shutil.rmtree(folder)

    def _run(self, program: Program, calls: list[Mapping[str, Any]], watch: str, folder: Path) -> Process:
        order = {
            "guard": guard.__file__,
            "path": [str(entry) for entry in program.path],
            "processors": self.processors,
            "target": program.target,
            "calls": calls,
            "watch": watch,
            "report": str(folder / "report.json"),
        }
        started_at = time.monotonic()
        done = subprocess.run(
            [self.python, "-P", _MEASURED],
            input=json.dumps(order),
            env=self._variables(program, folder),
            cwd=program.path[0],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        ended_at = time.monotonic()
        output = done.stdout + done.stderr
        if done.returncode:
            raise BenchError(f"{program.target} failed:\n{output[-3000:]}")
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        return _process(report, started_at, ended_at, output)

    def _variables(self, program: Program, folder: Path) -> dict[str, str]:
        """The whole environment: nothing of this process's own."""
        return {
            **self.environment,
            "AWS_LAMBDA_FUNCTION_NAME": "bench",
            "HOME": str(folder),
            "LANG": "en_US.UTF-8",
            "PATH": str(program.programs or ""),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUTF8": "1",
            "TMPDIR": str(folder),
            "TZ": ":UTC",
            **program.environment,
        }


def _process(report: dict[str, Any], started_at: float, ended_at: float, output: str) -> Process:
    """Turns a report into a Process; both read one clock, which counts from the system's start."""
    calls = [
        Call(call["started_at"] - started_at, call["ended_at"] - started_at, call["result"])
        for call in report["calls"]
    ]
    return Process(
        duration_s=ended_at - started_at,
        imported_s=report["imported_at"] - started_at,
        calls=calls,
        sent_s=[sent_at - started_at for sent_at in report["sent_at"]],
        peak_bytes=report["peak_kib"] * 1024,
        processor_s=report["processor_s"],
        processes=report["processes"],
        output=output,
    )
