"""Resemblance: a wanted configuration in the words of the stored one, wherever both mean the same.

ParallelCluster compares configurations as they are written, types included: ``"200"`` in place of ``200`` is
a change, and on many keys a refused one. A cluster that was made elsewhere is stored in the words of its
maker: by the official provider with every scalar as text, and with tags that no template names.
Source: pcluster/config/config_patch.py, ConfigPatch.
"""

import json
from collections import defaultdict, deque
from collections.abc import Hashable, Iterator
from typing import Any

from cluster_engine.configuration import Configuration, with_tags
from cluster_schema import booleans, configuration_schema
from cluster_schema.conversion import Schema, convert


def resemble(wanted: Configuration, stored: Configuration, version: str) -> Configuration:
    """Returns the wanted configuration as the stored one would say it.

    A scalar takes the stored form where both mean the same by the schema of the version. Items of a list are
    paired by the key that the library pairs them by, else by their place. Tags of the stored configuration
    that the wanted one does not set are kept. Nothing else is added, moved or taken away.

    Args:
        wanted: What the library would be called with; not changed.
        stored: What the cluster was last made from, as it was written; not changed.
        version: The ParallelCluster version of both.
    """
    tags = {tag["Key"]: tag["Value"] for tag in stored.get("Tags") or []}
    resembling: Configuration = _resemble(
        with_tags(wanted, tags), stored, configuration_schema(version), booleans(version)
    )
    return resembling


def _resemble(wanted: Any, stored: Any, schema: Schema, words: dict[str, bool]) -> Any:
    match wanted, stored:
        case dict(), dict():
            places = schema.get("properties", {})
            return {
                key: _resemble(item, stored.get(key, item), places.get(key, {}), words)
                for key, item in wanted.items()
            }
        case list(), list():
            items = schema.get("items", {})
            return [
                item if counterpart is None else _resemble(item, counterpart, items, words)
                for item, counterpart in pairs(wanted, stored, schema.get("x-update-key"))
            ]
        case (dict() | list(), _) | (_, dict() | list()):
            return wanted
        case _:
            return stored if _means_the_same(wanted, stored, schema, words) else wanted


def _means_the_same(wanted: Any, stored: Any, schema: Schema, words: dict[str, bool]) -> bool:
    if "type" not in schema:
        return _as_text(wanted) == _as_text(stored)
    typed, before = (convert(value, schema, words) for value in (wanted, stored))
    # Python holds True and 1 for equal.
    return bool(typed == before) and isinstance(typed, bool) == isinstance(before, bool)


def _as_text(scalar: Any) -> str:
    """A scalar as CloudFormation delivers it: all that is left of one for which the schema names no type."""
    return scalar if isinstance(scalar, str) else json.dumps(scalar, default=str)


def pairs(items: list[Any], others: list[Any], key: str | None) -> Iterator[tuple[Any, Any]]:
    """Pairs every item with its counterpart among the others; with None where it has none.

    Args:
        items: Maps or scalars.
        others: What counterparts are looked for in, each taken once.
        key: What the library finds a map again by; without one, the place counts.
            Source: pcluster/config/config_patch.py, _compare_list.
    """
    waiting: defaultdict[Hashable, deque[Any]] = defaultdict(deque)
    for place, other in enumerate(others):
        waiting[_identity(other, key, place)].append(other)
    for place, item in enumerate(items):
        counterparts = waiting[_identity(item, key, place)]
        yield item, counterparts.popleft() if counterparts else None


def _identity(item: Any, key: str | None, place: int) -> Hashable:
    return str(item.get(key)) if key and isinstance(item, dict) else place
