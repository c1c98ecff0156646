"""The figures of a bench: medians and ratios, shown as a table, as aligned lines, or as JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from tools.artefacts import built
from tools.bench.runs import LIBRARY, WAKE_UP, Sample

#: A wake-up that finds a cluster in progress is to take at most this share of what the library takes to look.
TARGET = 1 / 3

_MIB = 2**20


_HEADINGS = (
    "whole processes; median, min, max",
    *("time s", "", ""),
    "processor s",
    *("peak MiB", "", ""),
    "processes",
)


@dataclass(frozen=True)
class Spread:
    """The median of some runs, and how far they are apart."""

    median: float
    min: float
    max: float


@dataclass(frozen=True)
class Figure:
    """The time and memory of several runs of one thing; None where they cannot be measured separately."""

    what: str
    time_s: Spread
    processor_s: Spread | None
    peak_mib: Spread | None
    processes: int | None


@dataclass(frozen=True)
class Ratio:
    """A wake-up as a share of the library, by medians."""

    what: str
    value: float

    @property
    def met(self) -> bool:
        """Whether the ratio is within the target."""
        return self.value <= TARGET


def figure(what: str, samples: Sequence[Sample]) -> Figure:
    """Returns the figure of at least one run."""
    peaks = [sample.peak_bytes / _MIB for sample in samples if sample.peak_bytes is not None]
    processor = [sample.processor_s for sample in samples if sample.processor_s is not None]
    processes = [sample.processes for sample in samples if sample.processes is not None]
    return Figure(
        what=what,
        time_s=_spread([sample.time_s for sample in samples]),
        processor_s=_spread(processor) if processor else None,
        peak_mib=_spread(peaks) if peaks else None,
        processes=max(processes, default=None),
    )


def ratios(figures: Iterable[Figure]) -> list[Ratio]:
    """Returns the provider's wake-up as a share of the library's describe, in time and in memory."""
    by_name = {figure.what: figure for figure in figures}
    ours, theirs = by_name[WAKE_UP], by_name[LIBRARY]
    found = [Ratio("time", ours.time_s.median / theirs.time_s.median)]
    if ours.processor_s and theirs.processor_s:
        found.append(Ratio("processor time", ours.processor_s.median / theirs.processor_s.median))
    if ours.peak_mib and theirs.peak_mib:
        found.append(Ratio("peak memory", ours.peak_mib.median / theirs.peak_mib.median))
    return found


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


@dataclass(frozen=True)
class Report:
    """The results of a bench.

    Args:
        runs: The number of runs.
        conditions: The machine and the versions.
        figures: One for each thing measured.
        ratios: The wake-up compared with the library.
        sizes: The sizes of the built parts.
    """

    runs: int
    conditions: str
    figures: list[Figure]
    ratios: list[Ratio]
    sizes: list[built.Size]

    def show(self, console: Console) -> None:
        """Prints everything."""
        rows = [_row(figure) for figure in self.figures]
        console.print(f"{self.conditions}, {self.runs} runs\n", highlight=False)
        if console.is_terminal:
            console.print(_table(rows))
        else:
            console.print(_aligned([_HEADINGS, *rows]), soft_wrap=True, highlight=False)
        console.print(f"\n{self._verdict()}\n", soft_wrap=True, highlight=False)
        console.print(built.table(self.sizes), soft_wrap=True, highlight=False)

    def write(self, path: Path) -> None:
        """Writes everything as JSON."""
        ratios = [{**asdict(ratio), "target": TARGET, "met": ratio.met} for ratio in self.ratios]
        path.write_text(json.dumps({**asdict(self), "ratios": ratios}, indent=2) + "\n", encoding="utf-8")

    def _verdict(self) -> str:
        lines = "\n".join(
            f"  {ratio.what}: {ratio.value:.2f}, at most {TARGET:.2f}: {'met' if ratio.met else 'not met'}"
            for ratio in self.ratios
        )
        return f"{WAKE_UP}, as a share of: {LIBRARY}\n{lines}"


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        figure.what,
        *_cells(figure.time_s, 3),
        f"{figure.processor_s.median:.2f}" if figure.processor_s else "",
        *_cells(figure.peak_mib, 1),
        str(figure.processes or ""),
    )


def _cells(spread: Spread | None, digits: int) -> tuple[str, str, str]:
    if spread is None:
        return "", "", ""
    return f"{spread.median:.{digits}f}", f"{spread.min:.{digits}f}", f"{spread.max:.{digits}f}"


def _table(rows: Sequence[Sequence[str]]) -> Table:
    table = Table()
    for heading in _HEADINGS:
        table.add_column(heading, justify="left" if heading == _HEADINGS[0] else "right")
    for row in rows:
        table.add_row(*row)
    return table


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
