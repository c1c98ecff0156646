"""The second source of what an engine needs: the library's own calls, and the resources of its templates."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from localcloud.iam.calls import actions_of
from localcloud.iam.policy import Place
from tests.support.resource_types import IMAGE_RESOURCE_TYPES, RESOURCE_TYPES
from tools.permissions.roles import Role
from tools.permissions.template import TEMPLATE, Names, Template

LIBRARY = Path(find_spec("pcluster").origin).parent

#: Constructs that are no resources of AWS, or need no permission beyond their function's invocation.
NO_RESOURCES = {"CustomResource", "Output", "Parameter", "Tag", "WaitCondition", "WaitConditionHandle"}

FLEETS = "starts or stops the fleets of releases before 3.2, of which there is no engine"
LOGS = "exports or searches the logs of clusters, which no engine does"
USERS = (
    "the secret's or parameter's owner allows it, "
    "see docs/reference/permissions.md; without it the validator says so"
)
#: Calls of the library that the engine's role may not make, with the reason.
NOT_ALLOWED = {
    "dynamodb:PutItem": FLEETS,
    "logs:CreateExportTask": LOGS,
    "logs:DescribeExportTasks": LOGS,
    "logs:FilterLogEvents": LOGS,
    "secretsmanager:GetSecretValue": USERS,
    "ssm:GetParameter": USERS,
}


#: What docs/how-to/operations.md calls the services that the library's clients are of.
NAMES = {
    "cloudformation": "CloudFormation",
    "dynamodb": "DynamoDB",
    "ec2": "EC2",
    "efs": "EFS",
    "elbv2": "Elastic Load Balancing",
    "fsx": "FSx",
    "iam": "IAM",
    "imagebuilder": "EC2 Image Builder",
    "kms": "KMS",
    "logs": "CloudWatch Logs",
    "resource-groups": "Resource Groups",
    "resourcegroupstaggingapi": "Resource Groups Tagging",
    "route53": "Route 53",
    "s3": "S3",
    "secretsmanager": "Secrets Manager",
    "sts": "STS",
}


def service_of(tree):
    """The service that a module's class is a client of."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__":
            return next((item.value for item in node.args if isinstance(item, ast.Constant)), None)
    return None


def calls_of(tree):
    """Names of the client's methods that a module calls, hands to a paginator, or has one paginate."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in {
            "self._client",
            "self._resource.Table(table_name)",
        }:
            yield node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".get_paginator"):
            yield from (argument.value for argument in node.args if isinstance(argument, ast.Constant))


def library_actions():
    """What the library asks IAM for, by the place of the call."""
    for path in sorted((LIBRARY / "aws").glob("*.py")):
        tree = ast.parse(path.read_text())
        if (service := service_of(tree)) is None:
            continue
        model = botocore.session.get_session().get_service_model(service)
        operations = {xform_name(name): name for name in model.operation_names}
        for method in sorted(set(calls_of(tree)) & set(operations)):
            yield from actions_of(model.signing_name, operations[method])


ACTIONS = sorted(set(library_actions()))


@pytest.fixture(scope="module")
def allowed():
    documents = Template(TEMPLATE.read_text(), Names(Place("us-east-1"), "provider")).roles()["EngineRole"]
    return Role("EngineRole", documents).actions()


def test_the_librarys_calls_are_found():
    assert len(ACTIONS) > 60
    assert {"ec2:DescribeSubnets", "elasticfilesystem:DescribeMountTargets", "s3:PutObject"} <= set(ACTIONS)
    assert {"dynamodb:GetItem", "cloudformation:CreateStack", "tag:GetResources"} <= set(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_each_call_of_the_library_is_allowed_or_there_is_a_reason_why_not(action, allowed):
    assert (action.lower() in allowed) != (action in NOT_ALLOWED)


def test_no_reason_is_given_for_a_call_that_the_library_does_not_make():
    assert set(NOT_ALLOWED) - set(ACTIONS) == set()


def test_what_an_engine_in_a_vpc_must_reach_is_what_the_library_calls():
    (row,) = re.findall(r"\| engine \| (.+?);(.+) \|", Path("docs/how-to/operations.md").read_text())
    trees = [ast.parse(path.read_text()) for path in (LIBRARY / "aws").glob("*.py")]
    services = {service_of(tree) for tree in trees} - {None, "ssm"}
    # A directory's password may be a parameter in one isolated Region only, where nobody runs this provider.
    validator = (LIBRARY / "validators" / "directory_service_validators.py").read_text()
    users = [path for path in LIBRARY.rglob("*.py") if "AWSApi.instance().ssm" in path.read_text()]
    assert [path.name for path in users] == ["directory_service_validators.py"]
    assert 'region == "us-isob-east-1"' in validator
    assert sorted(row[0].replace("for images ", "").split(", ")) == sorted(NAMES[each] for each in services)
    assert "{region}-aws-parallelcluster.s3." in (LIBRARY / "utils.py").read_text()
    assert "`REGION-aws-parallelcluster`" in row[1]


def test_every_kind_of_resource_of_the_librarys_templates_is_known():
    text = "\n".join(path.read_text() for path in (LIBRARY / "templates").glob("*.py"))
    constructs = set(re.findall(r"\bCfn([A-Z][A-Za-z0-9]+)\(", text)) - NO_RESOURCES
    assert len(constructs) > 20
    assert (
        constructs - {name.rpartition(":")[2] for name in (*RESOURCE_TYPES, *IMAGE_RESOURCE_TYPES)} == set()
    )
