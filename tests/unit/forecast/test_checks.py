"""What a forecast counts, what it leaves out, and what it says that it could not look at."""

from dataclasses import replace
from datetime import timedelta

import pytest
import yaml

from pcluster_cfn.forecast.checks import applicable, run
from pcluster_cfn.forecast.demand import ROLES, Check, demand_of
from pcluster_cfn.forecast.facts import Instance, InstanceType, Limit, NotSeen, Reservation
from pcluster_cfn.forecast.findings import ForecastWarning
from pcluster_cfn.forecast.quotas import vcpu_quota
from tests.support.accounts import ACCOUNT, NOW, clusters

STANDARD = vcpu_quota("c6i.large", "on-demand")
SMALL, LARGE = "subnet-0000000000000000c", "subnet-0000000000000000b"


def template(resource, *, queue=None, subnets=(LARGE,), version=None, configuration=None):
    queues = [
        {
            "Name": "q",
            "Networking": {"SubnetIds": list(subnets)},
            "ComputeResources": [{"Name": "c", **resource}],
            **(queue or {}),
        }
    ]
    properties = {
        "ServiceToken": "arn",
        "ClusterName": "hpc",
        "ClusterConfiguration": {
            "Image": {"Os": "alinux2023"},
            "HeadNode": {
                "InstanceType": "t3.medium",
                "Networking": {"SubnetId": "subnet-0000000000000000a"},
            },
            "Scheduling": {"Scheduler": "slurm", "SlurmQueues": queues},
            **(configuration or {}),
        },
    }
    properties |= {"PclusterVersion": version} if version else {}
    return yaml.safe_dump(
        {"Resources": {"Cluster": {"Type": "Custom::PclusterCluster", "Properties": properties}}}
    )


def found(text, check, account=ACCOUNT, *, new=True):
    return list(run(check, demand_of(clusters(text, new=new)), account))


def numbers(text, check, account=ACCOUNT):
    (warning,) = found(text, check, account)
    assert isinstance(warning, ForecastWarning)
    return dict(warning.numbers)


@pytest.mark.parametrize(
    ("name", "market", "code"),
    [
        ("c7i-flex.large", "on-demand", "L-1216C47A"),
        ("im4gn.large", "on-demand", "L-1216C47A"),
        ("m6i.large", "spot", "L-34B43A08"),
        ("dl1.24xlarge", "on-demand", "L-6E869C2A"),
        ("gr6.4xlarge", "on-demand", "L-DB2E81BA"),
        ("hpc7a.96xlarge", "on-demand", "L-F7808C92"),
        ("inf2.xlarge", "spot", "L-B5D1601B"),
        ("p6-b200.48xlarge", "on-demand", "L-417A185B"),
        ("trn1n.32xlarge", "on-demand", "L-2C3B7624"),
        ("u-6tb1.56xlarge", "on-demand", "L-43DA4232"),
        ("u7i-12tb.224xlarge", "on-demand", "L-43DA4232"),
        ("x2iedn.xlarge", "spot", "L-E3A00192"),
    ],
)
def test_a_type_counts_toward_the_quota_of_its_family(name, market, code):
    assert vcpu_quota(name, market).code == code


@pytest.mark.parametrize(
    ("name", "market"),
    [("p5.48xlarge", "capacity-block"), ("hpc7a.96xlarge", "spot"), ("quantum1.large", "on-demand")],
)
def test_a_capacity_block_and_an_unknown_family_count_toward_no_quota(name, market):
    assert vcpu_quota(name, market) is None


def test_a_quota_that_is_met_exactly_is_no_warning():
    text = template({"InstanceType": "c6i.large", "MaxCount": 10, "MinCount": 3})
    # Two of the head node, twenty of the nodes, and 34 of others.
    assert found(text, Check.VCPUS, replace(ACCOUNT, quotas={STANDARD: 56.0})) == []
    tight = replace(ACCOUNT, quotas={STANDARD: 55.0})
    assert numbers(text, Check.VCPUS, tight) == {"needs": 22, "needsAtRest": 8, "inUse": 34, "quota": 55}


def test_what_an_updated_cluster_runs_already_does_not_count_twice():
    text = template({"InstanceType": "c6i.large", "MaxCount": 10})
    running = [Instance("t3.medium", cluster="hpc"), *[Instance("c6i.large", cluster="hpc")] * 10]
    busy = replace(ACCOUNT, instances=running, quotas={STANDARD: 22.0})
    assert found(text, Check.VCPUS, busy, new=False) == []
    others = [*running, Instance("c6i.large", cluster="other")]
    assert numbers(text, Check.VCPUS, replace(busy, instances=others))["inUse"] == 2

    nodes = [Instance("c6i.large", cluster="hpc", addresses={SMALL: 1})] * 5
    text = template({"InstanceType": "c6i.large", "MaxCount": 32}, subnets=[SMALL])
    assert found(text, Check.ADDRESSES, replace(ACCOUNT, instances=nodes)) == []
    text = template({"InstanceType": "c6i.large", "MaxCount": 33}, subnets=[SMALL])
    counted = numbers(text, Check.ADDRESSES, replace(ACCOUNT, instances=nodes))
    assert counted == {"needs": 33, "has": 27, "alreadyUsed": 5}


def test_instances_of_another_market_or_family_do_not_count():
    text = template({"InstanceType": "c6i.large", "MaxCount": 10})
    others = [Instance("c6i.8xlarge", "spot"), Instance("hpc7a.96xlarge"), Instance("p5.48xlarge")]
    assert found(text, Check.VCPUS, replace(ACCOUNT, instances=others, quotas={STANDARD: 22.0})) == []


def test_a_compute_resource_without_counts_has_up_to_ten_nodes():
    text = template({"InstanceType": "c6i.large"}, subnets=[SMALL])
    account = replace(ACCOUNT, quotas={STANDARD: 0.0})
    assert numbers(text, Check.VCPUS, account) | {"inUse": 0} == {
        "needs": 22,
        "needsAtRest": 2,
        "inUse": 0,
        "quota": 0,
    }


@pytest.mark.parametrize(
    ("version", "efa", "needs"),
    [("3.14.2", True, 28), ("3.15.0", True, 7), ("3.16.1", True, 7), ("3.16.1", False, 28)],
)
def test_a_network_card_has_an_address_unless_it_is_an_adapter_of_version_3_15(version, efa, needs):
    resource = {"InstanceType": "p4d.24xlarge", "MaxCount": 7, "Efa": {"Enabled": efa}}
    empty = replace(ACCOUNT, subnets={**ACCOUNT.subnets, SMALL: replace(ACCOUNT.subnets[SMALL], free=0)})
    assert (
        numbers(template(resource, subnets=[SMALL], version=version), Check.ADDRESSES, empty)["needs"]
        == needs
    )


def test_a_login_node_has_one_address():
    pools = {
        "Pools": [
            {"Name": "l", "InstanceType": "p4d.24xlarge", "Count": 28, "Networking": {"SubnetIds": [SMALL]}}
        ]
    }
    text = template({"InstanceType": "c6i.large"}, configuration={"LoginNodes": pools})
    assert numbers(text, Check.ADDRESSES)["needs"] == 28


def test_of_several_types_the_smallest_counts():
    resource = {"Instances": [{"InstanceType": "c6i.large"}, {"InstanceType": "c6i.8xlarge"}], "MaxCount": 10}
    account = replace(ACCOUNT, instances=[], quotas={STANDARD: 22.0})
    assert found(template(resource), Check.VCPUS, account) == []


RESERVED = {
    "InstanceType": "c6i.large",
    "MaxCount": 2,
    "CapacityReservationTarget": {"CapacityReservationId": "cr-00000000000000001"},
}


@pytest.mark.parametrize(
    ("reservation", "said"),
    [
        (Reservation("c6i.large", "us-east-1b", "active", 2), None),
        (Reservation("c6i.large", "us-east-1b", "active", 2, NOW + timedelta(days=8)), None),
        (
            Reservation("c6i.large", "us-east-1b", "active", 2, NOW + timedelta(days=6)),
            "ends at 2026-01-21 12:00",
        ),
        (Reservation("c6i.large", "us-east-1b", "scheduled", 0), "is scheduled, not active"),
        (
            Reservation("c6i.large", "us-east-1a", "active", 2),
            "is in us-east-1a, and the subnets are in us-east-1b",
        ),
        (Reservation("c7i.large", "us-east-1b", "active", 2), "is for c7i.large, not c6i.large"),
        (Reservation("c6i.large", "us-east-1b", "active", 1), "is for 1 instances, and at full scale 2"),
        (None, "does not exist"),
    ],
)
def test_a_reservation_must_hold_its_nodes(reservation, said):
    account = replace(ACCOUNT, reservations={"cr-00000000000000001": reservation})
    messages = [each.message for each in found(template(RESERVED), Check.RESERVATIONS, account)]
    assert len(messages) == (said is not None)
    assert all(said in message for message in messages)


def test_a_living_cluster_makes_nothing_that_is_counted():
    text = template({"InstanceType": "c6i.large"})
    full = replace(ACCOUNT, limits={ROLES: Limit(1_000, 1_000)})
    assert len(found(text, Check.ROLES, full)) == 1
    assert found(text, Check.ROLES, full, new=False) == []


def test_roles_and_zones_of_the_user_are_not_made():
    own = {"Iam": {"InstanceProfile": "arn:aws:iam::123456789012:instance-profile/own"}}
    dns = {"SlurmSettings": {"Dns": {"DisableManagedDns": True}}}
    text = template({"InstanceType": "c6i.large"}, queue=own)
    loaded = yaml.safe_load(text)
    configuration = loaded["Resources"]["Cluster"]["Properties"]["ClusterConfiguration"]
    configuration["HeadNode"]["Iam"] = {"InstanceRole": "arn:aws:iam::123456789012:role/own"}
    configuration["Scheduling"] |= dns
    demand = demand_of(clusters(yaml.safe_dump(loaded)))
    assert {made.of: made.count for made in demand.made} == {
        "IAM roles": 1,
        "IAM instance profiles": 1,
        "stacks": 2,
    }


@pytest.mark.parametrize("check", [Check.VCPUS, Check.ADDRESSES])
def test_what_could_not_be_read_is_said_once(check):
    denied = NotSeen("not authorized")
    text = template({"InstanceType": "c6i.large"})
    assert found(text, check, replace(ACCOUNT, instances=denied)) == [denied]
    assert found(text, check, replace(ACCOUNT, types=denied)) == [denied]


def test_what_is_not_known_before_the_deployment_is_said():
    text = template({"InstanceType": "c6i.large"}).replace(f"- {LARGE}", "- Ref: Subnet")
    (unseen,) = found(text, Check.ADDRESSES)
    assert unseen.reason.startswith(
        "Cluster/ClusterConfiguration/Scheduling/SlurmQueues/0/Networking/SubnetIds"
    )
    assert found(text, Check.OFFERINGS) == [unseen]
    assert found(text, Check.VCPUS) == []


def test_a_configuration_of_which_nothing_is_known_is_said():
    properties = {"ServiceToken": "arn", "ClusterName": "hpc", "ClusterConfiguration": {"Ref": "Elsewhere"}}
    resource = {"Type": "Custom::PclusterCluster", "Properties": properties}
    demand = demand_of(clusters(yaml.safe_dump({"Resources": {"Cluster": resource}})))
    assert applicable(demand, ()) == [Check.VCPUS, Check.ADDRESSES, Check.OFFERINGS]
    for check in applicable(demand, ()):
        (unseen,) = run(check, demand, ACCOUNT)
        assert unseen.reason.startswith("Cluster/ClusterConfiguration is not given, or not known")


def test_a_check_with_nothing_to_look_at_is_not_made():
    demand = demand_of(clusters(template({"InstanceType": "c6i.large"}), new=False))
    assert applicable(demand, ()) == [Check.VCPUS, Check.ADDRESSES, Check.OFFERINGS]
    assert applicable(demand, {Check.VCPUS}) == [Check.ADDRESSES, Check.OFFERINGS]
    assert applicable(demand_of(iter(())), ()) == []


def test_a_type_that_ec2_does_not_know_is_not_counted():
    text = template({"InstanceType": "c6i.large"})
    types = {"t3.medium": InstanceType(2)}
    assert found(text, Check.VCPUS, replace(ACCOUNT, types=types)) == [NotSeen("EC2 does not know c6i.large")]
