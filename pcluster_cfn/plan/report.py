"""Prints a plan: one screen for people, one JSON object for scripts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.padding import Padding
from rich.text import Text

from pcluster_cfn.deploy.changes import Change, Kind, shorten, tally
from pcluster_cfn.forecast.forecast import NO_FORECAST, Forecast
from pcluster_cfn.options import CHANGES, FAILURE, NOTHING
from pcluster_cfn.plan.costs import PlanCosts
from pcluster_cfn.plan.other_resources import NOT_ASKED, OtherResources
from pcluster_cfn.planning.clusters import FAILING, PlannedAction, PlannedCluster
from pcluster_cfn.planning.guardrails import Provider
from pcluster_cfn.planning.words import MARKS, details, sentence, tally_clusters
from pcluster_cfn.terminal import Console

#: Colour of each kind of change of another resource.
_COLOURS: dict[Kind, str] = {
    "replace": "red",
    "remove": "red",
    "may replace": "red",
    "change": "yellow",
    "import": "green",
    "add": "green",
}
#: Columns by which the lines below a cluster are indented.
_INDENT = 4


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
        providers: The providers of the clusters that ParallelCluster was asked about.
    """

    stack_name: str
    clusters: Sequence[PlannedCluster]
    others: OtherResources = NOT_ASKED
    costs: PlanCosts | None = None
    forecast: Forecast = NO_FORECAST
    is_strict: bool = False
    providers: Sequence[Provider] = ()

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
            "providers": [each.document() for each in self.providers],
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
        mark, colour = MARKS[cluster.action]
        title = Text(f"{mark} ", style=colour)
        title.append(cluster.place, style="bold")
        title.append(f"  {sentence(cluster)}", style=colour)
        _print(console, title)
        for text, style in details(cluster):
            _print(console, Text(text, style=style), indent=_INDENT)
        if plan.costs and (cost := plan.costs.line_of(cluster)):
            _print(console, Text(cost), indent=_INDENT)
    for provider in plan.providers:
        if not provider.is_missing:  # the cluster is refused for that
            _print(console, Text(provider.sentence()))
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


def _summary(plan: Plan) -> str:
    clusters = tally_clusters(plan.clusters) or "the template has no clusters"
    others = f"; other resources: {tally(plan.others.changes)}" if plan.others.changes else ""
    return f"Plan for stack {plan.stack_name}: {clusters}{others}."
