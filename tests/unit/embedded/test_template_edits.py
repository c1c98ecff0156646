"""Somebody's template runs on the embedded cloud: seeded ids and this project's provider fill its gaps."""

import pytest

from cfn_template.nodes import child, scalar
from pcluster_cfn.embedded.template_edits import (
    PROVIDER_TEMPLATE,
    fill_parameters,
    parameters_without_value,
    service_token_parameter,
    unavailable_templates,
    use_own_provider,
)
from pcluster_cfn.template import Template

SEEDED = {
    "HEAD_NODE_SUBNETS": "h,h2",
    "COMPUTE_SUBNETS": "c,c2",
    "AVAILABILITY_ZONES": "a,b",
    "KEY_NAME": "k",
    "VPC_ID": "v",
}


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
        ("PrivateSubnet1", "c"),
        ("PrivateSubnet2Id", "c2"),
        ("SubnetTwo", "c2"),
        ("SubnetIdB", "c2"),
        ("PublicSubnet-2", "h2"),
        # There are two zones only.
        ("PrivateSubnet3", "c2"),
        ("SubnetOfVpc", "c"),
    ],
)
def test_a_parameter_takes_the_seeded_id_its_name_asks_for(name, value):
    assert fill_parameters(template(f"{{{name}: {{Type: String}}}}"), {}, SEEDED) == {name: value}


def test_a_parameter_s_type_counts_more_than_its_name():
    parameters = "{Login: {Type: 'AWS::EC2::KeyPair::KeyName'}}"
    assert fill_parameters(template(parameters), {}, SEEDED) == {"Login": "k"}


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("Subnets", "List<AWS::EC2::Subnet::Id>", "c,c2"),
        ("PublicSubnets", "CommaDelimitedList", "h,h2"),
        ("Zone", "AWS::EC2::AvailabilityZone::Name", "a"),
        ("Zones", "List<AWS::EC2::AvailabilityZone::Name>", "a,b"),
    ],
)
def test_a_list_takes_the_ids_of_all_zones(name, kind, value):
    parameters = f"{{{name}: {{Type: '{kind}'}}}}"
    assert fill_parameters(template(parameters), {}, SEEDED) == {name: value}


def test_parameters_that_nothing_gives_a_value_are_found_before_there_is_a_cloud():
    cluster = "{C: {Properties: {ServiceToken: !Ref Token, ClusterConfiguration: x}}}"
    parameters = (
        "{Token: {Type: String}, Os: {Type: String}, Empty: {Type: String, Default: ''}, "
        "Size: {Type: Number}, KeyName: {Type: String}, Zone: {Type: 'AWS::EC2::AvailabilityZone::Name'}}"
    )
    assert parameters_without_value(template(parameters, cluster), {"Size": "4"}) == ["Os"]


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
    assert use_own_provider(theirs) == ["P"]
    properties = next(theirs.resources()).properties
    assert scalar(child(properties, "TemplateURL")) == str(PROVIDER_TEMPLATE)


def test_a_published_provider_gives_way_to_this_one():
    address = "https://mine-${AWS::Region}.s3.${AWS::Region}.amazonaws.com/pcluster-cfn/0.1.0/template.json"
    theirs = template(resources=f"{{P: {nested(address)}}}")
    assert use_own_provider(theirs) == ["P"]
    assert unavailable_templates(theirs) == {}


def nested(address):
    return f"{{Type: 'AWS::CloudFormation::Stack', Properties: {{TemplateURL: !Sub '{address}'}}}}"


def test_nested_templates_that_the_embedded_cloud_does_not_have_are_found():
    official = (
        "https://${AWS::Region}-aws-parallelcluster.s3.${AWS::URLSuffix}/parallelcluster/3.16.1/templates"
    )
    theirs = template(
        resources=f"{{P: {nested(official + '/custom_resource/cluster.yaml')}, "
        f"N: {nested(official + '/networking/public-private-3.16.1.cfn.json')}, "
        f"F: {nested('https://recipes.s3.amazonaws.com/main/network.yaml')}, L: {nested('network.yaml')}, "
        "R: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: !Ref Url}}}"
    )
    assert unavailable_templates(theirs) == {"F": "https://recipes.s3.amazonaws.com/main/network.yaml"}


def test_other_nested_stacks_stay():
    other = template(
        resources="{N: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: 'https://x/network.yaml'}}}"
    )
    assert use_own_provider(other) == []
