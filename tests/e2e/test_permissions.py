"""Every call of the end-to-end tests against the roles: runs last, when all that happens has happened."""

import json
import re
from pathlib import Path

import pytest
import yaml

from localcloud.testing.configurations import rich
from tests.e2e.account import CLUSTER_TEMPLATE, ROOT, outputs
from tests.e2e.recorded import (
    EXPECTED,
    KINDS,
    PLACE,
    REPORT,
    Recorded,
    functions_of,
    physical_ids,
    unexpected,
)
from tests.e2e.test_notifications import GIVEN
from tests.e2e.test_notifications import STACK as NOTIFYING
from tests.support.resource_types import IMAGE_RESOURCE_TYPES, RESOURCE_TYPES
from tools.permissions.__main__ import FOLDER
from tools.permissions.report import RoleReport, refusals, text
from tools.permissions.roles import Role, deployed
from tools.permissions.template import TEMPLATE, Names, Template

pytestmark = pytest.mark.e2e

#: The template of further engines.
ENGINE = ROOT / "engine.yaml"
REASONS = Path(__file__).with_name("permissions.yaml")
#: The stack whose functions have a role of the user's, and the role.
OWN_ROLE = "own-role"
#: What CloudFormation serves itself or asks a function for.
NO_TYPES = {"CustomResource", "WaitCondition", "WaitConditionHandle"}


def allowing(action, resource):
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


def scripts(account):
    """What users allow who keep scripts for their nodes in a bucket of their own."""
    return allowing("s3:GetObject", PLACE.arn("s3", f"{account.cloud.exports['ARTIFACT_BUCKET']}/*"))


def with_grants(account, kind, role):
    """A role with what others allow it: users their engine, and every further engine its provider."""
    if kind == "Engine":
        granted = scripts(account)
    else:
        principals = re.findall(
            r"AWS::Lambda::Permission.*?Principal: !Ref (\w+)", ENGINE.read_text(), re.DOTALL
        )
        assert principals == ["ProviderRole"]
        granted = allowing("lambda:InvokeFunction", PLACE.arn("lambda", "function:*-Engine-*"))
    return Role(role.name, {**role.documents, "granted by others": granted}, role.boundary)


@pytest.fixture(scope="module")
def boundary(account):
    """A policy that bounds the roles of the cluster."""
    everything = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    created = account.cloud.client("iam").create_policy(
        PolicyName="bound", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    )
    return created["Policy"]["Arn"]


@pytest.fixture(scope="module")
def own_role(account):
    """A role made of nothing but the published documents, and of what its scripts need."""
    iam = account.cloud.client("iam")
    words = {"REGION": PLACE.region, "ACCOUNT": PLACE.account, "STACK": OWN_ROLE}
    words["arn:aws:"] = f"arn:{PLACE.partition}:"
    documents = {}
    for path in sorted(FOLDER.glob("*.json")):
        documents[path.stem] = path.read_text()
        for word, value in words.items():
            documents[path.stem] = documents[path.stem].replace(word, value)
    role = iam.create_role(RoleName=OWN_ROLE, AssumeRolePolicyDocument=documents.pop("trust"))["Role"]
    for name, document in (documents | {"scripts": json.dumps(scripts(account))}).items():
        policy = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]
        iam.attach_role_policy(RoleName=OWN_ROLE, PolicyArn=policy["Arn"])
    account.let_iam_settle()
    return role["Arn"]


@pytest.fixture(scope="module")
def life(account, own_role, boundary):
    """The life of a cluster with nearly all that clusters can have: the statuses of its parent."""
    provider = account.create(OWN_ROLE, account.packaged(ROOT / "template.yaml"), CustomLambdaRole=own_role)
    assert provider["StackStatus"] == "CREATE_COMPLETE", account.why(provider)
    token, ids = outputs(provider)["ServiceToken"], account.cloud.exports
    secret = account.cloud.client("secretsmanager").create_secret(Name="slurm", SecretString="x")["ARN"]
    account.cloud.client("s3").put_object(Bucket=ids["ARTIFACT_BUCKET"], Key="configure.sh", Body=b"")

    def body(*tags, **changes):
        configuration = rich(ids, secret, **changes) | {"Iam": {"PermissionsBoundary": boundary}}
        configuration["Tags"] += tags
        return CLUSTER_TEMPLATE % (
            f"      ClusterName: c-rich\n      ClusterConfiguration: {json.dumps(configuration)}"
        )

    created = account.create("rich", body(), ServiceToken=token)
    assert created["StackStatus"] == "CREATE_COMPLETE", account.why(created)
    tag = {"Key": "more", "Value": "of it"}
    updated = account.update("rich", body(tag, login_nodes=3, max_count=6), ServiceToken=token)
    assert updated["StackStatus"] == "UPDATE_COMPLETE", account.why(updated)
    deleted = account.delete("rich")
    yield [stack["StackStatus"] for stack in (created, updated, deleted)]
    assert account.delete(OWN_ROLE)["StackStatus"] == "DELETE_COMPLETE"


@pytest.fixture(scope="module")
def recorded(account, service_token, life):
    """What was asked: by the stand-alone provider, in the life above, and by all others before."""
    assert service_token
    assert life == ["CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"]
    return Recorded(account, "provider", OWN_ROLE)


def template_role(account, kind, stack, **parameters):
    """A role as the template makes it for a stack, and what scripts need."""
    documents = Template(TEMPLATE.read_text(), Names(PLACE, stack), parameters).roles()[f"{kind}Role"]
    return with_grants(account, kind, Role(kind, documents))


@pytest.fixture(scope="module")
def reports(account, recorded):
    """The roles of the stand-alone stack, with all that functions like theirs asked for.

    Stacks that are gone are judged by the roles that the template makes.
    """
    reasons = yaml.safe_load(REASONS.read_text())
    ids, iam = physical_ids(account, "provider"), account.cloud.client("iam")
    made = []
    for kind in KINDS:
        role = deployed(iam, ids[f"{kind}Role"])
        judges = {
            name: template_role(account, kind, stack, **(GIVEN if stack == NOTIFYING else {}))
            for name, stack in recorded.functions(kind).items()
        }
        judges[ids[kind]] = with_grants(account, kind, role)
        made.append(
            RoleReport(
                kind,
                role,
                recorded.of(kind),
                {action: item["reason"] for item in reasons[kind] for action in item["actions"]},
                judges,
            )
        )
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_a_role_made_from_the_published_documents_is_enough_for_the_life_of_a_cluster(
    account, recorded, kind
):
    report = RoleReport(kind, deployed(account.cloud.client("iam"), OWN_ROLE), recorded.of(kind, OWN_ROLE))
    assert report.asked
    assert refusals([report]) == ""


@pytest.mark.usefixtures("life")
def test_with_a_role_of_the_users_there_is_no_iam_resource_and_both_functions_use_it(account, own_role):
    found = account.cloudformation.describe_stack_resources(StackName=OWN_ROLE)["StackResources"]
    functions, ids = account.cloud.client("lambda"), physical_ids(account, OWN_ROLE)
    used = {functions.get_function_configuration(FunctionName=ids[kind])["Role"] for kind in KINDS}
    assert [item for item in found if item["ResourceType"].startswith("AWS::IAM::")] == []
    assert used == {own_role}


def test_every_call_is_allowed_by_the_role_of_the_function_that_made_it(recorded, reports):
    assert all({"provider", OWN_ROLE} <= set(recorded.functions(kind).values()) for kind in KINDS)
    assert refusals(reports) == ""


@pytest.mark.usefixtures("recorded")
def test_every_request_was_judged_and_no_refusal_was_but_provoked(account, request):
    functions = functions_of(account.cloud)
    assert unexpected(account.cloud.judged(), request.config.stash[EXPECTED], functions) == []
    assert account.cloud.unjudged() == {}


def test_with_a_boundary_only_a_cluster_that_has_it_too_can_be_made(account, recorded, boundary):
    asked = recorded.of("Engine", OWN_ROLE)
    same = template_role(account, "Engine", OWN_ROLE, PermissionsBoundary=boundary)
    other = template_role(account, "Engine", OWN_ROLE, PermissionsBoundary=f"{boundary}-of-others")
    assert refusals([RoleReport("Engine", same, asked)]) == ""
    assert {item.request.action for item in RoleReport("Engine", other, asked).refused} == {
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
    }


def test_every_kind_of_resource_that_a_cluster_had_is_known(recorded):
    seen = {name for name in recorded.types if name.rpartition(":")[2] not in NO_TYPES}
    assert seen <= {*RESOURCE_TYPES, *IMAGE_RESOURCE_TYPES}


def test_what_is_allowed_and_was_not_seen_has_a_reason_and_no_reason_is_stale(reports, request):
    request.config.stash[REPORT] = text(reports)
    assert {report.name: report.unexplained for report in reports} == {kind: [] for kind in KINDS}
    assert {report.name: report.stale for report in reports} == {kind: [] for kind in KINDS}
