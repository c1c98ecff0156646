"""The first update of a cluster that was made elsewhere: it takes nothing away."""

from collections.abc import Callable, Iterator
from typing import Any

from cluster_engine.configuration import Configuration
from cluster_engine.errors import EngineError
from cluster_engine.resemblance import pairs
from cluster_schema import configuration_schema
from cluster_schema.conversion import Schema

Detail = dict[str, Any]

#: Returns the changes of an update, or raises what the library says against it.
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


def refuse_losses(
    wanted: Configuration,
    stored: Configuration,
    version: str,
    dry_run: DryRun,
) -> None:
    """Refuses an update that would remove, replace or terminate something, with everything it would.

    Args:
        wanted: What the library is to be called with.
        stored: What the cluster was last made from.
        version: The ParallelCluster version of both.
        dry_run: Asks the library about an update to a configuration, without force; returns its changes.

    Raises:
        EngineError: ``UpdateRejected`` for what the library refuses and for what would be lost; any other
            code is what the dry run ended in.
    """
    lost = list(removals(wanted, stored, version))
    change_set, refused = _verdict(dry_run, _without_termination(wanted))
    if _terminates(wanted):
        anyway = {_change(each) for each in _verdict(dry_run, wanted)[1]}
        refused = [each if _change(each) in anyway else each | TERMINATES_NOTHING for each in refused]
    named = {_change(each) for each in lost}
    if details := lost + [each for each in refused if _change(each) not in named]:
        message = "Taking over the cluster is refused, because the configuration differs from the cluster's."
        raise EngineError("UpdateRejected", message, details=details, change_set=change_set)


def _verdict(dry_run: DryRun, wanted: Configuration) -> tuple[list[Detail], list[Detail]]:
    """The changes of an update, and which of them the library refuses."""
    try:
        return dry_run(wanted), []
    except EngineError as error:
        if error.code != "UpdateRejected":
            raise
        return error.change_set, error.details


def removals(wanted: Configuration, stored: Configuration, version: str) -> Iterator[Detail]:
    """Finds what the stored configuration has and the wanted one lacks, named as the library names changes.

    A list of texts that got shorter is a changed value, as it is for the library, and so is a free-form map.
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
        elif _is_lost(before, after, place):
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


def _is_lost(before: Any, after: Any, place: Schema) -> bool:
    if "properties" in place:
        return bool(before) and not after
    return before is not None and after is None and place.get("x-update-policy") != "IGNORED"


def _without_termination(wanted: Configuration) -> Configuration:
    """The configuration as far as it can be had without terminating nodes that may be at work."""
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
