"""Bad input is refused once, with what is wrong and where, and leaves no cluster."""

import json
import textwrap

import pytest

from tests.e2e.account import CLUSTER_TEMPLATE

pytestmark = pytest.mark.e2e

COMPUTE = "Scheduling__SlurmQueues__0__ComputeResources__0"


def template(properties):
    """The cluster template with properties as JSON, which is YAML, on one line each."""
    lines = "\n".join(f"{name}: {json.dumps(value)}" for name, value in properties.items())
    return CLUSTER_TEMPLATE % textwrap.indent(lines, " " * 6)


@pytest.fixture
def refused(account, service_token, request):
    """Creates a stack that must fail, checks that it is gone, and returns the reason of its failure."""
    name = f"refused-{request.node.callspec.id}" if hasattr(request.node, "callspec") else "refused"

    def refuse(properties):
        stack = account.create(name, template(properties), ServiceToken=service_token)
        assert stack["StackStatus"] == "ROLLBACK_COMPLETE", account.why(stack)
        (reason,) = account.failures(stack["StackId"], "Cluster")
        assert properties.get("ClusterName") not in account.stack_names()
        assert account.delete(name)["StackStatus"] == "DELETE_COMPLETE"
        return reason

    return refuse


def test_an_unknown_key_is_named_with_the_nearest_valid_one(account, refused):
    configuration = account.configuration(HeadNode__InstaceType="t3.medium")
    reason = refused({"ClusterName": "c-refused", "ClusterConfiguration": configuration})
    assert "/HeadNode/InstaceType" in reason
    assert "InstanceType" in reason


def test_a_wrong_type_is_named_with_path_value_and_expectation(account, refused):
    configuration = account.configuration(**{f"{COMPUTE}__MaxCount": "many"})
    reason = refused({"ClusterName": "c-refused", "ClusterConfiguration": configuration})
    assert "/Scheduling/SlurmQueues/0/ComputeResources/0/MaxCount" in reason
    assert "many" in reason
    assert "integer" in reason


def test_a_value_out_of_range_is_named_with_path_value_and_range(account, refused):
    configuration = account.configuration(**{f"{COMPUTE}__MinCount": -3})
    reason = refused({"ClusterName": "c-refused", "ClusterConfiguration": configuration})
    assert "/Scheduling/SlurmQueues/0/ComputeResources/0/MinCount" in reason
    assert "-3" in reason
    assert "0" in reason


def test_several_mistakes_are_all_named_at_once(account, refused):
    configuration = account.configuration(
        Image__Os="windows", **{f"{COMPUTE}__MaxCount": "many"}, HeadNode__Color="blue"
    )
    reason = refused({"ClusterName": "c-refused", "ClusterConfiguration": configuration})
    for path in ("/Image/Os", "/MaxCount", "/HeadNode/Color"):
        assert path in reason


def test_a_missing_configuration_is_named(refused):
    assert "ClusterConfiguration" in refused({"ClusterName": "c-refused"})


@pytest.mark.parametrize(
    "name", ["9lives", "under_score", "x", "a" * 61], ids=["digit", "score", "short", "long"]
)
def test_an_impossible_name_is_named_with_what_a_name_may_be(account, refused, name):
    reason = refused({"ClusterName": name, "ClusterConfiguration": account.configuration()})
    assert "ClusterName" in reason
    assert name in reason


def test_a_subnet_that_does_not_exist_is_refused_by_parallelcluster_s_own_validator(account, refused):
    configuration = account.configuration(HeadNode__Networking__SubnetId="subnet-0123456789abcdef0")
    reason = refused({"ClusterName": "c-refused", "ClusterConfiguration": configuration})
    assert "The subnet ID 'subnet-0123456789abcdef0' does not exist" in reason


def test_a_key_pair_that_does_not_exist_is_refused_by_parallelcluster_s_own_validator(account, refused):
    configuration = account.configuration(HeadNode__Ssh__KeyName="nobody")
    reason = refused({"ClusterName": "c-refused", "ClusterConfiguration": configuration})
    assert "nobody" in reason
    assert "does not exist" in reason


def test_a_bad_update_is_refused_and_the_stack_stays_as_it_was(account, service_token):
    good = template({"ClusterName": "c-kept", "ClusterConfiguration": account.configuration()})
    bad = template(
        {"ClusterName": "c-kept", "ClusterConfiguration": account.configuration(HeadNode__Color="blue")}
    )
    created = account.create("kept", good, ServiceToken=service_token)
    assert created["StackStatus"] == "CREATE_COMPLETE", account.why(created)
    (before,) = account.head_nodes("c-kept")

    assert (
        account.update("kept", bad, ServiceToken=service_token)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    )

    (reason,) = account.failures("kept", "Cluster")
    (after,) = account.head_nodes("c-kept")
    assert "/HeadNode/Color" in reason
    assert after["InstanceId"] == before["InstanceId"]
    assert account.delete("kept")["StackStatus"] == "DELETE_COMPLETE"
    assert account.stack("c-kept") is None
