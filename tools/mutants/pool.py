"""Judges mutants in child processes, several at a time: each is a copy of this process and judges one."""

import gc
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

#: Exit codes of a child: it has judged, or its own work failed.
_JUDGED, _BROKEN = 0, 70

#: A child may use so many bytes: a change that fills the memory is noticed by that.
_MEMORY_MAX = 4 * 1024**3


#: What killed a mutant that made a test run far longer than it did unchanged.
TIME_LIMIT = "the time limit"


class PoolError(Exception):
    """A child could not judge: the tool, or the machine, is at fault and no verdict is true."""


def judge_all(
    subjects: Iterator[T], judge: Callable[[T], Callable[[], str]], jobs: int
) -> Iterator[tuple[T, str]]:
    """Judges each in a child process.

    Args:
        subjects: What to judge.
        judge: Called here, just before the child begins; what it returns is called in the child, and returns
            what killed the mutant, or an empty text.
        jobs: How many children at a time.

    Yields:
        Each subject and what killed it, in the order in which they end.

    Raises:
        PoolError: A child could not judge.
    """
    gc.freeze()
    running: dict[int, tuple[T, int]] = {}
    waiting = True
    while waiting or running:
        while waiting and len(running) < jobs:
            subject = next(subjects, None)
            if subject is None:
                waiting = False
                break
            work = judge(subject)
            read, write = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(read)
                _child(work, write)
            os.close(write)
            running[pid] = (subject, read)
        if running:
            yield _ended(running)


def _ended(running: dict[int, tuple[T, int]]) -> tuple[T, str]:
    pid, status = os.waitpid(-1, 0)
    subject, read = running.pop(pid)
    with os.fdopen(read) as verdict:
        killer = verdict.read()
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in {signal.SIGPROF, signal.SIGALRM}:
        return subject, TIME_LIMIT
    if os.waitstatus_to_exitcode(status) != _JUDGED:
        raise PoolError(f"a child ended with {os.waitstatus_to_exitcode(status)}: {killer}")
    return subject, killer


@contextmanager
def silent() -> Iterator[None]:
    """Nothing that this process, or a child of it, writes to its standard streams is seen."""
    kept = [os.dup(stream) for stream in (0, 1, 2)]
    _silence()
    try:
        yield
    finally:
        for stream, before in enumerate(kept):
            os.dup2(before, stream)
            os.close(before)


def _silence() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)


def _child(work: Callable[[], str], write: int) -> None:
    """Does the work of a child, silently, and ends it without what ends a process in good order."""
    gc.disable()
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_MAX, _MEMORY_MAX))
    _silence()
    code = _BROKEN
    try:
        verdict = work()
        code = _JUDGED
    except BaseException as error:
        # Whatever it is, the parent raises it.
        verdict = f"{type(error).__name__}: {error}"
    os.write(write, verdict.encode())
    os._exit(code)
