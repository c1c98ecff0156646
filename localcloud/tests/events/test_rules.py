"""Rules: patterns, permissions, schedules, and what targets receive."""

import json
import uuid

from tests.support.functions import deploy, function_arn, invocations, message, queue

from localcloud.testing.waiting import eventually

ECHO = "def handler(event, context): return event"


def rule(cloud, target_arn, *, pattern=None, schedule=None, state="ENABLED", **target):
    events = cloud.client("events")
    name = f"rule-{uuid.uuid4().hex[:8]}"
    trigger = {"ScheduleExpression": schedule} if schedule else {"EventPattern": json.dumps(pattern)}
    rule_arn = events.put_rule(Name=name, State=state, **trigger)["RuleArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "target", "Arn": target_arn, **target}])
    return name, rule_arn


def allow(cloud, function, rule_arn):
    cloud.client("lambda").add_permission(
        FunctionName=function,
        StatementId=uuid.uuid4().hex,
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule_arn,
    )


def put(cloud, source, detail, detail_type="something happened"):
    answer = cloud.client("events").put_events(
        Entries=[{"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail)}]
    )
    assert answer["FailedEntryCount"] == 0
    return answer["Entries"][0]["EventId"]


def unique_source():
    return f"test.{uuid.uuid4().hex[:8]}"


def test_an_event_that_matches_reaches_a_queue_in_its_envelope(cloud):
    source = unique_source()
    url, queue_arn = queue(cloud)
    rule(cloud, queue_arn, pattern={"source": [source], "detail": {"status": ["GOOD", {"prefix": "OK"}]}})
    put(cloud, source, {"status": "BAD"})
    event_id = put(cloud, source, {"status": "OK_ENOUGH"})
    event, _ = message(cloud, url)
    assert event.pop("time").endswith("Z")
    assert event == {
        "version": "0",
        "id": event_id,
        "detail-type": "something happened",
        "source": source,
        "account": "123456789012",
        "region": "us-east-1",
        "resources": [],
        "detail": {"status": "OK_ENOUGH"},
    }


def test_an_event_reaches_the_subscribers_of_a_topic_as_the_target_transforms_it(cloud):
    source = unique_source()
    url, queue_arn = queue(cloud)
    sns = cloud.client("sns")
    topic = sns.create_topic(Name=f"topic-{uuid.uuid4().hex[:8]}")["TopicArn"]
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"}
    )
    transformed = {"InputPathsMap": {"why": "$.detail.why"}, "InputTemplate": '{"text": <why>}'}
    rule(cloud, topic, pattern={"source": [source]}, InputTransformer=transformed)
    put(cloud, source, {"why": 'it said "no"'})
    received, _ = message(cloud, url)
    assert received == {"text": 'it said "no"'}


def test_a_function_that_allows_the_rule_is_invoked(cloud):
    source = unique_source()
    name = deploy(cloud, ECHO)
    _, rule_arn = rule(cloud, function_arn(name), pattern={"source": [source]})
    allow(cloud, name, rule_arn)
    put(cloud, source, {})
    (record,) = eventually(lambda: invocations(cloud, name), "an invocation")
    assert (record["kind"], record["outcome"]) == ("Event", "success")


def test_a_function_without_a_permission_is_not_invoked_and_the_event_is_a_dead_letter(cloud):
    source = unique_source()
    url, dead_letters = queue(cloud)
    name = deploy(cloud, ECHO)
    _, rule_arn = rule(
        cloud, function_arn(name), pattern={"source": [source]}, DeadLetterConfig={"Arn": dead_letters}
    )
    allow(cloud, name, "arn:aws:events:us-east-1:123456789012:rule/another")
    put(cloud, source, {"lost": True})
    event, attributes = message(cloud, url)
    assert event["detail"] == {"lost": True}
    assert attributes["RULE_ARN"] == rule_arn
    assert "not authorized" in attributes["ERROR_MESSAGE"]
    assert [record["outcome"] for record in invocations(cloud, name)] == ["refused"]


def test_a_disabled_rule_sends_nothing(cloud):
    source = unique_source()
    disabled_url, disabled = queue(cloud)
    enabled_url, enabled = queue(cloud)
    rule(cloud, disabled, pattern={"source": [source]}, state="DISABLED")
    rule(cloud, enabled, pattern={"source": [source]})
    put(cloud, source, {})
    message(cloud, enabled_url)
    assert "Messages" not in cloud.client("sqs").receive_message(QueueUrl=disabled_url)


def test_a_rate_rule_fires_once_in_each_period_until_it_is_removed(cloud):
    events = cloud.client("events")
    name = deploy(cloud, ECHO)
    rule_name, rule_arn = rule(cloud, function_arn(name), schedule="rate(1 minute)")
    allow(cloud, name, rule_arn)
    cloud.advance(30)
    assert invocations(cloud, name) == []
    cloud.advance(5 * 60)
    assert len(invocations(cloud, name)) == 5
    events.disable_rule(Name=rule_name)
    cloud.advance(5 * 60)
    assert len(invocations(cloud, name)) == 5
    events.enable_rule(Name=rule_name)
    cloud.advance(60)
    assert len(invocations(cloud, name)) == 6
    events.remove_targets(Rule=rule_name, Ids=["target"])
    events.delete_rule(Name=rule_name)
    cloud.advance(5 * 60)
    assert len(invocations(cloud, name)) == 6


def test_a_rule_that_is_put_again_has_one_schedule(cloud):
    url, queue_arn = queue(cloud)
    name, rule_arn = rule(cloud, queue_arn, schedule="rate(1 minute)")
    cloud.client("events").put_rule(Name=name, ScheduleExpression="rate(2 minutes)")
    cloud.advance(130)
    received = cloud.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    (event,) = [json.loads(each["Body"]) for each in received]
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert event["resources"] == [rule_arn]
    cloud.client("events").disable_rule(Name=name)


def test_a_target_can_receive_a_constant(cloud):
    source = unique_source()
    url, queue_arn = queue(cloud)
    rule(cloud, queue_arn, pattern={"source": [source]}, Input='{"constant": 1}')
    put(cloud, source, {})
    assert message(cloud, url)[0] == {"constant": 1}


def test_a_target_can_receive_a_part(cloud):
    source = unique_source()
    url, queue_arn = queue(cloud)
    rule(cloud, queue_arn, pattern={"source": [source]}, InputPath="$.detail.part")
    put(cloud, source, {"part": ["of", "it"]})
    assert message(cloud, url)[0] == ["of", "it"]


def test_a_target_can_receive_what_a_template_makes_of_the_event(cloud):
    source = unique_source()
    url, queue_arn = queue(cloud)
    rule(
        cloud,
        queue_arn,
        pattern={"source": [source]},
        InputTransformer={
            "InputPathsMap": {"stack": "$.detail.stack", "list": "$.detail.list"},
            "InputTemplate": '{"text": "stack <stack>: <list>", "value": <list>, "name": <stack>}',
        },
    )
    put(cloud, source, {"stack": 'the "one"', "list": [1, 2]})
    assert message(cloud, url)[0] == {
        "text": 'stack the "one": [1,2]',
        "value": [1, 2],
        "name": 'the "one"',
    }
