"""The provider stack's parameters and outputs, and what the user's stack hands on to the cluster."""

import json

import pytest

from pcluster_cfn.template import Template
from tests.e2e.account import CAPABILITIES, ROOT, outputs

pytestmark = pytest.mark.e2e

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
FUNCTION, ROLE = "AWS::Lambda::Function", "AWS::IAM::Role"

CLUSTER = """\
Parameters:
  ServiceToken: {Type: String}
Resources:
  Cluster:
    Type: Custom::PclusterCluster
    Properties:
      ServiceToken: !Ref ServiceToken
      ClusterName: c-tags
      ClusterConfiguration: %s
"""


def resources(account, stack, resource_type):
    found = account.cloudformation.describe_stack_resources(StackName=stack["StackId"])["StackResources"]
    return [item for item in found if item["ResourceType"] == resource_type]


def role_arns(account, stack):
    functions = account.cloud.client("lambda")
    names = [item["PhysicalResourceId"] for item in resources(account, stack, FUNCTION)]
    return [functions.get_function_configuration(FunctionName=name)["Role"] for name in names]


@pytest.fixture(scope="module")
def body(account):
    return account.packaged(ROOT / "template.yaml")


def test_every_parameter_has_a_default_because_templates_nest_the_provider_with_none(account, body):
    summary = account.cloudformation.get_template_summary(TemplateBody=body)
    assert {item["ParameterKey"] for item in summary["Parameters"] if "DefaultValue" not in item} == set()


def test_the_template_names_nobody_elses_bucket():
    assert "s3://" not in Template.read(ROOT / "template.yaml").text()
    assert "amazonaws.com/" not in Template.read(ROOT / "template.yaml").text()


def test_with_a_role_of_the_users_the_stack_makes_no_iam_resource_and_both_functions_use_it(account, body):
    iam = account.cloud.client("iam")
    role = iam.create_role(RoleName="given", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    stack = account.create("with-role", body, CustomLambdaRole=role)
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)

    made = account.cloudformation.describe_stack_resources(StackName="with-role")["StackResources"]
    assert [item for item in made if item["ResourceType"].startswith("AWS::IAM::")] == []
    assert role_arns(account, stack) == [role, role]
    assert account.delete("with-role")["StackStatus"] == "DELETE_COMPLETE"


def test_more_policies_go_to_the_engines_role_alone(account, body):
    iam = account.cloud.client("iam")
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}],
    }
    policy = iam.create_policy(PolicyName="more", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    stack = account.create("with-policies", body, AdditionalIamPolicies=policy)
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)

    attached = {
        item["LogicalResourceId"]: [
            found["PolicyArn"]
            for found in iam.list_attached_role_policies(RoleName=item["PhysicalResourceId"])[
                "AttachedPolicies"
            ]
        ]
        for item in resources(account, stack, ROLE)
    }
    assert policy in attached["EngineRole"]
    assert policy not in attached["ProviderRole"]
    assert account.delete("with-policies")["StackStatus"] == "DELETE_COMPLETE"


def test_the_outputs_have_the_official_names(account, service_token):
    stack = account.stack("provider")
    assert outputs(stack).keys() == {"ServiceToken", "LogGroupArn", "LambdaLayerArn"}
    assert outputs(stack)["ServiceToken"] == service_token
    assert outputs(stack)["LogGroupArn"].startswith("arn:aws:logs:us-east-1:123456789012:log-group:")
    assert outputs(stack)["LambdaLayerArn"].startswith("arn:aws:lambda:us-east-1:123456789012:layer:")


def test_the_stacks_tags_reach_the_cluster_and_the_configurations_own_win(account, service_token):
    configuration = account.configuration() | {"Tags": [{"Key": "team", "Value": "from-configuration"}]}
    created = account.cloudformation.create_stack(
        StackName="tags",
        TemplateBody=CLUSTER % json.dumps(configuration),
        Capabilities=CAPABILITIES,
        Parameters=[{"ParameterKey": "ServiceToken", "ParameterValue": service_token}],
        Tags=[{"Key": "team", "Value": "from-stack"}, {"Key": "project", "Value": "p1"}],
    )
    stack = account.settled(created["StackId"])
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)

    (head_node,) = account.head_nodes("c-tags")
    tags = {tag["Key"]: tag["Value"] for tag in head_node["Tags"]}
    assert tags["project"] == "p1"
    assert tags["team"] == "from-configuration"
    assert tags["parallelcluster:custom_resource"] == "cluster"
    assert account.delete("tags")["StackStatus"] == "DELETE_COMPLETE"
