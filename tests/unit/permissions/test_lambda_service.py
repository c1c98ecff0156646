"""What Lambda itself does with a role is allowed by the role the template makes for it."""

import pytest

from localcloud.iam.lambda_service import requests_for
from localcloud.iam.policy import Place, Request
from tools.permissions.report import Asked, RoleReport
from tools.permissions.roles import Role
from tools.permissions.template import TEMPLATE, Names, Template

PLACE = Place("us-east-1")
KEY = PLACE.arn("kms", "key/1")
IN_VPC = {"VpcSubnetIds": ["subnet-1"], "VpcSecurityGroupIds": ["sg-1"]}


def configuration(**more):
    return {"LoggingConfig": {"LogGroup": "p-EngineLogGroup-X"}, **more}


def refused(kind, settings, asynchronous, **parameters):
    documents = Template(TEMPLATE.read_text(), Names(PLACE, "p"), parameters).roles()[f"{kind}Role"]
    return refused_by(documents, kind, settings, asynchronous)


def refused_by(documents, kind, settings, asynchronous):
    asked = [Asked(request, kind, "Lambda") for request in requests_for(settings, asynchronous, PLACE)]
    return {item.request.action for item in RoleReport(kind, Role(kind, documents), asked).refused}


def test_logs_and_results_arrive():
    provider = PLACE.arn("lambda", "function:p-Provider-X")
    destinations = {
        "DestinationConfig": {end: {"Destination": provider} for end in ("OnSuccess", "OnFailure")}
    }
    assert refused("Engine", configuration(), destinations) == set()
    stranger = PLACE.arn("lambda", "function:somebody")
    elsewhere = {"DestinationConfig": {"OnSuccess": {"Destination": stranger}}}
    assert refused("Engine", configuration(), elsewhere) == {"lambda:InvokeFunction"}


#: What Lambda checks with a function's role before it accepts the setting, or answers "The provided execution
#: role does not have permissions to call". Source: AWS Lambda API reference, CreateFunction and
#: PutFunctionEventInvokeConfig; amplify-cli #10395.
DESTINATION = PLACE.arn("lambda", "function:parent-of-a-very-long-na-Provider-X")
CHECKED = [
    ("Engine", {"DestinationConfig": {"OnSuccess": {"Destination": DESTINATION}}}),
    ("Provider", {"DestinationConfig": {"OnFailure": {"Destination": PLACE.arn("sqs", "p-RetryQueue-X")}}}),
    ("Engine", {}),
    ("Provider", {}),
]


@pytest.mark.parametrize(("kind", "asynchronous"), CHECKED)
def test_what_lambda_checks_before_it_accepts_a_setting_is_allowed_by_the_role_alone(kind, asynchronous):
    # The role is older than its function; a policy beside it may be too young for IAM to know everywhere.
    role = Template(TEMPLATE.read_text(), Names(PLACE, "p"), IN_VPC).properties(f"{kind}Role")
    alone = {policy["PolicyName"]: policy["PolicyDocument"] for policy in role["Policies"]}
    network = {"VpcConfig": {"SubnetIds": ["subnet-1"]}}
    beside = {"logs:CreateLogStream", "logs:PutLogEvents"}  # asked for when the function runs
    assert refused_by(alone, kind, configuration(**network), asynchronous) == beside


def test_dead_letters_arrive():
    settings = {
        "LoggingConfig": {"LogGroup": "p-ProviderLogGroup-X"},
        "DeadLetterConfig": {"TargetArn": PLACE.arn("sqs", "p-RetryQueue-X")},
    }
    assert refused("Provider", settings, {}) == set()


@pytest.mark.parametrize("kind", ["Provider", "Engine"])
def test_a_function_in_a_network_can_join_it_and_only_then(kind):
    settings = {
        "LoggingConfig": {"LogGroup": f"p-{kind}LogGroup-X"},
        "VpcConfig": {"SubnetIds": ["subnet-1"]},
    }
    assert refused(kind, settings, {}, **IN_VPC) == set()
    assert "ec2:DeleteNetworkInterface" in refused("Provider", settings, {})


@pytest.mark.parametrize(
    ("region", "suffix"), [("us-east-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")]
)
@pytest.mark.parametrize(("service", "allowed"), [("dynamodb", True), ("sqs", True), ("s3", False)])
def test_a_key_of_the_users_is_used_through_the_table_and_the_queue_only(service, allowed, region, suffix):
    names = Names(Place(region, url_suffix=suffix), "p")
    documents = Template(TEMPLATE.read_text(), names, {"KmsKeyArn": KEY}).roles()["ProviderRole"]
    # Source: kops, pull request 18363: in China the names end like its endpoints.
    via = {"kms:viaservice": (f"{service}.{region}.{suffix}",)}
    role = Role("Provider", documents)
    assert role.allows(Request("kms:Decrypt", KEY, via)) is allowed
    assert role.allows(Request("kms:GenerateDataKey", KEY, via)) is allowed
