"""What is known of a ParallelCluster release: flaws, and the days on which support ends.

The engine and the command read the same entries, so both say the same. They are in ``advisories.yaml``, each
with its source. docs/reference/advisories.md lists them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any

from cluster_schema.conversion import UNKNOWN
from cluster_schema.reading import value_of

#: An end of support is announced this long before it comes.
ANNOUNCED_BEFORE = timedelta(days=365)
_RELEASE = re.compile(r"(\d+)\.(\d+)\.(\d+)")

Release = tuple[int, int, int]


class AdvisoryError(ValueError):
    """An entry of ``advisories.yaml`` cannot be read; the message names the entry."""


class Severity(IntEnum):
    """How much an advisory matters, the worst first."""

    #: Anyone on a node becomes root.
    CRITICAL = 0
    #: Rights, files or running jobs are lost.
    HIGH = 1
    #: Support has ended.
    WARNING = 2
    #: A create, an update or a feature fails.
    MEDIUM = 3
    #: A nuisance.
    LOW = 4
    #: Support ends within a year.
    INFO = 5

    @property
    def word(self) -> str:
        """The severity as it is written: ``critical``."""
        return self.name.lower()


@dataclass(frozen=True)
class Condition:
    """What a configuration must have for an advisory to concern its cluster.

    Args:
        path: Keys, separated by slashes; lists on the way are looked through.
        values: Patterns, one of which the value must match, in lower case; empty if any value counts.
    """

    path: str
    values: tuple[str, ...] = ()

    def is_met(self, configuration: Any) -> bool:
        """Whether a configuration has such a value. One that is not known does not count."""
        found = list(_values_at(configuration, self.path.split("/")))
        if not self.values:
            return any(value is not UNKNOWN and value not in (None, {}) for value in found)
        texts = [str(value).lower() for value in found if isinstance(value, str | bool | int)]
        return any(fnmatchcase(text, pattern) for text in texts for pattern in self.values)

    def __str__(self) -> str:
        return f"{self.path}: {' or '.join(self.values)}" if self.values else self.path


@dataclass(frozen=True)
class Advisory:
    """One thing that a user of a release should know.

    Args:
        id: A CVE, an issue of a repository on GitHub, or a name of ours for an end of support.
        severity: How much it matters.
        what: What is wrong, as a sentence without its full stop.
        fix: What to do, in the same form.
        source: URL of the source.
        dated: The day on which the source was written, or read if it has no date.
        first: The first affected release; None if all are, up to ``last``.
        last: The last affected release; None if all later ones are.
        fixed_in: The first release without the flaw, if a source names it.
        ends_on: The last day of support, if this is about its end.
        concerns: Conditions, one of which the configuration must meet; none if every cluster is concerned.
    """

    id: str
    severity: Severity
    what: str
    fix: str
    source: str
    dated: date
    first: str | None = None
    last: str | None = None
    fixed_in: str | None = None
    ends_on: date | None = None
    concerns: tuple[Condition, ...] = ()

    def affects(self, version: str) -> bool:
        """Whether a release is affected; False if the text is not a release."""
        there = release(version)
        if there is None:
            return False
        first, last = release(self.first or ""), release(self.last or "")
        return (first is None or first <= there) and (last is None or there <= last)

    @property
    def releases(self) -> str:
        """The affected releases in words: ``3.0.0 to 3.14.1``."""
        if self.first is None or self.last is None:
            return f"{self.first} and later" if self.first else "all"
        return self.first if self.first == self.last else f"{self.first} to {self.last}"

    def sentence(self) -> str:
        """Returns what is wrong and what to do, after the id and the severity, on one line."""
        return f"{self.id} ({self.severity.word}): {self.what}. {self.fix}."

    def document(self) -> dict[str, Any]:
        """Returns the advisory as JSON values."""
        return {
            "id": self.id,
            "severity": self.severity.word,
            "what": self.what,
            "do": self.fix,
            "versions": self.releases,
            "fixedIn": self.fixed_in,
            "endsOn": self.ends_on.isoformat() if self.ends_on else None,
            "concerns": [str(condition) for condition in self.concerns],
            "source": self.source,
            "dated": self.dated.isoformat(),
        }


def advisories_for(version: str, configuration: Any, on_date: date) -> list[Advisory]:
    """Returns what the user of a cluster should know, the worst first, then the newest.

    Args:
        version: ParallelCluster version of the cluster; nothing is known of a text that is not one.
        configuration: The cluster's configuration, in which values may be unknown; None if all of it is. Then
            what concerns some clusters only is returned as well.
        on_date: The day; ends of support count from a year before.
    """
    found = [
        each
        for each in all_advisories(on_date)
        if each.affects(version) and (each.ends_on is None or on_date > each.ends_on - ANNOUNCED_BEFORE)
    ]
    if configuration is not None:
        found = [
            each
            for each in found
            if not each.concerns or any(condition.is_met(configuration) for condition in each.concerns)
        ]
    return sorted(found, key=lambda each: (each.severity, -each.dated.toordinal(), each.id))


def all_advisories(on_date: date) -> list[Advisory]:
    """Returns every advisory, in the order of the file; those about ends of support as of a day.

    Raises:
        AdvisoryError: An entry cannot be read.
    """
    entries = _entries()
    flaws = [_flaw(entry) for entry in entries["flaws"]]
    return [*flaws, *(_end(entry, on_date) for entry in entries["ends"])]


def release(version: str) -> Release | None:
    """Returns a version's numbers; None if the text is not a release, as ``3.8.0b1`` is none."""
    found = _RELEASE.fullmatch(version)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


@cache
def _entries() -> Mapping[str, list[dict[str, Any]]]:
    text = (resources.files("cluster_schema") / "advisories.yaml").read_text(encoding="utf-8")
    entries: Mapping[str, list[dict[str, Any]]] = value_of(text)
    return entries


def _flaw(entry: Mapping[str, Any]) -> Advisory:
    severity = str(_required(entry, "severity"))
    if severity not in {"critical", "high", "medium", "low"}:
        raise AdvisoryError(f"{entry['id']}: {severity} is not a severity of a flaw")
    return Advisory(
        severity=Severity[severity.upper()],
        what=str(_required(entry, "what")),
        fix=str(_required(entry, "fix")),
        fixed_in=entry.get("fixed_in"),
        **_common(entry),
    )


def _end(entry: Mapping[str, Any], on_date: date) -> Advisory:
    ends_on: date = _required(entry, "ends")
    has_ended = on_date > ends_on
    about = f"Support of {_required(entry, 'subject')}".removesuffix(",")
    if "concerns" in entry:
        fix = "Make a new cluster with another operating system (Image/Os)"
    else:
        fix = "Move to a later release"
    return Advisory(
        severity=Severity.WARNING if has_ended else Severity.INFO,
        what=f"{about} {'ended' if has_ended else 'ends'} on {ends_on.isoformat()}",
        fix=fix,
        ends_on=ends_on,
        **_common(entry),
    )


def _common(entry: Mapping[str, Any]) -> dict[str, Any]:
    first, last = _range(entry)
    return {
        "id": str(_required(entry, "id")),
        "source": str(_required(entry, "source")),
        "dated": _required(entry, "dated"),
        "first": first,
        "last": last,
        "concerns": tuple(
            Condition(each["path"], tuple(value.lower() for value in each.get("values", [])))
            for each in entry.get("concerns", [])
        ),
    }


def _range(entry: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Returns the first and the last release of ``3.0.0 - 3.14.1``, ``3.14.0 -`` or ``3.6.0``."""
    written = entry.get("versions")
    if written is None:
        return None, None
    first, dash, last = (part.strip() for part in str(written).partition("-"))
    last = last if dash else first
    if release(first) is None or (last and release(last) is None):
        raise AdvisoryError(f"{entry['id']}: {written} is not a range of releases, as in 3.0.0 - 3.14.1")
    return first, last or None


def _required(entry: Mapping[str, Any], key: str) -> Any:
    if not entry.get(key):
        raise AdvisoryError(f"{entry.get('id', entry)}: {key} is missing")
    return entry[key]


def _values_at(value: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _values_at(item, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _values_at(value[path[0]], path[1:])
