"""Each API call asks IAM for what AWS documents."""

import pytest

from tools.permissions.calls import UnknownResourceError, requests_of

ACCOUNT = "us-east-1:123456789012"


def asked(service, operation, **parameters):
    call = {"service": service, "operation": operation, "region": "us-east-1", "parameters": parameters}
    return [(request.action, request.resource) for request in requests_of(call)]


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        ("ListObjectsV2", {"Bucket": "b"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
        ("HeadBucket", {"Bucket": "b"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
        ("HeadObject", {"Bucket": "b", "Key": "k/l"}, [("s3:GetObject", "arn:aws:s3:::b/k/l")]),
        (
            "GetObject",
            {"Bucket": "b", "Key": "k", "versionId": "1"},
            [("s3:GetObjectVersion", "arn:aws:s3:::b/k")],
        ),
        (
            "DeleteObjects",
            {"Bucket": "b", "delete": ""},
            [("s3:DeleteObject", "arn:aws:s3:::b/*"), ("s3:DeleteObjectVersion", "arn:aws:s3:::b/*")],
        ),
        (
            "PutBucketEncryption",
            {"Bucket": "b", "encryption": ""},
            [("s3:PutEncryptionConfiguration", "arn:aws:s3:::b")],
        ),
    ],
)
def test_s3_has_names_of_its_own(operation, parameters, expected):
    assert asked("s3", operation, **parameters) == expected


def test_an_invocation_is_about_the_function_by_name_or_arn():
    arn = f"arn:aws:lambda:{ACCOUNT}:function:f"
    assert asked("lambda", "Invoke", FunctionName="f") == [("lambda:InvokeFunction", arn)]
    assert asked("lambda", "Invoke", FunctionName=arn) == [("lambda:InvokeFunction", arn)]


def test_a_query_of_an_index_is_about_the_index():
    table = f"arn:aws:dynamodb:{ACCOUNT}:table/t"
    assert asked("dynamodb", "Query", TableName="t") == [("dynamodb:Query", table)]
    assert asked("dynamodb", "Query", TableName="t", IndexName="i") == [
        ("dynamodb:Query", f"{table}/index/i")
    ]


def test_a_transaction_asks_for_each_of_its_items():
    names = {"TransactItems.1.Put.TableName": "t", "TransactItems.2.ConditionCheck.TableName": "u"}
    assert asked("dynamodb", "TransactWriteItems", **names) == [
        ("dynamodb:PutItem", f"arn:aws:dynamodb:{ACCOUNT}:table/t"),
        ("dynamodb:ConditionCheckItem", f"arn:aws:dynamodb:{ACCOUNT}:table/u"),
    ]


def test_actions_that_cannot_be_limited_are_about_everything():
    assert asked("tagging", "GetResources") == [("tag:GetResources", "*")]
    assert asked("monitoring", "ListDashboards") == [("cloudwatch:ListDashboards", "*")]
    assert asked("ec2", "DescribeSubnets", **{"SubnetId.1": "s"}) == [("ec2:DescribeSubnets", "*")]


def test_a_stack_with_tags_and_a_template_in_a_bucket_asks_for_both():
    url = "https://s3.us-east-1.amazonaws.com/b/k?versionId=1"
    stack = f"arn:aws:cloudformation:{ACCOUNT}:stack/c/*"
    parameters = {"StackName": "c", "TemplateURL": url, "Tags.member.1.Key": "team"}
    assert asked("cloudformation", "CreateStack", **parameters) == [
        ("cloudformation:CreateStack", stack),
        ("cloudformation:TagResource", stack),
        ("s3:GetObject", "arn:aws:s3:::b/k"),
    ]


def test_describing_every_stack_is_listing_them_and_about_no_stack_in_particular():
    every = [("cloudformation:DescribeStacks", "*"), ("cloudformation:ListStacks", "*")]
    assert asked("cloudformation", "DescribeStacks") == every
    assert asked("cloudformation", "DescribeStacks", NextToken="t") == every
    one = f"arn:aws:cloudformation:{ACCOUNT}:stack/c/*"
    assert asked("cloudformation", "DescribeStacks", StackName="c") == [
        ("cloudformation:DescribeStacks", one)
    ]


def test_the_tags_of_a_call_are_what_conditions_see():
    parameters = {"StackName": "c", "Tags.member.1.Key": "team", "Tags.member.2.Key": "cost"}
    call = {"service": "cloudformation", "operation": "CreateStack", "region": "r", "parameters": parameters}
    request = next(requests_of(call))
    assert request.context == {"aws:requestedregion": ("r",), "aws:tagkeys": ("team", "cost")}


def test_an_instance_with_tags_and_a_profile_passes_a_role():
    parameters = {"TagSpecification.1.Tag.1.Key": "Name", "IamInstanceProfile.Name": "p"}
    assert asked("ec2", "RunInstances", **parameters)[1:] == [
        ("ec2:CreateTags", f"arn:aws:ec2:{ACCOUNT}:*/*"),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/p"),
    ]


def test_everybody_may_ask_who_they_are():
    assert asked("sts", "GetCallerIdentity") == []


def test_a_batch_of_items_and_a_message_are_about_their_table_and_queue():
    batch = {"RequestItems.1.TableName": "operations"}
    assert asked("dynamodb", "BatchGetItem", **batch) == [
        ("dynamodb:BatchGetItem", f"arn:aws:dynamodb:{ACCOUNT}:table/operations")
    ]
    url = {"QueueUrl": "http://127.0.0.1:5000/123456789012/p-RetryQueue-X"}
    assert asked("sqs", "ReceiveMessage", **url) == [
        ("sqs:ReceiveMessage", f"arn:aws:sqs:{ACCOUNT}:p-RetryQueue-X")
    ]


def test_a_call_whose_resource_nobody_described_is_an_error():
    with pytest.raises(UnknownResourceError, match="SendMessage"):
        asked("sqs", "SendMessage")


def test_the_role_that_the_library_makes_is_known_with_its_path_and_the_policy_it_is_given():
    policy = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    role = "PClusterBuildImageCleanupRole-0-v2"
    parameters = {"RoleName": role, "PolicyArn": policy}
    call = {
        "service": "iam",
        "operation": "AttachRolePolicy",
        "region": "us-east-1",
        "parameters": parameters,
    }
    (request,) = requests_of(call)
    assert request.resource == f"arn:aws:iam::123456789012:role/parallelcluster/{role}"
    assert request.context["iam:policyarn"] == (policy,)
