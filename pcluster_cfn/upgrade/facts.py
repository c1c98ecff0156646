"""What the schemas of two releases do not say of the way from one to the other, from ``facts.yaml``."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cluster_schema.advisories import release

TABLE = Path(__file__).with_suffix(".yaml")
#: Keys and indexes that lead to a value.
Keys = tuple[str | int, ...]


@dataclass(frozen=True)
class Fact:
    """One thing that a release does otherwise.

    Args:
        what: What it is.
        fix: What to do, in the same form; empty if nothing has to be done.
        source: Where it was read; empty if the template or a schema says it.
    """

    what: str
    fix: str = ""
    source: str = ""


def retired(path: str, value: Any) -> Fact | None:
    """Returns what to do about a value that a later release refuses; ``{last}`` is its last release."""
    found = (each for each in _table()["retired"] if each["path"] == path and each["value"] == value)
    return next((_fact(each) for each in found), None)


def dropped(path: str) -> Fact | None:
    """Returns what happens if a key that a later release refuses is left out; None if it may not be."""
    return next((_fact(each) for each in _table()["dropped"] if each["path"] == path), None)


def changes(configuration: Any, before: str, after: str) -> Iterator[tuple[Keys, Fact]]:
    """Yields what releases do otherwise for a configuration, each with the first place that it concerns.

    Args:
        configuration: The configuration as JSON values; unknown values count as set.
        before: The release that is left.
        after: The release that is gone to.
    """
    for each in _table()["changes"]:
        if not _numbers(before) < _numbers(each["in"]) <= _numbers(after):
            continue
        for keys, value in _maps(configuration, each.get("each", "").split("/") if "each" in each else []):
            wanted = each.get("where", {}).items()
            if all(value.get(key) == text for key, text in wanted) and not any(
                _has(value, key.split("/")) for key in each["unless"]
            ):
                yield keys, _fact(each)
                break


def slurm(version: str) -> tuple[str, str] | None:
    """Returns a release's version of Slurm and the source; None if no source is known."""
    for each in _table()["slurm"]:
        first, _, last = (part.strip() for part in each["versions"].partition("-"))
        if _numbers(first) <= _numbers(version) <= _numbers(last or first):
            return str(each["is"]), str(each["source"])
    return None


def default_user(system: str) -> str | None:
    """Returns the default user of an operating system; None if the table lacks it."""
    user: str | None = _table()["systems"]["users"].get(system)
    return user


def successors(system: str) -> list[str]:
    """Returns the operating systems that come after one, the most natural first."""
    return list(_table()["systems"]["successors"].get(system, []))


def has_official_image(system: str) -> bool:
    """Whether AWS publishes an image of ParallelCluster for an operating system."""
    return system not in _table()["systems"]["without_official_image"]


def _fact(entry: Mapping[str, Any]) -> Fact:
    return Fact(entry["what"], entry.get("do", ""), entry["source"])


def _maps(value: Any, path: list[str], keys: Keys = ()) -> Iterator[tuple[Keys, Mapping[str, Any]]]:
    """Yields the maps at a path with their keys; lists on the way are looked through."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _maps(item, path, (*keys, index))
    elif isinstance(value, Mapping):
        if not path:
            yield keys, value
        elif path[0] in value:
            yield from _maps(value[path[0]], path[1:], (*keys, path[0]))


def _has(value: Any, path: list[str]) -> bool:
    """Whether a value is set at a path; an unknown value on the way may have it."""
    if not path or not isinstance(value, Mapping):
        return True
    return path[0] in value and _has(value[path[0]], path[1:])


def _numbers(version: str) -> tuple[int, int, int]:
    found = release(version)
    if found is None:
        raise ValueError(f"{version} is not a release, as in 3.14.2")
    return found


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return table
