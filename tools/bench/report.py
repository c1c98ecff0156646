"""Shows the figures: a table on a terminal, aligned lines elsewhere, JSON in a file."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tools.artefacts import built
from tools.bench.figures import TARGET, Figure, Ratio, Spread
from tools.bench.runs import LIBRARY, WAKE_UP

_HEADINGS = (
    "whole processes; median, min, max",
    *("time s", "", ""),
    "processor s",
    *("peak MiB", "", ""),
    "processes",
)


@dataclass(frozen=True)
class Report:
    """All that a bench found out.

    Args:
        runs: How often everything was measured.
        conditions: What was measured on what.
        figures: One for each thing measured.
        ratios: The wake-up beside the library.
        sizes: Of what was built.
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
        told = "\n".join(
            f"  {ratio.what}: {ratio.value:.2f}, at most {TARGET:.2f}: {'met' if ratio.met else 'not met'}"
            for ratio in self.ratios
        )
        return f"{WAKE_UP}, as a share of: {LIBRARY}\n{told}"


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
