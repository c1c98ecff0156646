"""The changes of an update, each judged by the library's own update policies, and what would allow it.

The library judges them all at once and says why it refuses one. What would allow it stands in the conditions
that it judges by: so they are asked again with the compute fleet seen as stopped, and with the change that
goes well together with another. A condition that fails with an error of Python's refuses its change, too.
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

from cluster_engine.errors import EngineError
from cluster_engine.gate import STOPPED, Gate
from cluster_engine.library.faults import fault_here

logger = logging.getLogger(__name__)

Configuration = dict[str, Any]
Detail = dict[str, Any]

#: What a refused change needs, if a stopped fleet is all that is missing.
FLEET_STOP = "fleet-stop"

_ABSENT = "-"
#: How the library names an item of a list: by the key that tells it apart. Source: ConfigPatch._compare_list.
_ITEM = re.compile(r"(?P<key>[^\[]+)\[(?P<name>.*)\]")
#: What the library's comparison knows where it stops. Source: ConfigPatch._compare_section, _compare_list.
_PLACE = ("param_path", "data_key", "base_section", "target_section")


@dataclass(frozen=True)
class Verdict:
    """One change, judged.

    Args:
        path: The sections that it is in, as the library names them: ``SlurmQueues[compute]`` is an item.
        key: What changes there.
        current: The value that the cluster has; None for nothing.
        requested: The value that is wanted; None for nothing.
        reason: Why it is refused, in the library's words; None where it is allowed.
        failed: Whether the condition ended with an error of Python's.
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
        """Returns the change as docs/engine.md has it in a change set."""
        return {
            "parameter": self.parameter,
            "currentValue": _shown(self.current),
            "requestedValue": _shown(self.requested),
        }


def explain(refusal: EngineError, name: str, wanted: Configuration, gate: Gate) -> EngineError:
    """Returns a refused update with what would allow each change, or what the library failed on as a refusal.

    Args:
        refusal: What the library's answer was mapped to.
        name: The cluster's name.
        wanted: The configuration that was asked for.
        gate: What guards the call.
    """
    if refusal.code not in {"Internal", "UpdateRejected"}:
        return refusal
    verdicts = judge(name, wanted)
    if refusal.code == "Internal":
        if not any(verdict.failed for verdict in verdicts):
            return refusal
        refusal = _refusal(verdicts)
    _note_cures(refusal, name, wanted, gate)
    judged = {verdict.parameter: verdict for verdict in verdicts}
    for detail in refusal.details:
        verdict = judged[detail["parameter"]]
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


def judge(name: str, wanted: Configuration) -> list[Verdict]:
    """Returns every change of an update with the library's verdict on it, without its validators.

    Args:
        name: The cluster's name; what is stored for it is what is compared with.
        wanted: The configuration that is asked for.
    """
    cluster = Cluster(name)  # a new one for each question: it remembers whether nodes run
    stored = cluster.config.source_config
    try:
        patch = ConfigPatch(cluster=cluster, base_config=stored, target_config=wanted)
    except Exception as error:
        stop = _where_comparison_stopped(error)
        if stop is None:
            raise
        logger.warning("the library could not compare %s", stop.parameter, exc_info=True)
        return [stop]
    return [_judged(change, patch) for change in patch.changes]


def _judged(change: Any, patch: ConfigPatch) -> Verdict:
    verdict = Verdict(tuple(change.path), change.key, change.old_value, change.new_value)
    try:
        result, reason, action, _ = change.update_policy.check(change, patch)
    except Exception:
        logger.warning("the library could not judge a change of %s", verdict.parameter, exc_info=True)
        return _failure(verdict)
    if result == result.SUCCEEDED:
        return verdict
    said = ". ".join(text.removesuffix(".") for text in (reason, action) if text)
    return replace(verdict, reason=said or "Error during update")


def _where_comparison_stopped(error: Exception) -> Verdict | None:
    """The place that the library's comparison was at when it failed; None if it was not comparing."""
    frames = [frame.f_locals for frame, _ in traceback.walk_tb(error.__traceback__)]
    comparing = [known for known in frames if all(name in known for name in _PLACE)]
    if not comparing:
        return None
    path, key, stored, wanted = (comparing[-1][name] for name in _PLACE)
    return _failure(Verdict(tuple(path), key, (stored or {}).get(key), (wanted or {}).get(key)))


def _failure(verdict: Verdict) -> Verdict:
    return replace(verdict, reason=f"{fault_here()} and cannot judge this change", failed=True)


def _note_cures(refusal: EngineError, name: str, wanted: Configuration, gate: Gate) -> None:
    """Notes with each refused change whether a stopped fleet is all that it needs.

    The library's conditions tell, with a fleet that it sees stopped: what they still refuse needs something
    else. Its texts do not tell: those about login nodes and storage speak of stopping the fleet as well.
    """
    left = {detail["parameter"] for detail in refusal.details}
    if gate.fleet_status != STOPPED:
        with gate.fleet_seen_stopped():
            left = {verdict.parameter for verdict in judge(name, wanted) if verdict.reason is not None}
    for detail in refusal.details:
        detail["cure"] = "" if detail["parameter"] in left else FLEET_STOP


def _way_around(verdict: Verdict, detail: Detail) -> str:
    """What can be done instead of a change that the library cannot judge."""
    lists = [item["key"] for section in verdict.path if (item := _ITEM.fullmatch(section))]
    beside = f" and add another item to {lists[-1]}" if lists else ""
    stop = "It allows it once the compute fleet is stopped. " if detail["cure"] == FLEET_STOP else ""
    keep = f"keep {detail['currentValue']}{beside}, or make a new cluster with {detail['requestedValue']}"
    return f"{stop}Or {keep}" if stop else keep[0].upper() + keep[1:]


def _growth(verdict: Verdict, name: str, wanted: Configuration) -> str:
    """What to raise beside a refused MinCount so that nothing has to be stopped; empty if nothing helps.

    Source: pcluster/config/update_policy.py, condition_checker_resize_update_strategy_on_remove.
    """
    if verdict.key != "MinCount":
        return ""
    tried = copy.deepcopy(wanted)
    stored = _section(Cluster(name).config.source_config, verdict.path)
    resource = _section(tried, verdict.path)
    growth = _count(verdict.requested, DEFAULT_MIN_COUNT) - _count(verdict.current, DEFAULT_MIN_COUNT)
    resource["MaxCount"] = _count(stored.get("MaxCount"), DEFAULT_MAX_COUNT) + growth
    if any(each.reason is not None for each in judge(name, tried) if each.path == verdict.path):
        return ""
    return (
        f"Or raise MaxCount by at least as much in the same update, to {resource['MaxCount']} or more: "
        "then nothing has to be stopped"
    )


def _count(value: Any, default: int) -> int:
    return default if value is None else int(value)


def _section(configuration: Configuration, path: tuple[str, ...]) -> Configuration:
    """The section that the library names by a path; it is there, since something in it changes."""
    for step in path:
        item = _ITEM.fullmatch(step)
        if item is None:
            configuration = configuration[step]
        else:
            items = configuration[item["key"]]
            configuration = next(each for each in items if str(each["Name"]) == item["name"])
    return configuration


def _shown(value: Any) -> str:
    """A value as the library shows it. Source: cluster_operations_controller.py, _analyze_changes."""
    return _ABSENT if value is None else str(value)
