"""With enforcement, roles may do what their policies allow, and nothing else."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError
from tests.support.functions import call, deploy, function_arn
from tests.support.roles import CALLING, Granted, document

from localcloud.cloud import Cloud
from localcloud.testing.waiting import eventually

#: Deletes itself, and calls on.
OUTLIVING = """
    import boto3
    from botocore.exceptions import ClientError

    def handler(event, context):
        boto3.client("lambda").delete_function(FunctionName=context.function_name)
        try:
            boto3.client("dynamodb").list_tables()
        except ClientError as error:
            return error.response["Error"]["Code"]
"""
NOT_GRANTED = "because no identity-based policy allows the {} action"
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/absent"
ABSENT = {"TableName": "absent"}
#: Service, method, arguments, action, resource, and the codes of a refusal and of the answer without one.
CALLS = [
    ("cloudformation", "list_stacks", {}, "cloudformation:ListStacks", "*", "AccessDenied", ""),
    (
        "dynamodb",
        "describe_table",
        ABSENT,
        "dynamodb:DescribeTable",
        TABLE,
        "AccessDeniedException",
        "ResourceNotFoundException",
    ),
    (
        "s3",
        "list_objects_v2",
        {"Bucket": "absent"},
        "s3:ListBucket",
        '"arn:aws:s3:::absent"',
        "AccessDenied",
        "NoSuchBucket",
    ),
    ("ec2", "describe_vpcs", {}, "ec2:DescribeVpcs", "*", "UnauthorizedOperation", ""),
]


@pytest.fixture(scope="module")
def cloud():
    with Cloud.start(enforce_iam=True) as running:
        yield running
        assert running.errors() == []


@pytest.fixture
def granted(cloud):
    return Granted(cloud)


@pytest.mark.parametrize("case", CALLS, ids=lambda case: case[3])
def test_a_call_is_refused_in_aws_words_until_a_policy_allows_it(granted, case):
    service, method, arguments, action, resource, refusal, answer = case
    code, words = granted.refused(service, method, arguments)
    assert code == refusal
    assert words.endswith(
        f"User: {granted.session} is not authorized to perform: {action} on resource: {resource} "
        + NOT_GRANTED.format(action)
    )

    granted.put("policy", action)
    assert granted.refused(service, method, arguments)[0] == answer


def test_a_policy_for_another_resource_is_not_enough_and_a_denial_wins(granted):
    granted.put("other", "dynamodb:DescribeTable", resource=f"{TABLE}-2")
    assert granted.refused("dynamodb", "describe_table", ABSENT)[0] == "AccessDeniedException"
    granted.put("all", "dynamodb:*")
    assert granted.refused("dynamodb", "describe_table", ABSENT)[0] == "ResourceNotFoundException"
    granted.put("none", "dynamodb:Describe*", Effect="Deny")
    _, words = granted.refused("dynamodb", "describe_table", ABSENT)
    assert words.endswith(f"on resource: {TABLE} with an explicit deny in an identity-based policy")


def test_a_function_whose_role_was_deleted_may_do_nothing_any_more(cloud, granted):
    granted.put("policy", "dynamodb:ListTables")
    assert granted.refused("dynamodb", "list_tables") == ("", "")
    iam = cloud.client("iam")
    iam.delete_role_policy(RoleName=granted.role, PolicyName="policy")
    iam.delete_role(RoleName=granted.role)
    code, words = granted.refused("dynamodb", "list_tables")
    assert code == "AccessDeniedException"
    assert words.endswith(NOT_GRANTED.format("dynamodb:ListTables"))
    refused = {fact["of_deleted"] for fact in cloud.judged() if fact["role"].endswith(f"/{granted.role}")}
    assert refused == {False, True}


@pytest.mark.parametrize(("more", "code"), [((), "AccessDeniedException"), (("dynamodb:ListTables",), None)])
def test_a_function_that_is_deleted_while_it_runs_keeps_its_role(cloud, granted, more, code):
    granted.put("policy", "lambda:DeleteFunction", *more)
    name = deploy(cloud, OUTLIVING, Role=granted.role_arn)
    assert call(cloud, name)["Payload"] == code
    refused = [fact for fact in cloud.judged() if fact["function"] == name and fact["decision"] != "ALLOWED"]
    assert [fact["of_deleted"] for fact in refused] == ([True] if code else [])


def test_a_boundary_forbids_what_it_does_not_allow(cloud):
    name = f"bound-{uuid.uuid4().hex[:8]}"
    policy = cloud.client("iam").create_policy(PolicyName=name, PolicyDocument=document("sqs:*"))["Policy"]
    granted = Granted(cloud, PermissionsBoundary=policy["Arn"])
    granted.put("policy", "sqs:ListQueues", "dynamodb:ListTables")
    assert granted.refused("sqs", "list_queues") == ("", "")
    _, words = granted.refused("dynamodb", "list_tables")
    assert words.endswith("because no permissions boundary allows the dynamodb:ListTables action")


def test_a_policy_of_the_function_lets_a_role_in_that_has_none(cloud, granted):
    target = deploy(cloud, CALLING)
    invocation = {"FunctionName": target, "InvocationType": "DryRun"}
    assert granted.refused("lambda", "invoke", invocation)[0] == "AccessDeniedException"
    cloud.client("lambda").add_permission(
        FunctionName=target, StatementId="in", Action="lambda:InvokeFunction", Principal=granted.role_arn
    )
    assert granted.refused("lambda", "invoke", invocation) == ("", "")


def test_a_condition_about_tags_holds_for_calls_that_have_them(granted):
    tagged = {"ForAnyValue:StringLike": {"aws:TagKeys": ["team"]}}
    granted.put("policy", "cloudformation:CreateStack", "cloudformation:TagResource", Condition=tagged)
    stack = {"StackName": f"s-{granted.role}", "TemplateBody": json.dumps({"Resources": {}})}
    assert granted.refused("cloudformation", "create_stack", stack)[0] == "AccessDenied"
    code, _ = granted.refused(
        "cloudformation", "create_stack", {**stack, "Tags": [{"Key": "team", "Value": "x"}]}
    )
    assert code == "ValidationError"  # a template without resources


def test_a_condition_that_is_not_understood_is_reported(cloud, granted):
    strange = {"NumericLessThan": {"s3:max-keys": "10"}}
    granted.put("policy", "sqs:ListQueues", Condition=strange)
    assert granted.refused("sqs", "list_queues") == ("", "")
    (named,) = [cause for cause in cloud.unjudged() if "NumericLessThan" in cause]
    assert named.startswith("sqs ListQueues: ")


def test_clients_outside_are_administrators(cloud):
    cloud.client("sqs").list_queues()
    cloud.client("dynamodb").list_tables()


def test_a_dead_letter_queue_needs_the_roles_permission(cloud, granted):
    name = f"queue-{granted.role}"
    cloud.client("sqs").create_queue(QueueName=name)
    arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
    with pytest.raises(ClientError, match="does not have permissions to call SendMessage on SQS"):
        deploy(cloud, CALLING, Role=granted.role_arn, DeadLetterConfig={"TargetArn": arn})
    granted.put("policy", "sqs:SendMessage", resource=arn)
    deploy(cloud, CALLING, Role=granted.role_arn, DeadLetterConfig={"TargetArn": arn})


#: What CloudFormation's handler of a table uses.
TABLE_ACTIONS = [
    "dynamodb:CreateTable",
    "dynamodb:Describe*",
    "dynamodb:*Tags*",
    "dynamodb:TagResource",
    "dynamodb:DeleteTable",
]
TABLE_TEMPLATE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    },
}


def function_template(role_arn):
    properties = {
        "Role": role_arn,
        "Runtime": "python3.12",
        "Handler": "index.handler",
        "Code": {"ZipFile": "def handler(event, context):\n    return None\n"},
    }
    return {"Type": "AWS::Lambda::Function", "Properties": properties}


class Stack:
    """A stack that a function makes."""

    def __init__(self, granted, resource, **options):
        self._client, self._name = granted.cloud.client("cloudformation"), f"stack-{uuid.uuid4().hex[:8]}"
        body = json.dumps({"Resources": {"One": resource}})
        made = granted.refused(
            "cloudformation", "create_stack", {"StackName": self._name, "TemplateBody": body, **options}
        )
        assert made == ("", "")
        self.status = eventually(self._ended, "the stack's end")

    def _ended(self):
        status = self._client.describe_stacks(StackName=self._name)["Stacks"][0]["StackStatus"]
        return None if status.endswith("_IN_PROGRESS") else status

    @property
    def reason(self):
        """Why its resource could not be made."""
        events = self._client.describe_stack_events(StackName=self._name)["StackEvents"]
        return next(
            event["ResourceStatusReason"] for event in events if event["ResourceStatus"] == "CREATE_FAILED"
        )


def test_cloudformation_may_do_for_a_function_what_the_functions_role_may(cloud, granted):
    granted.put("stacks", "cloudformation:*")
    refused = Stack(granted, TABLE_TEMPLATE)
    assert refused.status == "ROLLBACK_COMPLETE"
    assert refused.reason.startswith(
        f'Resource handler returned message: "User: {granted.session} is not authorized to perform: dynamodb:'
    )
    assert refused.reason.endswith("HandlerErrorCode: AccessDenied)")

    granted.put("tables", *TABLE_ACTIONS)
    assert Stack(granted, TABLE_TEMPLATE).status == "CREATE_COMPLETE"
    of_function = [fact for fact in cloud.judged() if fact["function"] == granted.function]
    causes = {fact["cause"] for fact in of_function if fact["decision"] == "ALLOWED"}
    assert "CREATE AWS::DynamoDB::Table" in causes


def test_a_role_is_passed_only_by_whom_may_pass_it_and_only_to_its_service(granted):
    granted.put("stacks", "cloudformation:*", "lambda:*", "ec2:*")
    refused = Stack(granted, function_template(granted.role_arn))
    assert (
        f"is not authorized to perform: iam:PassRole on resource: {granted.role_arn} because"
        in refused.reason
    )

    to_ec2 = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    granted.put("pass", "iam:PassRole", resource=granted.role_arn, Condition=to_ec2)
    assert Stack(granted, function_template(granted.role_arn)).status == "ROLLBACK_COMPLETE"

    to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    granted.put("pass", "iam:PassRole", resource=granted.role_arn, Condition=to_lambda)
    assert Stack(granted, function_template(granted.role_arn)).status == "CREATE_COMPLETE"


def test_a_stack_with_a_role_of_its_own_acts_with_that(cloud, granted):
    own = Granted(cloud)
    own.put("tables", *TABLE_ACTIONS)
    granted.put("stacks", "cloudformation:*", "dynamodb:*")
    given = {
        "StackName": "s",
        "TemplateBody": json.dumps({"Resources": {"One": TABLE_TEMPLATE}}),
        "RoleARN": own.role_arn,
    }
    _, words = granted.refused("cloudformation", "create_stack", given)
    assert "iam:PassRole" in words

    granted.put("pass", "iam:PassRole", resource=own.role_arn)
    assert Stack(granted, TABLE_TEMPLATE, RoleARN=own.role_arn).status == "CREATE_COMPLETE"
    queue = Stack(granted, {"Type": "AWS::SQS::Queue"}, RoleARN=own.role_arn)
    assert f"assumed-role/{own.role}/AWSCloudFormation is not authorized to perform: sqs:" in queue.reason


def test_a_custom_resource_needs_the_invocation_of_its_function(granted):
    granted.put("stacks", "cloudformation:*")
    arn = function_arn(granted.function)
    refused = Stack(granted, {"Type": "Custom::It", "Properties": {"ServiceToken": arn}})
    assert f"not authorized to perform: lambda:InvokeFunction on resource: {arn} because" in refused.reason


def test_without_enforcement_nothing_is_refused_and_nothing_judged():
    with Cloud.start() as running:
        assert Granted(running).refused("sqs", "list_queues") == ("", "")
        assert (running.judged(), running.unjudged()) == ([], {})
