"""What operators see and set: keys, network, retention of logs."""

import pytest

from tests.e2e.account import ROOT

pytestmark = pytest.mark.e2e


def physical_ids(account, stack):
    """Physical ids of a stack's resources by logical id."""
    found = account.cloudformation.describe_stack_resources(StackName=stack["StackId"])["StackResources"]
    return {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in found}


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
    }
    stack = account.create("hardened", account.packaged(ROOT / "template.yaml"), **given)
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    yield physical_ids(account, stack), given
    assert account.delete("hardened")["StackStatus"] == "DELETE_COMPLETE"
    account.ec2.delete_security_group(GroupId=group)


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


def test_without_parameters_nothing_of_the_users_is_needed_to_encrypt_and_no_network(account, service_token):
    ids = physical_ids(account, account.stack("provider"))
    table = account.cloud.client("dynamodb").describe_table(TableName=ids["OperationsTable"])["Table"]
    configuration = account.cloud.client("lambda").get_function_configuration(FunctionName=service_token)
    policies = account.cloud.client("iam").list_role_policies(RoleName=ids["ProviderRole"])["PolicyNames"]
    assert "SSEDescription" not in table
    assert not configuration.get("VpcConfig", {}).get("SubnetIds")
    assert {"key", "network"}.isdisjoint(policies)
