"""What a plan knows of the provider: its operator's choices, as the function's variables have them."""

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from cluster_provider.core.budget import Budget
from pcluster_cfn.planning.guardrails import UNREAD, Guardrails, Provider
from pcluster_cfn.planning.providers import Providers

ENGINES = "3.16.1=arn:a,3.9.3=arn:b, 3.14.0=arn:c,"
VARIABLES = {
    "CLUSTER_ADOPTION": "Team=hpc",
    "MAX_NODES": "40",
    "MAX_HOURLY_COST_AT_SCALE": "12.5",
    "REFUSE_ADVISORIES": "high",
    "DEFAULT_ENGINE_VERSION": "3.16.1",
    "ENGINES": ENGINES,
}
TOKEN = "arn:aws:lambda:us-east-1:123456789012:function:provider"


def test_the_variables_of_the_function_are_the_parameters_of_its_stack():
    found = Guardrails.parse(VARIABLES)
    assert found.parameters == {
        "ClusterAdoption": "Team=hpc",
        "MaxNodes": "40",
        "MaxHourlyCostAtScale": "12.5",
        "RefuseAdvisories": "high",
    }
    assert (found.versions, found.default_version) == (["3.9.3", "3.14.0", "3.16.1"], "3.16.1")


def test_a_provider_without_the_variables_bounds_nothing_and_permits_no_adoption():
    found = Guardrails.parse({"ENGINES": ENGINES})
    assert found.parameters == {
        "ClusterAdoption": "Forbid",
        "MaxNodes": "0",
        "MaxHourlyCostAtScale": "0",
        "RefuseAdvisories": "None",
    }
    assert found.arguments({}, makes=True) == {}
    assert not found.permits_adoption({"Team": "hpc"})


@pytest.mark.parametrize(
    ("choice", "tags", "permitted"),
    [
        ("Allow", {}, True),
        ("Forbid", {"Forbid": ""}, False),
        ("Team=hpc", {"Team": "hpc"}, True),
        ("Team=hpc", {"Team": "web"}, False),
        ("Team=", {"Team": ""}, True),
        ("Team=", {}, False),
        ("Team=a=b", {"Team": "a=b"}, True),
    ],
)
def test_the_choice_decides_which_clusters_may_be_taken_over(choice, tags, permitted):
    assert Guardrails(adoption=choice).permits_adoption(tags) is permitted


@pytest.mark.parametrize(
    ("operators", "own", "argument"),
    [
        ("40", None, {"limit": "40", "set_by": "provider"}),
        ("40", "39", {"limit": "39", "set_by": "property"}),
        ("40", 100, {"limit": "40", "set_by": "provider"}),
        ("40", "40", {"limit": "40", "set_by": "provider"}),
        ("9", "10", {"limit": "9", "set_by": "provider"}),
        ("0", "7", {"limit": "7", "set_by": "property"}),
        ("40", "0", {"limit": "40", "set_by": "provider"}),
        ("0", "0.0", None),
        ("0", "many", None),
    ],
)
def test_of_two_bounds_the_stricter_one_counts(operators, own, argument):
    properties = {} if own is None else {"MaxNodes": own}
    arguments = Guardrails(bounds={"MaxNodes": operators}).arguments(properties, makes=False)
    assert arguments == ({"budget": {"max_nodes": argument}} if argument else {})


@given(*[st.sampled_from(["0", "0.0", "1", "7", "7.5", "10", "40"])] * 4)
def test_the_provider_and_a_plan_choose_the_same_bounds(nodes, cost, own_nodes, own_cost):
    operators, own = (
        {"MaxNodes": n, "MaxHourlyCostAtScale": c} for n, c in ((nodes, cost), (own_nodes, own_cost))
    )
    assert Guardrails(bounds=operators).arguments(own, makes=False) == Budget(nodes, cost).arguments(
        Budget(own_nodes, own_cost)
    )


def test_advisories_refuse_only_what_is_made():
    guardrails = Guardrails(refused_severity="high")
    assert guardrails.arguments({}, makes=True) == {"refuse_advisories": "high"}
    assert guardrails.arguments({}, makes=False) == {}


class Functions:
    """Lambda with one function, or with a refusal."""

    def __init__(self, variables=VARIABLES, refusal=None, encrypted=False):
        self.refusal, self.asked = refusal, []
        self.environment = {"Environment": {"Variables": variables}} if variables else {}
        if encrypted:
            self.environment = {"Environment": {"Error": {"ErrorCode": "KMSAccessDenied", "Message": "no"}}}

    def get_function_configuration(self, FunctionName):  # noqa: N803 - boto3's name
        self.asked.append(FunctionName)
        if self.refusal:
            raise ClientError({"Error": {"Code": self.refusal, "Message": "no"}}, "GetFunctionConfiguration")
        return {"FunctionName": "provider", **self.environment}


def test_each_provider_is_read_once():
    functions = Functions()
    providers = Providers(functions)
    assert providers.of(TOKEN) is providers.of(TOKEN)
    assert providers.of("") == UNREAD
    assert functions.asked == [TOKEN]
    assert providers.read() == [Provider(TOKEN, Guardrails.parse(VARIABLES)), UNREAD]
    assert Provider(TOKEN, Guardrails(versions=["3.16.1"])).sentence() == (
        "Provider: ClusterAdoption Allow; ParallelCluster 3.16.1"
    )
    assert providers.of(TOKEN).sentence() == (
        "Provider: ClusterAdoption Team=hpc, MaxNodes 40, MaxHourlyCostAtScale 12.5, RefuseAdvisories high; "
        "ParallelCluster 3.9.3, 3.14.0, 3.16.1"
    )


@pytest.mark.parametrize(
    ("functions", "why"),
    [
        (
            Functions(refusal="AccessDeniedException"),
            "lambda:GetFunctionConfiguration: AccessDeniedException",
        ),
        (
            Functions(refusal="ResourceNotFoundException"),
            "there is no function provider: is the ServiceToken that of this account and Region?",
        ),
        (Functions({"A": "b"}), "function provider is not this project's provider"),
        (Functions(encrypted=True), "the variables of function provider: KMSAccessDenied"),
        (Functions({}), "function provider is not this project's provider"),
    ],
)
def test_what_could_not_be_read_permits_everything_and_says_why(functions, why):
    found = Providers(functions).of(TOKEN)
    assert found == Provider(TOKEN, Guardrails(), why, is_missing=why.startswith("there is no function"))
    assert found.sentence() == f"Provider: its parameters and versions are not known ({why})"
    assert found.document() == {
        "serviceToken": TOKEN,
        "known": False,
        "reason": why,
        "parameters": {},
        "versions": [],
        "defaultVersion": "",
    }
