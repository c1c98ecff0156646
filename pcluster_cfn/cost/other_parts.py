"""What else a configuration makes that costs: shared storage, and what is paid by its use; pure.

Source: aws-parallelcluster 3.16.1, pcluster/config/cluster_config.py and pcluster/templates/cluster_stack.py;
ParallelCluster user guide, "SharedStorage section".
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pcluster_cfn.cost.meters import Family, Meter
from pcluster_cfn.cost.parts import (
    Count,
    Found,
    NotPriced,
    Part,
    at,
    nodes_of,
    number,
    placed,
    section,
    unknown_parts,
    volume,
)
from pcluster_cfn.planning.shared_storage import made_elsewhere

#: Source: constants.py, EBS_VOLUME_SIZE_DEFAULT; cluster_config.py, Raid.
_EBS_GB, _RAID_VOLUMES = 40, 2
#: Source: constants.py, CW_LOGS_RETENTION_DAYS_DEFAULT.
_RETENTION_DAYS = 180
#: Source: EC2 user guide, "Burstable performance instances".
_BURSTABLE = frozenset({"t2", "t3", "t3a", "t4g"})
_BY_USE = "paid by its use"


def parts_of(configuration: Mapping[str, Any]) -> Iterator[Found]:
    """Yields everything that a configuration makes and that costs, and what of it cannot be priced."""
    yield from (each for each in _all_parts(configuration) if isinstance(each, NotPriced) or each.at_scale)


def _all_parts(configuration: Mapping[str, Any]) -> Iterator[Found]:
    yield from nodes_of(configuration)
    for path, storage in placed(configuration, "SharedStorage"):
        yield from at(path, _shared_storage(storage))
    yield from unknown_parts(configuration)
    if str(section(configuration, "Image").get("Os", "")).startswith("rhel"):
        yield NotPriced("Red Hat Enterprise Linux", "its licence is paid by vCPU and hour", path="/Image/Os")
    for name, reason in _by_use(configuration):
        yield NotPriced(name, reason, is_gap=False)


def _shared_storage(storage: Mapping[str, Any]) -> Iterator[Found]:
    name = f"shared storage {storage.get('Name')}"
    if named := made_elsewhere(storage):
        yield NotPriced(name, f"it is not the cluster's own ({named})", is_gap=False)
    elif storage.get("StorageType") == "Ebs":
        yield from _ebs(name, section(storage, "EbsSettings"))
    elif storage.get("StorageType") == "Efs":
        yield from _efs(name, section(storage, "EfsSettings"))
    elif storage.get("StorageType") == "FsxLustre":
        yield from _lustre(name, section(storage, "FsxLustreSettings"))
    else:
        yield NotPriced(name, f"there is no price for the storage type {storage.get('StorageType')}")


def _ebs(name: str, settings: Mapping[str, Any]) -> Iterator[Found]:
    raid = settings.get("Raid")
    volumes = number(section(settings, "Raid").get("NumberOfVolumes"), _RAID_VOLUMES if raid else 1)
    if volumes is None:
        yield NotPriced(name, "NumberOfVolumes is not known before the deployment")
        return
    yield from volume(name, settings, _EBS_GB, Count(int(volumes), int(volumes)))


def _efs(name: str, settings: Mapping[str, Any]) -> Iterator[Found]:
    yield NotPriced(name, f"{_BY_USE}: storage, and throughput in elastic mode", is_gap=False)
    provisioned = number(settings.get("ProvisionedThroughput"), 0)
    if provisioned is None:
        yield NotPriced(f"{name}, throughput", "ProvisionedThroughput is not known before the deployment")
    elif str(settings.get("ThroughputMode", "")).lower() == "provisioned" and provisioned:
        # Storage that is used includes throughput. An empty file system pays for all of what is provisioned.
        meter = Meter(Family.EFS_THROUGHPUT, "provisioned")
        yield Part(f"{name}, throughput", (meter,), provisioned, provisioned)


def _lustre(name: str, settings: Mapping[str, Any]) -> Iterator[Found]:
    size = number(settings.get("StorageCapacity"), None)
    tier = number(settings.get("PerUnitStorageThroughput"), 0)
    # With a backup, the library leaves the deployment type to it.
    deployment = str(settings.get("DeploymentType", "" if settings.get("BackupId") else "SCRATCH_2"))
    if size is None or tier is None or not deployment:
        yield NotPriced(name, "its capacity or deployment type is not in the configuration")
        return
    media = str(settings.get("StorageType", "SSD"))
    speed = "scratch" if deployment.startswith("SCRATCH") else f"{tier:f}"
    yield Part(name, (Meter(Family.LUSTRE, f"{media} {speed}"),), size, size)
    if settings.get("DriveCacheType") == "READ":
        yield NotPriced(f"{name}, drive cache", "an SSD cache of a fifth of the capacity")
    if number(settings.get("AutomaticBackupRetentionDays"), 0) != 0:
        yield NotPriced(f"{name}, backups", _BY_USE, is_gap=False)


def _by_use(configuration: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields what is paid by its use, or whose number the configuration does not have."""
    monitoring = section(configuration, "Monitoring")
    logs = section(section(monitoring, "Logs"), "CloudWatch")
    if _is_enabled(logs):
        days = logs.get("RetentionInDays", _RETENTION_DAYS)
        yield ("CloudWatch logs", f"{_BY_USE}; kept for {days} days")
    if _is_enabled(section(section(monitoring, "Dashboards"), "CloudWatch")) or _is_enabled(
        section(monitoring, "Alarms")
    ):
        yield ("CloudWatch dashboard, alarms and metrics", "the free tier may cover them")
    head = section(configuration, "HeadNode")
    if str(head.get("SharedStorageType", "Ebs")).lower() == "efs":
        yield ("the head node's internal file system", f"{_BY_USE}: EFS")
    if _is_burstable(configuration):
        yield ("CPU credits of burstable instances", "paid if they work beyond their baseline")
    yield ("S3, DynamoDB, Route 53, Lambda and data transfer", _BY_USE)
    yield ("NAT gateways and public addresses of the subnets", "the configuration does not have them")


def _is_enabled(settings: Mapping[str, Any]) -> bool:
    return str(settings.get("Enabled", True)).lower() != "false"


def _is_burstable(configuration: Mapping[str, Any]) -> bool:
    meters = (meter for each in nodes_of(configuration) if isinstance(each, Part) for meter in each.meters)
    return any(
        meter.family in {Family.INSTANCE, Family.SPOT} and meter.name.partition(".")[0] in _BURSTABLE
        for meter in meters
    )
