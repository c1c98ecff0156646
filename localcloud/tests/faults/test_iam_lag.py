"""IAM that lags: what a role was granted a moment ago is refused for a while, in each service's own words."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError
from tests.support.functions import deploy
from tests.support.roles import CALLING, Granted, document

from localcloud.cloud import Cloud, CloudError
from localcloud.testing.waiting import eventually

LAG_S = 30

TOPIC = "arn:aws:sns:us-east-1:123456789012:absent"
#: Service, method, arguments, IAM's action, the code of a refusal and of the answer without one.
CALLS = [
    ("ec2", "describe_vpcs", {}, "ec2:DescribeVpcs", "UnauthorizedOperation", ""),
    ("cloudformation", "list_stacks", {}, "cloudformation:ListStacks", "AccessDenied", ""),
    ("dynamodb", "list_tables", {}, "dynamodb:ListTables", "AccessDeniedException", ""),
    ("lambda", "list_functions", {}, "lambda:ListFunctions", "AccessDeniedException", ""),
    ("s3", "head_bucket", {"Bucket": "absent"}, "s3:ListBucket", "403", "404"),
    ("s3", "list_buckets", {}, "s3:ListAllMyBuckets", "AccessDenied", ""),
    ("sns", "publish", {"TopicArn": TOPIC, "Message": "m"}, "sns:Publish", "AuthorizationError", "NotFound"),
    ("cloudwatch", "list_dashboards", {}, "cloudwatch:ListDashboards", "AccessDeniedException", ""),
]


@pytest.fixture(scope="module")
def cloud():
    # Without skipping, so that only the tests move the clock.
    with Cloud.start(skip_idle=False, iam_lag_s=LAG_S) as running:
        yield running
        assert running.errors() == []


@pytest.fixture
def granted(cloud):
    return Granted(cloud)


@pytest.mark.parametrize("case", CALLS, ids=lambda case: case[3])
def test_what_was_granted_a_moment_ago_is_refused_as_the_service_says_it(cloud, granted, case):
    service, method, arguments, action, refusal, answer = case
    granted.put("policy", action)

    before = cloud.refused_by_iam_lag().get(action, 0)

    code, words = granted.refused(service, method, arguments)
    assert code == refusal
    if method != "head_bucket":  # which has no body
        assert f"User: {granted.session} is not authorized to perform: {action} on resource: " in words

    cloud.advance(LAG_S)
    assert granted.refused(service, method, arguments)[0] == answer
    assert cloud.refused_by_iam_lag()[action] == before + 1


def test_an_old_permission_works_while_a_new_one_does_not_yet(cloud, granted):
    granted.put("first", "sqs:ListQueues")
    cloud.advance(LAG_S)

    granted.put("second", "dynamodb:*")
    assert granted.refused("sqs", "list_queues") == ("", "")
    assert granted.refused("dynamodb", "list_tables")[0] == "AccessDeniedException"

    # A statement that another policy repeats, and a document that keeps it, have been there all along.
    granted.put("third", "sqs:ListQueues", "sqs:ListQueues")
    granted.put("first", "sqs:ListQueues")
    assert granted.refused("sqs", "list_queues") == ("", "")


def test_a_changed_policy_and_an_attached_one_count_from_the_change_on(cloud, granted):
    made = granted.iam.create_policy(PolicyName=granted.role, PolicyDocument=document("sqs:ListQueues"))
    arn = made["Policy"]["Arn"]
    cloud.advance(LAG_S)
    granted.iam.attach_role_policy(RoleName=granted.role, PolicyArn=arn)
    assert granted.refused("sqs", "list_queues")[0] == "AccessDeniedException"
    cloud.advance(LAG_S)
    assert granted.refused("sqs", "list_queues") == ("", "")

    changed = document("sqs:ListQueues", "sqs:GetQueueUrl")
    granted.iam.create_policy_version(PolicyArn=arn, PolicyDocument=changed, SetAsDefault=True)
    assert granted.refused("sqs", "list_queues")[0] == "AccessDeniedException"
    cloud.advance(LAG_S)
    assert granted.refused("sqs", "list_queues") == ("", "")


def test_an_action_named_unlike_its_operation_is_judged_by_its_own_name(cloud, granted):
    arguments = {"TransactItems": [{"Delete": {"TableName": "absent", "Key": {"k": {"S": "v"}}}}]}
    granted.put("policy", "dynamodb:DeleteItem")
    assert granted.refused("dynamodb", "transact_write_items", arguments)[0] == "AccessDeniedException"
    cloud.advance(LAG_S)
    code, _ = granted.refused("dynamodb", "transact_write_items", arguments)
    assert code not in {"", "AccessDeniedException"}


def test_a_lag_that_begins_spares_what_was_granted_before_and_ends_at_once(cloud, granted):
    cloud.set_iam_lag(0)
    granted.put("before", "sqs:ListQueues")
    cloud.set_iam_lag(LAG_S)
    assert granted.refused("sqs", "list_queues") == ("", "")
    granted.put("after", "dynamodb:ListTables")
    assert granted.refused("dynamodb", "list_tables")[0] == "AccessDeniedException"

    with pytest.raises(CloudError, match=r"the lag is -1\.0 s; it is a number of seconds from 0"):
        cloud.set_iam_lag(-1)
    assert granted.refused("dynamodb", "list_tables")[0] == "AccessDeniedException"

    cloud.set_iam_lag(0)
    assert granted.refused("dynamodb", "list_tables") == ("", "")
    cloud.set_iam_lag(LAG_S)


def test_others_are_never_refused_and_everybody_may_ask_who_they_are(cloud, granted):
    granted.put("policy", "sts:GetCallerIdentity", "sqs:ListQueues")
    assert granted.refused("sts", "get_caller_identity") == ("", "")
    cloud.client("sqs").list_queues()


def test_a_destination_of_which_the_role_was_granted_the_call_a_moment_ago_is_refused(cloud, granted):
    target = deploy(cloud, CALLING)
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{target}"
    functions = cloud.client("lambda")
    configuration = {
        "FunctionName": granted.function,
        "DestinationConfig": {"OnSuccess": {"Destination": arn}},
    }
    granted.put("another", "lambda:InvokeFunction", resource=f"{arn}-2")
    cloud.advance(LAG_S)

    granted.put("policy", "lambda:InvokeFunction", resource=arn)
    with pytest.raises(ClientError) as refused:
        functions.put_function_event_invoke_config(**configuration)

    error = refused.value.response["Error"]
    assert error["Code"] == "InvalidParameterValueException"
    assert error["Message"] == (
        f"The function's execution role does not have permissions to call InvokeFunction on {arn}"
    )
    cloud.advance(LAG_S)
    functions.put_function_event_invoke_config(**configuration)


def test_a_dead_letter_queue_that_the_role_may_not_send_to_yet_is_refused(cloud, granted):
    name = f"queue-{uuid.uuid4().hex[:8]}"
    cloud.client("sqs").create_queue(QueueName=name)
    arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
    granted.put("policy", "sqs:SendMessage", resource=arn)
    with pytest.raises(ClientError, match="does not have permissions to call SendMessage on SQS"):
        deploy(cloud, CALLING, Role=granted.role_arn, DeadLetterConfig={"TargetArn": arn})

    cloud.advance(LAG_S)
    deploy(cloud, CALLING, Role=granted.role_arn, DeadLetterConfig={"TargetArn": arn})


def stack_with_destination(policy_in_role):
    """A function whose destination its role may call by its own template, or by a policy beside it."""
    arn = {"Fn::GetAtt": ["Queue", "Arn"]}
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    policy = {"PolicyName": "send", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    role = {"AssumeRolePolicyDocument": {}} | ({"Policies": [policy]} if policy_in_role else {})
    code = "def handler(event, context):\n    return None\n"
    beside = {"Type": "AWS::IAM::Policy", "Properties": {**policy, "Roles": [{"Ref": "Role"}]}}
    return {
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Role": {"Type": "AWS::IAM::Role", "Properties": role},
            **({} if policy_in_role else {"Policy": beside}),
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "Runtime": "python3.12",
                    "Handler": "index.handler",
                    "Code": {"ZipFile": code},
                },
            },
            "Config": {
                "Type": "AWS::Lambda::EventInvokeConfig",
                "DependsOn": "Queue" if policy_in_role else "Policy",
                "Properties": {
                    "FunctionName": {"Ref": "Function"},
                    "Qualifier": "$LATEST",
                    "DestinationConfig": {"OnFailure": {"Destination": arn}},
                },
            },
        }
    }


@pytest.mark.parametrize(
    ("policy_in_role", "status"), [(True, "CREATE_COMPLETE"), (False, "ROLLBACK_COMPLETE")]
)
def test_a_template_finds_what_its_role_brings_along_and_not_a_policy_beside_it(
    cloud, policy_in_role, status
):
    cloudformation = cloud.client("cloudformation")
    made = cloudformation.create_stack(
        StackName=f"stack-{uuid.uuid4().hex[:8]}",
        TemplateBody=json.dumps(stack_with_destination(policy_in_role)),
        Capabilities=["CAPABILITY_IAM"],
    )

    def ended():
        described = cloudformation.describe_stacks(StackName=made["StackId"])["Stacks"][0]["StackStatus"]
        return None if described.endswith("_IN_PROGRESS") else described

    assert eventually(ended, "the stack's end") == status
    events = cloudformation.describe_stack_events(StackName=made["StackId"])["StackEvents"]
    reasons = [event.get("ResourceStatusReason", "") for event in events]
    refused = [reason for reason in reasons if "permissions to call SendMessage on arn:aws:sqs" in reason]
    assert len(refused) == (0 if policy_in_role else 1), reasons


@pytest.mark.parametrize("lag", ["-1", "soon", "inf"])
def test_a_lag_that_is_no_number_of_seconds_is_refused(lag):
    with pytest.raises(CloudError, match="--iam-lag"):
        Cloud.start(iam_lag_s=lag)
