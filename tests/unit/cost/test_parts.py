"""What a configuration makes that costs, and what is named because it cannot be priced."""

from datetime import date
from decimal import Decimal

import pytest

from cluster_schema.conversion import UNKNOWN
from pcluster_cfn.cost.estimate import estimate, meters_of
from pcluster_cfn.cost.meters import Family, Meter, Price
from pcluster_cfn.cost.other_parts import parts_of
from pcluster_cfn.cost.parts import NotPriced, Part

HEAD = {"InstanceType": "m5.large"}
DAY = date(2026, 1, 1)


def queue(resource=None, **queue):
    resource = {"Name": "r", "InstanceType": "c5.large", **(resource or {})}
    return {
        "HeadNode": HEAD,
        "Scheduling": {
            "Scheduler": "slurm",
            "SlurmQueues": [{"Name": "q", "ComputeResources": [resource], **queue}],
        },
    }


def parts(configuration, prefix=""):
    found = [
        each for each in parts_of(configuration) if isinstance(each, Part) and each.name.startswith(prefix)
    ]
    return [(each.name, [str(meter) for meter in each.meters], each.at_rest, each.at_scale) for each in found]


def gaps(configuration):
    found = (each for each in parts_of(configuration) if isinstance(each, NotPriced) and each.is_gap)
    return {each.name: each.reason for each in found}


def prices(**usd):
    named = {"c5.large": "1", "c5.xlarge": "2", "m5.large": "1", **usd}
    found = {Meter(Family.INSTANCE, name): Price(Decimal(each), "s", DAY) for name, each in named.items()}
    return found | {Meter(Family.VOLUME, "gp3"): Price(Decimal("0.73"), "s", DAY)}


def test_static_nodes_are_there_at_rest_and_all_at_scale():
    assert parts(queue({"MinCount": "2", "MaxCount": "5"}), "queue") == [
        ("queue q/r", ["instance/c5.large"], 2, 5),
        ("queue q/r: root volume", ["volume/gp3"], 90, 225),
    ]


def test_counts_have_the_library_s_defaults():
    assert parts(queue(), "queue q/r")[0][2:] == (0, 10)


def test_a_resource_without_nodes_costs_nothing_and_is_not_named():
    assert parts(queue({"MaxCount": 0}), "queue") == []
    assert gaps(queue({"InstanceType": "none.such", "MaxCount": 0})) == {}


def test_of_several_types_the_dearest_counts():
    several = queue(
        {"Instances": [{"InstanceType": "c5.large"}, {"InstanceType": "c5.xlarge"}], "MaxCount": 3}
    )
    (line,) = [each for each in estimate(several, prices()).lines if each.part.name == "queue q/r"]
    assert (line.meter.name, line.at_scale) == ("c5.xlarge", 6)


def test_several_types_have_no_price_if_one_has_none():
    several = queue({"Instances": [{"InstanceType": "c5.large"}, {"InstanceType": "x1.new"}], "MaxCount": 3})
    found = {each.name: each.reason for each in estimate(several, prices()).gaps}
    assert found == {"queue q/r": "no price is known for 3 x x1.new"}


@pytest.mark.parametrize(
    ("resource", "of_queue", "reason"),
    [
        ({}, {"CapacityType": "CAPACITY_BLOCK"}, "capacity block"),
        ({"CapacityReservationTarget": {"CapacityReservationId": "cr-1"}}, {}, "capacity reservation"),
        ({}, {"CapacityReservationTarget": {"CapacityReservationId": "cr-1"}}, "capacity reservation"),
        ({"InstanceType": None}, {}, "InstanceType is not known"),
        ({"MaxCount": UNKNOWN}, {}, "MaxCount is not known"),
    ],
)
def test_nodes_without_an_hourly_price_are_named(resource, of_queue, reason):
    assert reason in gaps(queue(resource, **of_queue))["queue q/r"]


def test_the_volumes_of_reserved_nodes_are_paid_for():
    assert parts(queue({"MaxCount": 1}, CapacityType="CAPACITY_BLOCK"), "queue") == [
        ("queue q/r: root volume", ["volume/gp3"], 0, 45)
    ]


@pytest.mark.parametrize(
    ("volume", "paid"),
    [
        ({}, [("volume/gp3", 45)]),
        ({"Size": 200, "VolumeType": "gp2"}, [("volume/gp2", 200)]),
        ({"Iops": 3000, "Throughput": 125}, [("volume/gp3", 45)]),
        (
            {"Iops": "5000", "Throughput": 500},
            [("volume/gp3", 45), ("volume-iops/gp3", 2000), ("volume-throughput/gp3", 375)],
        ),
        ({"VolumeType": "io2"}, [("volume/io2", 45), ("volume-iops/io2", 100)]),
        ({"VolumeType": "io1", "Iops": 900}, [("volume/io1", 45), ("volume-iops/io1", 900)]),
    ],
)
def test_a_volume_is_paid_by_size_and_by_what_is_beyond_its_type(volume, paid):
    head = {"HeadNode": {**HEAD, "LocalStorage": {"RootVolume": volume}}}
    assert [(meters[0], at_rest) for _, meters, at_rest, _ in parts(head, "head node: root")] == paid


def test_the_root_volume_of_a_custom_ami_has_no_known_size():
    with_ami = {"Image": {"CustomAmi": "ami-1"}, "HeadNode": HEAD}
    assert list(gaps(with_ami)) == ["head node: root volume"]
    with_ami["HeadNode"] = {**HEAD, "LocalStorage": {"RootVolume": {"Size": 60}}}
    assert gaps(with_ami) == {}


def test_public_addresses_are_paid_for_where_the_configuration_asks_for_them():
    asked = queue({"MinCount": 1, "MaxCount": 3}, Networking={"AssignPublicIp": "true"})
    asked["HeadNode"] = {**HEAD, "Networking": {"ElasticIp": True}}
    found = [
        (name, at_rest, at_scale) for name, meters, at_rest, at_scale in parts(asked) if "ipv4" in meters[0]
    ]
    assert found == [("head node: Elastic IP", 1, 1), ("queue q/r: public addresses", 1, 3)]


@pytest.mark.parametrize(
    ("storage", "paid", "gap"),
    [
        ({"StorageType": "Ebs"}, [("volume/gp3", 40)], ""),
        ({"StorageType": "Ebs", "EbsSettings": {"Size": 9, "Raid": {"Type": 0}}}, [("volume/gp3", 18)], ""),
        ({"StorageType": "Ebs", "EbsSettings": {"VolumeId": "vol-1", "Size": 100}}, [], ""),
        ({"StorageType": "Efs"}, [], ""),
        ({"StorageType": "Efs", "EfsSettings": {"ProvisionedThroughput": UNKNOWN}}, [], "throughput"),
        (
            {"StorageType": "FsxLustre", "FsxLustreSettings": {"StorageCapacity": 1200}},
            [("lustre/SSD scratch", 1200)],
            "",
        ),
        (
            {
                "StorageType": "FsxLustre",
                "FsxLustreSettings": {
                    "StorageCapacity": "2400",
                    "DeploymentType": "PERSISTENT_2",
                    "PerUnitStorageThroughput": "250",
                },
            },
            [("lustre/SSD 250", 2400)],
            "",
        ),
        ({"StorageType": "FsxLustre", "FsxLustreSettings": {"BackupId": "b-1"}}, [], "shared storage s"),
        ({"StorageType": "FsxOntap", "FsxOntapSettings": {"VolumeId": "fsvol-1"}}, [], ""),
        ({"StorageType": UNKNOWN}, [], "StorageType"),
    ],
)
def test_shared_storage(storage, paid, gap):
    made = {"HeadNode": HEAD, "SharedStorage": [{"Name": "s", "MountDir": "/s", **storage}]}
    assert [(meters[0], at_rest) for _, meters, at_rest, _ in parts(made, "shared storage")] == paid
    assert bool(gaps(made)) == bool(gap)
    assert any(gap in name for name in gaps(made)) or not gap


@pytest.mark.parametrize(
    "configuration",
    [
        {"HeadNode": HEAD, "Scheduling": {"SlurmQueues": UNKNOWN}},
        {"HeadNode": HEAD, "Scheduling": {"SlurmQueues": [UNKNOWN]}},
        {"HeadNode": HEAD, "LoginNodes": UNKNOWN},
        {"HeadNode": HEAD, "SharedStorage": [UNKNOWN]},
        queue(CapacityType=UNKNOWN),
        {"HeadNode": UNKNOWN},
    ],
)
def test_what_is_not_known_is_a_gap_and_never_silently_nothing(configuration):
    assert any("not known" in reason for reason in gaps(configuration).values())


def test_a_subnet_that_is_not_known_costs_nothing():
    assert gaps({"HeadNode": {**HEAD, "Networking": {"SubnetId": UNKNOWN}}}) == {}


def test_logging_and_a_red_hat_licence_are_named():
    names = {each.name for each in parts_of({"HeadNode": HEAD, "Image": {"Os": "rhel9"}})}
    assert {"CloudWatch logs", "Red Hat Enterprise Linux"} <= names
    quiet = {"HeadNode": HEAD, "Monitoring": {"Logs": {"CloudWatch": {"Enabled": False}}}}
    assert "CloudWatch logs" not in {each.name for each in parts_of(quiet)}


def test_burstable_instances_are_named_and_trainium_is_not_one():
    def names(kind):
        return {each.name for each in parts_of({"HeadNode": {"InstanceType": kind}})}

    assert "CPU credits of burstable instances" in names("t3.small")
    assert "CPU credits of burstable instances" not in names("trn1.2xlarge")


def test_a_spot_instance_needs_its_spot_price_and_the_on_demand_price_that_bounds_it():
    needed = meters_of(queue(CapacityType="SPOT"))
    assert {Meter(Family.SPOT, "c5.large"), Meter(Family.INSTANCE, "c5.large")} <= needed


@pytest.mark.parametrize(
    ("spot", "limit", "paid", "is_bound"),
    [
        ("0.4", None, "4.0", False),
        (None, None, "10", True),
        ("0.4", "0.3", "3.0", False),
        (None, "0.3", "3.0", True),
    ],
)
def test_a_spot_instance_costs_its_price_or_at_most_a_bound(spot, limit, paid, is_bound):
    known = dict(prices())
    if spot:
        known[Meter(Family.SPOT, "c5.large")] = Price(Decimal(spot), "s", DAY)
    cost = estimate(queue({"SpotPrice": limit}, CapacityType="SPOT"), known)
    (line,) = [each for each in cost.lines if each.part.name == "queue q/r"]
    assert (line.at_scale, line.is_bound) == (Decimal(paid), is_bound)


def test_the_largest_parts_come_first():
    cost = estimate(queue({"MaxCount": 5}), prices())
    assert [line.part.name for line in cost.largest(2)] == ["queue q/r", "head node"]
    assert (cost.at_rest, cost.at_scale) == (Decimal("1.045"), Decimal("6.27"))
