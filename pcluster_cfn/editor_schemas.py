"""The configuration's schema for editors: the engine's rules, and what an editor shows beside them.

Nothing here needs ParallelCluster, so one process makes the schemas of all versions.
"""

import copy
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cluster_schema import configuration_schema, versions

JsonSchema = dict[str, Any]

#: The newest draft that editors' YAML server documents. Source: yaml-language-server, README, "Features".
DRAFT = "http://json-schema.org/draft-07/schema#"
TABLE = Path(__file__).with_suffix(".yaml")
USER_GUIDE = "https://docs.aws.amazon.com/parallelcluster/latest/ug/"


class UndescribedPolicyError(LookupError):
    """An update policy of ParallelCluster has no words in the table."""


def files() -> Iterator[tuple[str, str]]:
    """Yields the name and the content of a schema file for each ParallelCluster version."""
    for version in versions():
        schema = for_editors(configuration_schema(version))
        yield f"configuration-{version}.json", json.dumps(schema, indent=1) + "\n"


def for_editors(schema: JsonSchema) -> JsonSchema:
    """Returns the engine's schema of a version with what an editor shows beside the rules.

    Raises:
        UndescribedPolicyError: The table lacks the words for an update policy.
    """
    published = copy.deepcopy(schema) | {"$schema": DRAFT, "description": f"{USER_GUIDE}{_page(())}"}
    del published["x-booleans"]  # how the engine reads text; in a file an editor knows the types
    for path, place in keys(published):
        if policy := place.get("x-update-policy"):
            place["x-update"] = update(policy, path[-1])
        place["description"] = "\n\n".join(_paragraphs(path, place))
    return published


def keys(schema: JsonSchema, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], JsonSchema]]:
    """Yields every key below a section with its path, in the order of the schema."""
    for key, place in schema.get("properties", {}).items():
        yield (*path, key), place
        yield from keys(place.get("items", place), (*path, key))


def sentence(path: tuple[str, ...]) -> str | None:
    """Returns what the table says of a key: its longest entry that the path ends with."""
    endings = ("/".join(path[start:]) for start in range(len(path)))
    return next((_table()["keys"][ending] for ending in endings if ending in _table()["keys"]), None)


def update(policy: str, key: str) -> str:
    """Returns what changing a key takes.

    Args:
        policy: The name of its update policy.
        key: Its name; a policy may have a condition for it alone.

    Raises:
        UndescribedPolicyError: The table lacks the policy.
    """
    updates = _table()["updates"]
    try:
        return str(updates.get(f"{policy}/{key}") or updates[policy])
    except KeyError as error:
        raise UndescribedPolicyError(f"{policy}: put it into words in {TABLE.name}") from error


def _paragraphs(path: tuple[str, ...], place: JsonSchema) -> Iterator[str]:
    if said := sentence(path):
        yield said
    if change := place.get("x-update"):
        yield f"Update: {change}."
    yield f"{USER_GUIDE}{_page(path)}"


def _page(path: tuple[str, ...]) -> str:
    pages = _table()["pages"]
    return str(pages.get(path[0] if path else "", pages[""]))


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return table
