"""What a cluster configuration makes that costs something; pure.

A configuration is ParallelCluster's own, as a map. Numbers may be text, as a custom resource receives them.
What is neither text nor a number counts as not known. Defaults are the library's.
Source: aws-parallelcluster 3.16.1, pcluster/config/cluster_config.py and pcluster/constants.py.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from pcluster_cfn.cost.meters import Family, Meter

#: The second is the default of MaxvCpus, too. Source: constants.py, DEFAULT_MIN_COUNT and DEFAULT_MAX_COUNT.
_MIN_COUNT, _MAX_COUNT = 0, 10
#: Size of a root volume without ``Size``: that of the official image, which this is not below.
#: Source: constants.py, EBS_ROOT_VOLUME_SIZE_DEFAULT.
ROOT_VOLUME_GB = 45
_VOLUME_TYPE = "gp3"
#: IOPS and MiB/s that the price of a gp3 volume includes.
#: Source: EBS user guide, "General Purpose SSD volumes".
_INCLUDED_IOPS, _INCLUDED_THROUGHPUT = 3000, 125
#: Source: constants.py, EBS_VOLUME_TYPE_IOPS_DEFAULT.
_PROVISIONED_IOPS = {"io1": 100, "io2": 100}
_NOT_KNOWN = "not known before the deployment"
#: Keys whose unknown value leaves something out of an estimate, or lets it assume a default.
_DECISIVE = frozenset(
    {
        *("LoginNodes", "Pools", "Scheduling", "SlurmQueues", "AwsBatchQueues", "ComputeResources"),
        *("Instances", "CapacityType", "CapacityReservationTarget", "ComputeSettings", "LocalStorage"),
        *("RootVolume", "ElasticIp", "AssignPublicIp", "SharedStorage", "StorageType", "EbsSettings"),
        *("EfsSettings", "FsxLustreSettings", "Raid", "ThroughputMode", "DeploymentType"),
    }
)


@dataclass(frozen=True)
class Part:
    """Something of a cluster that costs.

    Attributes:
        name: What it is.
        meters: What is paid for. Of several, any one may be used, so the dearest counts.
        at_rest: How much of it there is without jobs.
        at_scale: How much of it there is with every compute resource at ``MaxCount``.
        spot_limit: ``SpotPrice``, the most that is paid for an hour of a Spot Instance; None if not set.
        path: Its place in the configuration, as in ``/Scheduling/SlurmQueues/0``; empty if it has none.
    """

    name: str
    meters: tuple[Meter, ...]
    at_rest: Decimal
    at_scale: Decimal
    spot_limit: Decimal | None = None
    path: str = field(default="", compare=False)


@dataclass(frozen=True)
class NotPriced:
    """Something of a cluster that costs, or may, and is in no sum.

    Attributes:
        name: What it is.
        reason: Why it has no price here.
        is_gap: Whether the sums are too small without it; not so for what is paid by its use.
        unit: What ``quantity`` counts, such as an instance type; empty for the thing itself.
        quantity: How much of it there is at scale.
        path: Its place in the configuration, as in ``/Scheduling/SlurmQueues/0``; empty if it has none.
    """

    name: str
    reason: str
    is_gap: bool = True
    unit: str = field(default="", compare=False)
    quantity: Decimal = field(default=Decimal(1), compare=False)
    path: str = field(default="", compare=False)


Found = Part | NotPriced


@dataclass(frozen=True)
class Count:
    """How many there are of something, at rest and at scale."""

    at_rest: int
    at_scale: int


ONE = Count(1, 1)


def nodes_of(configuration: Mapping[str, Any]) -> Iterator[Found]:
    """Yields the head node, the login nodes and the compute nodes of a configuration, with their volumes."""
    head, own_ami = section(configuration, "HeadNode"), _custom_ami(configuration)
    yield from at("/HeadNode", _head_node(head, _custom_ami(head) or own_ami))
    for path, pool in placed(configuration, "LoginNodes", "Pools"):
        yield from at(path, _login_nodes(pool, _custom_ami(pool) or own_ami))
    for path, queue in placed(configuration, "Scheduling", "SlurmQueues"):
        for inner, resource in placed(queue, "ComputeResources"):
            found = _compute_resource(queue, resource, _custom_ami(queue) or own_ami)
            yield from at(f"{path}{inner}", found)
    for path, queue in placed(configuration, "Scheduling", "AwsBatchQueues"):
        name, reason = f"queue {queue.get('Name')}", "AWS Batch chooses the instances, up to MaxvCpus"
        vcpus = [max_vcpus(each) or 0 for each in entries(queue, "ComputeResources")]
        yield NotPriced(name, reason, unit="vCPU", quantity=Decimal(sum(vcpus)), path=path)


def _head_node(head: Mapping[str, Any], custom_ami: bool) -> Iterator[Found]:
    yield from _instances("head node", [head.get("InstanceType")], ONE)
    yield from _root_volume("head node", head, custom_ami, ONE)
    if str(section(head, "Networking").get("ElasticIp", False)).lower() == "true":
        yield Part("head node: Elastic IP", (Meter(Family.PUBLIC_IPV4, "address"),), Decimal(1), Decimal(1))


def _login_nodes(pool: Mapping[str, Any], custom_ami: bool) -> Iterator[Found]:
    name = f"login nodes {pool.get('Name')}"
    count = login_nodes(pool)
    if count is None:
        yield NotPriced(name, f"Count is {_NOT_KNOWN}")
        return
    nodes = Count(count, count)
    yield from _instances(name, [pool.get("InstanceType")], nodes)
    yield from _root_volume(name, pool, custom_ami, nodes)
    # Source: templates/login_nodes_stack.py: a Network Load Balancer for each pool.
    yield Part(f"{name}: load balancer", (Meter(Family.LOAD_BALANCER, "network"),), Decimal(1), Decimal(1))


def _compute_resource(
    queue: Mapping[str, Any], resource: Mapping[str, Any], custom_ami: bool
) -> Iterator[Found]:
    name = f"queue {queue.get('Name')}/{resource.get('Name')}"
    nodes = compute_nodes(resource)
    if nodes is None:
        yield NotPriced(name, f"MinCount or MaxCount is {_NOT_KNOWN}")
        return
    capacity = str(queue.get("CapacityType", "ONDEMAND")).upper()
    if capacity == "CAPACITY_BLOCK":
        reason = "runs in a capacity block, which is paid in advance"
        yield NotPriced(name, reason, unit=_unit(resource), quantity=Decimal(nodes.at_scale))
    elif section(resource, "CapacityReservationTarget") or section(queue, "CapacityReservationTarget"):
        reason = "runs in a capacity reservation, which is paid for whether it is used or not"
        yield NotPriced(name, reason, unit=_unit(resource), quantity=Decimal(nodes.at_scale))
    else:
        yield from _fleet(name, resource, capacity == "SPOT", nodes)
    yield from _root_volume(name, section(queue, "ComputeSettings"), custom_ami, nodes)
    if str(section(queue, "Networking").get("AssignPublicIp", False)).lower() == "true":
        meter = Meter(Family.PUBLIC_IPV4, "address")
        yield Part(f"{name}: public addresses", (meter,), Decimal(nodes.at_rest), Decimal(nodes.at_scale))


def _fleet(name: str, resource: Mapping[str, Any], is_spot: bool, nodes: Count) -> Iterator[Found]:
    types = _types(resource)
    if is_spot:
        limit = number(resource.get("SpotPrice"), None)
        yield from _instances(name, types, nodes, family=Family.SPOT, spot_limit=limit)
    else:
        yield from _instances(name, types, nodes)


def _types(resource: Mapping[str, Any]) -> list[Any]:
    types = [each.get("InstanceType") for each in entries(resource, "Instances")]
    return types or [resource.get("InstanceType")]


def _unit(resource: Mapping[str, Any]) -> str:
    return "/".join(map(str, _types(resource)))


def _instances(
    name: str,
    types: Sequence[Any],
    nodes: Count,
    *,
    family: Family = Family.INSTANCE,
    spot_limit: Decimal | None = None,
) -> Iterator[Found]:
    """Yields instances of one type, or of any of several."""
    if not all(isinstance(each, str) for each in types):
        yield NotPriced(name, f"InstanceType is {_NOT_KNOWN}")
        return
    meters = tuple(Meter(family, each) for each in types)
    yield Part(name, meters, Decimal(nodes.at_rest), Decimal(nodes.at_scale), spot_limit)


def _root_volume(name: str, owner: Mapping[str, Any], custom_ami: bool, nodes: Count) -> Iterator[Found]:
    settings = section(section(owner, "LocalStorage"), "RootVolume")
    name = f"{name}: root volume"
    if custom_ami and "Size" not in settings:
        reason = "its size is that of the custom AMI; RootVolume.Size would say it"
        yield NotPriced(name, reason, quantity=Decimal(nodes.at_scale))
        return
    yield from volume(name, settings, ROOT_VOLUME_GB, nodes)


def volume(name: str, settings: Mapping[str, Any], size_gb: int, count: Count) -> Iterator[Found]:
    """Yields an EBS volume: its storage, and the IOPS and the throughput that are paid for beside it.

    Args:
        name: What it is.
        settings: ``Size``, ``VolumeType``, ``Iops`` and ``Throughput``.
        size_gb: Its size without ``Size``.
        count: How many there are.
    """
    kind = settings.get("VolumeType", _VOLUME_TYPE)
    size = number(settings.get("Size"), size_gb)
    iops = number(settings.get("Iops"), _PROVISIONED_IOPS.get(str(kind), 0))
    throughput = number(settings.get("Throughput"), 0)
    if not isinstance(kind, str) or size is None or iops is None or throughput is None:
        yield NotPriced(name, f"a part of its settings is {_NOT_KNOWN}")
        return
    extra_iops = iops if kind in _PROVISIONED_IOPS else max(Decimal(0), iops - _INCLUDED_IOPS)
    extra_throughput = max(Decimal(0), throughput - _INCLUDED_THROUGHPUT)
    paid = (
        (name, Family.VOLUME, size),
        (f"{name}, IOPS", Family.VOLUME_IOPS, extra_iops),
        (f"{name}, throughput", Family.VOLUME_THROUGHPUT, extra_throughput),
    )
    for title, family, each in paid:
        if each:
            yield Part(title, (Meter(family, kind),), each * count.at_rest, each * count.at_scale)


def section(owner: Any, name: str) -> Mapping[str, Any]:
    """Returns a section of a configuration; an empty one if there is none."""
    found = owner.get(name) if isinstance(owner, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def entries(owner: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Returns the maps in a list of a configuration."""
    found = owner.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def placed(owner: Mapping[str, Any], *keys: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields the maps in a list of a configuration, each with its place below ``owner``."""
    found: Any = owner
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    for index, each in enumerate(found if isinstance(found, list) else []):
        if isinstance(each, Mapping):
            yield f"/{'/'.join(keys)}/{index}", each


def at(path: str, found: Iterable[Found]) -> Iterator[Found]:
    """Yields parts with their place in the configuration."""
    return (replace(each, path=path) for each in found)


def login_nodes(pool: Mapping[str, Any]) -> int | None:
    """Returns how many nodes a pool has; None if that is not known."""
    count = number(pool.get("Count"), 1)
    return None if count is None else int(count)


def compute_nodes(resource: Mapping[str, Any]) -> Count | None:
    """Returns how many nodes a compute resource of Slurm has; None if that is not known."""
    low, high = number(resource.get("MinCount"), _MIN_COUNT), number(resource.get("MaxCount"), _MAX_COUNT)
    return None if low is None or high is None else Count(int(low), int(max(low, high)))


def max_vcpus(resource: Mapping[str, Any]) -> int | None:
    """Returns how many vCPUs a compute resource of AWS Batch has at most; None if that is not known."""
    vcpus = number(resource.get("MaxvCpus"), _MAX_COUNT)
    return None if vcpus is None else int(vcpus)


def number(value: Any, default: Decimal | int | None) -> Decimal | None:
    """Returns a number; the default if there is none, and None if it is not known."""
    if value is None:
        return None if default is None else Decimal(default)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        text = str(value).strip()
        return Decimal(text) if text.replace(".", "", 1).isdigit() else None
    return None


def unknown_parts(value: Any, path: str = "") -> Iterator[NotPriced]:
    """Yields the values of a configuration that decide what is there and are not known."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            inner = f"{path}.{key}" if path else str(key)
            known = item if isinstance(item, list) else [item]
            if key in _DECISIVE and not all(_is_known(each) for each in known):
                yield NotPriced(inner, f"{_NOT_KNOWN}; counted as if it were not there")
            yield from unknown_parts(item, inner)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unknown_parts(item, f"{path}[{index}]")


def _is_known(value: Any) -> bool:
    return value is None or isinstance(value, Mapping | str | int | float)


def _custom_ami(owner: Mapping[str, Any]) -> bool:
    return bool(section(owner, "Image").get("CustomAmi"))
