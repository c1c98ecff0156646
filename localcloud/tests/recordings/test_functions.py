"""Functions: their states and tags, and how their asynchronous invocation is shown."""

import uuid

import pytest
from tests.support.deployment import resource
from tests.support.functions import archive, function_arn, queue, role, settle

SOURCE = "def handler(event, context): return event"


@pytest.fixture
def client(cloud):
    return cloud.client("lambda")


@pytest.fixture
def create(cloud, client):
    """Creates a function as a client that does not wait does; returns the answer."""

    def call(**settings):
        return client.create_function(
            FunctionName=f"function-{uuid.uuid4().hex}",
            Role=role(cloud),
            Runtime="python3.12",
            Handler="app.handler",
            Code={"ZipFile": archive({"app.py": SOURCE})},
            **settings,
        )

    return call


@pytest.mark.recording(29)
def test_a_new_function_is_pending_and_then_active(cloud, client, create):
    created = create()
    assert (created["State"], created["StateReasonCode"]) == ("Pending", "Creating")
    assert created["RevisionId"]
    assert created["RuntimeVersionConfig"]["RuntimeVersionArn"].startswith(
        "arn:aws:lambda:us-east-1::runtime:"
    )
    assert "Layers" not in created
    settle(cloud)
    now = client.get_function_configuration(FunctionName=created["FunctionName"])
    assert (now["State"], now["LastUpdateStatus"]) == ("Active", "Successful")
    assert "StateReasonCode" not in now


@pytest.mark.recording(29)
def test_whoever_does_not_wait_is_refused(cloud, client, create, refused):
    name = create()["FunctionName"]
    reason = "The function is currently in the following state: Pending"
    words = ("ResourceConflictException", f"The operation cannot be performed at this time. {reason}")
    assert refused(client.invoke, FunctionName=name) == words
    assert refused(client.update_function_configuration, FunctionName=name, MemorySize=256) == words
    settle(cloud)
    assert client.invoke(FunctionName=name, Payload=b"7")["Payload"].read() == b"7"


@pytest.mark.recording(29)
def test_one_update_comes_after_the_other(cloud, client, create, refused):
    created = create()
    name = created["FunctionName"]
    settle(cloud)
    changed = client.update_function_configuration(FunctionName=name, MemorySize=256)
    assert (changed["State"], changed["LastUpdateStatus"]) == ("Active", "InProgress")
    assert changed["RevisionId"] != created["RevisionId"]
    code, words = refused(client.update_function_configuration, FunctionName=name, MemorySize=512)
    assert code == "ResourceConflictException"
    assert words.endswith(f"An update is in progress for resource: {function_arn(name)}")
    settle(cloud)
    client.update_function_configuration(FunctionName=name, MemorySize=512)


@pytest.mark.recording(29)
def test_lambdas_own_waiters_wait_for_it(client, create):
    name = create()["FunctionName"]
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    assert client.get_function(FunctionName=name)["Configuration"]["State"] == "Active"


@pytest.mark.recording(28)
def test_a_function_of_a_stack_has_cloudformations_tags_and_is_active(cloud, client, stacks):
    function = resource(
        "Lambda::Function",
        Runtime="python3.12",
        Handler="index.handler",
        Role=role(cloud),
        Code={"ZipFile": SOURCE},
        Tags=[{"Key": "own", "Value": "mine"}],
    )
    name = stacks.create({"Function": function})
    found = client.get_function(FunctionName=stacks.physical_id(name, "Function"))
    assert found["Tags"] == {
        "own": "mine",
        "aws:cloudformation:stack-name": name,
        "aws:cloudformation:stack-id": stacks.describe(name)["StackId"],
        "aws:cloudformation:logical-id": "Function",
    }
    assert found["Configuration"]["State"] == "Active"


@pytest.mark.recording(26)
def test_the_configuration_of_asynchronous_invocation_names_a_version(cloud, client, create):
    name = create()["FunctionName"]
    _, queue_arn = queue(cloud)
    destination = {"OnFailure": {"Destination": queue_arn}}
    put = client.put_function_event_invoke_config(FunctionName=name, DestinationConfig=destination)
    assert put["FunctionArn"] == f"{function_arn(name)}:$LATEST"
    shown = client.get_function_event_invoke_config(FunctionName=name)
    (listed,) = client.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]
    assert shown["FunctionArn"] == listed["FunctionArn"] == put["FunctionArn"]
