"""The schemas of ParallelCluster configurations, by version, and the typing of configurations by them.

The engine types configurations with this package and the command validates templates with it, so both report
the same. The package is deployed with the engine and imports nothing of this project.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from cluster_schema.conversion import Detail, convert, is_missing, misfits
from cluster_schema.releases import configuration_schema, in_words, versions

__all__ = ["Fit", "accepting_versions", "booleans", "configuration_schema", "fit", "in_words", "versions"]

#: The engine would take longer for more, and real configurations are shorter: 50 queues have 9,000.
COMPARED_MAX_CHARACTERS = 100_000


@dataclass(frozen=True)
class Fit:
    """A configuration, typed and validated.

    Args:
        typed: The configuration, with text converted to the types of the schema.
        misfits: Every value that is not valid, in the order of paths.
    """

    typed: Any
    misfits: list[Detail]


def fit(written: Any, version: str) -> Fit:
    """Returns a configuration with the types of a version's schema, and every value that is not valid.

    Args:
        written: JSON values, as CloudFormation delivers them or as the author wrote them; not changed.
        version: One of ``versions()``.
    """
    schema = configuration_schema(version)
    typed = convert(written, schema, booleans(version))
    return Fit(typed, misfits(typed, written, schema))


def accepting_versions(written: Any, refused: list[Detail], version: str) -> dict[str, list[str]]:
    """Returns the other versions whose schema takes what a version refuses, by path, the newest first.

    A version counts if it finds nothing wrong at the path, above it and below it. A path that no other
    version takes is left out, and so is one at which a required key is missing: nothing is there to take.
    Of a configuration of more than ``COMPARED_MAX_CHARACTERS``, as JSON, nothing is returned.

    Args:
        written: The configuration, as for ``fit``.
        refused: What the version refuses of it, as ``fit`` returned it.
        version: The version.
    """
    # The command has values that it does not know, which are no JSON.
    if len(json.dumps(written, default=str, skipkeys=True)) > COMPARED_MAX_CHARACTERS:
        return {}
    # Most releases have the schema of another one, so that one of them stands for several.
    alike = {rules: each for each, rules in _rules_by_version().items()}
    judged = {
        rules: [detail["path"] for detail in fit(written, each).misfits] for rules, each in alike.items()
    }
    others = {each: judged[rules] for each, rules in _rules_by_version().items() if each != version}
    found: dict[str, list[str]] = {}
    for path in (detail["path"] for detail in refused if not is_missing(detail)):
        names = [name for name, paths in others.items() if not any(_overlap(path, other) for other in paths)]
        if names:
            found[path] = names
    return found


def _overlap(one: str, other: str) -> bool:
    """Whether one of two paths is the other, or above it."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


@cache
def _rules_by_version() -> dict[str, str]:
    """Returns the schema of each version as text, without what names the version."""
    named = ("$id", "title")
    return {
        each: json.dumps({key: rule for key, rule in configuration_schema(each).items() if key not in named})
        for each in versions()
    }


@cache
def booleans(version: str) -> dict[str, bool]:
    """Returns every text that a version reads as a boolean, with its value."""
    spelled = configuration_schema(version)["x-booleans"]
    return {text: meaning == "true" for meaning, texts in spelled.items() for text in texts}
