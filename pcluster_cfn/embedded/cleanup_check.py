"""Checks, service by service, what a deleted stack left behind."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pcluster_cfn.aws import Aws
from pcluster_cfn.embedded.clusters import Cluster, find_cluster
from pcluster_cfn.planning.requests import CLUSTER_NAME_TAG
from pcluster_cfn.template import is_custom

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackEventTypeDef
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_s3 import S3Client

_STACK = "AWS::CloudFormation::Stack"
_MOUNT_TARGET = "AWS::EFS::MountTarget"
#: The status of a resource that its DeletionPolicy keeps, RetainExceptOnCreate included.
#: Source: CloudFormation user guide, "DeletionPolicy attribute" and "Stack events".
_KEPT_BY_ATTRIBUTE = "DELETE_SKIPPED"
#: The provider's property of that name: the resource is deleted, and its cluster is kept.
_PROPERTY, _KEPT_BY_PROPERTY = "DeletionPolicy", "Retain"


@dataclass(frozen=True)
class Retained:
    """What a deleted stack kept because its template says so.

    Args:
        resources: The kept resources as ``path (type) physical-id``, in the order of their deletion.
        clusters: Names of the clusters among them.
        ids: Names, ids and ARNs of everything that belongs to them.
    """

    resources: list[str]
    clusters: frozenset[str]
    ids: frozenset[str]


def find_retained(aws: Aws, stack_id: str) -> Retained:
    """Returns what a stack kept at its deletion, nested stacks included.

    Args:
        aws: Source of clients.
        stack_id: ARN of the deleted stack.
    """
    cloudformation: CloudFormationClient = aws.client("cloudformation")
    resources: list[str] = []
    clusters: set[str] = set()
    ids: set[str] = set()
    for path, event in _kept(cloudformation, stack_id, ()):
        physical_id = event.get("PhysicalResourceId", "")
        resources.append(f"{'/'.join(path)} ({event.get('ResourceType', '')}) {physical_id}")
        ids.add(physical_id)
        if event.get("ResourceType") == _STACK:
            ids |= set(_contents(aws, physical_id))
        elif is_custom(event.get("ResourceType", "")) and (cluster := find_cluster(aws, physical_id)):
            clusters.add(cluster.name)
            ids |= {cluster.stack_id, *_contents(aws, cluster.stack_id)}
    return Retained(resources, frozenset(clusters), frozenset(ids - {""}))


def _kept(
    cloudformation: "CloudFormationClient", stack_id: str, path: tuple[str, ...]
) -> "Iterator[tuple[tuple[str, ...], StackEventTypeDef]]":
    for event in _last_events(cloudformation, stack_id):
        own_path = (*path, event.get("LogicalResourceId", ""))
        child = event.get("PhysicalResourceId", "")
        if event.get("ResourceStatus") == _KEPT_BY_ATTRIBUTE or _keeps_its_cluster(event):
            yield own_path, event
        elif event.get("ResourceType") == _STACK and child.startswith("arn:"):
            yield from _kept(cloudformation, child, own_path)


def _last_events(cloudformation: "CloudFormationClient", stack_id: str) -> "list[StackEventTypeDef]":
    """Returns the newest event of each resource of a stack, oldest first."""
    newest: dict[str, StackEventTypeDef] = {}
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id):
        for event in page["StackEvents"]:
            if event.get("PhysicalResourceId") != stack_id:
                newest.setdefault(event.get("LogicalResourceId", ""), event)
    return list(newest.values())[::-1]


def _keeps_its_cluster(event: "StackEventTypeDef") -> bool:
    if not is_custom(event.get("ResourceType", "")):
        return False
    properties = json.loads(event.get("ResourceProperties") or "{}")
    return isinstance(properties, dict) and properties.get(_PROPERTY) == _KEPT_BY_PROPERTY


def _contents(aws: Aws, stack_id: str) -> Iterator[str]:
    """Yields the physical ids of a stack's resources, nested stacks included."""
    cloudformation: CloudFormationClient = aws.client("cloudformation")
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_id)
    for resource in (each for page in pages for each in page["StackResourceSummaries"]):
        physical_id = resource.get("PhysicalResourceId", "")
        if not physical_id or resource["ResourceStatus"] == "DELETE_COMPLETE":
            continue
        yield physical_id
        if resource["ResourceType"] == _STACK:
            yield from _contents(aws, physical_id)
        elif resource["ResourceType"] == _MOUNT_TARGET:
            yield _interface_of(aws, physical_id)


def _interface_of(aws: Aws, mount_target_id: str) -> str:
    (target,) = aws.client("efs").describe_mount_targets(MountTargetId=mount_target_id)["MountTargets"]
    return str(target["NetworkInterfaceId"])


#: An item of the provider's table with this attribute is an operation without an answer.
_OPEN_OPERATION = "due"
#: Source: ParallelCluster user guide, "Integration with Amazon CloudWatch Logs".
_KEPT_LOG_GROUPS = "/aws/"


@dataclass(frozen=True)
class Check:
    """One check: what was searched where, what is left behind, and what was kept on purpose."""

    what: str
    where: str
    found: list[str]
    kept: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Thing:
    """Something in an account: how it is shown, its ids, and the ids of what it belongs to."""

    shown: str
    ids: frozenset[str]

    @staticmethod
    def of(name: str, *others: str) -> "_Thing":
        return _Thing(name, frozenset({name, *others}))


@dataclass(frozen=True)
class Snapshot:
    """What an account contains, as ids and names."""

    stacks: frozenset[str]
    network_interfaces: frozenset[str]
    tables: frozenset[str]
    log_groups: frozenset[str]

    @staticmethod
    def take(aws: Aws) -> "Snapshot":
        """Returns what the account contains now."""
        return Snapshot(
            stacks=frozenset(each.shown for each in _stacks(aws)),
            network_interfaces=frozenset(each.shown for each in _network_interfaces(aws, {})),
            tables=frozenset(_tables(aws)),
            log_groups=frozenset(_log_groups(aws)),
        )


def find_open_operations(aws: Aws, before: Snapshot, when: str) -> Check:
    """Checks for operations that the provider has not finished.

    Args:
        aws: Source of clients.
        before: The account before the demo; its tables are not searched.
        when: The time of the check, for its name.
    """
    dynamodb: DynamoDBClient = aws.client("dynamodb")
    tables = [name for name in _tables(aws) if name not in before.tables and not _is_cluster_table(name)]
    found = [
        f"{table}: {next(iter(item.values()))}"
        for table in tables
        for page in dynamodb.get_paginator("scan").paginate(TableName=table)
        for item in page["Items"]
        if _OPEN_OPERATION in item
    ]
    where = f"DynamoDB, items of {', '.join(tables)}" if tables else "DynamoDB: the provider's table is gone"
    return Check(f"open operations {when}", where, found)


def find_remaining(aws: Aws, before: Snapshot, clusters: list[Cluster], retained: Retained) -> list[Check]:
    """Checks for everything that clusters and their stacks consist of.

    Args:
        aws: Source of clients.
        before: The account before the demo; what it contained does not count.
        clusters: The deleted clusters, for the places of their artefacts.
        retained: What was kept on purpose and is not left behind.
    """
    names = ", ".join(cluster.name for cluster in clusters) or "any cluster"

    def check(what: str, where: str, things: Iterable[_Thing], known: frozenset[str] = frozenset()) -> Check:
        new = [thing for thing in things if thing.shown not in known]
        kept = [thing.shown for thing in new if thing.ids & (retained.ids | retained.clusters)]
        return Check(what, where, [thing.shown for thing in new if thing.shown not in kept], kept)

    instances = _instances(aws)
    interfaces = _network_interfaces(aws, {thing.shown: thing.ids for thing in instances})
    return [
        check("stacks", "CloudFormation, nested and cluster stacks included", _stacks(aws), before.stacks),
        check("instances", f"EC2, tag {CLUSTER_NAME_TAG}: {names}", instances),
        check("network interfaces", "EC2, all", interfaces, before.network_interfaces),
        *(
            check("artefacts", f"s3://{each.artefact_bucket}/{each.artefact_prefix}/", _artefacts(aws, each))
            for each in clusters
        ),
        check(
            "tables",
            "DynamoDB, the clusters' and the provider's",
            map(_Thing.of, _tables(aws)),
            before.tables,
        ),
        check(
            "log groups",
            "CloudWatch Logs, the provider's and the template's",
            map(_Thing.of, _log_groups(aws)),
            before.log_groups,
        ),
    ]


def _stacks(aws: Aws) -> list[_Thing]:
    cloudformation: CloudFormationClient = aws.client("cloudformation")
    return [
        _Thing.of(f"{stack['StackName']} ({stack['StackStatus']})", stack["StackId"])
        for page in cloudformation.get_paginator("describe_stacks").paginate()
        for stack in page["Stacks"]
        if stack["StackStatus"] != "DELETE_COMPLETE"
    ]


def _instances(aws: Aws) -> list[_Thing]:
    ec2: EC2Client = aws.client("ec2")
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=[
            {"Name": "tag-key", "Values": [CLUSTER_NAME_TAG]},
            {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
        ]
    )
    return [
        _Thing.of(
            instance["InstanceId"],
            *(tag["Value"] for tag in instance["Tags"] if tag["Key"] == CLUSTER_NAME_TAG),
        )
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    ]


def _network_interfaces(aws: Aws, instances: Mapping[str, frozenset[str]]) -> list[_Thing]:
    """Returns network interfaces; one belongs to whatever its instance belongs to."""
    ec2: EC2Client = aws.client("ec2")
    pages = ec2.get_paginator("describe_network_interfaces").paginate()
    return [
        _Thing.of(
            item["NetworkInterfaceId"],
            *instances.get(item.get("Attachment", {}).get("InstanceId", ""), ()),
        )
        for page in pages
        for item in page["NetworkInterfaces"]
    ]


def _artefacts(aws: Aws, cluster: Cluster) -> list[_Thing]:
    s3: S3Client = aws.client("s3")
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=cluster.artefact_bucket, Prefix=f"{cluster.artefact_prefix}/"
    )
    return [
        _Thing.of(f"{item['Key']} ({item['VersionId']})", cluster.name)
        for page in pages
        for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    ]


def _tables(aws: Aws) -> list[str]:
    dynamodb: DynamoDBClient = aws.client("dynamodb")
    return [name for page in dynamodb.get_paginator("list_tables").paginate() for name in page["TableNames"]]


def _log_groups(aws: Aws) -> list[str]:
    """Returns log groups, except those in /aws/, which ParallelCluster and Lambda keep on purpose."""
    pages = aws.client("logs").get_paginator("describe_log_groups").paginate()
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    return [name for name in names if not name.startswith(_KEPT_LOG_GROUPS)]


def _is_cluster_table(name: str) -> bool:
    return name.startswith("parallelcluster-")
