"""Runs tests inside this process, under pytest: to see what they cover, and to judge mutants."""

import signal
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path

import coverage
import hypothesis
import pytest

from tools.mutants.covered import Covered, Run
from tools.mutants.subject import Subject

#: A test may take so many seconds of the processor, and so many times what it took unchanged: a change that
#: makes it loop is noticed by that.
CPU_LIMIT_S = 1.0
CPU_LIMIT_FACTOR = 10.0
#: The same on the wall's clock, where one that waits for ever is noticed.
WALL_LIMIT_S = 60.0
WALL_LIMIT_FACTOR = 20.0

_OPTIONS = (
    "-q",
    "--tb=no",
    "--no-header",
    "--import-mode=importlib",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:cov",
)


def run_pytest(subject: Subject, files: Sequence[str], *plugins: object) -> int:
    """Runs pytest on some files, quietly; examples of hypothesis are always the same ones, and not shrunk.

    Returns:
        Pytest's exit code.
    """
    hypothesis.settings.register_profile(
        "mutants",
        deadline=None,
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("mutants")
    options = [*_OPTIONS, f"--rootdir={subject.root}", *(f"--deselect={test}" for test in subject.left_out)]
    return int(pytest.main([*options, *(str(subject.root / file) for file in files)], plugins=list(plugins)))


class CoverageRecorder:
    """A plugin of pytest that records which lines each test runs, and how long it takes.

    Args:
        subject: Whose lines count.
    """

    def __init__(self, subject: Subject) -> None:
        self.failed: list[str] = []
        self._subject = subject
        self._measured = coverage.Coverage(
            data_file=None, include=[f"{subject.package}/*"], config_file=False, messages=False
        )
        self._took_s: dict[str, float] = {}
        self._measured.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Notes what one test covers."""
        self._measured.switch_context(item.nodeid)
        began = time.process_time()
        try:
            return (yield)
        finally:
            self._took_s[item.nodeid] = time.process_time() - began
            self._measured.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes a test that fails though nothing was changed."""
        if report.failed:
            self.failed.append(report.nodeid)

    def covered(self) -> Covered:
        """What was recorded."""
        self._measured.stop()
        found = self._measured.get_data()
        runs = {test: Run(took_s, {}) for test, took_s in self._took_s.items()}
        for file in found.measured_files():
            module = Path(file).relative_to(self._subject.package).as_posix()
            for line, tests in found.contexts_by_lineno(file).items():
                for test in tests:
                    if test in runs:
                        runs[test].lines.setdefault(module, []).append(line)
        return Covered(runs)


class Judge:
    """A plugin of pytest that runs chosen tests in a chosen order until one fails.

    Args:
        limits_s: Seconds that each test took unchanged, by its id; in the order in which they are to run.
    """

    def __init__(self, limits_s: dict[str, float]) -> None:
        self.killer = ""
        self._limits_s = limits_s

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes the test that fails."""
        if report.failed:
            self.killer = self.killer or report.nodeid

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Runs the tests in place of pytest's own loop."""
        if session.testsfailed:
            self.killer = "the import"
        else:
            self.run({item.nodeid: item for item in session.items})
        return True

    def run(self, items: dict[str, pytest.Item]) -> None:
        """Runs the tests; one that takes far longer than usual ends the process with a signal."""
        chosen = [items[test] for test in self._limits_s if test in items]
        for item, following in zip_longest(chosen, chosen[1:]):
            with _limited(self._limits_s[item.nodeid]):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.killer:
                return


@contextmanager
def _limited(usual_s: float) -> Generator[None]:
    # Nobody handles these signals: they end a process that no longer comes back to Python, too.
    signal.setitimer(signal.ITIMER_PROF, CPU_LIMIT_S + CPU_LIMIT_FACTOR * usual_s)
    signal.setitimer(signal.ITIMER_REAL, WALL_LIMIT_S + WALL_LIMIT_FACTOR * usual_s)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)


class Server:
    """A plugin of pytest that collects the tests and hands them on in place of running them.

    Args:
        serve: Called with the collected tests by their ids.
    """

    def __init__(self, serve: Callable[[dict[str, pytest.Item]], None]) -> None:
        self._serve = serve

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Serves."""
        if session.testsfailed:
            sys.exit("the tests cannot be collected")
        self._serve({item.nodeid: item for item in session.items})
        return True
