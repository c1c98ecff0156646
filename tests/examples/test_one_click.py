"""One stack brings network, provider, cluster and a shell in the browser."""

import json

import pytest

from tests.examples.stacks import EXAMPLES, Example

pytestmark = pytest.mark.e2e

PATH = EXAMPLES / "one-click.yaml"


def begin(place):
    options = {"Tags": [{"Key": "Project", "Value": "hpc"}], "EnableTerminationProtection": True}
    yield Example(place.account, "one-click", place.account.packaged(PATH), options=options)


@pytest.fixture(scope="module")
def example(begun):
    return begun["one-click"]


@pytest.fixture(scope="module")
def created(example):
    return example.created()


@pytest.fixture(scope="module")
def head_node(account, created):
    (head_node,) = account.head_nodes(created["ClusterName"])
    return head_node


def test_the_link_opens_a_session_on_the_head_node_that_ec2_reports(created, head_node):
    instance_id = head_node["InstanceId"]
    assert created["SessionManagerUrl"] == (
        "https://us-east-1.console.aws.amazon.com/systems-manager/session-manager/"
        f"{instance_id}?region=us-east-1"
    )
    assert created["SessionManagerCommand"].endswith(f"--target {instance_id}")


def test_the_head_node_may_be_managed_by_session_manager(account, head_node):
    iam = account.cloud.client("iam")
    profile = head_node["IamInstanceProfile"]["Arn"].rpartition("/")[2]
    (role,) = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
    attached = iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    assert "AmazonSSMManagedInstanceCore" in {policy["PolicyName"] for policy in attached}


def test_the_head_node_is_private_and_has_no_key_pair(created, head_node):
    assert head_node["SubnetId"] == created["PrivateSubnetId"]
    assert not head_node.get("PublicIpAddress")
    assert not head_node.get("KeyName")


def test_both_subnets_have_their_way_out(account, created):
    def way_out(subnet_id):
        filters = [{"Name": "association.subnet-id", "Values": [subnet_id]}]
        (table,) = account.ec2.describe_route_tables(Filters=filters)["RouteTables"]
        (route,) = [one for one in table["Routes"] if one.get("DestinationCidrBlock") == "0.0.0.0/0"]
        return next(key for key in ("NatGatewayId", "GatewayId") if route.get(key))

    assert way_out(created["PublicSubnetId"]) == "GatewayId"
    assert way_out(created["PrivateSubnetId"]) == "NatGatewayId"


def test_the_validators_find_nothing_worse_than_a_remark(created):
    levels = {message["level"] for message in json.loads(created["ValidationMessages"])}
    assert levels <= {"INFO", "WARNING"}


def test_the_tags_of_stack_and_configuration_are_on_the_head_node(head_node):
    tags = {tag["Key"]: tag["Value"] for tag in head_node["Tags"]}
    assert tags["Project"] == "hpc"
    assert tags["Environment"] == "one-click"


@pytest.mark.usefixtures("created")
def test_the_stack_goes_once_it_is_not_protected_any_more(account, example):
    cloudformation = account.cloudformation
    with pytest.raises(cloudformation.exceptions.ClientError, match="TerminationProtection"):
        cloudformation.delete_stack(StackName=example.name)
    cloudformation.update_termination_protection(StackName=example.name, EnableTerminationProtection=False)
    example.deleted()
