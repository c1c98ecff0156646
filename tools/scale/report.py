"""Prints a run's report: tables on a terminal, aligned lines elsewhere."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tools.scale.figures import Claim, Phase, by_service, durations_s, in_flight_max, latency
from tools.scale.observed import Work

Rows = Sequence[tuple[str, ...]]


def show_alone(console: Console, work: Work, claims: Sequence[Claim]) -> None:
    """Prints the work for one cluster that is created alone."""
    rows = [("provider's own invocations", str(work.own)), ("engine invocations", str(work.engine))]
    rows += [("sweeps meanwhile", str(work.sweeps)), ("AWS calls of all these sweeps", str(work.sweep_calls))]
    rows += [(f"  {name}", str(count)) for name, count in sorted(work.calls.items())]
    rows += [("AWS calls of the provider", str(work.calls.total()))]
    rows += [(f"  library: {name}", str(count)) for name, count in sorted(work.library_calls.items())]
    _show(console, "One create of 15 minutes, alone", ("", "count"), rows)
    show_claims(console, claims)


def show_phases(console: Console, phases: Sequence[Phase]) -> None:
    """Prints the figures of all phases side by side."""
    rows = [*_times(phases), *_work(phases), *_kept(phases)]
    _show(console, "All", ("", *(phase.action.value.lower() for phase in phases)), rows)


def show_conditions(console: Console, syntheses: Counter[str], pace: float) -> None:
    """Prints the differences between the run and AWS."""
    real = syntheses.total() - syntheses["replayed"]
    rows = [
        ("templates synthesised by the library", str(real) if syntheses else "all"),
        ("templates replayed from a recording", str(syntheses["replayed"])),
        ("validators", "suppressed"),
        ("simulated seconds in a real one, skips left out", f"{pace:.2f}"),
    ]
    _show(console, "Conditions", ("", ""), rows)


def show_failures(console: Console, phases: Sequence[Phase]) -> None:
    """Prints requests that failed or got no answer."""
    for phase in phases:
        for operation in phase.operations:
            if not operation.succeeded:
                why = operation.reason or "no answer"
                text = f"{phase.action} of {operation.name}: {operation.status}: {why}"
                console.print(text, soft_wrap=True, highlight=False, markup=False)


def show_claims(console: Console, claims: Sequence[Claim]) -> None:
    """Prints the claims, and whether they hold."""
    words = {True: "yes", False: "NO"}
    rows = [(claim.text, claim.seen, words[claim.holds]) for claim in claims]
    _show(console, "", ("claim", "seen", "holds"), rows)


def _times(phases: Sequence[Phase]) -> Rows:
    latencies = [latency(phase.operations) for phase in phases]
    durations = [durations_s(phase.operations) or [0.0] for phase in phases]
    return [
        ("operations", *(str(len(phase.operations)) for phase in phases)),
        ("in flight at most", *(str(in_flight_max(phase.operations)) for phase in phases)),
        ("shortest, simulated s", *(f"{min(taken):.0f}" for taken in durations)),
        ("longest, simulated s", *(f"{max(taken):.0f}" for taken in durations)),
        ("answer latency p50, simulated s", *(f"{taken.p50_s:.2f}" if taken else "" for taken in latencies)),
        ("answer latency p95", *(f"{taken.p95_s:.2f}" if taken else "" for taken in latencies)),
        ("answer latency max", *(f"{taken.max_s:.2f}" if taken else "" for taken in latencies)),
    ]


def _work(phases: Sequence[Phase]) -> Rows:
    services = [by_service(phase.work.calls) for phase in phases]
    libraries = [phase.work.library_calls for phase in phases]
    return [
        ("provider invocations per operation", *(_each(phase, phase.work.own) for phase in phases)),
        ("engine invocations per operation", *(_each(phase, phase.work.engine) for phase in phases)),
        ("AWS calls per operation", *(_each(phase, phase.work.calls.total()) for phase in phases)),
        *_counted("", phases, services),
        *_counted("library: ", phases, libraries),
        ("sweeps", *(str(phase.work.sweeps) for phase in phases)),
        ("AWS calls of all sweeps' own", *(str(phase.work.sweep_calls) for phase in phases)),
        ("invocations that failed", *(str(phase.work.failed) for phase in phases)),
    ]


def _counted(prefix: str, phases: Sequence[Phase], counts: Sequence[dict[str, int]]) -> Rows:
    names = sorted({name for counted in counts for name in counted})
    return [
        (
            f"  {prefix}{name}",
            *(_each(phase, counted.get(name, 0)) for phase, counted in zip(phases, counts, strict=True)),
        )
        for name in names
    ]


def _kept(phases: Sequence[Phase]) -> Rows:
    return [
        ("table: items per operation so far", *(_each(phase, phase.kept.items) for phase in phases)),
        ("table: bytes per operation so far", *(_each(phase, phase.kept.size_bytes) for phase in phases)),
        ("table: open", *(str(phase.kept.open) for phase in phases)),
        ("dead letters", *(str(phase.kept.dead_letters) for phase in phases)),
    ]


def _each(phase: Phase, count: int) -> str:
    return f"{count / len(phase.operations):.1f}"


def _show(console: Console, title: str, headings: tuple[str, ...], rows: Rows) -> None:
    if console.is_terminal:
        table = Table(title=title or None)
        for heading in headings:
            table.add_column(heading, justify="right" if heading else "left")
        for row in rows:
            table.add_row(*row)
        console.print(table)
        return
    if title:
        console.print(title, highlight=False)
    console.print(_aligned([headings, *rows]), soft_wrap=True, highlight=False, markup=False)
    console.print()


def _aligned(rows: Rows) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
