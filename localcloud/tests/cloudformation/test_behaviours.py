"""Durations and failures told from outside, and who is told about resources."""

import pytest

from localcloud.behaviour import Behaviour, Behaviours
from localcloud.cloudformation import subscribe, unsubscribe


@pytest.fixture
def rules():
    return Behaviours()


def test_without_a_rule_an_action_is_done_at_once(rules):
    assert rules.decide("stack", "Thing", "AWS::A::B", "CREATE") == Behaviour(0.0, None)


def test_the_first_rule_that_matches_decides(rules):
    rules.replace(
        [
            {"stack": "prod-*", "type": "AWS::EC2::*", "action": "CREATE", "duration_s": 60},
            {"logical_id": "Head*", "fail": "no capacity"},
            {"duration_s": 1},
        ]
    )

    assert rules.decide("prod-1", "HeadNode", "AWS::EC2::Instance", "CREATE") == Behaviour(60, None)
    assert rules.decide("prod-1", "HeadNode", "AWS::EC2::Instance", "DELETE") == Behaviour(0, "no capacity")
    assert rules.decide("dev", "Queue", "AWS::SQS::Queue", "UPDATE") == Behaviour(1, None)


def test_a_rule_counts_only_as_often_as_it_says(rules):
    rules.replace([{"fail": "once", "times": 1}])

    assert rules.decide("s", "A", "T", "CREATE").fail == "once"
    assert rules.decide("s", "A", "T", "CREATE").fail is None


@pytest.mark.parametrize(
    "rule",
    [
        {"colour": "red"},
        {"action": "MOVE"},
        {"duration_s": -1},
        {"duration_s": "x"},
        {"times": -1},
        {"times": "x"},
        {"retry": "both"},
        {"retry": "create-first", "times": 1},
    ],
)
def test_a_rule_that_means_nothing_is_refused_and_the_others_stay(rules, rule):
    rules.replace([{"fail": "kept"}])

    with pytest.raises(ValueError, match=r"\w"):
        rules.replace([rule])

    assert rules.decide("s", "A", "T", "CREATE").fail == "kept"


def test_what_failed_is_deleted_first_unless_a_rule_says_otherwise(rules):
    assert rules.retry_order("s", "Cluster", "Custom::A") == "delete-first"

    rules.replace([{"stack": "s", "type": "Custom::*", "retry": "create-first"}, {"fail": "no"}])

    assert rules.retry_order("s", "Cluster", "Custom::A") == "create-first"
    assert rules.retry_order("t", "Cluster", "Custom::A") == "delete-first"
    assert rules.retry_order("s", "Cluster", "AWS::A::B") == "delete-first"
    assert rules.decide("s", "Cluster", "Custom::A", "CREATE").fail == "no"


def test_listeners_hear_every_status_in_order_and_may_ask_back(cloud, until):
    heard = []

    def listen(event):
        cloud.stack(event.stack_id)
        heard.append((event.logical_id, event.status, bool(event.physical_id), dict(event.stack_tags)))

    subscribe(listen)
    try:
        properties = {"VisibilityTimeout": 1}
        queue = {"Type": "AWS::SQS::Queue", "Properties": properties}
        cloud.created("one", {"Resources": {"Queue": queue}}, Tags=[{"Key": "k", "Value": "v"}])
        until(lambda: len(heard) == 3)
    finally:
        unsubscribe(listen)

    assert heard == [
        ("Queue", "CREATE_IN_PROGRESS", False, {"k": "v"}),
        ("Queue", "CREATE_IN_PROGRESS", True, {"k": "v"}),
        ("Queue", "CREATE_COMPLETE", True, {"k": "v"}),
    ]


def test_a_listener_that_fails_stops_no_stack_and_no_other_listener(cloud):
    def fail(_event):
        raise RuntimeError("broken")

    subscribe(fail)
    try:
        cloud.created("one", {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    finally:
        unsubscribe(fail)
