"""Alarms on a metric, in the state that its last periods put them into."""

import pytest

ABOVE = {
    "Namespace": "Test",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanThreshold",
}


@pytest.fixture
def alarm(cloud, request):
    """Makes an alarm on a metric of its own; returns what adds to the metric and what tells the state."""
    cloudwatch, name = cloud.client("cloudwatch"), request.node.name
    dimensions = [{"Name": "Test", "Value": name}, {"Name": "Kind", "Value": "a"}]

    def make(**settings):
        named = {"AlarmName": name, "MetricName": "Errors", "Dimensions": dimensions}
        cloudwatch.put_metric_alarm(**ABOVE | named | settings)

        def add(*values):
            data = {"MetricName": "Errors", "Dimensions": dimensions, "Values": values}
            cloudwatch.put_metric_data(Namespace="Test", MetricData=[data])

        def state():
            return cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]

        return add, state

    return make


def test_an_alarm_rings_when_its_metric_passes_the_threshold_and_ends_when_it_does_not(cloud, alarm):
    add, state = alarm()
    assert state() == "INSUFFICIENT_DATA"
    add(1)
    assert state() == "OK"
    add(1)
    assert state() == "ALARM"
    cloud.advance(61)
    add(0)
    assert state() == "OK"


@pytest.mark.parametrize(
    ("treatment", "expected"),
    [("breaching", "ALARM"), ("notBreaching", "OK"), ("missing", "INSUFFICIENT_DATA")],
)
def test_a_metric_that_is_silent_counts_as_the_alarm_says(alarm, treatment, expected):
    _, state = alarm(TreatMissingData=treatment)
    assert state() == expected


def test_so_many_of_the_last_periods_must_be_bad_as_the_alarm_says(cloud, alarm):
    add, state = alarm(EvaluationPeriods=3, DatapointsToAlarm=2, TreatMissingData="notBreaching")
    add(5)
    assert state() == "OK"
    cloud.advance(90)
    add(5)
    assert state() == "ALARM"


@pytest.mark.parametrize(
    ("statistic", "expected"), [("Maximum", "ALARM"), ("Average", "OK"), ("Minimum", "OK")]
)
def test_an_alarm_judges_by_its_statistic(alarm, statistic, expected):
    add, state = alarm(Statistic=statistic)
    add(2, 0, 0, 0)
    assert state() == expected


def test_values_with_other_dimensions_are_another_metric(cloud, alarm, request):
    _, state = alarm()
    data = {"MetricName": "Errors", "Dimensions": [{"Name": "Test", "Value": request.node.name}], "Value": 5}
    cloud.client("cloudwatch").put_metric_data(Namespace="Test", MetricData=[data])
    assert state() == "INSUFFICIENT_DATA"


def test_a_metric_that_a_service_makes_when_it_is_asked_counts_as_one_of_now(cloud, request):
    name = f"queue-{request.node.name[-20:]}"
    url = cloud.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    cloud.client("sqs").send_message(QueueUrl=url, MessageBody="left")
    cloudwatch = cloud.client("cloudwatch")
    named = {"AlarmName": name, "MetricName": "ApproximateNumberOfMessagesVisible", "Namespace": "AWS/SQS"}
    settings = {"Dimensions": [{"Name": "QueueName", "Value": name}], "Statistic": "Maximum", "Threshold": 0}
    cloudwatch.put_metric_alarm(**ABOVE | named | settings)
    assert cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"] == "ALARM"
