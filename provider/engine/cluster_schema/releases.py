"""The schema of each ParallelCluster release's configuration, kept as the differences between releases.

``schemas/releases.json`` has the releases, the newest first. Each entry is a JSON merge patch that makes its
schema from the one before it, and the first one from nothing (RFC 7396). An engine of a release that this
project does not know has its schema in ``schemas/<release>.json``.
"""

import json
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any

Schema = dict[str, Any]

RELEASES = "releases.json"


@cache
def configuration_schema(version: str) -> Schema:
    """Returns the JSON Schema of a release's cluster configuration; do not change it.

    Args:
        version: One of ``versions()``.

    Raises:
        LookupError: There is no schema of this release.
    """
    if version in _others():
        return _read(f"{version}.json")
    schema: Schema = {}
    for release, patch in _read(RELEASES).items():
        schema = merged(schema, patch)
        if release == version:
            return schema
    raise LookupError(f"no schema of ParallelCluster {version}; there are {in_words(versions())}")


@cache
def versions() -> list[str]:
    """Returns the releases that have a schema, the newest first."""
    return newest_first([*_read(RELEASES), *_others()])


def in_words(releases: Iterable[str]) -> str:
    """Returns releases in words: ``3.6.0 to 3.15.1``, where all with a schema between them belong to it."""
    chosen, ranges = set(releases), list[list[str]]()
    for release, previous in zip(versions()[::-1], ["", *versions()[:0:-1]], strict=True):
        if release in chosen:
            if previous in chosen:
                ranges[-1].append(release)
            else:
                ranges.append([release])
    return " or ".join(each[0] if len(each) == 1 else f"{each[0]} to {each[-1]}" for each in ranges)


def newest_first(releases: Iterable[str]) -> list[str]:
    """Returns releases in their order, the newest first."""
    return sorted(releases, key=lambda release: [int(part) for part in release.split(".")], reverse=True)


def merged(value: Any, patch: Any) -> Any:
    """Returns a JSON value with a merge patch applied; neither is changed. Source: RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    found = dict(value) if isinstance(value, dict) else {}
    for key, change in patch.items():
        if change is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), change)
    return found


def difference(schema: Schema, wanted: Schema) -> Schema:
    """Returns the merge patch that makes one schema from another; neither may contain null."""
    patch: Schema = dict.fromkeys(sorted(schema.keys() - wanted.keys()))
    for key, value in wanted.items():
        there = schema.get(key)
        if isinstance(there, dict) and isinstance(value, dict):
            if inner := difference(there, value):
                patch[key] = inner
        elif json.dumps(there) != json.dumps(value):  # as JSON, because Python holds 1 and True for equal
            patch[key] = value
    return patch


def _others() -> list[str]:
    folder = resources.files("cluster_schema") / "schemas"
    return [path.name.removesuffix(".json") for path in folder.iterdir() if path.name != RELEASES]


@cache
def _read(name: str) -> Schema:
    path = resources.files("cluster_schema") / "schemas" / name
    content: Schema = json.loads(path.read_text(encoding="utf-8"))
    return content
