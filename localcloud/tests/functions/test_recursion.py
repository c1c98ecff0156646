"""A function that invokes itself is stopped, in calls, in events and through destinations."""

import pytest
from tests.support.functions import call, deploy, function_arn, invocations, message, queue

from localcloud.functions.recursion import LOOPS, extend, lineage_of
from localcloud.testing.waiting import eventually

#: Invokes itself in the way that the event asks for.
LOOP = """
    import json
    import boto3

    def handler(event, context):
        lambda_ = boto3.client("lambda")
        lambda_.invoke(FunctionName=context.function_name, InvocationType="Event", Payload=json.dumps(event))
    """


def outcomes(cloud, name):
    return [record["outcome"] for record in invocations(cloud, name)]


def test_a_loop_of_events_is_stopped_and_its_last_event_is_a_dead_letter(cloud):
    url, queue_arn = queue(cloud)
    name = deploy(cloud, LOOP, DeadLetterConfig={"TargetArn": queue_arn}, Timeout=60)
    call(cloud, name, {"asked": True}, InvocationType="Event")
    body, _ = message(cloud, url)
    assert body == {"asked": True}
    # The last one ends after the event that it sent was stopped.
    eventually(lambda: outcomes(cloud, name).count("success") == LOOPS, "the end of the loop")
    assert outcomes(cloud, name).count("refused") == 1


def test_a_loop_of_destinations_is_stopped(cloud):
    name = deploy(cloud, "def handler(event, context): return 1")
    cloud.client("lambda").put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": function_arn(name)}}
    )
    call(cloud, name, InvocationType="Event")
    eventually(lambda: "refused" in outcomes(cloud, name), "the end of the loop")
    assert outcomes(cloud, name) == ["success"] * LOOPS + ["refused"]


def test_a_call_in_a_loop_is_refused_to_its_caller(cloud):
    target, lineage = deploy(cloud, "def handler(event, context): return 'ran'"), ""
    for _ in range(LOOPS):
        lineage = extend(lineage, function_arn(target))
    client = cloud.client("lambda")
    client.meta.events.register(
        "before-call",
        lambda params, **_: params["headers"].update({"X-Amzn-Trace-Id": f"Root=1;Lineage={lineage}"}),
    )
    with pytest.raises(client.exceptions.RecursiveInvocationException, match="recursive loop"):
        client.invoke(FunctionName=target)
    assert outcomes(cloud, target) == ["refused"]


def test_a_client_outside_of_functions_begins_a_chain():
    assert lineage_of(None) == lineage_of("Root=1-2-3;Sampled=0") == ""


@pytest.mark.parametrize("others", [0, 5])
def test_functions_are_counted_apart(others):
    lineage = ""
    for number in range(LOOPS):
        lineage = extend(lineage, "arn:one")
        for other in range(others):
            lineage = extend(lineage, f"arn:{number}:{other}")
    assert extend(lineage, "arn:one") is None
    assert extend(lineage, "arn:another")
