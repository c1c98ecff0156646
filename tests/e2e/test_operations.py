"""What operators see and set: alarms and what they watch, dashboard, keys, network, retention of logs."""

import json

import pytest

from tests.e2e.account import CLUSTER_TEMPLATE, ROOT
from tests.e2e.conftest import TWICE_S
from tests.e2e.parents import eventually

pytestmark = pytest.mark.e2e


def physical_ids(account, stack):
    """Physical ids of a stack's resources by logical id."""
    found = account.cloudformation.describe_stack_resources(StackName=stack["StackId"])["StackResources"]
    return {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in found}


@pytest.fixture(scope="module")
def plain(account, service_token):
    """The resources of the provider stack without parameters."""
    function = account.cloud.client("lambda").get_function_configuration(FunctionName=service_token)
    ids = physical_ids(account, account.stack("provider"))
    assert ids["Provider"] == function["FunctionName"]
    return ids


@pytest.fixture(scope="module")
def hardened(account):
    """A provider stack with a key, a network and a retention of the user's, and what it was given."""
    key = account.cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    group = account.ec2.create_security_group(
        GroupName="functions", Description="functions", VpcId=account.cloud.exports["VPC_ID"]
    )["GroupId"]
    given = {
        "KmsKeyArn": key,
        "VpcSubnetIds": account.cloud.exports["COMPUTE_SUBNET"],
        "VpcSecurityGroupIds": group,
        "LogRetention": "30",
        "AlarmTopic": account.cloud.client("sns").create_topic(Name="operators")["TopicArn"],
        "Dashboard": "true",
    }
    stack = account.create("hardened", account.packaged(ROOT / "template.yaml"), **given)
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    yield physical_ids(account, stack), given
    assert account.delete("hardened")["StackStatus"] == "DELETE_COMPLETE"
    account.ec2.delete_security_group(GroupId=group)


def alarms(account, ids):
    """A stack's alarms as CloudWatch describes them."""
    names = [name for logical_id, name in ids.items() if logical_id.endswith("Alarm")]
    return account.cloud.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]


def watched(namespace, name, dimensions):
    return namespace, name, tuple(sorted((item["Name"], item["Value"]) for item in dimensions))


def test_no_alarm_watches_a_metric_that_is_never_sent(account, service_token, plain):
    properties = "      ClusterName: c-refused\n      ClusterConfiguration: {HeadNode: {}}"
    stack = account.create("watched", CLUSTER_TEMPLATE % properties, ServiceToken=service_token)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE", account.why(stack)
    account.delete("watched")
    account.cloud.advance(61)  # a sweep

    described = alarms(account, plain)
    wanted = {watched(item["Namespace"], item["MetricName"], item["Dimensions"]) for item in described}
    cloudwatch = account.cloud.client("cloudwatch")
    sent = {
        watched(metric["Namespace"], metric["MetricName"], metric["Dimensions"])
        for namespace, name, _ in wanted
        for metric in cloudwatch.list_metrics(Namespace=namespace, MetricName=name)["Metrics"]
    }
    assert len(wanted) == 7
    assert wanted <= sent


def test_alarms_notify_the_topic_when_they_begin_and_end_and_without_a_topic_notify_nothing(
    account, hardened, plain
):
    ids, given = hardened
    notified = [(alarm["AlarmActions"], alarm["OKActions"]) for alarm in alarms(account, ids)]
    assert notified == [([given["AlarmTopic"]], [given["AlarmTopic"]])] * 7
    quiet = alarms(account, plain)
    assert [alarm["AlarmActions"] for alarm in quiet] == [[]] * 7


def state(account, ids, alarm):
    described = account.cloud.client("cloudwatch").describe_alarms(AlarmNames=[ids[alarm]])
    return described["MetricAlarms"][0]["StateValue"]


def drained(sqs, queue):
    while letters := sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"]).get("Messages"):
        for letter in letters:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=letter["ReceiptHandle"])
            yield letter


def test_an_event_that_cannot_be_handled_rings_until_the_queue_is_drained(account, hardened):
    ids, _ = hardened
    assert state(account, ids, "DeadLettersAlarm") == "OK"
    functions, sqs = account.cloud.client("lambda"), account.cloud.client("sqs")
    functions.invoke(FunctionName=ids["Provider"], InvocationType="Event", Payload=b'{"what": "is this"}')

    # Lambda tries three times, minutes apart; then the sweep does for an hour, which passes at once here.
    def rings() -> bool:
        account.cloud.advance(600)
        return state(account, ids, "DeadLettersAlarm") == "ALARM"

    eventually(rings, lambda: account.cloud.log)

    letters = []

    def are_all_drained() -> bool:
        letters.extend(drained(sqs, ids["DeadLetterQueue"]))
        return len(letters) == (2 if TWICE_S else 1)

    eventually(are_all_drained, lambda: account.cloud.log)
    for letter in letters:
        assert json.loads(letter["Body"]) == {"what": "is this"}
        assert {"ErrorCode", "ErrorMessage", "RequestID"} <= letter["MessageAttributes"].keys()
    assert state(account, ids, "DeadLettersAlarm") == "OK"


def test_a_sweep_that_stands_still_rings_until_it_runs_again(account, hardened):
    ids, _ = hardened
    events = account.cloud.client("events")
    account.cloud.advance(61)
    assert state(account, ids, "SweepAlarm") == "OK"
    events.disable_rule(Name=ids["ProviderSweep"])
    account.cloud.advance(601)
    assert state(account, ids, "SweepAlarm") == "ALARM"
    events.enable_rule(Name=ids["ProviderSweep"])
    account.cloud.advance(61)
    assert state(account, ids, "SweepAlarm") == "OK"


def test_the_dashboard_shows_the_stacks_own_alarms_and_functions_and_is_made_on_demand_only(
    account, hardened, plain
):
    ids, _ = hardened
    body = account.cloud.client("cloudwatch").get_dashboard(DashboardName=ids["OperationsDashboard"])
    widgets = json.loads(body["DashboardBody"])["widgets"]
    shown = json.dumps(widgets)
    assert "${" not in shown
    assert {widget["type"] for widget in widgets} == {"alarm", "metric", "log"}
    (alarm_widget,) = [widget for widget in widgets if widget["type"] == "alarm"]
    arns = {alarm["AlarmArn"] for alarm in alarms(account, ids)}
    assert set(alarm_widget["properties"]["alarms"]) == arns
    assert ids["Provider"] in shown
    assert ids["Engine"] in shown
    assert "OperationsDashboard" not in plain


def test_a_key_of_the_users_encrypts_table_queue_and_logs(account, hardened):
    ids, given = hardened
    table = account.cloud.client("dynamodb").describe_table(TableName=ids["OperationsTable"])["Table"]
    queue = account.cloud.client("sqs").get_queue_attributes(
        QueueUrl=ids["DeadLetterQueue"], AttributeNames=["All"]
    )
    groups = account.cloud.client("logs").describe_log_groups(logGroupNamePrefix="hardened-")["logGroups"]
    assert table["SSEDescription"]["KMSMasterKeyArn"] == given["KmsKeyArn"]
    assert queue["Attributes"]["KmsMasterKeyId"] == given["KmsKeyArn"]
    assert [group["kmsKeyId"] for group in groups] == [given["KmsKeyArn"]] * 2
    assert [group["retentionInDays"] for group in groups] == [30, 30]


def test_both_functions_are_put_into_the_users_network_and_their_roles_may_join_it(account, hardened):
    ids, given = hardened
    functions, iam = account.cloud.client("lambda"), account.cloud.client("iam")
    for name in ("Provider", "Engine"):
        network = functions.get_function_configuration(FunctionName=ids[name])["VpcConfig"]
        assert network["SubnetIds"] == [given["VpcSubnetIds"]]
        assert network["SecurityGroupIds"] == [given["VpcSecurityGroupIds"]]
        assert "network" in iam.list_role_policies(RoleName=ids[f"{name}Role"])["PolicyNames"]


def test_without_parameters_nothing_of_the_users_is_needed_to_encrypt_and_no_network(account, plain):
    table = account.cloud.client("dynamodb").describe_table(TableName=plain["OperationsTable"])["Table"]
    configuration = account.cloud.client("lambda").get_function_configuration(FunctionName=plain["Provider"])
    policies = account.cloud.client("iam").list_role_policies(RoleName=plain["ProviderRole"])["PolicyNames"]
    assert "SSEDescription" not in table
    assert not configuration.get("VpcConfig", {}).get("SubnetIds")
    assert {"key", "network"}.isdisjoint(policies)
