"""The provider stack's parameters and outputs, and what the user's stack hands on to the cluster."""

import json
from datetime import datetime

import pytest
from botocore.exceptions import ClientError

from pcluster_cfn.template import Template
from tests.e2e.account import CAPABILITIES, ROOT, outputs
from tests.e2e.conftest import ENFORCE_IAM
from tests.e2e.parents import Parent, eventually
from tests.e2e.recorded import EXPECTED, KINDS, PLACE, physical_ids

pytestmark = pytest.mark.e2e

ROLE = "AWS::IAM::Role"

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


@pytest.fixture(scope="module")
def body(account):
    return account.packaged(ROOT / "template.yaml")


def test_every_parameter_has_a_default_because_templates_nest_the_provider_with_none(account, body):
    summary = account.summary(body)
    assert {item["ParameterKey"] for item in summary["Parameters"] if "DefaultValue" not in item} == set()


def test_the_template_names_no_bucket_of_another_account():
    text = Template.read(ROOT / "template.yaml").text()
    assert "s3://" not in text
    # The path of a role that AWS makes for its service is no address.
    assert "amazonaws.com/" not in text.replace("aws-service-role/imagebuilder.amazonaws.com/", "")


@pytest.fixture(scope="module")
def placed(account, body):
    """The roles of a stack with more policies, a boundary and a path, and the policies' ARNs."""
    iam = account.cloud.client("iam")

    def policy(name, actions):
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]

    # A boundary without what the provider needs is heeded: the stack would fail.
    more, boundary = policy("more", "s3:Get*"), policy("limit", "*")
    parameters = {"AdditionalIamPolicies": more, "PermissionsBoundary": boundary, "RolePath": "/teams/hpc/"}
    stack = account.create("placed", body, **parameters)
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    roles = {
        item["LogicalResourceId"]: iam.get_role(RoleName=item["PhysicalResourceId"])["Role"]
        for item in resources(account, stack, ROLE)
    }
    yield roles, more, boundary
    assert account.delete("placed")["StackStatus"] == "DELETE_COMPLETE"


def test_more_policies_go_to_the_engines_role_alone(account, placed):
    roles, more, _ = placed
    iam = account.cloud.client("iam")
    attached = {
        name: [
            item["PolicyArn"]
            for item in iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
        ]
        for name, role in roles.items()
    }
    assert more in attached["EngineRole"]
    assert more not in attached["ProviderRole"]


def test_every_role_has_the_boundary_and_the_path(placed):
    roles, _, boundary = placed
    assert {role["PermissionsBoundary"]["PermissionsBoundaryArn"] for role in roles.values()} == {boundary}
    assert {role["Path"] for role in roles.values()} == {"/teams/hpc/"}


@pytest.mark.parametrize("path", ["/parallelcluster/", "/parallelcluster/own/", "teams"])
def test_a_path_where_the_engine_may_change_roles_is_refused(account, body, path):
    with pytest.raises(ClientError, match="RolePath"):
        account.create("misplaced", body, RolePath=path)


def test_the_outputs_have_the_official_names_and_those_that_further_engines_take(account, service_token):
    stack = account.stack("provider")
    official, for_engines = (
        {"ServiceToken", "LogGroupArn", "LambdaLayerArn"},
        {"ProviderRole", "EngineRole", "EngineLogGroup"},
    )
    assert outputs(stack).keys() == official | for_engines
    assert outputs(stack)["ServiceToken"] == service_token
    assert outputs(stack)["LogGroupArn"].startswith(PLACE.arn("logs", "log-group:"))
    assert outputs(stack)["LambdaLayerArn"].startswith(PLACE.arn("lambda", "layer:"))


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


def test_a_provider_that_goes_while_it_works_leaves_nothing_that_fires(account, body, pytestconfig):
    provider = account.create("leaving", body)
    assert provider["StackStatus"] == "CREATE_COMPLETE", account.why(provider)
    # CloudFormation makes the cluster with the permissions of a role that goes with the provider.
    ids = physical_ids(account, "leaving")
    pytestconfig.stash[EXPECTED].update((ids[f"{kind}Role"], "") for kind in KINDS)
    token, engine = outputs(provider)["ServiceToken"], f"{provider['StackName']}-Engine-"
    account.cloud.set_head_nodes(cluster="c-left", create_s=1500)
    parent = Parent(account, token, "left", attributes=False).create()
    eventually(lambda: account.stack("c-left"), lambda: parent.why, 30)

    assert account.delete("leaving")["StackStatus"] == "DELETE_COMPLETE"
    left_at = datetime.fromisoformat(account.cloud.now())
    account.cloud.advance(1800)
    ended = "ROLLBACK_FAILED" if ENFORCE_IAM else "CREATE_COMPLETE"
    assert account.stack("c-left")["StackStatus"] == ended
    # What ran when the functions went may have ended since.
    ran = [call for call in account.cloud.invocations() if call["function"].startswith("leaving-")]
    assert [call for call in ran if datetime.fromisoformat(call["started_at"]) > left_at] == []
    assert any(call["function"].startswith(engine) for call in ran)
    rules = account.cloud.client("events").list_rules()["Rules"]
    assert [rule["Name"] for rule in rules if rule["Name"].startswith("leaving-")] == []

    # A user who leaves a cluster behind deletes it by hand, and the resource without asking the provider.
    account.cloud.set_head_nodes()
    assert account.delete("c-left")["StackStatus"] == "DELETE_COMPLETE"
    assert parent.status == "ROLLBACK_FAILED"
    assert parent.delete().status == "DELETE_FAILED"
    account.cloudformation.delete_stack(StackName=parent.stack_id, RetainResources=["Cluster"])
    assert parent.status == "DELETE_COMPLETE"
