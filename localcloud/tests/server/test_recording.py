"""The cloud tells what its functions asked for."""

import json

import pytest
from tests.support.functions import call, deploy

from localcloud.cloud import Cloud
from localcloud.testing.waiting import eventually

#: Makes a stack with a nested one, asks S3 and DynamoDB something, and says what went wrong.
ASKING = """
    import boto3
    from botocore.exceptions import ClientError

    def handler(event, context):
        boto3.client("cloudformation").create_stack(**event["stack"])
        boto3.client("s3").list_objects_v2(Bucket=event["bucket"], Prefix="a/")
        boto3.client("s3").put_object(Bucket=event["bucket"], Key="b", Body=b"")
        boto3.client("s3").copy_object(Bucket=event["bucket"], Key="c", CopySource=event["bucket"] + "/b")
        dynamodb = boto3.client("dynamodb")
        try:
            put = {"Put": {"TableName": "none", "Item": {"TableName": {"S": "value"}}}}
            dynamodb.transact_write_items(TransactItems=[put])
        except ClientError:
            pass
        try:
            dynamodb.get_item(TableName="none", Key={"secret": {"S": "value"}})
        except ClientError:
            pass
"""

PARENT = "%s\nResources:\n  Child: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: %s}}"
CHILD = "Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: recorded}}}"


@pytest.fixture(scope="module")
def cloud():
    with Cloud.start() as running:
        yield running
        assert running.errors() == []


@pytest.fixture(scope="module")
def function(cloud):
    """The name of a function that has asked for something."""
    bucket = cloud.exports["ARTIFACT_BUCKET"]
    cloud.client("s3").put_object(Bucket=bucket, Key="child.yaml", Body=CHILD)
    child = f"{cloud.endpoint_url}/{bucket}/child.yaml"
    body = PARENT % ("Description: " + "long " * 200, child)
    name = deploy(cloud, ASKING)
    tags = [{"Key": "team", "Value": "hpc"}]
    answer = call(
        cloud, name, {"stack": {"StackName": "of-f", "TemplateBody": body, "Tags": tags}, "bucket": bucket}
    )
    assert "FunctionError" not in answer, answer
    cloud.client("cloudformation").get_waiter("stack_create_complete").wait(
        StackName="of-f", WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    return name


def calls(cloud, function):
    return {fact["operation"]: fact for fact in cloud.calls() if fact["function"] == function}


def test_each_form_of_request_is_recorded_with_what_identifies_its_resource(cloud, function):
    seen = calls(cloud, function)
    assert seen["CreateStack"]["service"] == "cloudformation"
    assert seen["CreateStack"]["parameters"]["Tags.member.1.Key"] == "team"
    assert seen["ListObjectsV2"]["parameters"]["Bucket"] == cloud.exports["ARTIFACT_BUCKET"]
    assert seen["ListObjectsV2"]["parameters"]["prefix"] == "a/"
    assert seen["GetItem"]["parameters"] == {"TableName": "none"}
    assert seen["TransactWriteItems"]["parameters"] == {"TransactItems.1.Put.TableName": "none"}
    assert (seen["PutObject"]["parameters"]["Key"], seen["CopyObject"]["parameters"]["Key"]) == ("b", "c")
    assert {fact["region"] for fact in seen.values()} == {"us-east-1"}


def test_what_is_long_is_left_out(cloud, function):
    assert "TemplateBody" not in calls(cloud, function)["CreateStack"]["parameters"]


def test_a_call_that_is_made_again_is_counted(cloud, function):
    before = calls(cloud, function)["GetItem"]["count"]
    call(cloud, function, {"stack": {"StackName": "of-g", "TemplateBody": CHILD}, "bucket": "none"})
    answer = {
        "stack": {"StackName": "of-h", "TemplateBody": CHILD},
        "bucket": cloud.exports["ARTIFACT_BUCKET"],
    }
    call(cloud, function, answer)
    assert calls(cloud, function)["GetItem"]["count"] == before + 1


@pytest.mark.usefixtures("function")
def test_calls_of_others_are_not_recorded(cloud):
    cloud.client("cloudformation").delete_stack(StackName="of-f")

    def gone():
        return cloud.client("cloudformation").list_stacks(StackStatusFilter=["DELETE_COMPLETE"])[
            "StackSummaries"
        ]

    eventually(gone, "the deletion")
    assert "DeleteStack" not in json.dumps(cloud.calls())
