"""Measures what was built: ``python -m tools.bench``."""

import argparse
import platform
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from rich.console import Console

from tools.artefacts import built
from tools.artefacts.parts import ROOT
from tools.bench.processes import BenchError, Starter
from tools.bench.report import Report, figure, ratios
from tools.bench.runs import Runs, Sample
from tools.bench.world import open_world


def main() -> int:
    """Measures and reports; returns the exit code, which is 1 if a run failed."""
    arguments = _parse()
    notes = Console(stderr=True)
    try:
        report = measure(arguments.artefact.absolute(), arguments.runs, arguments.processors, notes)
    except BenchError as error:
        notes.print(str(error), markup=False, highlight=False)
        return 1
    report.show(Console())
    if arguments.json:
        report.write(arguments.json)
    return 0


def measure(artefact: Path, runs: int, processors: tuple[int, ...], notes: Console) -> Report:
    """Returns the samples of every run.

    Args:
        artefact: The folder that ``python -m tools.artefacts build --runnable`` filled.
        runs: How often to measure; at least 1.
        processors: Numbers of the processors that the processes may use; empty for all.
        notes: Called with each step's name.

    Raises:
        BenchError: A run failed.
    """
    python = artefact / "runtime" / "bin" / "python"
    samples: dict[str, list[Sample]] = defaultdict(list)
    with open_world(artefact) as world:
        starter = Starter(python, world.cloud.environment, processors)
        measured = Runs(artefact, world, starter)
        for number in range(1, runs + 1):
            notes.print(f"run {number} of {runs}", highlight=False)
            for what, sample in measured.once():
                samples[what].append(sample)
    figures = [figure(what, taken) for what, taken in samples.items()]
    return Report(
        runs,
        _conditions(python, processors),
        figures,
        ratios(figures),
        built.sizes_of(built.PROVIDER_STACK, artefact),
    )


def _conditions(python: Path, processors: tuple[int, ...]) -> str:
    version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout
    those = f"processor {', '.join(map(str, processors))}" if processors else "all processors"
    return f"{version.strip()} on {platform.system()} {platform.machine()}, {those}"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--runs", type=_count, default=5, help="how often everything is measured")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--artefact", type=Path, default=ROOT / "build", help="folder that was built")
    parser.add_argument(
        "--processors", type=_numbers, default=(), help="those to use, such as 0 or 0,1; by default all"
    )
    return parser.parse_args()


def _count(text: str) -> int:
    if (count := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
