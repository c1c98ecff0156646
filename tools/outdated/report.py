"""The list as text: a row for each pinned version, with the parts that have it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from tools.outdated.releases import Age

_HEADER = ("package", "pinned", "released", "days", "newest", "released", "in")
_NUMBERS = {3}


@dataclass(frozen=True)
class Pin:
    """A pinned version of a package, and the parts that it is deployed in."""

    package: str
    version: str
    parts: tuple[str, ...]


def pins(deployed: Mapping[str, Mapping[str, str]], wanted: Iterable[str] = ()) -> list[Pin]:
    """Returns every pinned version once, by name.

    Args:
        deployed: Versions by package, by part.
        wanted: The packages to list; empty for all.

    Raises:
        ValueError: One of these packages is not deployed.
    """
    parts: dict[tuple[str, str], list[str]] = defaultdict(list)
    for part, packages in deployed.items():
        for package, version in packages.items():
            parts[package, version].append(part)
    only = set(wanted)
    if strangers := only - {package for package, _ in parts}:
        raise ValueError(f"not deployed: {', '.join(sorted(strangers))}")
    return [
        Pin(package, version, tuple(there))
        for (package, version), there in sorted(parts.items())
        if not only or package in only
    ]


def table(rows: Iterable[tuple[Pin, Age | None]]) -> str:
    """Returns the list, the oldest release first and those without a date last."""
    found = sorted(rows, key=_order)
    cells = [_HEADER, *(_row(pin, age) for pin, age in found)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEADER))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in _NUMBERS else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def summary(rows: Iterable[tuple[Pin, Age | None]]) -> str:
    """Returns how many packages there are, how many have a newer version, and how many are unknown."""
    ages = [age for _, age in rows]
    behind = sum(age is not None and age.newest is not None for age in ages)
    return f"{len(ages)} pinned versions; {behind} have a newer release, {ages.count(None)} are unknown"


def _order(row: tuple[Pin, Age | None]) -> tuple[bool, int, str]:
    pin, age = row
    days = age.days if age is not None else None
    return days is None, -(days or 0), pin.package


def _row(pin: Pin, age: Age | None) -> tuple[str, ...]:
    parts = ", ".join(pin.parts)
    if age is None:
        return (pin.package, pin.version, "?", "?", "?", "?", parts)
    newest = (age.newest, _day(age.newest_released)) if age.newest is not None else ("", "")
    return (pin.package, pin.version, _day(age.released), _number(age.days), *newest, parts)


def _day(day: date | None) -> str:
    return "?" if day is None else day.isoformat()


def _number(days: int | None) -> str:
    return "?" if days is None else str(days)
