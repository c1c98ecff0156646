"""What a dry run learns of the stack that there is."""

from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from pcluster_cfn.validation.deployed_stack import read_deployed_stack
from pcluster_cfn.validation.dry_run import requested_clusters

STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/hpc/1"
NETWORK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/hpc-Network/2"

STORED = {"/hpc/os:3": ("String", "rhel9"), "/hpc/secret": ("SecureString", "hidden")}


class Aws:
    """A stack with two nested ones, the second of which failed; empty names are refused as AWS does."""

    def __init__(self, **second):
        self.asked = []
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

    def get_paginator(self, name):
        self.asked.append(name)
        exports = [{"Name": "network-Head", "Value": "subnet-1"}]
        page = {"StackResourceSummaries": self.resources, "Exports": exports}
        return SimpleNamespace(paginate=lambda **_: [page])

    def get_parameter(self, Name):  # noqa: N803 - boto3's name
        self.asked.append(Name)
        if Name not in STORED:
            raise ClientError({"Error": {"Code": "ParameterNotFound"}}, "GetParameter")
        return {"Parameter": {"Type": STORED[Name][0], "Value": STORED[Name][1]}}


def nested(logical_id, status, **fields):
    return {
        "LogicalResourceId": logical_id,
        "ResourceType": "AWS::CloudFormation::Stack",
        "ResourceStatus": status,
        **fields,
    }


@pytest.mark.parametrize("second", [{}, {"PhysicalResourceId": ""}, {"PhysicalResourceId": "hpc-Late-1A"}])
def test_a_nested_stack_that_never_existed_is_not_asked_for_its_outputs(second):
    deployed = read_deployed_stack(Aws(**second), "hpc")
    assert deployed.outputs == {"Network.Outputs.Vpc": "vpc-1"}
    assert deployed.known["Network"] == NETWORK


def test_exports_and_stored_parameters_are_asked_for_once_and_only_when_needed():
    aws = Aws()
    answers = read_deployed_stack(aws, "hpc").answers()
    aws.asked.clear()
    assert [answers.export("network-Head"), answers.export("nowhere")] == ["subnet-1", None]
    assert [answers.stored("/hpc/os:3"), answers.stored("/hpc/os:3"), answers.stored("/none")] == [
        "rhel9",
        "rhel9",
        None,
    ]
    assert answers.stored("/hpc/secret") is None
    assert aws.asked == ["list_exports", "/hpc/os:3", "/none", "/hpc/secret"]


def test_an_error_that_says_nothing_of_what_is_asked_for_ends_the_dry_run():
    aws = Aws()

    def throttled(**_):
        raise ClientError({"Error": {"Code": "Throttling"}}, "GetParameter")

    aws.get_parameter = throttled
    with pytest.raises(ClientError, match="Throttling"):
        read_deployed_stack(aws, "hpc").stored("/hpc/os")


def test_imported_values_and_references_to_stored_parameters_reach_the_library():
    text = """\
Resources:
  Cluster:
    Type: Custom::PclusterCluster
    Properties:
      ServiceToken: arn
      ClusterName: '{{resolve:ssm:/hpc/os:3}}'
      ClusterConfiguration: {A: !ImportValue network-Head, B: !ImportValue nowhere}
"""
    (missing,) = requested_clusters(text, {}, read_deployed_stack(Aws(), "hpc"))
    assert missing.path == "Cluster/ClusterConfiguration/B"
    assert "is not known before the deployment (the export nowhere is not known)" in missing.message
    known = text.replace(", B: !ImportValue nowhere", "")
    (wanted,) = requested_clusters(known, {}, read_deployed_stack(Aws(), "hpc"))
    assert (wanted.name, wanted.properties["ClusterConfiguration"]) == ("rhel9", {"A": "subnet-1"})
