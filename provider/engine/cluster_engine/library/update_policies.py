"""Finds out what would allow each refused change of an update, from the library's own update policies.

The library checks all changes at once and says why it refuses one. It does not say what would allow it. So
the engine checks the same conditions again: with the compute fleet shown as stopped, and with a MaxCount that
grows with MinCount. A condition that fails with a Python error refuses its change, too.
Source: pcluster/config/config_patch.py, ConfigPatch, and pcluster/config/update_policy.py, UpdatePolicy.
"""

import copy
import logging
import re
import traceback
from dataclasses import dataclass, replace
from typing import Any

from pcluster.config.config_patch import ConfigPatch
from pcluster.constants import DEFAULT_MAX_COUNT, DEFAULT_MIN_COUNT
from pcluster.models.cluster import Cluster

from cluster_engine.contract import EngineError
from cluster_engine.gate import STOPPED, Gate
from cluster_engine.library.faults import fault_here

logger = logging.getLogger(__name__)

Configuration = dict[str, Any]
Detail = dict[str, Any]

#: The cure of a refused change that only needs a stopped fleet.
FLEET_STOP = "fleet-stop"

_ABSENT = "-"
#: How the library names an item of a list: with its key in brackets. Source: ConfigPatch._compare_list.
_ITEM = re.compile(r"(?P<key>[^\[]+)\[(?P<name>.*)\]")
#: Local variables of the library's comparison. Source: ConfigPatch._compare_section, _compare_list.
_PLACE = ("param_path", "data_key", "base_section", "target_section")


@dataclass(frozen=True)
class Verdict:
    """One change, and whether the library allows it.

    Args:
        path: The sections that contain it, as the library names them: ``SlurmQueues[compute]`` is an item.
        key: The key that changes.
        current: The cluster's value; None if it has none.
        requested: The wanted value; None if there is none.
        reason: Why it is refused, in the library's words; None if it is allowed.
        failed: Whether the condition failed with a Python error.
    """

    path: tuple[str, ...]
    key: str
    current: Any
    requested: Any
    reason: str | None = None
    failed: bool = False

    @property
    def parameter(self) -> str:
        """The place of the change, as the library names it."""
        return str(ConfigPatch.build_config_param_path(self.path, self.key))

    def change(self) -> Detail:
        """Returns the change as an item of a change set in docs/reference/engine.md."""
        return {
            "parameter": self.parameter,
            "currentValue": _shown(self.current),
            "requestedValue": _shown(self.requested),
        }


def explain(refusal: EngineError, name: str, wanted: Configuration, gate: Gate) -> EngineError:
    """Returns a refused update with what would allow each change.

    If the library failed on a change, the result is a refusal of that change.

    Args:
        refusal: The error that the library's answer was mapped to.
        name: The cluster's name.
        wanted: The wanted configuration.
        gate: Guards the call.
    """
    if refusal.code not in {"Internal", "UpdateRejected"}:
        return refusal
    verdicts = check(name, wanted)
    if refusal.code == "Internal":
        if not any(verdict.failed for verdict in verdicts):
            return refusal
        refusal = _refusal(verdicts)
    _note_cures(refusal, name, wanted, gate)
    by_parameter = {verdict.parameter: verdict for verdict in verdicts}
    for detail in refusal.details:
        verdict = by_parameter[detail["parameter"]]
        way_out = _way_around(verdict, detail) if verdict.failed else _growth(verdict, name, wanted)
        if way_out:
            detail["message"] = f"{detail['message'].removesuffix('.')}. {way_out}"
    return refusal


def _refusal(verdicts: list[Verdict]) -> EngineError:
    refused = [verdict for verdict in verdicts if verdict.reason is not None]
    return EngineError(
        "UpdateRejected",
        "Update failure",
        details=[verdict.change() | {"message": verdict.reason} for verdict in refused],
        change_set=[verdict.change() for verdict in verdicts],
    )


def check(name: str, wanted: Configuration) -> list[Verdict]:
    """Returns every change of an update with the library's verdict by its update policies alone.

    Args:
        name: The cluster's name; its stored configuration is compared with the wanted one.
        wanted: The wanted configuration.
    """
    cluster = Cluster(name)  # a new one for each check: it remembers whether nodes run
    stored = cluster.config.source_config
    try:
        patch = ConfigPatch(cluster=cluster, base_config=stored, target_config=wanted)
    except Exception as error:
        stop = _where_comparison_stopped(error)
        if stop is None:
            raise
        logger.warning("the library could not compare %s", stop.parameter, exc_info=True)
        return [stop]
    return [_checked(change, patch) for change in patch.changes]


def _checked(change: Any, patch: ConfigPatch) -> Verdict:
    verdict = Verdict(tuple(change.path), change.key, change.old_value, change.new_value)
    try:
        result, reason, action, _ = change.update_policy.check(change, patch)
    except Exception:
        logger.warning("the library could not check a change of %s", verdict.parameter, exc_info=True)
        return _failure(verdict)
    if result == result.SUCCEEDED:
        return verdict
    said = ". ".join(text.removesuffix(".") for text in (reason, action) if text)
    return replace(verdict, reason=said or "Error during update")


def _where_comparison_stopped(error: Exception) -> Verdict | None:
    """Returns the change at which the library's comparison failed; None if something else failed."""
    frames = [frame.f_locals for frame, _ in traceback.walk_tb(error.__traceback__)]
    comparing = [known for known in frames if all(name in known for name in _PLACE)]
    if not comparing:
        return None
    path, key, stored, wanted = (comparing[-1][name] for name in _PLACE)
    return _failure(Verdict(tuple(path), key, (stored or {}).get(key), (wanted or {}).get(key)))


def _failure(verdict: Verdict) -> Verdict:
    return replace(verdict, reason=f"{fault_here()} and cannot judge this change", failed=True)


def _note_cures(refusal: EngineError, name: str, wanted: Configuration, gate: Gate) -> None:
    """Sets the cure of each refused change that only needs a stopped fleet.

    A change that the library refuses even with a stopped fleet needs something else. The library's messages
    do not show this: those about login nodes and storage mention stopping the fleet as well.
    """
    left = {detail["parameter"] for detail in refusal.details}
    if gate.fleet_status != STOPPED:
        with gate.fleet_seen_stopped():
            left = {verdict.parameter for verdict in check(name, wanted) if verdict.reason is not None}
    for detail in refusal.details:
        detail["cure"] = "" if detail["parameter"] in left else FLEET_STOP


def _way_around(verdict: Verdict, detail: Detail) -> str:
    """Returns what the author can do instead of a change that the library cannot judge."""
    lists = [item["key"] for section in verdict.path if (item := _ITEM.fullmatch(section))]
    beside = f" and add another item to {lists[-1]}" if lists else ""
    stop = "It allows it once the compute fleet is stopped. " if detail["cure"] == FLEET_STOP else ""
    keep = f"keep {detail['currentValue']}{beside}, or make a new cluster with {detail['requestedValue']}"
    return f"{stop}Or {keep}" if stop else keep[0].upper() + keep[1:]


def _growth(verdict: Verdict, name: str, wanted: Configuration) -> str:
    """Returns which MaxCount would allow a refused MinCount without a stop; empty if none would.

    Source: pcluster/config/update_policy.py, condition_checker_resize_update_strategy_on_remove.
    """
    if verdict.key != "MinCount":
        return ""
    tried = copy.deepcopy(wanted)
    stored = _section(Cluster(name).config.source_config, verdict.path)
    resource = _section(tried, verdict.path)
    growth = _count(verdict.requested, DEFAULT_MIN_COUNT) - _count(verdict.current, DEFAULT_MIN_COUNT)
    resource["MaxCount"] = _count(stored.get("MaxCount"), DEFAULT_MAX_COUNT) + growth
    if any(each.reason is not None for each in check(name, tried) if each.path == verdict.path):
        return ""
    return (
        f"Or raise MaxCount by at least as much in the same update, to {resource['MaxCount']} or more: "
        "then nothing has to be stopped"
    )


def _count(value: Any, default: int) -> int:
    return default if value is None else int(value)


def _section(configuration: Configuration, path: tuple[str, ...]) -> Configuration:
    """Returns the section that the library names by a path; it exists, since something in it changes."""
    for step in path:
        item = _ITEM.fullmatch(step)
        if item is None:
            configuration = configuration[step]
        else:
            items = configuration[item["key"]]
            configuration = next(each for each in items if str(each["Name"]) == item["name"])
    return configuration


def _shown(value: Any) -> str:
    """Returns a value as the library shows it. Source: cluster_operations_controller.py, _analyze_changes."""
    return _ABSENT if value is None else str(value)
