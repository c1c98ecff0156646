"""How a plan is printed, and which exit code it has."""

import io

import pytest

from cfn_template.limits import Place
from pcluster_cfn.deploy.changes import Change
from pcluster_cfn.forecast.clusters import Site
from pcluster_cfn.forecast.demand import Check
from pcluster_cfn.forecast.facts import NotSeen
from pcluster_cfn.forecast.findings import ForecastWarning
from pcluster_cfn.forecast.forecast import Forecast
from pcluster_cfn.plan.other_resources import OtherResources
from pcluster_cfn.plan.report import Plan, print_plan
from pcluster_cfn.planning.clusters import PlannedAction, PlannedCluster
from pcluster_cfn.planning.storage import Storage
from pcluster_cfn.terminal import Console

CHANGE = {
    "parameter": "HeadNode.InstanceType",
    "currentValue": "t3.medium",
    "requestedValue": "t3.large",
    "update": "not allowed; it takes a new cluster",
    "refused": "Restore the value",
    "cure": "",
}
REFUSED = PlannedCluster("hpc.yaml", "Cluster", "hpc", PlannedAction.REFUSED, "no", "3.16.1", [CHANGE])
REPLACED = PlannedCluster(
    "hpc.yaml",
    "Inner/Cluster",
    "new",
    PlannedAction.REPLACE,
    replaced="old",
    storage=[Storage("data", "Ebs", "/data", "deleted"), Storage("home", "Efs", "/home", "kept")],
)


def of(*actions):
    return Plan("hpc", [PlannedCluster("f", "C", "hpc", action) for action in actions])


@pytest.mark.parametrize(
    ("actions", "code"),
    [
        ([], 0),
        ([PlannedAction.UNCHANGED], 0),
        *[([action], 2) for action in PlannedAction if action not in {"no change", "refused", "not known"}],
        ([PlannedAction.REFUSED], 1),
        ([PlannedAction.UNKNOWN], 1),
        ([PlannedAction.CREATE, PlannedAction.REFUSED], 1),
        ([PlannedAction.CREATE, PlannedAction.UNCHANGED], 2),
    ],
)
def test_the_exit_code_is_terraform_s(actions, code):
    assert of(*actions).exit_code == of(*actions).document()["exitCode"] == code


def printed(plan, **console):
    file = io.StringIO()
    print_plan(Console(file=file, **console), plan)
    return file.getvalue()


def test_a_script_reads_one_line_for_each_thing():
    assert printed(Plan("hpc", [REFUSED, REPLACED])).splitlines() == [
        "✗ Cluster  refused: hpc",
        "    no",
        "    HeadNode.InstanceType: t3.medium → t3.large  (not allowed; it takes a new cluster)",
        "      Restore the value",
        "± Inner/Cluster  replace cluster old by new",
        "    storage data (Ebs, /data): deleted, with everything on it",
        "    storage home (Efs, /home): kept",
        "Other resources: not shown (--no-change-set)",
        "Plan for stack hpc: 1 replace, 1 refused.",
    ]


def test_a_terminal_wraps_below_the_beginning_of_a_line():
    lines = printed(Plan("hpc", [REFUSED]), width=40, force_terminal=True, color_system=None).splitlines()
    assert all(len(line) <= 40 for line in lines)
    assert [line.rstrip() for line in lines[2:5]] == [
        "    HeadNode.InstanceType: t3.medium →",
        "    t3.large  (not allowed; it takes a",
        "    new cluster)",
    ]


def test_a_template_without_clusters_says_so():
    assert printed(Plan("hpc", [])).endswith("\nPlan for stack hpc: the template has no clusters.\n")


def test_the_document_has_every_field():
    (cluster,) = Plan("hpc", [REPLACED]).document()["clusters"]
    assert cluster == {
        "file": "hpc.yaml",
        "resource": "Inner/Cluster",
        "cluster": "new",
        "action": "replace",
        "reason": "",
        "replacedCluster": "old",
        "version": "",
        "changes": [],
        "messages": [],
        "storage": [
            {"name": "data", "type": "Ebs", "mountDir": "/data", "fate": "deleted"},
            {"name": "home", "type": "Efs", "mountDir": "/home", "fate": "kept"},
        ],
        "cost": None,
    }


UNTOUCHED = PlannedCluster("hpc.yaml", "Cluster", "hpc", PlannedAction.UNCHANGED)
TABLE = Change("replace", "Inner/Table", "AWS::DynamoDB::Table", ("KeySchema",))
CLUSTER = Change("change", "Cluster", "Custom::PclusterCluster", ("ClusterConfiguration",))


def test_other_resources_are_listed_and_counted_beside_the_clusters():
    others = OtherResources((TABLE, CLUSTER, Change("add", "Topic", "AWS::SNS::Topic"))).without({"Cluster"})
    plan = Plan("hpc", [UNTOUCHED], others)
    assert printed(plan).splitlines()[1:] == [
        "Other resources:",
        "  ±  Inner/Table (AWS::DynamoDB::Table): KeySchema",
        "  +  Topic (AWS::SNS::Topic)",
        "Plan for stack hpc: 1 no change; other resources: 1 replaced, 1 added.",
    ]
    assert plan.document()["otherResources"] == {
        "known": True,
        "reason": "",
        "changes": [
            {
                "resource": "Inner/Table",
                "type": "AWS::DynamoDB::Table",
                "action": "replace",
                "properties": ["KeySchema"],
            },
            {"resource": "Topic", "type": "AWS::SNS::Topic", "action": "add", "properties": []},
        ],
    }
    assert plan.exit_code == 2


@pytest.mark.parametrize(
    ("others", "line", "code"),
    [
        (OtherResources(is_empty=True), "Other resources: no change", 0),
        (OtherResources(), "Other resources: only tags, outputs and the like change", 2),
        (OtherResources(left_out="denied"), "Other resources: not shown (denied)", 0),
        (OtherResources(refusal="no such role"), "Other resources: no such role", 1),
    ],
)
def test_other_resources_that_do_not_change_or_are_not_known_are_named(others, line, code):
    plan = Plan("hpc", [UNTOUCHED], others)
    assert (printed(plan).splitlines()[1], plan.exit_code) == (line, code)


def test_of_many_additions_some_are_listed_and_all_are_counted():
    added = tuple(Change("add", f"Topic{number}", "AWS::SNS::Topic") for number in range(23))
    lines = printed(Plan("hpc", [], OtherResources(added))).splitlines()
    assert lines[-2:] == [
        "  … and 3 more that are added",
        "Plan for stack hpc: the template has no clusters; other resources: 23 added.",
    ]


FORECAST = Forecast(
    (Check.VCPUS, Check.ADDRESSES),
    (
        ForecastWarning(
            Check.ADDRESSES, Site("hpc.yaml", Place(7, 9), "C/x"), "too few", {"needs": 300, "has": 250}
        ),
    ),
    ((Check.VCPUS, NotSeen("denied")), (Check.VCPUS, NotSeen("denied, too"))),
)


def with_forecast(*actions, strict=False):
    clusters = [PlannedCluster("f", "C", "hpc", action) for action in actions]
    return Plan("hpc", clusters, OtherResources(is_empty=True), forecast=FORECAST, is_strict=strict)


def test_a_forecast_is_shown_with_places_and_with_what_it_could_not_look_at():
    assert printed(with_forecast(PlannedAction.CREATE)).splitlines()[2:] == [
        "! hpc.yaml:7:9: C/x: SubnetAddresses: too few",
        "  VCpuQuota could not look at everything: denied (and 1 more)",
        "Forecast: 2 checks, 1 warning, 1 not possible or only in part",
        "Plan for stack hpc: 1 create.",
    ]


def test_a_warning_changes_the_exit_code_only_if_asked():
    assert with_forecast(PlannedAction.CREATE).exit_code == 2
    assert with_forecast(PlannedAction.CREATE, strict=True).exit_code == 1
    calm = Forecast((Check.VCPUS,))
    no_warning = Plan("hpc", [], OtherResources(is_empty=True), forecast=calm, is_strict=True)
    assert no_warning.exit_code == 0


def test_a_script_finds_the_forecast_in_the_plan():
    assert with_forecast(PlannedAction.CREATE).document()["forecast"] == {
        "checks": ["VCpuQuota", "SubnetAddresses"],
        "warnings": [
            {
                "code": "SubnetAddresses",
                "file": "hpc.yaml",
                "line": 7,
                "column": 9,
                "path": "C/x",
                "message": "too few",
                "numbers": {"needs": 300, "has": 250},
            }
        ],
        "notLookedAt": [
            {"code": "VCpuQuota", "reason": "denied"},
            {"code": "VCpuQuota", "reason": "denied, too"},
        ],
    }
