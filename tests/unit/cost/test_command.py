"""What ``cost`` prints, and the costs in a plan, a status and a launch page."""

import io
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import main
from pcluster_cfn.cost.quotes import offline_quotes
from pcluster_cfn.launch.launch_page import LaunchPage
from pcluster_cfn.launch.link import region_named
from pcluster_cfn.plan.costs import costs_of, needed_prices
from pcluster_cfn.plan.report import Plan, print_plan
from pcluster_cfn.planning.clusters import PlannedAction, PlannedCluster
from pcluster_cfn.template import Template
from pcluster_cfn.terminal import Console

ROOT = Path(__file__).parents[3]
SIMPLE = ROOT / "examples/simple-cluster.yaml"
QUOTES = offline_quotes("us-east-1", "AWS was not asked")


def cost(*arguments):
    return CliRunner().invoke(main, ["cost", *map(str, arguments), "--region", "us-east-1", "--offline"])


def configuration(max_count, instance_type="c5.large"):
    resource = {"Name": "r", "InstanceType": instance_type, "MaxCount": max_count}
    return {
        "HeadNode": {"InstanceType": "t3.medium"},
        "Scheduling": {"SlurmQueues": [{"Name": "q", "ComputeResources": [resource]}]},
    }


def planned(action, **more):
    return PlannedCluster("t.yaml", "Cluster", "hpc", action, **more)


def test_the_parts_are_listed_with_the_sum_and_where_the_prices_come_from():
    lines = cost(SIMPLE).output.splitlines()
    assert lines[0] == "Cluster: 0.047 USD/h (34 a month) at rest; at most 0.780 USD/h (570 a month)"
    assert "         0.000        0.714  queue compute/c7i: 0 to 4 x c7i.xlarge" in lines
    assert "         0.042        0.042  head node: 1 x t3.medium" in lines
    assert any("not priced  CloudWatch logs: paid by its use; kept for 180 days" in line for line in lines)
    assert lines[-2] == "Template: 0.047 USD/h (34 a month) at rest; at most 0.780 USD/h (570 a month)"
    assert lines[-1] == (
        "Prices of us-east-1 without tax and discounts: "
        "dated table (2026-01-01 to 2026-01-19); AWS was not asked"
    )


def test_scripts_read_numbers():
    document = json.loads(cost(SIMPLE, "-p", "MaxCount=10", "--json").output)
    (cluster,) = document["clusters"]
    assert cluster["atScale"] == {"hourly": 1.880847, "monthly": 1373.02}
    assert cluster["isComplete"] is True
    assert document["total"]["atRest"] == {"hourly": 0.046532, "monthly": 33.97}
    assert {part["asOf"] for part in cluster["parts"]} == {"2026-01-19", "2026-01-01"}


def test_a_sum_that_lacks_something_says_so():
    result = CliRunner().invoke(main, ["cost", str(SIMPLE), "--region", "eu-west-1", "--offline"])
    assert (
        "at most 0.000 USD/h (0 a month), without head node; head node: root volume; queue compute/c7i;"
        in (result.output.splitlines()[0])
    )
    assert "none are known" in result.output


def test_a_template_without_a_cluster_is_refused(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text("Resources: {}")
    result = cost(path)
    assert (result.exit_code, "has no cluster" in result.output) == (1, True)


@pytest.mark.parametrize(
    ("cluster", "line"),
    [
        (
            planned(PlannedAction.CREATE, configuration=configuration(4)),
            "cost: 0.047 USD/h (34 a month) at rest; at most 0.406 USD/h (297 a month)",
        ),
        (
            planned(PlannedAction.UPDATE, configuration=configuration(8), applied=configuration(4)),
            "cost: 0.047 USD/h (34 a month) at rest; at most 0.406 → 0.766 USD/h (297 → 559 a month)",
        ),
        (
            planned(PlannedAction.DELETE, applied=configuration(4)),
            (
                "cost: 0.047 → 0.000 USD/h (34 → 0 a month) at rest; "
                "at most 0.406 → 0.000 USD/h (297 → 0 a month)"
            ),
        ),
        (
            planned(
                PlannedAction.REPLACE, reason="kept", configuration=configuration(4), applied=configuration(4)
            ),
            (
                "cost: 0.047 → 0.093 USD/h (34 → 68 a month) at rest; "
                "at most 0.406 → 0.813 USD/h (297 → 593 a month)"
            ),
        ),
        (planned(PlannedAction.UNCHANGED, configuration=configuration(4), applied=configuration(4)), ""),
        (planned(PlannedAction.REFUSED, configuration=configuration(8), applied=configuration(4)), ""),
    ],
)
def test_a_plan_shows_what_a_change_costs(cluster, line):
    assert costs_of([cluster], [], QUOTES).line_of(cluster) == line


def test_the_sum_of_a_plan_has_refused_changes_as_they_are_deployed():
    refused = planned(PlannedAction.REFUSED, configuration=configuration(8), applied=configuration(4))
    costs = costs_of([refused], [], QUOTES)
    first, names, origin = costs.lines()
    assert (
        first == "Cost of the template: 0.047 USD/h (34 a month) at rest; at most 0.406 USD/h (297 a month)"
    )
    assert names.startswith("Not priced: CloudWatch logs; ")
    assert origin.startswith("Prices of us-east-1")
    assert costs.document()["total"]["atScale"]["monthly"] == 296.57


def test_a_printed_plan_has_the_costs_below_the_cluster_and_before_the_summary():
    cluster = planned(PlannedAction.CREATE, configuration=configuration(4))
    plan = Plan("hpc", [cluster], costs=costs_of([cluster], [], QUOTES))
    file = io.StringIO()
    print_plan(Console(file=file), plan)
    lines = file.getvalue().splitlines()
    assert lines[1].startswith("    cost: 0.047 USD/h")
    assert [line.partition(" ")[0] for line in lines[2:]] == ["Other", "Cost", "Not", "Prices", "Plan"]
    assert plan.document()["clusters"][0]["cost"]["before"] is None
    assert plan.document()["clusters"][0]["cost"]["after"]["atScale"]["monthly"] == 296.57
    assert plan.document()["cost"]["prices"] == {"region": "us-east-1", "note": "AWS was not asked"}


def test_a_plan_without_clusters_has_no_costs():
    assert list(costs_of([], [], QUOTES).lines()) == []


def test_a_plan_needs_the_prices_of_both_sides():
    both = planned(
        PlannedAction.UPDATE, configuration=configuration(1, "c5.xlarge"), applied=configuration(1)
    )
    assert {"instance/c5.large", "instance/c5.xlarge"} <= {str(each) for each in needed_prices([both], [])}


def test_a_launch_page_has_the_costs_of_the_default_values():
    template = Template.read(SIMPLE)
    html = LaunchPage(template, "https://b.s3.amazonaws.com/t", "t", [region_named("us-east-1")]).html()
    (said,) = re.findall(r'<p id="cost">(.*?)</p>', html)
    assert said.startswith(
        "With the default values in us-east-1: 0.047 USD/h (34 a month) at rest; "
        "at most 0.780 USD/h (570 a month). "
    )
    assert "dated table (2026-01-01 to 2026-01-19)" in said
    assert "CloudWatch logs" in said.partition("Not priced: ")[2]


def test_a_launch_page_without_a_price_is_silent():
    page = LaunchPage(
        Template.read(SIMPLE), "https://b.s3.amazonaws.com/t", "t", [region_named("ap-south-1")]
    )
    assert 'id="cost"' not in page.html()
