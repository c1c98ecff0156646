"""Answers: which members they have, and which they leave out."""

import json

import pytest
from botocore.exceptions import ParamValidationError
from tests.support.deployment import ref, resource

TOPIC = resource("SNS::Topic")


@pytest.mark.recording(2)
def test_a_stack_leaves_out_outputs_parameters_and_capabilities_where_there_are_none(stacks):
    name = stacks.name()
    stacks.cfn.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Topic": TOPIC}}))
    stacks.cfn.get_waiter("stack_create_complete").wait(StackName=name)
    described = stacks.describe(name)
    assert not {"Outputs", "Parameters", "Capabilities"} & described.keys()
    assert (described["Tags"], described["NotificationARNs"], described["RollbackConfiguration"]) == (
        [],
        [],
        {},
    )


@pytest.mark.recording(2)
def test_a_stack_has_them_where_there_are_some(stacks):
    template = {
        "Parameters": {"Shown": {"Type": "String", "Default": "x"}},
        "Resources": {"Topic": TOPIC},
        "Outputs": {"Out": {"Value": ref("Shown")}},
    }
    described = stacks.describe(stacks.create(template))
    assert described["Outputs"] == [{"OutputKey": "Out", "OutputValue": "x"}]
    assert described["Parameters"] == [{"ParameterKey": "Shown", "ParameterValue": "x"}]
    assert described["Capabilities"] == ["CAPABILITY_NAMED_IAM"]


@pytest.mark.recording(2)
def test_a_change_set_leaves_out_parameters_and_tags_where_there_are_none(stacks):
    name = stacks.name()
    body = json.dumps({"Resources": {"Topic": TOPIC}})
    stacks.cfn.create_change_set(
        StackName=name, ChangeSetName="new", ChangeSetType="CREATE", TemplateBody=body
    )
    described = stacks.cfn.describe_change_set(StackName=name, ChangeSetName="new")
    assert not {"Parameters", "Tags"} & described.keys()
    assert (described["Capabilities"], described["NotificationARNs"]) == ([], [])


@pytest.mark.recording(34)
def test_a_stack_whose_creation_was_rolled_back_has_the_time_of_its_deletion(stacks):
    wrong = resource("SNS::Topic", TopicName="not a name")
    name = stacks.create({"Topic": wrong}, "ROLLBACK_COMPLETE")
    assert stacks.describe(name)["DeletionTime"] > stacks.describe(name)["CreationTime"]


@pytest.mark.recording(34)
def test_a_stack_that_stands_has_none(stacks):
    assert "DeletionTime" not in stacks.describe(stacks.create({"Topic": TOPIC}))


@pytest.mark.recording(55)
@pytest.mark.parametrize("arguments", [{}, {"ChangeSetName": "new"}])
def test_a_template_is_that_of_a_stack(stacks, refused, arguments):
    answer = refused(stacks.cfn.get_template, **arguments)
    assert answer == ("ValidationError", "StackName is a required parameter.")


@pytest.mark.recording(59)
def test_a_summary_lists_resources_by_type_metadata_and_version(stacks):
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Metadata": {"By": "hand"},
        "Resources": {"One": TOPIC, "Queue": resource("SQS::Queue"), "Two": TOPIC},
    }
    summary = stacks.cfn.get_template_summary(TemplateBody=json.dumps(template))
    assert summary["ResourceIdentifierSummaries"] == [
        {"ResourceType": "AWS::SNS::Topic", "LogicalResourceIds": ["One", "Two"]},
        {"ResourceType": "AWS::SQS::Queue", "LogicalResourceIds": ["Queue"]},
    ]
    assert (json.loads(summary["Metadata"]), summary["Version"]) == ({"By": "hand"}, "2010-09-09")
    assert summary["Parameters"] == []
    assert not {"Capabilities", "DeclaredTransforms"} & summary.keys()


@pytest.mark.recording(59)
def test_there_is_no_summary_of_a_stack_under_review(stacks, refused):
    name = stacks.name()
    body = json.dumps({"Resources": {"Topic": TOPIC}})
    stacks.cfn.create_change_set(
        StackName=name, ChangeSetName="new", ChangeSetType="CREATE", TemplateBody=body
    )
    answer = refused(stacks.cfn.get_template_summary, StackName=name)
    assert answer == (
        "ValidationError",
        "GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.",
    )


@pytest.mark.recording(64)
def test_a_resource_of_a_stack_that_does_not_exist(stacks, refused):
    answer = refused(stacks.cfn.describe_stack_resource, StackName="absent", LogicalResourceId="A")
    assert answer == ("ValidationError", "Stack 'absent' does not exist")


@pytest.mark.recording(70)
def test_a_table_leaves_out_the_indexes_it_does_not_have_and_the_mode_it_has_by_default(cloud, stacks):
    key = [{"AttributeName": "id", "KeyType": "HASH"}]
    attributes = [{"AttributeName": "id", "AttributeType": "S"}]
    throughput = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    plain = resource(
        "DynamoDB::Table", KeySchema=key, AttributeDefinitions=attributes, ProvisionedThroughput=throughput
    )
    on_demand = resource(
        "DynamoDB::Table", KeySchema=key, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST"
    )
    name = stacks.create({"Plain": plain, "OnDemand": on_demand})
    described = {
        each: cloud.client("dynamodb").describe_table(TableName=stacks.physical_id(name, each))["Table"]
        for each in ("Plain", "OnDemand")
    }
    assert (
        not {"GlobalSecondaryIndexes", "LocalSecondaryIndexes", "BillingModeSummary"}
        & described["Plain"].keys()
    )
    assert described["OnDemand"]["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert described["Plain"]["TableId"] != described["OnDemand"]["TableId"]


def test_a_client_refuses_what_its_own_model_requires(stacks):
    with pytest.raises(ParamValidationError):
        stacks.cfn.describe_stack_resource(StackName="absent")
