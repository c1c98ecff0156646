"""Median, least and most of what was measured, and the ratio that is aimed at."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from tools.bench.runs import LIBRARY, WAKE_UP, Sample

#: A wake-up that finds a cluster in progress is to take at most this share of what the library takes to look.
TARGET = 1 / 3

_MIB = 2**20


@dataclass(frozen=True)
class Spread:
    """The median of some runs, and how far they are apart."""

    median: float
    min: float
    max: float


@dataclass(frozen=True)
class Figure:
    """What several runs of one thing took; None where it cannot be told apart."""

    what: str
    time_s: Spread
    processor_s: Spread | None
    peak_mib: Spread | None
    processes: int | None


@dataclass(frozen=True)
class Ratio:
    """How a wake-up compares with the library, by medians."""

    what: str
    value: float

    @property
    def met(self) -> bool:
        """Whether it is as small as is aimed at."""
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
    """Returns what the provider's wake-up takes of what the library takes, in time and in memory."""
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
