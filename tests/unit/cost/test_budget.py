"""The judgement of bounds, with arithmetic by hand."""

from datetime import date
from decimal import Decimal

import pytest

from cluster_schema.conversion import UNKNOWN
from pcluster_cfn.cost.budget import MAX_COST, MAX_NODES, Bound, excesses, scale_of
from pcluster_cfn.cost.meters import Family, Meter, Price

DAY = date(2026, 1, 1)
QUEUE = "ClusterConfiguration/Scheduling/SlurmQueues/0"
PRICES = {
    Meter(Family.INSTANCE, "m5.large"): Price(Decimal("0.1"), "s", DAY),
    Meter(Family.INSTANCE, "c5.large"): Price(Decimal("0.2"), "s", DAY),
    Meter(Family.INSTANCE, "c5.xlarge"): Price(Decimal("0.4"), "s", DAY),
    # 45 GB for 730 hours are 0.045 USD an hour and node.
    Meter(Family.VOLUME, "gp3"): Price(Decimal("0.73"), "s", DAY),
    Meter(Family.LOAD_BALANCER, "network"): Price(Decimal("0.02"), "s", DAY),
}
#: A head node, two login nodes, and 3 + 10 compute nodes.
LOGIN_NODES = {"Pools": [{"Name": "login", "InstanceType": "m5.large", "Count": "2"}]}
SLURM = {
    "Scheduler": "slurm",
    "SlurmQueues": [
        {
            "Name": "q",
            "ComputeResources": [
                {"Name": "small", "InstanceType": "c5.large", "MaxCount": "3"},
                {"Name": "large", "InstanceType": "c5.xlarge"},
            ],
        }
    ],
}
CLUSTER = {"HeadNode": {"InstanceType": "m5.large"}, "LoginNodes": LOGIN_NODES, "Scheduling": SLURM}


def slurm(*resources, **more):
    queue = {"Name": "q", "ComputeResources": [{"Name": f"r{n}", **each} for n, each in enumerate(resources)]}
    return {
        "HeadNode": {"InstanceType": "m5.large"},
        "Scheduling": {"Scheduler": "slurm", "SlurmQueues": [queue | more]},
    }


def nodes(limit, set_by="provider"):
    return Bound(MAX_NODES, Decimal(limit), set_by)


def cost(limit, set_by="provider"):
    return Bound(MAX_COST, Decimal(limit), set_by)


def judged(wanted, *bounds, in_force=None):
    present = None if in_force is None else scale_of(in_force, PRICES)
    found = excesses(scale_of(wanted, PRICES), bounds, present)
    return [f"{each.what} {each.way_out}" for each in found]


def test_head_node_login_nodes_and_every_compute_resource_at_its_maximum_are_nodes():
    scale = scale_of(CLUSTER, {})
    assert [(each.path, each.count) for each in scale.nodes] == [
        ("/HeadNode", 1),
        ("/LoginNodes/Pools/0", 2),
        ("/Scheduling/SlurmQueues/0/ComputeResources/0", 3),
        ("/Scheduling/SlurmQueues/0/ComputeResources/1", 10),
    ]
    assert scale.node_count == 1 + 2 + 3 + 10


@pytest.mark.parametrize(
    ("resource", "count"),
    [({}, 10), ({"MaxCount": 4}, 4), ({"MinCount": "12", "MaxCount": "4"}, 12), ({"MaxCount": UNKNOWN}, 0)],
)
def test_a_compute_resource_has_the_library_s_defaults(resource, count):
    assert scale_of(slurm(resource), {}).node_count == 1 + count


@pytest.mark.parametrize(
    ("resource", "count"), [({"MaxvCpus": 64}, 64), ({}, 10), ({"MaxvCpus": UNKNOWN}, 0)]
)
def test_every_vcpu_of_aws_batch_may_be_a_node(resource, count):
    batch = {
        "HeadNode": {"InstanceType": "m5.large"},
        "Scheduling": {"AwsBatchQueues": [{"Name": "b", "ComputeResources": [resource]}]},
    }
    scale = scale_of(batch, {})
    assert (scale.nodes[1].path, scale.node_count) == ("/Scheduling/AwsBatchQueues/0", 1 + count)


@pytest.mark.parametrize(("limit", "refusals"), [("15", 1), ("16", 0), ("17", 0)])
def test_as_many_nodes_as_the_bound_are_allowed(limit, refusals):
    assert len(judged(CLUSTER, nodes(limit))) == refusals


def test_the_cost_is_that_at_scale():
    # Instances 0.1 + 2 * 0.1 + 3 * 0.2 + 10 * 0.4, 16 root volumes of 0.045, one load balancer.
    assert scale_of(CLUSTER, PRICES).cost.at_scale == Decimal("4.9") + 16 * Decimal("0.045") + Decimal("0.02")
    assert judged(CLUSTER, cost("5.64")) == []
    assert len(judged(CLUSTER, cost("5.63"))) == 1


def test_a_refusal_names_value_bound_who_set_it_the_largest_parts_and_the_ways_out():
    small, large = (f"{QUEUE}/ComputeResources/{index}" for index in (0, 1))
    of_nodes, of_cost = judged(CLUSTER, nodes(5), cost("5", "property"))
    assert of_nodes == (
        "at full scale the cluster has 16 nodes, more than MaxNodes of the provider stack (5). "
        f"Largest parts: {large} (queue q/large): 10; {small} (queue q/small): 3; "
        "ClusterConfiguration/LoginNodes/Pools/0 (login nodes login): 2; "
        "ClusterConfiguration/HeadNode (head node): 1. "
        "Lower MaxCount or Count, or ask the provider's operator for another MaxNodes."
    )
    assert of_cost == (
        "at full scale the cluster costs 5.640 USD an hour, more than MaxHourlyCostAtScale of the resource "
        f"(5). Largest parts: {large} (queue q/large): 4.000; {small} (queue q/small): 0.600; "
        f"{large} (queue q/large: root volume): 0.450; "
        "ClusterConfiguration/LoginNodes/Pools/0 (login nodes login): 0.200; "
        f"{small} (queue q/small: root volume): 0.135. "
        "Lower MaxCount, choose cheaper instance types or storage, or change the property "
        "MaxHourlyCostAtScale."
    )


def test_what_has_no_price_is_refused_by_name_where_the_cost_is_bounded_only():
    new = slurm({"InstanceType": "x9.new", "MaxCount": 4})
    (refusal,) = judged(new, cost(1000))
    assert refusal == (
        "what the cluster costs at full scale is not known, and MaxHourlyCostAtScale of the provider stack "
        f"(1000) bounds it. No price: {QUEUE}/ComputeResources/0 (queue q/r0): no price is known for 4 x "
        "x9.new. Use what has a price, or ask the provider's operator for another MaxHourlyCostAtScale; "
        "MaxNodes needs no prices."
    )
    assert judged(new, nodes(5)) == []


@pytest.mark.parametrize(
    "configuration",
    [
        slurm({"InstanceType": "c5.large"}, CapacityType="CAPACITY_BLOCK"),
        slurm({"InstanceType": "c5.large"}, CapacityReservationTarget={"CapacityReservationId": "cr-1"}),
        {**slurm(), "Scheduling": {"AwsBatchQueues": [{"Name": "b", "ComputeResources": [{}]}]}},
        {**slurm(), "Image": {"Os": "rhel9"}},
        {**slurm(), "Image": {"Os": "alinux2023", "CustomAmi": "ami-1"}},
        {**slurm(), "SharedStorage": [{"Name": "s", "StorageType": "FsxOntap", "FsxOntapSettings": {}}]},
    ],
)
def test_nothing_that_costs_and_has_no_price_passes_silently(configuration):
    (refusal,) = judged(configuration, cost(1000))
    assert "No price: ClusterConfiguration/" in refusal


def test_a_cluster_that_does_not_grow_is_not_refused_though_it_exceeds_the_bounds():
    before = slurm({"InstanceType": "c5.large", "MaxCount": 8})
    bounds = (nodes(2), cost("0.5"))
    half = {"InstanceType": "c5.large", "MaxCount": 4}
    smaller = slurm({"InstanceType": "c5.large", "MaxCount": 7})
    for wanted in (before, slurm(half, half), smaller):
        assert judged(wanted, *bounds, in_force=before) == []
    assert len(judged(slurm({"InstanceType": "c5.large", "MaxCount": 9}), *bounds, in_force=before)) == 2
    dearer = slurm({"InstanceType": "c5.xlarge", "MaxCount": 5})
    assert ["costs" in each for each in judged(dearer, *bounds, in_force=before)] == [True]


@pytest.mark.parametrize(
    ("wanted", "is_refused"),
    [
        (slurm({"InstanceType": "x9.new", "MaxCount": 4}), False),
        (slurm({"InstanceType": "x9.new", "MaxCount": 3}), False),
        (slurm({"InstanceType": "x9.new", "MaxCount": 5}), True),
        (slurm({"InstanceType": "x9.newer", "MaxCount": 4}), True),
        (slurm({"InstanceType": "c5.large", "MaxCount": 4}), False),
    ],
)
def test_of_what_has_no_price_there_may_be_less_but_not_more(wanted, is_refused):
    # Dearer parts that have a price, so that only what has none decides.
    rest = {"SharedStorage": [{"Name": "s", "StorageType": "Ebs", "EbsSettings": {"Size": 10_000}}]}
    before = {**slurm({"InstanceType": "x9.new", "MaxCount": 4}), **rest}
    assert bool(judged(wanted, cost(100), in_force=before)) is is_refused


def test_vcpus_of_aws_batch_may_not_grow_where_the_cost_is_bounded():
    def batch(vcpus):
        resources = [{"Name": "r", "MaxvCpus": vcpus}]
        return {**slurm(), "Scheduling": {"AwsBatchQueues": [{"Name": "b", "ComputeResources": resources}]}}

    assert judged(batch(9), cost(100), in_force=batch(10)) == []
    assert judged(batch(11), cost(100), in_force=batch(10)) != []


def test_bounds_are_those_of_a_call():
    argument = {
        "max_nodes": {"limit": "20", "set_by": "property"},
        "max_hourly_cost_at_scale": {"limit": "12.5", "set_by": "provider"},
    }
    assert Bound.parse_all(argument) == (nodes(20, "property"), cost("12.5"))
