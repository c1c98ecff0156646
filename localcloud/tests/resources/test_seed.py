"""What an account has before its first cluster."""

import itertools
import json
from importlib import metadata

import pytest

from localcloud.official import official_images
from localcloud.testing.waiting import settled

VERSION = metadata.version("aws-parallelcluster")


def test_every_published_system_has_an_image_for_both_architectures():
    names = [image["name"] for image in official_images([VERSION])]
    for system, architecture in itertools.product(
        ("amzn2023-hvm", "ubuntu-2204-lts-hvm", "ubuntu-2404-lts-hvm", "rhel8-hvm", "rhel9-hvm"),
        ("x86_64", "arm64"),
    ):
        prefix = f"aws-parallelcluster-{VERSION}-{system}-{architecture}-"
        assert len([name for name in names if name.startswith(prefix)]) == 1


def test_each_release_has_images_of_its_own_systems():
    images = list(official_images(["3.13.2", "3.16.1"]))
    old = {image["name"] for image in images if "-3.13.2-" in image["name"]}
    new = {image["name"] for image in images if "-3.16.1-" in image["name"]}
    assert any("ubuntu-2004" in name for name in old)
    assert not any("ubuntu-2004" in name for name in new)
    assert len({image["ami_id"] for image in images}) == len(images)


@pytest.mark.parametrize(
    ("system", "last", "next_one"),
    [("amzn2-hvm", "3.15.1", "3.16.0"), ("ubuntu-2004", "3.13.2", "3.14.0"), ("centos7", "3.9.3", "3.10.0")],
)
def test_a_retired_system_has_images_until_the_last_release_that_knows_it(system, last, next_one):
    assert [system in image["name"] for image in official_images([last])].count(True) == 2
    assert not any(system in image["name"] for image in official_images([next_one]))


def test_images_of_a_release_exist_as_soon_as_they_are_asked_for(client):
    ec2 = client("ec2")

    def named(pattern):
        asked = ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": [pattern]}])
        return {image["Name"].rpartition("-")[0]: image["ImageId"] for image in asked["Images"]}

    found = named("aws-parallelcluster-3.6.0-amzn2-hvm-x86_64*")
    assert found.keys() == {"aws-parallelcluster-3.6.0-amzn2-hvm-x86_64"}
    assert named("aws-parallelcluster-3.6.0-amzn2-hvm-x86_64*") == found
    assert ec2.describe_images(ImageIds=list(found.values()))["Images"][0]["RootDeviceName"] == "/dev/xvda"
    assert named("aws-parallelcluster-3.6.0-amzn2023*") == named("aws-parallelcluster-*-hvm-9*") == {}


def test_the_head_nodes_subnet_is_public_and_the_compute_subnet_is_not(cloud, client):
    ec2 = client("ec2")
    ids = [cloud.exports["HEAD_NODE_SUBNET"], cloud.exports["COMPUTE_SUBNET"]]
    public, private = (ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0] for subnet in ids)
    assert public["MapPublicIpOnLaunch"] is True
    assert private["MapPublicIpOnLaunch"] is False
    assert public["AvailabilityZone"] == private["AvailabilityZone"]
    assert _ways_out(ec2, ids[0]) == {"GatewayId"}
    assert _ways_out(ec2, ids[1]) == {"NatGatewayId"}


def test_several_zones_have_a_public_and_a_private_subnet(cloud, client):
    ec2 = client("ec2")
    zones = cloud.exports["AVAILABILITY_ZONES"].split(",")
    assert zones == ["us-east-1a", "us-east-1b", "us-east-1c"]
    for name, first, public in (
        ("HEAD_NODE_SUBNETS", "HEAD_NODE_SUBNET", True),
        ("COMPUTE_SUBNETS", "COMPUTE_SUBNET", False),
    ):
        ids = cloud.exports[name].split(",")
        assert ids[0] == cloud.exports[first]
        described = {s["SubnetId"]: s for s in ec2.describe_subnets(SubnetIds=ids)["Subnets"]}
        assert [described[subnet]["AvailabilityZone"] for subnet in ids] == zones
        assert {described[subnet]["MapPublicIpOnLaunch"] for subnet in ids} == {public}
        assert {frozenset(_ways_out(ec2, subnet)) for subnet in ids} == {
            frozenset({"GatewayId" if public else "NatGatewayId"})
        }


def test_the_network_resolves_names(cloud, client):
    ec2 = client("ec2")
    for attribute, answer in (
        ("enableDnsSupport", "EnableDnsSupport"),
        ("enableDnsHostnames", "EnableDnsHostnames"),
    ):
        described = ec2.describe_vpc_attribute(VpcId=cloud.exports["VPC_ID"], Attribute=attribute)
        assert described[answer]["Value"] is True


def test_the_key_pair_suits_every_system(cloud, client):
    (key,) = client("ec2").describe_key_pairs(KeyNames=[cloud.exports["KEY_NAME"]])["KeyPairs"]
    assert key["KeyType"] == "ed25519"


def _ways_out(ec2, subnet_id: str) -> set[str]:
    tables = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [subnet_id]}])
    return {
        key
        for route in tables["RouteTables"][0]["Routes"]
        if route.get("DestinationCidrBlock") == "0.0.0.0/0"
        for key in ("GatewayId", "NatGatewayId")
        if key in route
    }


def test_a_template_of_cdk_finds_its_region_bootstrapped(client):
    template = {
        "Parameters": {
            "BootstrapVersion": {
                "Type": "AWS::SSM::Parameter::Value<String>",
                "Default": "/cdk-bootstrap/hnb659fds/version",
            }
        },
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"Version": {"Value": {"Ref": "BootstrapVersion"}}},
    }
    stacks = client("cloudformation")
    stacks.create_stack(StackName="synthesised", TemplateBody=json.dumps(template))
    assert settled(stacks, "synthesised") == "CREATE_COMPLETE"
    (output,) = stacks.describe_stacks(StackName="synthesised")["Stacks"][0]["Outputs"]
    assert int(output["OutputValue"]) > 5  # what the rule in every such template asks for
    stacks.delete_stack(StackName="synthesised")
    assert settled(stacks, "synthesised") == "DELETE_COMPLETE"
