"""What the functions log of a whole life: enough to follow it, and nothing that is a credential."""

import json

import pytest

from tests.e2e.account import CLUSTER_TEMPLATE

pytestmark = pytest.mark.e2e

SECRET = "only-for-the-cluster-4711"


def lines(account, name):
    logs = account.cloud.client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=name)
    return [event["message"] for page in pages for event in page["events"]]


@pytest.fixture(scope="module")
def told(account, service_token):
    """The provider's and the engine's log lines of a create, a refused update and a delete."""
    configuration = account.configuration() | {
        "DevSettings": {"Cookbook": {"ExtraChefAttributes": json.dumps({"password": SECRET})}}
    }
    properties = f"      ClusterName: c-logs\n      ClusterConfiguration: {json.dumps(configuration)}"
    body = CLUSTER_TEMPLATE % properties
    stack = account.create("logs", body, ServiceToken=service_token)
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    account.update("logs", body.replace("t3.medium", "t3.large"), ServiceToken=service_token)
    account.delete("logs")
    groups = [
        item["PhysicalResourceId"]
        for item in account.cloudformation.describe_stack_resources(StackName="provider")["StackResources"]
        if item["ResourceType"] == "AWS::Logs::LogGroup"
    ]
    return {group: lines(account, group) for group in groups}


def test_every_step_of_a_request_can_be_followed_by_its_id(told):
    (provider,) = [lines for name, lines in told.items() if "ProviderLogGroup" in name]
    records = [json.loads(line) for line in provider if line.startswith("{")]
    # Where a step failed, the runtime's own record has an errorMessage in place of a message.
    told_steps = [record for record in records if record.get("message") == "step"]
    steps = [record for record in told_steps if record["cluster_name"] == "c-logs"]
    assert {record["request_type"] for record in steps} == {"Create", "Update", "Delete"}
    assert all(record["request_id"] for record in steps)


@pytest.mark.parametrize("credential", ["X-Amz-Signature=", "X-Amz-Credential=", SECRET])
def test_no_line_carries_a_credential_or_a_value_of_the_configuration(told, credential):
    assert all(told.values())
    # A masked value begins with an asterisk; anything else behind the name is the credential itself.
    leaks = [
        line
        for lines in told.values()
        for line in lines
        if credential in line.replace(f"{credential}***", "")
    ]
    assert leaks == []
