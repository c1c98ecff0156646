"""What a ParallelCluster configuration looks like, per version: the schemas, and typing by them.

The engine types configurations with it and the command line checks templates with it, so that both say the
same. It stands beside the engine's package and is shipped with it; it imports nothing of this project.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from cluster_schema.conversion import Detail, Schema, convert, misfits


@dataclass(frozen=True)
class Fit:
    """A configuration as the schema reads it.

    Args:
        typed: The configuration, text converted to the types of the schema.
        misfits: Everything the schema refuses, in the order of its paths.
    """

    typed: Any
    misfits: list[Detail]


def fit(written: Any, version: str) -> Fit:
    """Returns a configuration with the types of a version's schema, and all that the schema refuses in it.

    Args:
        written: JSON values, as CloudFormation delivers them or as their author wrote them; not changed.
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
    """Returns every text that a version reads as a boolean, and what it reads."""
    spelled = configuration_schema(version)["x-booleans"]
    return {text: meaning == "true" for meaning, texts in spelled.items() for text in texts}


@cache
def versions() -> list[str]:
    """Returns the ParallelCluster versions whose schemas are here, the newest first."""
    names = [path.name for path in (resources.files("cluster_schema") / "schemas").iterdir()]
    found = [name.removesuffix(".json") for name in names if name.endswith(".json")]
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")], reverse=True)
