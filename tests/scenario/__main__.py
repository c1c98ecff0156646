"""The long crash run: every single death and every pair of deaths of every story, with its figures."""

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from tests.scenario import last_run
from tests.scenario.crashes import STORIES, Death, Run, deaths, pairs
from tests.scenario.last_run import StoryRun

#: Processes that run stories at the same time.
WORKERS = 2


@dataclass(frozen=True)
class Task:
    """The runs of a story in which one death comes first.

    Args:
        story: The story's name.
        first: The death.
        retries: Whether Lambda repeats a delivery that died.
        is_paired: Whether the death is one of a pair as well: it is at an effect.
    """

    story: str
    first: Death
    retries: bool
    is_paired: bool


@dataclass
class Runs:
    """How often a story was run, by kind, and what went wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Runs") -> None:
        """Adds the counts of another process."""
        self.counts += other.counts
        self.failures += other.failures


@cache
def _expected(story: str) -> Run:
    """The story as it runs if no process dies; once for each worker."""
    return Run(STORIES[story])


def _run(task: Task) -> Runs:
    runs = Runs()
    _run_once(runs, "single", task, (task.first,))
    if task.is_paired:
        for pair in pairs(STORIES[task.story], task.first, retries=task.retries):
            _run_once(runs, "pairs", task, pair)
    return runs


def _run_once(runs: Runs, kind: str, task: Task, killed: tuple[Death, ...]) -> None:
    runs.counts[kind] += 1
    try:
        Run(STORIES[task.story], killed, retries=task.retries).check(_expected(task.story))
    except Exception as error:
        what = f"{killed}, retries={task.retries}: {type(error).__name__}: {error}"
        runs.failures.append(f"{task.story}: {what}")


def _tasks(story: str) -> Iterator[Task]:
    recorded = _expected(story)
    effects = set(deaths(recorded, only_effects=True))
    for retries in (True, False):
        for first in deaths(recorded):
            yield Task(story, first, retries, first in effects)


def _tell_all(story: str, pool: ProcessPoolExecutor, commit: str, digest: str) -> StoryRun:
    """Runs a story with every death, and prints the result."""
    began, runs = time.monotonic(), Runs()
    for future in as_completed([pool.submit(_run, task) for task in _tasks(story)]):
        part = future.result()
        runs.add(part)
        for failure in part.failures:
            _say(f"FAILED {failure}")
    seconds = round(time.monotonic() - began)
    recorded = _expected(story)
    effects = sum(seam.is_effect for seam in recorded.seams)
    single, paired = runs.counts["single"], runs.counts["pairs"]
    _say(
        f"{story}: {len(recorded.seams)} seams ({effects} of effects), {recorded.engine_calls} engine calls; "
        f"{single} single deaths, {paired} pairs, {len(runs.failures)} failures, {seconds} s"
    )
    today = datetime.now(UTC).date().isoformat()
    return StoryRun(today, commit, digest, single, paired, len(runs.failures), seconds)


def main() -> int:
    """Runs stories, or shows the results of their last runs.

    Returns:
        0 if nothing went wrong: in what was run now, or in the last run of every story with this code.
    """
    chosen = _arguments()
    if chosen.status:
        lines, passed = last_run.report(STORIES, last_run.load(), last_run.digest())
        _say("\n".join(lines))
        return 0 if passed else 1
    counts = failures = unrecorded = 0
    commit, digest = last_run.commit(), last_run.digest()  # of what is loaded now
    with ProcessPoolExecutor(chosen.workers, initializer=_be_quiet) as pool:
        for story in [chosen.story] if chosen.story else STORIES:
            run = _tell_all(story, pool, commit, digest)
            if run.digest == last_run.digest():
                last_run.save(story, run)
            else:
                unrecorded += 1
                _say(f"{story}: not recorded, since the code was changed meanwhile")
            counts += run.single + run.pairs
            failures += run.failures
    _say(f"{counts} runs, {failures} failures; recorded in {last_run.RECORD}")
    return 1 if failures or unrecorded else 0


def _be_quiet() -> None:
    logging.disable(logging.CRITICAL)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.scenario", description=__doc__)
    parser.add_argument("--story", choices=STORIES, help="run this one only")
    parser.add_argument(
        "--workers", type=int, default=WORKERS, help="processes that run stories (default: %(default)s)"
    )
    parser.add_argument("--status", action="store_true", help="run none; show when each last ran")
    return parser.parse_args()


if __name__ == "__main__":
    _be_quiet()
    sys.exit(main())
