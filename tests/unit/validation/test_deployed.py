"""What a dry run learns of the stack that there is."""

from types import SimpleNamespace

import pytest

from pcluster_cfn.validation.deployed import look

STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/hpc/1"
NETWORK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/hpc-Network/2"


class Aws:
    """A stack with two nested ones, the second of which failed; empty names are refused as AWS does."""

    def __init__(self, **second):
        self.meta = SimpleNamespace(region_name="eu-west-1")
        self.resources = [
            nested("Network", "CREATE_COMPLETE", PhysicalResourceId=NETWORK),
            nested("Late", "CREATE_FAILED", **second),
        ]

    def client(self, _):
        return self

    def get_caller_identity(self):
        return {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/u"}

    def describe_stacks(self, StackName):  # noqa: N803 - boto3's name
        outputs = {"hpc": [], NETWORK: [{"OutputKey": "Vpc", "OutputValue": "vpc-1"}]}
        return {"Stacks": [{"StackName": StackName, "StackId": STACK, "Outputs": outputs[StackName]}]}

    def get_paginator(self, _):
        return SimpleNamespace(paginate=lambda **_: [{"StackResourceSummaries": self.resources}])


def nested(logical_id, status, **fields):
    return {
        "LogicalResourceId": logical_id,
        "ResourceType": "AWS::CloudFormation::Stack",
        "ResourceStatus": status,
        **fields,
    }


@pytest.mark.parametrize("second", [{}, {"PhysicalResourceId": ""}, {"PhysicalResourceId": "hpc-Late-1A"}])
def test_a_nested_stack_that_never_existed_is_not_asked_for_its_outputs(second):
    deployed = look(Aws(**second), "hpc")
    assert deployed.outputs == {"Network.Outputs.Vpc": "vpc-1"}
    assert deployed.known["Network"] == NETWORK
