"""A forecast counts what the library then makes, and reads an account that no test states."""

from collections import Counter

import pytest

from pcluster_cfn.forecast.account import AccountReader
from pcluster_cfn.forecast.checks import applicable
from pcluster_cfn.forecast.demand import PROFILES, ROLES, STACKS, ZONES, Check, demand_of
from pcluster_cfn.forecast.facts import Limit, NotSeen
from pcluster_cfn.forecast.forecast import compare
from pcluster_cfn.forecast.quotas import EFS, LUSTRE
from tests.contract.engine.conftest import OWNER_TAGS
from tests.contract.engine.test_life_of_a_cluster import settle
from tests.support.accounts import clusters
from tests.unit.validation.test_real_configurations import template

pytestmark = pytest.mark.library

#: The types of what a forecast counts.
COUNTED = {
    "AWS::IAM::Role": ROLES,
    "AWS::IAM::InstanceProfile": PROFILES,
    "AWS::CloudFormation::Stack": STACKS,
    "AWS::Route53::HostedZone": ZONES,
    "AWS::EFS::FileSystem": EFS,
    "AWS::FSx::FileSystem": LUSTRE["SCRATCH_2"],
}


def with_everything(configuration, cloud):
    """The configuration with login nodes, a second queue and storage that the cluster makes."""
    (queue,) = configuration["Scheduling"]["SlurmQueues"]
    networking = {"SubnetIds": [cloud.exports["COMPUTE_SUBNET"]]}
    configuration["Scheduling"]["SlurmQueues"] = [queue, {**queue, "Name": "second"}]
    configuration["LoginNodes"] = {
        "Pools": [{"Name": "login", "InstanceType": "t3.medium", "Count": "1", "Networking": networking}]
    }
    lustre = {"StorageCapacity": "1200"}
    configuration["SharedStorage"] = [
        {"Name": "home", "StorageType": "Efs", "MountDir": "/home2"},
        {"Name": "fast", "StorageType": "FsxLustre", "MountDir": "/fast", "FsxLustreSettings": lustre},
    ]


def resources_of(cloud, stack_id):
    """Counts the resources of a stack and of those that it nests by type, itself included."""
    client = cloud.client("cloudformation")
    found = Counter({"AWS::CloudFormation::Stack": 1})
    for page in client.get_paginator("list_stack_resources").paginate(StackName=stack_id):
        for each in page["StackResourceSummaries"]:
            if each["ResourceType"] == "AWS::CloudFormation::Stack":
                found += resources_of(cloud, each["PhysicalResourceId"])
            else:
                found[each["ResourceType"]] += 1
    return found


def read(cloud, configuration, *, new=True):
    demand = demand_of(clusters(template(configuration), new=new))
    checks = applicable(demand, ())
    return demand, checks, AccountReader(cloud).read(demand, checks)


@pytest.mark.parametrize("is_large", [False, True], ids=["small", "large"])
def test_the_library_makes_what_a_forecast_counts(engine, cloud, configuration, is_large):
    if is_large:
        with_everything(configuration, cloud)
    demand, checks, before = read(cloud, configuration)
    foreseen = compare(checks, demand, before)
    assert foreseen.warnings == ()
    # What the embedded cloud does not answer.
    unseen = {Check.VCPUS, Check.STACKS, Check.ZONES, *([Check.EFS, Check.FSX] if is_large else [])}
    assert {check for check, _ in foreseen.not_seen} == unseen

    # Log groups stay, and are named after the cluster and the minute.
    named = {"cluster_name": f"forecast-{'large' if is_large else 'small'}", "stack_tags": OWNER_TAGS}
    created = engine("create", configuration, call_id=f"forecast-{is_large}", **named)
    assert created["status"] == "succeeded", created
    stack = settle(cloud, created["stack_id"])
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    made = resources_of(cloud, created["stack_id"])
    assert {each.of: each.count for each in demand.made} == {
        of: made[kind] for kind, of in COUNTED.items() if made[kind]
    }

    _, _, after = read(cloud, configuration, new=False)
    own = [each for each in after.instances if each.cluster == named["cluster_name"]]
    assert [each.type for each in own if each.type == "t3.small"] == ["t3.small"]
    assert own[0].addresses == {cloud.exports["HEAD_NODE_SUBNET"]: 1}
    roles = {key: limit.in_use for key, limit in before.limits.items() if isinstance(limit, Limit)}
    _, _, again = read(cloud, configuration)
    for key in (ROLES, PROFILES):
        assert again.limits[key].in_use - roles[key] == {each.of: each.count for each in demand.made}[key]
    assert isinstance(again.limits[ZONES], NotSeen)

    assert engine("delete", stack_id=created["stack_id"], call_id=f"gone-{is_large}", **named)
    settle(cloud, created["stack_id"])
