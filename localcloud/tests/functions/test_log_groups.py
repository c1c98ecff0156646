"""What becomes of a function's log group when somebody deletes it."""

import json
import uuid

import pytest
from tests.support.functions import call, deploy

WRITING = "def handler(event, context): print('a line')"
MANAGED = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


@pytest.fixture
def groups(cloud):
    def named(prefix):
        found = cloud.client("logs").describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]
        return [group["logGroupName"] for group in found]

    return named


def make_role(cloud, *statements):
    """Makes a role with an inline policy and returns its ARN."""
    iam, name = cloud.client("iam"), f"role-{uuid.uuid4().hex[:8]}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    iam.put_role_policy(RoleName=name, PolicyName="logs", PolicyDocument=json.dumps(document))
    return role["Arn"]


def allow(*actions, resource="*", effect="Allow"):
    return {"Effect": effect, "Action": list(actions), "Resource": resource}


WRITE = allow("logs:CreateLogStream", "logs:PutLogEvents")
OTHERS = allow("logs:*", resource="arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/others-*")
FORBID = allow("logs:CreateLogGroup", effect="Deny")


@pytest.mark.parametrize(
    ("statements", "comes_back"),
    [
        ([WRITE], False),
        ([WRITE, OTHERS], False),
        ([allow("logs:*"), FORBID], False),
        ([allow("logs:*")], True),
        ([allow("logs:CreateLogGroup", resource="arn:aws:logs:us-east-1:123456789012:*")], True),
    ],
)
def test_a_deleted_log_group_comes_back_only_if_the_role_may_create_it(cloud, groups, statements, comes_back):
    name = deploy(cloud, WRITING, Role=make_role(cloud, *statements))
    group = f"/aws/lambda/{name}"
    call(cloud, name)
    assert groups(group) == [group]

    cloud.client("logs").delete_log_group(logGroupName=group)
    tail = call(cloud, name, LogType="Tail")

    assert groups(group) == ([group] if comes_back else [])
    assert "LogResult" in tail  # what was written is still told to the caller


def test_a_managed_policy_counts_like_an_inline_one(cloud, groups):
    role = make_role(cloud, WRITE)
    cloud.client("iam").attach_role_policy(RoleName=role.rpartition("/")[2], PolicyArn=MANAGED)
    name = deploy(cloud, WRITING, Role=role)
    group = f"/aws/lambda/{name}"
    call(cloud, name)

    cloud.client("logs").delete_log_group(logGroupName=group)
    call(cloud, name)

    assert groups(group) == [group]


def test_a_log_group_that_is_made_again_takes_lines_again(cloud):
    logs, name = cloud.client("logs"), deploy(cloud, WRITING, Role=make_role(cloud, WRITE))
    group = f"/aws/lambda/{name}"
    call(cloud, name)
    logs.delete_log_group(logGroupName=group)

    logs.create_log_group(logGroupName=group)
    call(cloud, name)

    messages = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
    assert messages.count("a line") == 1


def test_a_function_that_goes_while_it_writes_leaves_no_log_group(cloud, groups):
    name = deploy(
        cloud,
        """
        import boto3
        def handler(event, context):
            boto3.client("lambda").delete_function(FunctionName=context.function_name)
            boto3.client("logs").delete_log_group(logGroupName=context.log_group_name)
            print("still here")
        """,
        Role=make_role(cloud, allow("logs:*")),
    )

    call(cloud, name)

    assert groups(f"/aws/lambda/{name}") == []
