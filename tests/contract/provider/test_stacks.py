"""What the port Stacks MUST do, on the fake and on CloudFormation as moto plays it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cluster_provider.adapters.stacks import CloudFormationStacks
from cluster_provider.core.identity import Owner
from cluster_provider.ports import Stacks
from tests.support.fakes import FactStacks, stack_of

TEMPLATE = {
    "Parameters": {"ConfigVersion": {"Type": "String", "Default": "v1"}},
    "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
    "Outputs": {"HeadNodePrivateIP": {"Value": "10.0.0.4"}},
}


@pytest.fixture(params=["fake", "cloudformation"])
def hpc(request: pytest.FixtureRequest) -> tuple[Stacks, str]:
    """The port, and the ARN of a living stack ``hpc``."""
    if request.param == "fake":
        facts = FactStacks()
        stack = stack_of(
            "hpc",
            "CREATE_COMPLETE",
            {"parallelcluster:version": "3.16.1"},
            parameters={"ConfigVersion": "v1"},
            outputs={"HeadNodePrivateIP": "10.0.0.4"},
        )
        facts.declare(stack)
        return facts, stack.stack_id
    client = request.getfixturevalue("aws")("cloudformation")
    answer = client.create_stack(
        StackName="hpc",
        TemplateBody=json.dumps(TEMPLATE),
        Tags=[{"Key": "parallelcluster:version", "Value": "3.16.1"}],
    )
    return CloudFormationStacks(client), answer["StackId"]


def test_a_stack_is_described_with_its_tags_parameters_and_outputs(hpc: tuple[Stacks, str]) -> None:
    stacks, arn = hpc
    stack = stacks.describe("hpc")
    assert stack is not None
    assert stack.stack_id == arn
    assert (stack.name, stack.status, stack.version) == ("hpc", "CREATE_COMPLETE", "3.16.1")
    assert stack.config_version == "v1"
    assert stack.outputs["HeadNodePrivateIP"] == "10.0.0.4"
    assert stack.works


def test_a_stack_is_found_by_its_arn(hpc: tuple[Stacks, str]) -> None:
    stacks, arn = hpc
    assert stacks.describe(arn) == stacks.describe("hpc")


def test_a_stack_that_never_was_is_none(hpc: tuple[Stacks, str]) -> None:
    stacks, _ = hpc
    assert stacks.describe("stranger") is None


def test_a_deleted_stack_is_gone_by_name_and_told_as_deleted_by_arn(aws: Callable[..., Any]) -> None:
    client = aws("cloudformation")
    arn = client.create_stack(StackName="hpc", TemplateBody=json.dumps(TEMPLATE))["StackId"]
    client.delete_stack(StackName="hpc")
    stacks = CloudFormationStacks(client)
    assert stacks.describe("hpc") is None
    stack = stacks.describe(arn)
    assert stack is not None
    assert stack.gone


def test_a_stack_without_a_failure_has_none(hpc: tuple[Stacks, str]) -> None:
    stacks, arn = hpc
    assert stacks.failures(arn, None) == ()


def test_a_token_that_was_never_used_is_not_found(hpc: tuple[Stacks, str]) -> None:
    stacks, arn = hpc
    assert not stacks.has_event_of(arn, "call-1")


def test_a_resource_of_a_stack_that_is_gone_or_never_was_awaits_no_answer(aws: Callable[..., Any]) -> None:
    client = aws("cloudformation")
    arn = client.create_stack(StackName="hpc", TemplateBody=json.dumps(TEMPLATE))["StackId"]
    stacks = CloudFormationStacks(client)
    assert stacks.awaits_answer(Owner(arn, "Queue"))
    assert not stacks.awaits_answer(Owner(arn.replace("/hpc/", "/gone/"), "Queue"))
    client.delete_stack(StackName="hpc")
    assert not stacks.awaits_answer(Owner(arn, "Queue"))
