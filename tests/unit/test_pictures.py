"""The pictures show what is there: a terminal's screen, the template's parts, a dashboard's data."""

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cfn_template.reading import read_plain
from tools.pictures import architecture, chart, terminal

TEMPLATE = read_plain(Path("template.yaml").read_text())
START = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_screen_shows_what_a_redrawn_table_ends_with():
    screen = terminal.Screen()
    screen.write("header\r\nfirst\r\nsecond")
    screen.write("\x1b[2K\x1b[1A\x1b[2K1\r\n2\r\n\x1b[?25h3")
    assert screen.lines == ["header", "1", "2", "3"]


def test_a_command_runs_in_a_terminal_of_its_own():
    shown = list(terminal.frames([sys.executable, "-c", "import sys; print(sys.stdout.isatty())"], {}))
    assert shown[-1][0] == "True"


def test_the_picture_of_a_terminal_asks_nobody_for_fonts():
    assert "@font-face" not in terminal.svg("deploy", ["\x1b[32mgreen\x1b[0m"])
    assert "green" in terminal.svg("deploy", ["\x1b[32mgreen\x1b[0m"])


def test_the_committed_architecture_is_what_make_pictures_writes():
    assert Path("docs/images/architecture.svg").read_text() == architecture.svg(TEMPLATE), "run make pictures"


def test_a_part_that_the_template_lacks_is_an_error():
    without = {name: item for name, item in TEMPLATE["Resources"].items() if name != "OperationsTable"}
    with pytest.raises(architecture.UnknownPartError, match="OperationsTable"):
        architecture.svg({"Resources": without})


class CloudWatch:
    """One dashboard and one metric of two dimensions, listed twice, as the embedded cloud does."""

    def __init__(self):
        widget = {
            "title": "Operations", "stat": "Sum", "period": 300,
            "metrics": [[{"expression": (
                "SEARCH('{PclusterProvider,Provider,RequestType} MetricName=\"OperationsStarted\" "
                "Provider=\"P\"', 'Sum', 300)"
            )}]],
        }  # fmt: skip
        alarms = {
            "title": "Alarms",
            "alarms": ["arn:aws:cloudwatch:us-east-1:1:alarm:S-SweepAlarm-ABCDEFGHIJKL"],
        }
        self.body = {
            "widgets": [
                {"type": "alarm", "x": 0, "y": 0, "width": 24, "height": 3, "properties": alarms},
                {"type": "metric", "x": 0, "y": 3, "width": 12, "height": 6, "properties": widget},
            ]
        }
        self.asked = []

    def get_dashboard(self, DashboardName):  # noqa: N803 - boto3's own name
        return {"DashboardBody": json.dumps(self.body if DashboardName == "provider" else {})}

    def describe_alarms(self):
        (arn,) = self.body["widgets"][0]["properties"]["alarms"]
        return {"MetricAlarms": [{"AlarmArn": arn, "StateValue": "ALARM"}]}

    def list_metrics(self, Namespace):  # noqa: N803
        dimensions = [{"Name": "Provider", "Value": "P"}, {"Name": "RequestType", "Value": "Create"}]
        other = [{"Name": "Provider", "Value": "Q"}, {"Name": "RequestType", "Value": "Create"}]
        listed = [
            {"MetricName": "OperationsStarted", "Dimensions": each}
            for each in (dimensions, dimensions, other)
        ]
        return {"Metrics": listed if Namespace == "PclusterProvider" else []}

    def get_metric_statistics(self, **query):
        self.asked.append(query)
        return {"Datapoints": [{"Timestamp": START + timedelta(seconds=60), "Sum": 3.0}]}


def test_a_dashboard_shows_each_of_its_series_once_with_the_data_of_the_account():
    cloudwatch = CloudWatch()
    account = chart.Account(lambda _: cloudwatch, START, START + timedelta(minutes=10))
    picture = chart.svg(account, "provider")
    texts = re.findall(r">([^<]+)</text>", picture)
    assert [(query["MetricName"], query["Statistics"]) for query in cloudwatch.asked] == [
        ("OperationsStarted", ["Sum"])
    ]
    assert {"Alarms", "SweepAlarm", "alarm", "Operations", "OperationsStarted Create", "3", "00:10"} <= set(
        texts
    )
