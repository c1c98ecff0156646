"""What the functions log of a whole life: enough to follow it, and nothing that is a credential."""

import json
import re

import pytest

from tests.e2e.account import CLUSTER_TEMPLATE, ROOT

pytestmark = pytest.mark.e2e

SECRET = "only-for-the-cluster-4711"
#: Wake-ups that look for the requests they are for.
SEEKING = {"sweep", "stack event"}


def lines(account, name):
    logs = account.cloud.client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=name)
    return [event["message"] for page in pages for event in page["events"]]


#: Words of CloudWatch Logs Insights in the published queries.
#: Source: Amazon CloudWatch Logs user guide, "CloudWatch Logs Insights language query syntax".
WORDS = {
    "fields",
    "filter",
    "sort",
    "stats",
    "limit",
    "desc",
    "asc",
    "and",
    "or",
    "in",
    "by",
    "as",
    "latest",
    "count",
}


def fields_of(query):
    """The fields a query reads, without what it names itself and what stands in quotes."""
    bare = re.sub(r'"[^"]*"', "", query)
    named = set(re.findall(r"\bas (\w+)", bare))
    return set(re.findall(r"@?\b[a-z_]+\b", bare)) - WORDS - named


@pytest.fixture(scope="module")
def logged(account, service_token):
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


def test_every_step_of_a_request_can_be_followed_by_its_id(logged):
    (provider,) = [lines for name, lines in logged.items() if "ProviderLogGroup" in name]
    records = [json.loads(line) for line in provider if line.startswith("{")]
    # Where a step failed, the runtime's own record has an errorMessage in place of a message.
    told_steps = [record for record in records if record.get("message") == "step"]
    steps = [record for record in told_steps if record["cluster_name"] == "c-logs"]
    assert {record["request_type"] for record in steps} == {"Create", "Update", "Delete"}
    assert all(record["request_id"] for record in steps)


def test_every_line_about_a_request_names_it_and_every_other_its_invocation(logged):
    """Lambda's own lines begin with a word or have a requestId.

    A sweep or a stack event is about no owner until the owners that it wakes are read, which may fail.
    """
    for name, group in logged.items():
        records = [json.loads(line) for line in group if line.startswith("{")]
        assert {record.get("service") for record in records} - {None, "cluster_provider", "engine"} == set()
        own = [record for record in records if "service" in record]
        nameless = [record for record in own if "request_id" not in record]
        assert own, name
        assert [record for record in nameless if record.get("wake_up") not in SEEKING] == []
        assert [record for record in own if not record.get("invocation_id")] == []
        others = [record for record in records if "service" not in record]
        assert [record for record in others if not {"_aws", "requestId"} & record.keys()] == []


def test_a_requests_id_leads_from_the_provider_to_its_engine_and_back(logged):
    records = [json.loads(line) for lines in logged.values() for line in lines if line.startswith("{")]
    (answered,) = [
        record
        for record in records
        if record.get("message") == "answered"
        and (record["cluster_name"], record["request_type"]) == ("c-logs", "Create")
    ]
    about = [record for record in records if record.get("request_id") == answered["request_id"]]
    assert {"step", "engine ended", "call begun", "call ended", "answered"} <= {
        record.get("message") for record in about
    }
    assert {record["logical_id"] for record in about if "service" in record} == {"Cluster"}
    assert {record["cluster_name"] for record in about if "service" in record} == {"c-logs"}


def test_each_operation_is_measured_once_and_answered_soon_after_its_cluster(logged):
    records = [json.loads(line) for lines in logged.values() for line in lines if line.startswith("{")]
    measured = [record for record in records if "_aws" in record and record.get("cluster_name") == "c-logs"]
    outcomes = [
        (record["RequestType"], metric, record.get("ErrorCode"))
        for record in measured
        for metric in ("OperationsStarted", "OperationsSucceeded", "OperationsFailed", "OperationsDropped")
        if metric in record
    ]
    # The refused update is undone by one more, and that one by nothing.
    assert sorted(outcomes, key=str) == [
        ("Create", "OperationsStarted", None),
        ("Create", "OperationsSucceeded", None),
        ("Delete", "OperationsStarted", None),
        ("Delete", "OperationsSucceeded", None),
        ("Update", "OperationsFailed", "ClusterRejected"),
        ("Update", "OperationsStarted", None),
        ("Update", "OperationsStarted", None),
        ("Update", "OperationsSucceeded", None),
    ]
    latencies = {
        record["RequestType"]: record["AnswerLatency"] for record in measured if "AnswerLatency" in record
    }
    assert latencies.keys() == {"Create", "Delete"}
    assert all(0 <= seconds < 120 for (seconds,) in latencies.values())


def test_every_field_of_the_published_log_queries_is_one_that_lines_have(logged):
    # Lines about exceptions are the only ones with a name for it; tests/unit/provider/test_logs.py has one.
    known = {"@timestamp", "exception_name"}
    for lines in logged.values():
        for line in lines:
            known |= json.loads(line).keys() if line.startswith("{") else set()
    page = (ROOT / "docs" / "how-to" / "operations.md").read_text()
    queries = re.findall(r"```logs-insights\n(.*?)```", page, re.DOTALL)
    used = {field for query in queries for field in fields_of(query)}
    assert len(queries) == 5
    assert {"request_id", "cluster_name", "why"} <= used
    assert used - known == set()


@pytest.mark.parametrize("credential", ["X-Amz-Signature=", "X-Amz-Credential=", SECRET])
def test_no_line_carries_a_credential_or_a_value_of_the_configuration(logged, credential):
    assert all(logged.values())
    # A masked value begins with an asterisk; anything else behind the name is the credential itself.
    leaks = [
        line
        for lines in logged.values()
        for line in lines
        if credential in line.replace(f"{credential}***", "")
    ]
    assert leaks == []
