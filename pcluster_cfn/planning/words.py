"""A plan in words, the same for a terminal and for a hook's message."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from pcluster_cfn.planning.clusters import FAILING, PlannedAction, PlannedCluster

#: Mark and colour of each action.
MARKS = {
    PlannedAction.CREATE: ("+", "green"),
    PlannedAction.UPDATE: ("~", "yellow"),
    PlannedAction.UPDATE_STOPPED: ("~", "yellow"),
    PlannedAction.REPLACE: ("±", "red"),
    PlannedAction.ADOPT: ("»", "green"),
    PlannedAction.DELETE: ("-", "red"),
    PlannedAction.RETAIN: ("«", "yellow"),
    PlannedAction.UNCHANGED: ("=", "dim"),
    PlannedAction.REFUSED: ("✗", "bold red"),
    PlannedAction.UNKNOWN: ("?", "bold red"),
}
_FATES = {
    "deleted": "deleted, with everything on it",
    "kept": "kept",
    "snapshot": "deleted; a snapshot is kept",
    "external": "kept: it was made elsewhere",
}
#: Messages of a level below a warning are left out for people.
_SHOWN_LEVELS = {"ERROR", "WARNING"}


def tally_clusters(clusters: Iterable[PlannedCluster]) -> str:
    """Returns how many clusters have each action; empty if there are none."""
    counted = Counter(each.action for each in clusters)
    return ", ".join(f"{counted[action]} {action.value}" for action in PlannedAction if counted[action])


def sentence(cluster: PlannedCluster) -> str:
    """Returns what happens to a cluster, in a few words."""
    if cluster.action is PlannedAction.REPLACE:
        return f"replace cluster {cluster.replaced} by {cluster.name}"
    return f"{cluster.action.value}: {cluster.name}" if cluster.name else cluster.action.value


def details(cluster: PlannedCluster) -> Iterator[tuple[str, str]]:
    """Yields lines below a cluster, each with its style."""
    if cluster.reason:
        yield cluster.reason, "red" if cluster.action in FAILING else ""
    for change in cluster.changes:
        yield _change(change), "red" if change["refused"] and not change["cure"] else ""
        if change["refused"] and not change["cure"]:
            yield f"  {change['refused']}", "red"
        elif change["cure"]:
            yield "  needs a stopped compute fleet", "yellow"
    for message in cluster.messages:
        if message["level"] in _SHOWN_LEVELS:
            yield f"{message['level']} {message['type']}: {message['message']}", ""
    for each in cluster.storage:
        where = f"{each.name} ({each.type}, {each.mount_dir})"
        yield f"storage {where}: {_FATES[each.fate]}", "red" if each.fate == "deleted" else ""


def _change(change: Mapping[str, str]) -> str:
    policy = f"  ({change['update']})" if change["update"] else ""
    return f"{change['parameter']}: {change['currentValue']} → {change['requestedValue']}{policy}"
