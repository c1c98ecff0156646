"""Somebody's template runs on the embedded cloud: seeded ids and this project's provider fill its gaps."""

import pytest

from cfn_template.nodes import child, scalar
from pcluster_cfn.adaptation import (
    PROVIDER_TEMPLATE,
    fill_parameters,
    nest_own_provider,
    service_token_parameter,
)
from pcluster_cfn.template import Template

SEEDED = {"HEAD_NODE_SUBNET": "h", "COMPUTE_SUBNET": "c", "KEY_NAME": "k", "VPC_ID": "v"}


def template(parameters="{}", resources="{}"):
    return Template.parse(f"Parameters: {parameters}\nResources: {resources}", "t")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HeadNodeSubnet", "h"),
        ("HeadNodeSubnetId", "h"),
        ("PublicSubnetId", "h"),
        ("ComputeSubnet", "c"),
        ("PrivateSubnetIds", "c"),
        ("SubnetId", "c"),
        ("KeyName", "k"),
        ("KeyPair", "k"),
        ("VpcId", "v"),
    ],
)
def test_a_parameter_takes_the_seeded_id_its_name_asks_for(name, value):
    assert fill_parameters(template(f"{{{name}: {{Type: String}}}}"), {}, SEEDED) == {name: value}


def test_a_parameter_s_type_counts_more_than_its_name():
    parameters = "{Login: {Type: 'AWS::EC2::KeyPair::KeyName'}}"
    assert fill_parameters(template(parameters), {}, SEEDED) == {"Login": "k"}


def test_given_values_and_defaults_are_left_alone():
    parameters = (
        "{KeyName: {Type: String}, SubnetId: {Type: String, Default: subnet-1}, Size: {Type: Number}}"
    )
    assert fill_parameters(template(parameters), {"KeyName": "mine"}, SEEDED) == {"KeyName": "mine"}


def test_the_parameter_that_carries_the_service_token_is_found():
    cluster = "{C: {Properties: {ServiceToken: !Ref Token, ClusterConfiguration: x}}}"
    assert service_token_parameter(template("{Token: {Type: String}}", cluster)) == "Token"


def test_a_service_token_from_a_nested_stack_is_no_parameter():
    cluster = "{C: {Properties: {ServiceToken: !GetAtt P.Outputs.ServiceToken, ClusterConfiguration: x}}}"
    assert service_token_parameter(template(resources=cluster)) is None


def test_the_official_provider_gives_way_to_this_one():
    official = "https://${AWS::Region}-aws-parallelcluster.s3.${AWS::URLSuffix}/parallelcluster/3.16.1"
    theirs = template(
        resources=f"{{P: {{Type: 'AWS::CloudFormation::Stack', Properties: {{TemplateURL: "
        f"!Sub '{official}/templates/custom_resource/cluster.yaml'}}}}}}"
    )
    assert nest_own_provider(theirs) == ["P"]
    properties = next(theirs.resources()).properties
    assert scalar(child(properties, "TemplateURL")) == str(PROVIDER_TEMPLATE)


def test_other_nested_stacks_stay():
    other = template(
        resources="{N: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: 'https://x/network.yaml'}}}"
    )
    assert nest_own_provider(other) == []
