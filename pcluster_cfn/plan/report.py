"""Prints a plan: one screen for people, one JSON object for scripts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.padding import Padding
from rich.text import Text

from pcluster_cfn.deploy.changes import Change, Kind, shorten, tally
from pcluster_cfn.forecast.forecast import NO_FORECAST, Forecast
from pcluster_cfn.options import CHANGES, FAILURE, NOTHING
from pcluster_cfn.plan.clusters import FAILING, PlannedAction, PlannedCluster
from pcluster_cfn.plan.costs import PlanCosts
from pcluster_cfn.plan.other_resources import NOT_ASKED, OtherResources
from pcluster_cfn.terminal import Console

#: Mark and colour of each action.
_MARKS = {
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
#: Colour of each kind of change of another resource.
_COLOURS: dict[Kind, str] = {
    "replace": "red",
    "remove": "red",
    "may replace": "red",
    "change": "yellow",
    "import": "green",
    "add": "green",
}
_FATES = {
    "deleted": "deleted, with everything on it",
    "kept": "kept",
    "snapshot": "deleted; a snapshot is kept",
    "external": "kept: it was made elsewhere",
}
#: Columns by which the lines below a cluster are indented.
_INDENT = 4
#: Messages of a level below a warning are left out for people.
_SHOWN_LEVELS = {"ERROR", "WARNING"}


@dataclass(frozen=True)
class Plan:
    """What a deployment of one template would do.

    Attributes:
        stack_name: Name of the stack.
        clusters: The clusters, in the order of the template, removed ones last.
        others: The changes of the other resources.
        costs: What the clusters cost; None if it was not estimated.
        forecast: What may run out.
        is_strict: Whether a warning of the forecast is a failure.
    """

    stack_name: str
    clusters: Sequence[PlannedCluster]
    others: OtherResources = NOT_ASKED
    costs: PlanCosts | None = None
    forecast: Forecast = NO_FORECAST
    is_strict: bool = False

    @property
    def exit_code(self) -> int:
        """1 if something is refused or not known, 2 if something changes, 0 otherwise."""
        actions = {each.action for each in self.clusters}
        if actions & FAILING or self.others.refusal or (self.is_strict and self.forecast.warnings):
            return FAILURE
        others_change = self.others.changes or self.others.changes_only_attributes
        return CHANGES if actions - {PlannedAction.UNCHANGED} or others_change else NOTHING

    def document(self) -> dict[str, Any]:
        """Returns the plan as JSON values."""
        counted = Counter(each.action.value for each in self.clusters)
        return {
            "stack": self.stack_name,
            "clusters": [_document(each, self.costs) for each in self.clusters],
            "actions": dict(counted),
            "otherResources": {
                "known": self.others.is_known,
                "reason": self.others.left_out or self.others.refusal,
                "changes": [_change_document(each) for each in self.others.changes],
            },
            "cost": self.costs.document() if self.costs else None,
            "forecast": self.forecast.document(),
            "exitCode": self.exit_code,
        }


def _document(cluster: PlannedCluster, costs: PlanCosts | None) -> dict[str, Any]:
    cost = costs.clusters.get(cluster.place) if costs else None
    return {
        "file": cluster.source,
        "resource": cluster.place,
        "cluster": cluster.name,
        "action": cluster.action.value,
        "reason": cluster.reason,
        "replacedCluster": cluster.replaced,
        "version": cluster.version,
        "changes": list(cluster.changes),
        "messages": list(cluster.messages),
        "storage": [
            {"name": each.name, "type": each.type, "mountDir": each.mount_dir, "fate": each.fate}
            for each in cluster.storage
        ],
        "cost": cost.document() if cost else None,
    }


def _change_document(change: Change) -> dict[str, Any]:
    return {
        "resource": change.place,
        "type": change.type,
        "action": change.kind,
        "properties": list(change.properties),
    }


def print_plan(console: Console, plan: Plan) -> None:
    """Prints a plan for people."""
    for cluster in plan.clusters:
        mark, colour = _MARKS[cluster.action]
        title = Text(f"{mark} ", style=colour)
        title.append(cluster.place, style="bold")
        title.append(f"  {_sentence(cluster)}", style=colour)
        _print(console, title)
        for text, style in _details(cluster):
            _print(console, Text(text, style=style), indent=_INDENT)
        if plan.costs and (cost := plan.costs.line_of(cluster)):
            _print(console, Text(cost), indent=_INDENT)
    for text, style in _other_resources(plan):
        _print(console, Text(text, style=style))
    for text in plan.costs.lines() if plan.costs else ():
        _print(console, Text(text))
    for text, style in plan.forecast.lines():
        _print(console, Text(text, style=style))
    _print(console, Text(_summary(plan), style="bold"))


def _other_resources(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yields lines about the other resources, each with its style."""
    others = plan.others
    if others.refusal:
        yield f"Other resources: {others.refusal}", "red"
    elif others.left_out:
        yield f"Other resources: not shown ({others.left_out})", ""
    elif others.changes:
        yield "Other resources:", "bold"
        shown, left = shorten(others.changes)
        for change in shown:
            yield change.line(), _COLOURS[change.kind]
        if left:
            yield f"  … and {left} more that are added", ""
    elif others.changes_only_attributes:
        yield "Other resources: only tags, outputs and the like change", "yellow"
    else:
        yield "Other resources: no change", "dim"


def _print(console: Console, text: Text, *, indent: int = 0) -> None:
    """Prints a text: wrapped below its beginning on a terminal, as one line elsewhere."""
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, indent), expand=False))
    else:
        console.print(Text(" " * indent) + text, soft_wrap=True)


def _sentence(cluster: PlannedCluster) -> str:
    if cluster.action is PlannedAction.REPLACE:
        return f"replace cluster {cluster.replaced} by {cluster.name}"
    return f"{cluster.action.value}: {cluster.name}" if cluster.name else cluster.action.value


def _details(cluster: PlannedCluster) -> Iterator[tuple[str, str]]:
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


def _summary(plan: Plan) -> str:
    counted = Counter(each.action for each in plan.clusters)
    parts = [f"{counted[action]} {action.value}" for action in PlannedAction if counted[action]]
    clusters = ", ".join(parts) or "the template has no clusters"
    others = f"; other resources: {tally(plan.others.changes)}" if plan.others.changes else ""
    return f"Plan for stack {plan.stack_name}: {clusters}{others}."
