"""Runs pytest on the scenarios in a process of its own, and shows how far it is."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from tools.verify_aws.recording import Recording
from tools.verify_aws.run import Run

_ROOT = Path(__file__).parent.parent.parent
_FOLDER = _ROOT / "tests" / "verify"
#: Without the fixtures of all tests, which close the account; see tests/verify/conftest.py.
_PYTEST = (
    *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
    *(f"--confcutdir={_FOLDER}", str(_FOLDER / "test_scenarios.py")),
)
_LOOK_S = 0.5
#: pytest ends its fixtures within this time after an interruption.
_END_S = 60


class TimeUpError(Exception):
    """The scenarios took longer than they may."""


def run_scenarios(run: Run, console: Console, timeout_s: float, only: str = "") -> bool:
    """Runs the scenarios and waits for their end; returns whether all passed.

    The process has a session of its own, so that Ctrl-C reaches it once, and from here.

    Args:
        run: Where, and where recordings go.
        console: Where progress is shown.
        timeout_s: How long they may take.
        only: pytest's ``-k``.

    Raises:
        TimeUpError: They took longer.
    """
    into = Path(run.into)
    into.mkdir(parents=True, exist_ok=True)
    place = "AWS" if run.on_aws else "the embedded cloud"
    with log_of(run).open("w") as log:
        process = subprocess.Popen(
            [*_PYTEST, *(["-k", only] if only else [])],
            cwd=_ROOT,
            env=_environment(run),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        done = set[Path]()
        try:
            with console.status(f"{place}: beginning") as status:
                for took_s in _seconds_until_end(process):
                    for path in sorted(set(into.glob("*.json")) - done):
                        done.add(path)
                        outcome = Recording.read(path).outcome.partition(":")[0]
                        console.print(f"{place}: {path.stem} {outcome}, {_minutes(took_s)} since the start")
                    status.update(f"{place}: {_current(into)}, {_minutes(took_s)}")
                    if took_s > timeout_s:
                        raise TimeUpError(f"the scenarios on {place} took longer than {_minutes(timeout_s)}")
        finally:
            _end(process)
    return process.returncode == 0


def log_of(run: Run) -> Path:
    """Where pytest's output goes: beside the recordings, since it is not redacted."""
    return Path(f"{run.into}.log")


def _environment(run: Run) -> dict[str, str]:
    """This process's, with the run. The embedded cloud's functions run on the sources, without a build."""
    without = set() if run.on_aws else {"ARTEFACT"}
    return {key: value for key, value in os.environ.items() if key not in without} | run.environment()


def _seconds_until_end(process: "subprocess.Popen[bytes]") -> Iterator[float]:
    """Yields how long a process has run, the last time when it has ended."""
    began_at = time.monotonic()
    while process.poll() is None:
        yield time.monotonic() - began_at
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_S)
    yield time.monotonic() - began_at


def _current(into: Path) -> str:
    """The scenario that the process has written down as the current one."""
    now = into / "now"
    return now.read_text() if now.exists() else "beginning"


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends pytest and all that it started: gently, unless that takes long or is interrupted as well."""
    try:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest:02}s"
