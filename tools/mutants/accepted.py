"""Mutants that no test has to notice, each with the reason."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.mutants.mutant import Mutant


class AcceptedError(Exception):
    """The list of accepted survivors is not valid."""


@dataclass(frozen=True)
class Accepted:
    """A mutant that may survive.

    Args:
        module: Its module.
        function: Qualified name of its function.
        line: The changed lines as they are.
        becomes: The changed lines as they become.
        reason: Why no test can, or need, notice it.
    """

    module: str
    function: str
    line: str
    becomes: str
    reason: str

    def covers(self, mutant: Mutant) -> bool:
        """Whether a mutant is this one."""
        own = (self.module, self.function, self.line, self.becomes)
        return own == (mutant.module, mutant.function, mutant.before, mutant.after)


def read(path: Path) -> list[Accepted]:
    """The accepted survivors of a file, which has a list of them for each module.

    Raises:
        AcceptedError: An entry lacks a field, has another one, or gives no reason.
    """
    found = []
    fields = {"function", "line", "becomes", "reason"}
    for module, entries in _load(path).items():
        for number, entry in enumerate(entries, 1):
            where = f"{path.name}: entry {number} of {module}"
            if not isinstance(entry, dict) or set(entry) != fields:
                raise AcceptedError(f"{where} must have exactly the fields {', '.join(sorted(fields))}")
            if not str(entry["reason"]).strip():
                raise AcceptedError(f"{where} gives no reason")
            found.append(Accepted(module, **{name: str(entry[name]) for name in fields}))
    return found


def _load(path: Path) -> dict[str, list[Any]]:
    if not path.exists():
        return {}
    try:
        return yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise AcceptedError(f"{path.name} is not YAML: {error}") from error


def stale(
    accepted: Iterable[Accepted], mutants: Collection[Mutant], modules: Collection[str]
) -> list[Accepted]:
    """Entries for some modules that no mutant matches any more."""
    return [
        entry
        for entry in accepted
        if entry.module in modules and not any(entry.covers(mutant) for mutant in mutants)
    ]
