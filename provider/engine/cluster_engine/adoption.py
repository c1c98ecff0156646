"""Rules for updates of an adopted cluster: written as the stored configuration is, and without removals.

ParallelCluster compares configurations as they are written, types included: ``"200"`` in place of ``200`` is
a change, and for many keys a refused one. The stored configuration of an adopted cluster is written as its
maker wrote it: the official provider wrote every scalar as text and added tags that no template has.
Source: pcluster/config/config_patch.py, ConfigPatch.
"""

import json
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from cluster_engine.configuration import Configuration, with_tags
from cluster_engine.contract import EngineError
from cluster_schema import booleans, configuration_schema
from cluster_schema.conversion import Schema, convert

Detail = dict[str, Any]

#: Returns the changes of an update, or raises the library's refusal.
DryRun = Callable[[Configuration], list[Detail]]

REMOVES_NOTHING: Detail = {
    "message": "Taking over a cluster removes nothing. Add it to ClusterConfiguration; a later update may "
    "remove it"
}
TERMINATES_NOTHING: Detail = {
    "message": "Taking over a cluster terminates no nodes, so QueueUpdateStrategy TERMINATE does not count "
    "yet. Make this change in a later update"
}
_TERMINATE = "TERMINATE"


def write_as_stored(wanted: Configuration, stored: Configuration, version: str) -> Configuration:
    """Returns the wanted configuration, written as the stored one wherever both mean the same.

    A scalar takes the stored form if both mean the same by the schema of the version. Items of a list are
    paired by the key that the library pairs them by, or else by position. Stored tags that the wanted
    configuration does not set are kept. Nothing else is added, moved or removed.

    Args:
        wanted: The configuration for the library; not changed.
        stored: The configuration that the cluster was last made from, as written; not changed.
        version: The ParallelCluster version of both.
    """
    tags = {tag["Key"]: tag["Value"] for tag in stored.get("Tags") or []}
    written: Configuration = _as_stored(
        with_tags(wanted, tags), stored, configuration_schema(version), booleans(version)
    )
    return written


def _as_stored(wanted: Any, stored: Any, schema: Schema, words: dict[str, bool]) -> Any:
    match wanted, stored:
        case dict(), dict():
            places = schema.get("properties", {})
            return {
                key: _as_stored(item, stored.get(key, item), places.get(key, {}), words)
                for key, item in wanted.items()
            }
        case list(), list():
            items = schema.get("items", {})
            return [
                item if counterpart is None else _as_stored(item, counterpart, items, words)
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
    """A scalar as CloudFormation delivers it: the only form left if the schema names no type."""
    return scalar if isinstance(scalar, str) else json.dumps(scalar, default=str)


def refuse_removals(wanted: Configuration, stored: Configuration, version: str, dry_run: DryRun) -> None:
    """Refuses an update that would remove, replace or terminate something, and names all of it.

    Args:
        wanted: The configuration for the library.
        stored: The configuration that the cluster was last made from.
        version: The ParallelCluster version of both.
        dry_run: Asks the library for the changes of an update, without force.

    Raises:
        EngineError: ``UpdateRejected`` for what the library refuses and for what would be removed; any other
            code is the result of the dry run.
    """
    removed = list(removals(wanted, stored, version))
    change_set, refused = _outcome(dry_run, _without_termination(wanted))
    if _terminates(wanted):
        still_refused = {_change(each) for each in _outcome(dry_run, wanted)[1]}
        refused = [each if _change(each) in still_refused else each | TERMINATES_NOTHING for each in refused]
    named = {_change(each) for each in removed}
    if details := removed + [each for each in refused if _change(each) not in named]:
        message = "Taking over the cluster is refused, because the configuration differs from the cluster's."
        raise EngineError("UpdateRejected", message, details=details, change_set=change_set)


def _outcome(dry_run: DryRun, wanted: Configuration) -> tuple[list[Detail], list[Detail]]:
    """The changes of an update, and those that the library refuses."""
    try:
        return dry_run(wanted), []
    except EngineError as error:
        if error.code != "UpdateRejected":
            raise
        return error.change_set, error.details


def removals(wanted: Configuration, stored: Configuration, version: str) -> Iterator[Detail]:
    """Yields what only the stored configuration has, named as the library names changes.

    A shorter list of texts is a changed value, as it is for the library, and so is a free-form map.
    """
    for parameter, value in _missing(wanted, stored, configuration_schema(version), ()):
        yield {
            "parameter": ".".join(parameter),
            "currentValue": str(value),
            "requestedValue": "-",
            "cure": "",
        } | REMOVES_NOTHING


def _missing(
    wanted: Configuration, stored: Configuration, schema: Schema, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    if "oneOf" in schema and not wanted.keys() & stored.keys():
        return  # one script in place of a sequence, or the other way round: a changed value
    for key, place in schema["properties"].items():
        before, after = stored.get(key), wanted.get(key)
        if "x-update-key" in place:
            yield from _missing_items(after or [], before or [], place, (*path, key))
        elif "properties" in place and before and (after or place["x-update-policy"] == "IGNORED"):
            yield from _missing(after or {}, before, place, (*path, key))
        elif _is_removed(before, after, place):
            yield (*path, key), before


def _missing_items(
    wanted: list[Any], stored: list[Any], place: Schema, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    key = place["x-update-key"]
    for item, counterpart in pairs(stored, wanted, key):
        if counterpart is None:
            yield path, item
        else:
            yield from _missing(
                counterpart, item, place["items"], (*path[:-1], f"{path[-1]}[{item.get(key)}]")
            )


def pairs(items: list[Any], others: list[Any], key: str | None) -> Iterator[tuple[Any, Any]]:
    """Yields every item with its counterpart among the others, or with None if it has none.

    Args:
        items: Maps or scalars.
        others: The possible counterparts, each used once.
        key: The key by which the library pairs maps; None for pairs by position.
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


def _is_removed(before: Any, after: Any, place: Schema) -> bool:
    if "properties" in place:
        return bool(before) and not after
    return before is not None and after is None and place.get("x-update-policy") != "IGNORED"


def _without_termination(wanted: Configuration) -> Configuration:
    """The configuration, changed so that no node that may be at work is terminated."""
    scheduling = wanted["Scheduling"]
    if not _terminates(wanted):
        return wanted
    gentle = {**scheduling["SlurmSettings"], "QueueUpdateStrategy": "COMPUTE_FLEET_STOP"}
    return {**wanted, "Scheduling": {**scheduling, "SlurmSettings": gentle}}


def _terminates(wanted: Configuration) -> bool:
    settings = wanted["Scheduling"].get("SlurmSettings") or {}
    return bool(settings.get("QueueUpdateStrategy") == _TERMINATE)


def _change(detail: Detail) -> tuple[str, str]:
    return detail["parameter"], detail["currentValue"]
