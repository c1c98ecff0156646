"""What clusters need of an account, read from their configurations."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from cluster_schema.conversion import UNKNOWN
from pcluster_cfn.forecast.clusters import Cluster, Site
from pcluster_cfn.forecast.facts import LimitKey
from pcluster_cfn.forecast.quotas import EFS, LUSTRE, Market, Quota

#: Numbers of nodes of a compute resource that does not give them. Source: pcluster.constants,
#: DEFAULT_MIN_COUNT and DEFAULT_MAX_COUNT.
_MIN_COUNT, _MAX_COUNT = 0, 10
#: Source: ParallelCluster user guide, "SlurmQueues", CapacityType.
_MARKETS: dict[str, Market] = {
    "ONDEMAND": "on-demand",
    "SPOT": "spot",
    "CAPACITY_BLOCK": "capacity-block",
}
#: Type of a new file system of FSx for Lustre. Source: pcluster/config/cluster_config.py, SharedFsxLustre.
_LUSTRE_DEFAULT = "SCRATCH_2"
#: Names of limits that are not in Service Quotas, or that another call tells with what counts toward them.
ROLES, PROFILES, STACKS, ZONES = "IAM roles", "IAM instance profiles", "stacks", "hosted zones"


class Check(StrEnum):
    """The checks, by the codes that switch them off."""

    VCPUS = "VCpuQuota"
    ADDRESSES = "SubnetAddresses"
    OFFERINGS = "InstanceTypeOffering"
    RESERVATIONS = "CapacityReservation"
    ROLES = "RoleQuota"
    PROFILES = "InstanceProfileQuota"
    STACKS = "StackQuota"
    ZONES = "HostedZoneQuota"
    EFS = "EfsQuota"
    FSX = "FsxQuota"


_CHECKS = {ROLES: Check.ROLES, PROFILES: Check.PROFILES, STACKS: Check.STACKS, ZONES: Check.ZONES}


@dataclass(frozen=True)
class Nodes:
    """Nodes of one kind: the head node, those of a pool, or those of a compute resource.

    Args:
        cluster: Their cluster.
        kind: What they are.
        types: Their instance types, one of which each has; empty if none is known.
        at_rest: How many there always are; None if that is not known.
        at_scale: How many there are at most; None if that is not known.
        subnets: Subnets, in one of which each is; empty if none is known.
        market: How they are bought; None if that is not known.
        efa: Whether they have Elastic Fabric Adapters.
        reservation: Id of their capacity reservation; empty if they have none, or it is not known.
        is_reserved_by_group: Whether a resource group has their capacity reservations.
        type_at: Place of the types.
        count_at: Place of the number.
        subnets_at: Place of the subnets.
        reservation_at: Place of the reservation.
    """

    cluster: Cluster
    kind: Literal["head", "login", "compute"]
    types: tuple[str, ...]
    at_rest: int | None
    at_scale: int | None
    subnets: tuple[str, ...]
    type_at: Site
    count_at: Site
    subnets_at: Site
    reservation_at: Site
    market: Market | None = "on-demand"
    efa: bool = False
    reservation: str = ""
    is_reserved_by_group: bool = False


@dataclass(frozen=True)
class Made:
    """How many of a thing a new cluster makes: IAM roles, stacks, file systems of one quota."""

    cluster: Cluster
    of: LimitKey
    count: int

    @property
    def check(self) -> Check:
        """The check that compares it with its limit."""
        if isinstance(self.of, Quota):
            return Check.EFS if self.of == EFS else Check.FSX
        return _CHECKS[self.of]


@dataclass(frozen=True)
class Demand:
    """What clusters need.

    Args:
        nodes: Their nodes.
        made: What new ones make.
        unknown: Places of configurations that are not known at all.
    """

    nodes: tuple[Nodes, ...]
    made: tuple[Made, ...]
    unknown: tuple[Site, ...] = ()

    @property
    def types(self) -> list[str]:
        """All instance types, sorted."""
        return sorted({name for nodes in self.nodes for name in nodes.types})

    @property
    def subnets(self) -> list[str]:
        """All subnets, sorted."""
        return sorted({subnet for nodes in self.nodes for subnet in nodes.subnets})

    @property
    def cluster_names(self) -> set[str]:
        """The clusters' names."""
        return {nodes.cluster.name for nodes in self.nodes} - {""}


def demand_of(clusters: Iterable[Cluster]) -> Demand:
    """Returns what clusters need."""
    every = list(clusters)
    known = [each for each in every if isinstance(each.configuration, dict)]
    return Demand(
        tuple(nodes for cluster in known for nodes in _nodes(cluster)),
        tuple(made for cluster in known if cluster.is_new for made in _made(cluster)),
        tuple(each.site() for each in every if each not in known),
    )


def _nodes(cluster: Cluster) -> Iterator[Nodes]:
    yield _head_node(cluster)
    for index, pool in _entries(cluster.configuration, "LoginNodes", "Pools"):
        yield _login_nodes(cluster, index, pool)
    for index, queue in _entries(cluster.configuration, "Scheduling", "SlurmQueues"):
        for position, resource in _entries(queue, "ComputeResources"):
            yield _compute_nodes(cluster, (index, queue), (position, resource))


def _head_node(cluster: Cluster) -> Nodes:
    head, at = _map(cluster.configuration, "HeadNode"), ("HeadNode",)
    type_at = cluster.site(*at, "InstanceType")
    return Nodes(
        cluster,
        "head",
        _texts([head.get("InstanceType")]),
        1,
        1,
        _texts([_map(head, "Networking").get("SubnetId")]),
        type_at,
        type_at,
        cluster.site(*at, "Networking", "SubnetId"),
        type_at,
    )


def _login_nodes(cluster: Cluster, index: int, pool: Mapping[str, Any]) -> Nodes:
    at = ("LoginNodes", "Pools", index)
    count = _number(pool.get("Count"))
    count_at = cluster.site(*at, "Count")
    return Nodes(
        cluster,
        "login",
        _texts([pool.get("InstanceType")]),
        count,
        count,
        _texts(_map(pool, "Networking").get("SubnetIds")),
        cluster.site(*at, "InstanceType"),
        count_at,
        cluster.site(*at, "Networking", "SubnetIds"),
        count_at,
    )


def _compute_nodes(
    cluster: Cluster, queue: tuple[int, Mapping[str, Any]], resource: tuple[int, Mapping[str, Any]]
) -> Nodes:
    (index, of_queue), (position, own) = queue, resource
    queue_at = ("Scheduling", "SlurmQueues", index)
    at = (*queue_at, "ComputeResources", position)
    target_key = "CapacityReservationTarget"
    target = _map(own, target_key) or _map(of_queue, target_key)
    target_at: tuple[str | int, ...] = (*(at if target_key in own else queue_at), target_key)
    flexible = "Instances" in own
    types = (
        [each.get("InstanceType") for _, each in _entries(own, "Instances")]
        if flexible
        else [own.get("InstanceType")]
    )
    return Nodes(
        cluster,
        "compute",
        _texts(types),
        _number(own.get("MinCount", _MIN_COUNT)),
        _number(own.get("MaxCount", _MAX_COUNT)),
        _texts(_map(of_queue, "Networking").get("SubnetIds")),
        cluster.site(*at, "Instances" if flexible else "InstanceType"),
        cluster.site(*at, "MaxCount"),
        cluster.site(*queue_at, "Networking", "SubnetIds"),
        cluster.site(*target_at, "CapacityReservationId"),
        _MARKETS.get(of_queue.get("CapacityType", "ONDEMAND")),
        _map(own, "Efa").get("Enabled") is True,
        "".join(_texts([target.get("CapacityReservationId")])),
        "CapacityReservationResourceGroupArn" in target,
    )


def _made(cluster: Cluster) -> Iterator[Made]:
    """Yields what the library makes. Source: its templates, cluster_stack.py and those that it uses."""
    configuration = cluster.configuration
    pools = [pool for _, pool in _entries(configuration, "LoginNodes", "Pools")]
    queues = [queue for _, queue in _entries(configuration, "Scheduling", "SlurmQueues")]
    iams = [_map(each, "Iam") for each in (_map(configuration, "HeadNode"), *pools, *queues)]
    dns = _map(configuration, "Scheduling", "SlurmSettings", "Dns")
    has_dns = dns.get("DisableManagedDns") is not True
    functions = "LambdaFunctionsRole" not in _map(configuration, "Iam", "Roles")
    profiles = sum("InstanceProfile" not in iam for iam in iams)
    roles = sum("InstanceProfile" not in iam and "InstanceRole" not in iam for iam in iams)
    made: Counter[LimitKey] = Counter(
        {
            # Two functions have a role: one cleans up at the end, the other empties the hosted zone.
            ROLES: roles + (1 + has_dns if functions else 0),
            PROFILES: profiles,
            # The cluster's own stack, and one each for queues and for login nodes.
            STACKS: 1 + bool(queues) + bool(pools),
            ZONES: int(has_dns and "HostedZoneId" not in dns),
            EFS: int(_map(configuration, "HeadNode").get("SharedStorageType") == "Efs"),
        }
    )
    for _, storage in _entries(configuration, "SharedStorage"):
        if storage.get("StorageType") == "Efs" and "FileSystemId" not in _map(storage, "EfsSettings"):
            made[EFS] += 1
        lustre = _map(storage, "FsxLustreSettings")
        is_made = storage.get("StorageType") == "FsxLustre" and not {"FileSystemId", "BackupId"} & set(lustre)
        quota = LUSTRE.get(lustre.get("DeploymentType", _LUSTRE_DEFAULT))
        if is_made and quota:
            made[quota] += 1
    for key, count in made.items():
        if count:
            yield Made(cluster, key, count)


def _map(value: Any, *keys: str) -> Mapping[str, Any]:
    """Returns the map at some keys; an empty one if it is missing or not known."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _entries(value: Any, *keys: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yields the maps of a list at some keys, each with its index."""
    found = _map(value, *keys[:-1]).get(keys[-1])
    for index, entry in enumerate(found if isinstance(found, list) else []):
        if isinstance(entry, dict):
            yield index, entry


def _texts(values: Any) -> tuple[str, ...]:
    """Returns texts; none if one of them is missing or not known."""
    listed = values if isinstance(values, list) else []
    return tuple(listed) if listed and all(isinstance(each, str) for each in listed) else ()


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and value is not UNKNOWN else None
