"""Looks for what a deleted stack left behind, service by service."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pcluster_cfn.clusters import CLUSTER_NAME_TAG, Cluster
from pcluster_cfn.retained import Retained
from pcluster_cfn.stacks import Aws

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_s3 import S3Client

#: An item of the provider's table that still asks to be woken is an operation nobody has answered yet.
_OPEN_OPERATION = "due"
#: Source: ParallelCluster user guide, "Integration with Amazon CloudWatch Logs".
_KEPT_LOG_GROUPS = "/aws/"


@dataclass(frozen=True)
class Check:
    """What was looked for, where, and what was found: what is left, and apart from it what was to be kept."""

    what: str
    where: str
    found: list[str]
    kept: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Thing:
    """Something that an account has, as it is shown, and the ids by which it belongs to something else."""

    shown: str
    ids: frozenset[str]

    @staticmethod
    def of(name: str, *others: str) -> "_Thing":
        return _Thing(name, frozenset({name, *others}))


@dataclass(frozen=True)
class Baseline:
    """What the account held before; ids and names."""

    stacks: frozenset[str]
    network_interfaces: frozenset[str]
    tables: frozenset[str]
    log_groups: frozenset[str]

    @staticmethod
    def take(aws: Aws) -> "Baseline":
        """Returns what the account holds now."""
        return Baseline(
            stacks=frozenset(each.shown for each in _stacks(aws)),
            network_interfaces=frozenset(each.shown for each in _network_interfaces(aws, {})),
            tables=frozenset(_tables(aws)),
            log_groups=frozenset(_log_groups(aws)),
        )


def open_operations(aws: Aws, before: Baseline, when: str) -> Check:
    """Looks for operations that the provider has not finished.

    Args:
        aws: Hands out clients.
        before: Tables that were there already are nobody's business.
        when: When this is asked, for the check's name.
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


def leftovers(aws: Aws, before: Baseline, clusters: list[Cluster], retained: Retained) -> list[Check]:
    """Looks for everything that clusters and their stacks are made of.

    Args:
        aws: Hands out clients.
        before: What was there already and does not count.
        clusters: The clusters that existed, for the addresses of their artefacts.
        retained: What was to be kept, which is not left behind.
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
    """Network interfaces; one belongs to what the instance belongs to that it is attached to."""
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
    """Log groups but those below /aws/: ParallelCluster keeps its clusters', and functions make their own."""
    pages = aws.client("logs").get_paginator("describe_log_groups").paginate()
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    return [name for name in names if not name.startswith(_KEPT_LOG_GROUPS)]


def _is_cluster_table(name: str) -> bool:
    return name.startswith("parallelcluster-")
