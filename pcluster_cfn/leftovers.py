"""Looks for what a deleted stack left behind, service by service."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pcluster_cfn.clusters import CLUSTER_NAME_TAG, Cluster
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
    """What was looked for, where, and what was found."""

    what: str
    where: str
    found: list[str]


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
            stacks=frozenset(_stacks(aws)),
            network_interfaces=frozenset(_network_interfaces(aws)),
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


def leftovers(aws: Aws, before: Baseline, clusters: list[Cluster]) -> list[Check]:
    """Looks for everything that clusters and their stacks are made of.

    Args:
        aws: Hands out clients.
        before: What was there already and does not count.
        clusters: The clusters that existed, for the addresses of their artefacts.
    """
    names = ", ".join(cluster.name for cluster in clusters) or "any cluster"
    return [
        Check(
            "stacks", "CloudFormation, nested and cluster stacks included", _new(_stacks(aws), before.stacks)
        ),
        Check("instances", f"EC2, tag {CLUSTER_NAME_TAG}: {names}", _instances(aws)),
        Check("network interfaces", "EC2, all", _new(_network_interfaces(aws), before.network_interfaces)),
        *(_artefacts(aws, cluster) for cluster in clusters),
        Check("tables", "DynamoDB, the clusters' and the provider's", _new(_tables(aws), before.tables)),
        Check(
            "log groups",
            "CloudWatch Logs, the provider's and the template's",
            _new(_log_groups(aws), before.log_groups),
        ),
    ]


def _new(found: list[str], before: frozenset[str]) -> list[str]:
    return [item for item in found if item not in before]


def _stacks(aws: Aws) -> list[str]:
    cloudformation: CloudFormationClient = aws.client("cloudformation")
    return [
        f"{stack['StackName']} ({stack['StackStatus']})"
        for page in cloudformation.get_paginator("describe_stacks").paginate()
        for stack in page["Stacks"]
        if stack["StackStatus"] != "DELETE_COMPLETE"
    ]


def _instances(aws: Aws) -> list[str]:
    ec2: EC2Client = aws.client("ec2")
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=[
            {"Name": "tag-key", "Values": [CLUSTER_NAME_TAG]},
            {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
        ]
    )
    return [
        instance["InstanceId"]
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    ]


def _network_interfaces(aws: Aws) -> list[str]:
    ec2: EC2Client = aws.client("ec2")
    pages = ec2.get_paginator("describe_network_interfaces").paginate()
    return [item["NetworkInterfaceId"] for page in pages for item in page["NetworkInterfaces"]]


def _artefacts(aws: Aws, cluster: Cluster) -> Check:
    s3: S3Client = aws.client("s3")
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=cluster.artefact_bucket, Prefix=f"{cluster.artefact_prefix}/"
    )
    found = [
        f"{item['Key']} ({item['VersionId']})"
        for page in pages
        for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    ]
    return Check("artefacts", f"s3://{cluster.artefact_bucket}/{cluster.artefact_prefix}/", found)


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
