"""The figures of a run, and the claims that they confirm or refute."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from tools.scale.observed import Kept, Operation, Work
from tools.scale.plan import Action

if TYPE_CHECKING:
    from datetime import datetime

#: One answer in twenty may come later than this after the cluster's end, in simulated seconds.
LATENCY_P95_S = 5.0
#: The same if no event arrives: two periods of the sweep.
LOST_LATENCY_P95_S = 120.0
#: The most work for one create of 15 minutes.
INVOCATIONS_MAX, ENGINE_INVOCATIONS_MAX, CALLS_MAX = 6, 2, 30
#: The growth up to which memory counts as flat.
_FLAT = 1.1
_COMPARED = 100
_WORKS = {f"{action}_COMPLETE" for action in Action}


@dataclass(frozen=True)
class Phase:
    """One action on all clusters.

    Args:
        action: The action.
        operations: Their outcomes.
        work: The functions' work for them.
        kept: The records in the table afterwards.
    """

    action: Action
    operations: Sequence[Operation]
    work: Work
    kept: Kept


@dataclass(frozen=True)
class Latency:
    """Simulated seconds from the end of the cluster's stack to the answer."""

    p50_s: float
    p95_s: float
    max_s: float


@dataclass(frozen=True)
class Claim:
    """A statement about a run.

    Args:
        text: The statement.
        seen: The measured value.
        holds: Whether it is true.
        is_correctness: Whether the run fails if it is false; otherwise it is a target.
    """

    text: str
    seen: str
    holds: bool
    is_correctness: bool = True


def latency(operations: Iterable[Operation]) -> Latency | None:
    """Returns the time from the end of each stack to the answer; None without any answer."""
    taken = sorted(
        (operation.answered_at - operation.cluster_ended_at).total_seconds()
        for operation in operations
        if operation.answered_at is not None and operation.cluster_ended_at is not None
    )
    return Latency(percentile(taken, 50), percentile(taken, 95), taken[-1]) if taken else None


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Returns the value below or at which so many percent of at least one value lie (nearest rank)."""
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(rank, 1) - 1]


def durations_s(operations: Iterable[Operation]) -> list[float]:
    """Returns the seconds from request to answer of answered operations."""
    return [
        (operation.answered_at - operation.requested_at).total_seconds()
        for operation in operations
        if operation.answered_at is not None
    ]


def in_flight_max(operations: Iterable[Operation]) -> int:
    """Returns the most operations that were under way at one time."""
    changes: list[tuple[datetime, int]] = []
    for operation in operations:
        changes.append((operation.requested_at, 1))
        if operation.answered_at is not None:
            changes.append((operation.answered_at, -1))
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def by_service(calls: Counter[str]) -> Counter[str]:
    """Returns calls by service, from calls by service and operation."""
    counted: Counter[str] = Counter()
    for name, count in calls.items():
        counted[name.partition(" ")[0]] += count
    return counted


def memory_mb(peaks_mb: Sequence[int]) -> tuple[float, float]:
    """Returns the mean peak of the first and of the last hundred invocations, or of the halves of fewer."""
    compared = min(_COMPARED, max(len(peaks_mb) // 2, 1))
    return fmean(peaks_mb[:compared]), fmean(peaks_mb[-compared:])


def claims(phases: Sequence[Phase], *, latency_p95_s: float | None) -> list[Claim]:
    """Returns the claims about a run.

    Args:
        phases: The phases, deletion last.
        latency_p95_s: The most for 95 % of the answers; None if only the deadline counts.
    """
    found = [claim for phase in phases for claim in _answered(phase)]
    if latency_p95_s is not None:
        found += [_in_time(phase, latency_p95_s) for phase in phases]
    return [*found, *_left(phases[-1].kept), _flat([mb for phase in phases for mb in phase.work.peaks_mb])]


def cost_claims(alone: Work) -> list[Claim]:
    """Returns the claims about the work for one create of 15 minutes alone."""
    counted = [
        ("invocations of the provider, without sweeps", alone.own, INVOCATIONS_MAX),
        ("invocations of the engine", alone.engine, ENGINE_INVOCATIONS_MAX),
        ("AWS calls outside the library", alone.calls.total(), CALLS_MAX),
    ]
    return [
        Claim(f"{what}: at most {limit}", str(count), count <= limit, is_correctness=False)
        for what, count, limit in counted
    ]


def replay_claim(syntheses: Counter[str]) -> Claim:
    """Returns the claim that replayed templates equal synthesised ones; the second of a kind is both."""
    equal, different = syntheses["equal"], syntheses["different"]
    text = "a replayed template equals a synthesised one, byte for byte"
    return Claim(text, f"{equal} equal, {different} different", bool(equal) and not different)


def _answered(phase: Phase) -> list[Claim]:
    what, operations = phase.action.value.lower(), phase.operations
    good = sum(operation.succeeded and operation.status in _WORKS for operation in operations)
    lost = sum(operation.answers == 0 for operation in operations)
    twice = sum(operation.answers > 1 for operation in operations)
    return [
        Claim(f"{what}: all {len(operations)} answered SUCCESS", str(good), good == len(operations)),
        Claim(f"{what}: no answer lost, none twice", f"{lost} lost, {twice} twice", lost == twice == 0),
    ]


def _in_time(phase: Phase, p95_s: float) -> Claim:
    taken = latency(phase.operations)
    text = f"{phase.action.value.lower()}: p95 of the answer's latency at most {p95_s:.0f} s"
    holds = taken is not None and taken.p95_s <= p95_s
    return Claim(text, f"{taken.p95_s:.1f} s" if taken else "no answer", holds, is_correctness=False)


def _left(kept: Kept) -> list[Claim]:
    left = f"{kept.open} open, {kept.lasting} without expiry, {kept.dead_letters} dead letters"
    return [
        Claim(
            "nothing left but records that expire", left, not (kept.open or kept.lasting or kept.dead_letters)
        )
    ]


def _flat(peaks_mb: Sequence[int]) -> Claim:
    if not peaks_mb:
        return Claim("memory of the provider process flat", "not measured here", True, is_correctness=False)
    first, last = memory_mb(peaks_mb)
    seen = f"{first:.1f} MB first, {last:.1f} MB last"
    return Claim("memory of the provider process flat", seen, last <= first * _FLAT, is_correctness=False)
