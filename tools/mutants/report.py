"""Shows what came of the mutants of each module."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tools.mutants.accepted import Accepted
from tools.mutants.mutant import Mutant


@dataclass(frozen=True)
class Outcome:
    """What came of the mutants of one module.

    Args:
        module: Its path.
        killed: How many were noticed.
        accepted: How many may survive.
        survivors: The others.
    """

    module: str
    killed: int
    accepted: int
    survivors: Sequence[Mutant]

    @property
    def all(self) -> int:
        """How many mutants there are."""
        return self.killed + self.accepted + len(self.survivors)


def score(outcomes: Sequence[Outcome]) -> float:
    """Killed mutants in percent of those that are not accepted; 100 if there are none."""
    killed = sum(outcome.killed for outcome in outcomes)
    judged = killed + sum(len(outcome.survivors) for outcome in outcomes)
    return 100 * killed / judged if judged else 100.0


def show(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Prints every survivor with what it changes, and the figures of all modules."""
    for outcome in outcomes:
        for mutant in outcome.survivors:
            _print(console, f"{mutant.module}:{mutant.line} {mutant.function}")
            _print(console, f"  - {mutant.before}")
            _print(console, f"  + {mutant.after}")
    table = Table(box=None, pad_edge=False)
    table.add_column("module")
    for name in ("mutants", "killed", "accepted", "survived", "score"):
        table.add_column(name, justify="right")
    for outcome in outcomes:
        _add(table, outcome.module, [outcome])
    if len(outcomes) > 1:
        _add(table, "all", outcomes)
    console.print(table)


def show_stale(console: Console, stale: Sequence[Accepted]) -> None:
    """Prints entries of the list of accepted survivors that match no mutant."""
    for entry in stale:
        _print(
            console, f"accepted, but there is no such mutant: {entry.module}, {entry.function or 'module'}"
        )
        _print(console, f"  - {entry.line}")
        _print(console, f"  + {entry.becomes}")


def _add(table: Table, name: str, outcomes: Sequence[Outcome]) -> None:
    counts = [
        sum(outcome.all for outcome in outcomes),
        sum(outcome.killed for outcome in outcomes),
        sum(outcome.accepted for outcome in outcomes),
        sum(len(outcome.survivors) for outcome in outcomes),
    ]
    table.add_row(name, *map(str, counts), f"{score(outcomes):.1f} %")


def _print(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False, markup=False)
