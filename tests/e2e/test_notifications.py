"""Ends of requests reach subscribers of a topic and targets of a rule, as a user sets them up."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.e2e.account import CLUSTER_TEMPLATE, ROOT, outputs
from tests.e2e.parents import eventually
from tests.e2e.recorded import PLACE

pytestmark = pytest.mark.e2e

SCHEMA = json.loads(Path(ROOT, "docs/reference/request-ended.schema.json").read_text())
STACK = "notifying"
#: What the provider stack of these tests was given.
GIVEN = {"NotificationTopic": PLACE.arn("sns", "ends"), "NotificationBus": "ends"}


@pytest.fixture(scope="module")
def queues(account):
    """A queue that subscribes to the topic, and one that is the target of a rule; by what feeds them."""
    sqs, sns, events = (account.cloud.client(service) for service in ("sqs", "sns", "events"))
    urls = {name: sqs.create_queue(QueueName=f"ends-{name}")["QueueUrl"] for name in ("topic", "bus")}

    def arn(name):
        return sqs.get_queue_attributes(QueueUrl=urls[name], AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]

    assert sns.create_topic(Name="ends")["TopicArn"] == GIVEN["NotificationTopic"]
    sns.subscribe(
        TopicArn=GIVEN["NotificationTopic"],
        Protocol="sqs",
        Endpoint=arn("topic"),
        Attributes={"RawMessageDelivery": "true"},
    )
    bus = GIVEN["NotificationBus"]
    events.create_event_bus(Name=bus)
    pattern = {"source": ["pcluster-cfn"], "detail-type": ["PclusterCluster Request Ended"]}
    events.put_rule(Name="ends", EventBusName=bus, EventPattern=json.dumps(pattern))
    events.put_targets(Rule="ends", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn("bus")}])
    yield urls
    events.remove_targets(Rule="ends", EventBusName=bus, Ids=["queue"])
    events.delete_rule(Name="ends", EventBusName=bus)
    events.delete_event_bus(Name=bus)
    sns.delete_topic(TopicArn=GIVEN["NotificationTopic"])
    for url in urls.values():
        sqs.delete_queue(QueueUrl=url)


@pytest.fixture(scope="module")
def token(account, queues):
    """The service token of a provider stack that notifies both."""
    assert queues
    stack = account.create(STACK, account.packaged(ROOT / "template.yaml"), **GIVEN)
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    yield outputs(stack)["ServiceToken"]
    assert account.delete(STACK)["StackStatus"] == "DELETE_COMPLETE"


def received(account, url, count):
    """The details of the next notifications in a queue, each checked against the published schema."""
    sqs, found = account.cloud.client("sqs"), []

    def all_are_there():
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(found) >= count

    eventually(all_are_there, lambda: found)
    for event in found:
        assert (event["source"], event["detail-type"]) == ("pcluster-cfn", "PclusterCluster Request Ended")
        assert event["resources"] == [event["detail"]["stackId"]]
        Draft202012Validator(SCHEMA).validate(event["detail"])
    return [event["detail"] for event in found]


def test_the_ends_of_a_clusters_requests_reach_the_topic_and_the_bus(account, queues, token):
    configuration = json.dumps(account.configuration())
    properties = f"      ClusterName: c-heard-of\n      ClusterConfiguration: {configuration}"
    made = account.create("heard-of", CLUSTER_TEMPLATE % properties, ServiceToken=token)
    assert made["StackStatus"] == "CREATE_COMPLETE", account.why(made)
    assert account.delete("heard-of")["StackStatus"] == "DELETE_COMPLETE"
    told = {name: received(account, url, 2) for name, url in queues.items()}
    assert told["topic"] == told["bus"]
    facts = ("requestType", "outcome", "clusterName", "stackName", "errorCode", "reason")
    assert [tuple(detail[name] for name in facts) for detail in told["topic"]] == [
        ("Create", "SUCCESS", "c-heard-of", "heard-of", "", ""),
        ("Delete", "SUCCESS", "c-heard-of", "heard-of", "", ""),
    ]
    created, _ = told["topic"]
    # The embedded cloud's time: a head node takes minutes of it.
    assert created["durationSeconds"] > 60
    assert created["stackId"] == made["StackId"]


@pytest.fixture
def chat(account, queues):
    """The example for chat channels, and a queue in place of the channel."""
    assert queues
    body = (ROOT / "examples" / "notify-chat.yaml").read_text()
    stack = account.create("chat", body, Bus=GIVEN["NotificationBus"])
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    sqs = account.cloud.client("sqs")
    url = sqs.create_queue(QueueName="channel")["QueueUrl"]
    account.cloud.client("sns").subscribe(
        TopicArn=outputs(stack)["TopicArn"],
        Protocol="sqs",
        Endpoint=PLACE.arn("sqs", "channel"),
        Attributes={"RawMessageDelivery": "true"},
    )
    yield url
    sqs.delete_queue(QueueUrl=url)
    assert account.delete("chat")["StackStatus"] == "DELETE_COMPLETE"


def test_a_failure_has_the_reason_that_the_stack_shows_in_a_chat_channel_too(account, queues, token, chat):
    properties = "      ClusterName: c-told-why\n      ClusterConfiguration: {HeadNode: {}}"
    failed = account.create("told-why", CLUSTER_TEMPLATE % properties, ServiceToken=token)
    assert failed["StackStatus"] == "ROLLBACK_COMPLETE", account.why(failed)
    told = {name: received(account, url, 2) for name, url in queues.items()}
    assert told["topic"] == told["bus"]
    by_type = {detail["requestType"]: detail for detail in told["topic"]}
    assert by_type["Create"]["outcome"] == "FAILED"
    assert by_type["Create"]["errorCode"] == "InvalidProperty"
    assert by_type["Create"]["reason"] in account.why(failed)
    assert by_type["Delete"]["outcome"] == "SUCCESS"
    account.delete("told-why")
    (message,) = account.cloud.client("sqs").receive_message(QueueUrl=chat)["Messages"]
    assert json.loads(message["Body"]) == {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": "Create of Cluster in stack told-why: FAILED",
            "description": by_type["Create"]["reason"],
        },
    }


def test_a_provider_without_a_topic_and_a_bus_calls_neither(account, service_token):
    properties = "      ClusterName: c-not-told\n      ClusterConfiguration: {HeadNode: {}}"
    account.create("not-told", CLUSTER_TEMPLATE % properties, ServiceToken=service_token)
    account.delete("not-told")
    name = service_token.rpartition(":")[2]
    called = {call["service"] for call in account.cloud.calls() if call["function"] == name}
    assert "dynamodb" in called
    assert called.isdisjoint({"sns", "events"})
