"""What alarms, dashboard and documents say of metrics is what the provider sends."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cluster_provider.adapters.metrics import NAMESPACE, PROVIDER
from cluster_provider.core.errors import DeliveryFailed
from tests.support.world import World, failed, properties
from tests.unit.test_template import RESOURCES

#: Namespace, name and names of dimensions.
Sent = tuple[str, str, frozenset[str]]


@pytest.fixture(scope="module")
def sent() -> set[Sent]:
    """Every metric of the provider's, from lives that go well and lives that do not."""
    world = World()
    world.made()
    world.create(logical_id="Overtaken", ResourceProperties=properties(ClusterName="overtaken"))
    world.delete(logical_id="Overtaken", physical_id="parent-Overtaken-1ABCDEF")
    world.engines.calls.clear()
    world.create(logical_id="Refused", ResourceProperties=properties(ClusterName="refused"))
    world.sink.refuse_next(DeliveryFailed("503"))
    with pytest.raises(DeliveryFailed):
        world.run_engine(failed("ClusterRejected", "the validators refused it"))
    world.pass_time(60)
    return {
        (NAMESPACE, metric.value, frozenset({PROVIDER, *found.dimensions}))
        for found in world.metrics.measurements
        for metric in found.values
    }


def test_every_alarm_on_the_providers_own_metrics_watches_one_that_is_sent(sent: set[Sent]) -> None:
    alarms = [item["Properties"] for item in RESOURCES.values() if item["Type"] == "AWS::CloudWatch::Alarm"]
    watched = {
        (alarm["Namespace"], alarm["MetricName"], frozenset(item["Name"] for item in alarm["Dimensions"]))
        for alarm in alarms
    }
    assert {namespace for namespace, _, _ in watched} == {NAMESPACE, "AWS/Lambda", "AWS/SQS"}
    assert {metric for metric in watched if metric[0] == NAMESPACE} <= sent


def test_the_dashboard_shows_metrics_that_are_sent(sent: set[Sent]) -> None:
    widgets = json.loads(RESOURCES["OperationsDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])[
        "widgets"
    ]
    shown = {metric for widget in widgets for metric in _shown(widget)}
    assert len(shown) > 8
    assert shown <= sent


def test_every_alarm_is_on_the_dashboard() -> None:
    body = RESOURCES["OperationsDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    alarms = [name for name, item in RESOURCES.items() if item["Type"] == "AWS::CloudWatch::Alarm"]
    assert [name for name in alarms if f"${{{name}.Arn}}" not in body] == []


def test_the_documents_name_each_metrics_dimensions(sent: set[Sent]) -> None:
    page = Path("docs/how-to/operations.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (?:Count|Seconds) \| ([^|]*)\|", page, re.MULTILINE)
    described = {
        (NAMESPACE, name, frozenset({PROVIDER, *re.findall(r"`(\w+)`", dimensions)}))
        for name, dimensions in rows
    }
    assert described == sent


def _shown(widget: dict[str, Any]) -> set[Sent]:
    """The provider's own metrics in a widget, named one by one or searched for."""
    found = set()
    for first, *rest in widget["properties"].get("metrics", []):
        if isinstance(first, dict):
            namespace, *dimensions = re.findall(r"\{([^}]*)\}", first["expression"])[0].split(",")
            names = re.findall(r'"(\w+)"', first["expression"].partition("MetricName=")[2])
            found |= {(namespace, name, frozenset(dimensions)) for name in names if name.isalpha()}
        elif first == NAMESPACE:
            name, *pairs = [item for item in rest if isinstance(item, str)]
            found.add((first, name, frozenset(pairs[::2])))
    return found
