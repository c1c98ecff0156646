"""Each API call asks IAM for what AWS documents."""

import pytest

from localcloud.calls import Call
from localcloud.iam.calls import requests_of
from localcloud.iam.policy import Place
from localcloud.iam.reference import UnknownActionError

ACCOUNT = "us-east-1:123456789012"


class Known:
    """An account with one role, one profile and one instance."""

    place = Place("us-east-1")

    def role_arn(self, name):
        return self.place.arn("iam", f"role{'/clusters/' if name == 'known' else '/'}{name}")

    def boundary(self, name):
        return "arn:b" if name == "known" else None

    def profile_roles(self, name):
        return ["known"] if name == "profile" else []

    def instance_tags(self, instance_id):
        return {"node-type": "HeadNode"} if instance_id == "i-1" else {}


def requests(service, operation, **parameters):
    return list(requests_of(Call(service, operation, "json", None, "us-east-1", parameters), Known()))


def asked(service, operation, **parameters):
    return [(request.action, request.resource) for request in requests(service, operation, **parameters)]


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
            {"Bucket": "b", "Object.1.Key": "k", "Object.2.Key": "l", "Object.2.VersionId": "1"},
            [("s3:DeleteObject", "arn:aws:s3:::b/k"), ("s3:DeleteObjectVersion", "arn:aws:s3:::b/l")],
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
    request, _ = requests("cloudformation", "CreateStack", **parameters)
    assert request.context == {"aws:requestedregion": ("us-east-1",), "aws:tagkeys": ("team", "cost")}


def test_an_instance_with_tags_and_a_profile_passes_a_role():
    parameters = {"TagSpecification.1.Tag.1.Key": "Name", "IamInstanceProfile.Name": "profile"}
    launched, tagged, passed = requests("ec2", "RunInstances", **parameters)
    assert (launched.action, tagged.action) == ("ec2:RunInstances", "ec2:CreateTags")
    assert not launched.is_exact
    assert (passed.action, passed.resource) == (
        "iam:PassRole",
        "arn:aws:iam::123456789012:role/clusters/known",
    )
    assert passed.context["iam:passedtoservice"] == ("ec2.amazonaws.com",)


def test_whoever_gives_a_stack_a_role_passes_it_to_cloudformation():
    role = "arn:aws:iam::123456789012:role/r"
    _, passed = requests("cloudformation", "CreateStack", StackName="c", RoleARN=role)
    assert (passed.action, passed.resource) == ("iam:PassRole", role)
    assert passed.context["iam:passedtoservice"] == ("cloudformation.amazonaws.com",)


def test_a_call_about_instances_is_about_each_of_them_with_its_tags():
    first, second = requests("ec2", "TerminateInstances", **{"InstanceId.1": "i-1", "InstanceId.2": "i-2"})
    assert [one.resource for one in (first, second)] == [
        f"arn:aws:ec2:{ACCOUNT}:instance/i-1",
        f"arn:aws:ec2:{ACCOUNT}:instance/i-2",
    ]
    assert first.context["aws:resourcetag/node-type"] == ("HeadNode",)
    assert "aws:resourcetag/node-type" not in second.context


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


def test_a_call_whose_resource_nobody_described_is_about_something_of_its_service():
    (request,) = requests("sqs", "SendMessage")
    assert request.resource.startswith(f"arn:aws:sqs:{ACCOUNT}:")
    assert not request.is_exact
    copied = {
        request.action: request.is_exact for request in requests("s3", "CopyObject", Bucket="b", Key="k")
    }
    assert copied == {"s3:PutObject": True, "s3:GetObject": False}


def test_an_action_that_nobody_knows_is_an_error():
    with pytest.raises(UnknownActionError, match="sqs:Nothing"):
        requests("sqs", "Nothing")


def test_a_role_is_known_with_its_path_its_boundary_and_the_policy_it_is_given():
    policy = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    (request,) = requests("iam", "AttachRolePolicy", RoleName="known", PolicyArn=policy)
    assert request.resource == "arn:aws:iam::123456789012:role/clusters/known"
    assert request.context["iam:policyarn"] == (policy,)
    assert request.context["iam:permissionsboundary"] == ("arn:b",)
    (made,) = requests("iam", "CreateRole", RoleName="new", Path="/clusters/")
    assert made.resource == "arn:aws:iam::123456789012:role/clusters/new"
