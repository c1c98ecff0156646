"""Metrics of functions and queues, and those that log lines carry, as CloudWatch tells them."""

import json
from datetime import datetime, timedelta

import pytest
from tests.support.functions import deploy, queue

APP = """
    def handler(event, context):
        if event.get("fail"):
            raise RuntimeError("asked to")
        print(event.get("line", "nothing"))
"""


@pytest.fixture(scope="module")
def function(cloud):
    return deploy(cloud, APP)


def invoke(cloud, function, **event):
    cloud.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))


def total(cloud, namespace, name, **dimensions):
    """The sum of a metric over the last hour, None if it has no data."""
    now = datetime.fromisoformat(cloud.now())
    points = cloud.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in points) if points else None


def test_invocations_errors_and_throttles_of_a_function_are_counted(cloud):
    function = deploy(cloud, APP)
    invoke(cloud, function)
    invoke(cloud, function, fail=True)
    cloud.client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    with pytest.raises(cloud.client("lambda").exceptions.TooManyRequestsException):
        invoke(cloud, function)
    metrics = ("Invocations", "Errors", "Throttles")
    assert [total(cloud, "AWS/Lambda", name, FunctionName=function) for name in metrics] == [2, 1, 1]


def test_a_line_in_the_embedded_metric_format_becomes_metrics_of_each_set_of_dimensions(cloud, function):
    directive = {
        "Namespace": "Test",
        "Dimensions": [["Kind"], ["Kind", "Code"]],
        "Metrics": [{"Name": "Took", "Unit": "Seconds"}, {"Name": "Tries"}],
    }
    at_ms = int(datetime.fromisoformat(cloud.now()).timestamp() * 1000)
    fields = {"Kind": "a", "Code": "b", "Took": [2, 3.5], "Tries": 4}
    line = json.dumps({"_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [directive]}, **fields})
    invoke(cloud, function, line=line)
    assert total(cloud, "Test", "Took", Kind="a", Code="b") == 5.5
    assert total(cloud, "Test", "Tries", Kind="a", Code="b") == 4
    listed = cloud.client("cloudwatch").list_metrics(Namespace="Test", MetricName="Tries")["Metrics"]
    assert [{item["Name"] for item in metric["Dimensions"]} for metric in listed] == [
        {"Kind"},
        {"Kind", "Code"},
    ]


@pytest.mark.parametrize("line", ["plain text", '{"_aws": ', '{"_aws": {}}', '["_aws"]'])
def test_any_other_line_is_a_line_and_no_metric(cloud, function, line):
    before = len(cloud.client("cloudwatch").list_metrics(Namespace="Test")["Metrics"])
    invoke(cloud, function, line=line)
    assert len(cloud.client("cloudwatch").list_metrics(Namespace="Test")["Metrics"]) == before


def test_a_queue_reports_how_many_messages_wait_in_it(cloud):
    url, arn = queue(cloud)
    name = arn.rpartition(":")[2]
    cloud.client("sqs").send_message(QueueUrl=url, MessageBody="left")
    assert total(cloud, "AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=name) == 1
