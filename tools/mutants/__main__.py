"""Mutation tests of the provider's core: ``python -m tools.mutants``."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tools.mutants import accepted as accepting
from tools.mutants.covered import Covered
from tools.mutants.mutant import Mutant
from tools.mutants.pool import PoolError
from tools.mutants.report import Outcome, score, show, show_stale
from tools.mutants.run import Judgement
from tools.mutants.subject import Subject

ROOT = Path(__file__).resolve().parents[2]

#: Where the accepted survivors are listed.
ACCEPTED = ROOT / "tools" / "mutants" / "accepted.yaml"

#: The tests that judge: those that need no other process.
TESTS = ("unit/provider", "scenario", "contract/provider/test_item_size.py", "property/test_lifecycle.py")

#: Tests of these that take minutes, or seconds without need; the first word of their ids.
LEFT_OUT = (
    "tests/scenario/test_crashes.py",
    "tests/scenario/test_sweep.py::test_a_thousand_due",
    "tests/property/test_lifecycle.py::test_a_world_without",
)

#: What these tests import from elsewhere and takes long.
PRELOADED = ("boto3", "botocore.client", "hypothesis.stateful", "aws_lambda_powertools", "crhelper")

#: Percent of the mutants, those accepted left out, that tests must notice.
MINIMUM = 95.0

#: A run that has no terminal reports after so many verdicts.
REPORT_EVERY = 250


def main() -> int:
    """Judges, reports, and returns the exit code: 1 below the minimum, or for a stale entry."""
    given = _parse()
    console = Console(file=os.fdopen(os.dup(sys.stdout.fileno()), "w"), width=None)
    subject = Subject(
        given.root, given.package, given.changed, given.tests, given.left_out, given.preloaded, given.shared
    )
    try:
        modules = _chosen(subject, given.modules)
        entries = accepting.read(given.accepted)
        outcomes, stale = judge(subject, modules, entries, given, console)
    except (PoolError, accepting.AcceptedError) as error:
        console.print(f"error: {error}", soft_wrap=True, highlight=False, markup=False)
        return 2
    show(console, outcomes)
    show_stale(console, stale)
    if score(outcomes) < given.minimum:
        text = (
            f"The score is below {given.minimum:g} %: write a test for what survived, or simplify the code."
        )
        console.print(text, highlight=False)
    return int(score(outcomes) < given.minimum or bool(stale))


def judge(
    subject: Subject,
    modules: Sequence[Path],
    entries: Sequence[accepting.Accepted],
    given: argparse.Namespace,
    console: Console,
) -> tuple[list[Outcome], list[accepting.Accepted]]:
    """Judges the mutants of some modules.

    Returns:
        What came of each module, and the accepted survivors that are stale.

    Raises:
        PoolError: The tests fail on unchanged code, or a mutant could not be judged.
    """
    judgement = Judgement(subject, given.into, given.jobs)
    console.print("coverage of the tests", highlight=False)
    covered = judgement.cover()
    every = {module.as_posix(): subject.mutants(module) for module in modules}
    all_mutants = [mutant for found in every.values() for mutant in found]
    allowed = {mutant.key for mutant in all_mutants if any(entry.covers(mutant) for entry in entries)}
    known = {
        mutant.key: None if given.fresh else judgement.known(mutant)
        for mutant in all_mutants
        if mutant.key not in allowed
    }
    open_ones = [mutant for mutant in all_mutants if known.get(mutant.key, "") is None]
    _judge(judgement, open_ones, covered, known, console)
    outcomes = []
    for module, found in every.items():
        survivors = [mutant for mutant in found if known.get(mutant.key) == ""]
        count = sum(mutant.key in allowed for mutant in found)
        outcomes.append(Outcome(module, len(found) - count - len(survivors), count, survivors))
    return outcomes, accepting.stale(entries, all_mutants, set(every))


def _judge(
    judgement: Judgement,
    mutants: Sequence[Mutant],
    covered: Covered,
    known: dict[str, str | None],
    console: Console,
) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=console, disable=not console.is_terminal)
    task = progress.add_task("mutants", total=len(mutants))
    done = 0

    def report(mutant: Mutant, killer: str) -> None:
        nonlocal done
        done += 1
        known[mutant.key] = killer
        progress.update(task, advance=1, description=mutant.module)
        if not console.is_terminal and done % REPORT_EVERY == 0:
            console.print(f"{done} of {len(mutants)} mutants", highlight=False)

    with progress:
        judgement.judge(mutants, covered, report)


def _chosen(subject: Subject, names: Sequence[str]) -> list[Path]:
    """The modules with the given paths, or all."""
    every = subject.modules()
    chosen = [path for path in every if not names or path.as_posix() in names]
    missing = set(names) - {path.as_posix() for path in chosen}
    if missing:
        known = ", ".join(path.as_posix() for path in every)
        raise PoolError(f"there is no module {', '.join(sorted(missing))}; there are {known}")
    return chosen


def _path(text: str) -> Path:
    return Path(text).resolve()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    front = ROOT / "provider" / "front" / "cluster_provider"
    parser.add_argument("modules", nargs="*", help="paths in the package, such as core/fleet.py; all if none")
    parser.add_argument("--minimum", type=float, default=MINIMUM, help="score in percent that is required")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--fresh", action="store_true", help="judge again what earlier runs have judged")
    parser.add_argument(
        "--into", type=_path, default=ROOT / "build" / "mutants", help="what is kept between runs"
    )
    parser.add_argument("--root", type=_path, default=ROOT, help="where pytest runs")
    parser.add_argument("--package", type=_path, default=front)
    parser.add_argument(
        "--changed", type=_path, default=front / "core", help="modules of the package to change"
    )
    parser.add_argument("--tests", type=_path, nargs="+", default=[ROOT / "tests" / name for name in TESTS])
    parser.add_argument("--left-out", nargs="*", default=LEFT_OUT, help="begins of ids of tests")
    parser.add_argument("--preloaded", nargs="*", default=PRELOADED, help="modules imported only once")
    parser.add_argument("--shared", type=_path, nargs="*", default=[ROOT / "tests" / "support"])
    parser.add_argument("--accepted", type=_path, default=ACCEPTED)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
