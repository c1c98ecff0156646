"""The schemas of ParallelCluster configurations, by version, and the typing of configurations by them.

The engine types configurations with this package and the command validates templates with it, so both report
the same. The package is deployed with the engine and imports nothing of this project.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from cluster_schema.conversion import Detail, Schema, convert, misfits


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


@cache
def configuration_schema(version: str) -> Schema:
    """Returns the JSON Schema of a ParallelCluster version's cluster configuration."""
    path = resources.files("cluster_schema") / "schemas" / f"{version}.json"
    schema: Schema = json.loads(path.read_text(encoding="utf-8"))
    return schema


@cache
def booleans(version: str) -> dict[str, bool]:
    """Returns every text that a version reads as a boolean, with its value."""
    spelled = configuration_schema(version)["x-booleans"]
    return {text: meaning == "true" for meaning, texts in spelled.items() for text in texts}


@cache
def versions() -> list[str]:
    """Returns the ParallelCluster versions that have a schema, the newest first."""
    names = [path.name for path in (resources.files("cluster_schema") / "schemas").iterdir()]
    found = [name.removesuffix(".json") for name in names if name.endswith(".json")]
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")], reverse=True)
