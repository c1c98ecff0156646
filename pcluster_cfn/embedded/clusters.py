"""Clusters as AWS reports them, without ParallelCluster and without the provider."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cluster_schema.limits import UnreadableError
from cluster_schema.reading import value_of
from pcluster_cfn.aws import Aws, find_cluster_stack
from pcluster_cfn.errors import CommandError
from pcluster_cfn.planning.requests import CLUSTER_NAME_TAG
from pcluster_cfn.template import is_custom, read_body

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_s3 import S3Client

#: Source: pcluster.constants PCLUSTER_NODE_TYPE_TAG.
_NODE_TYPE_TAG = "parallelcluster:node-type"
#: Source: pcluster.constants PCLUSTER_S3_ARTIFACTS_DICT, "source_config_name".
_CONFIGURATION_KEY = "{root}/configs/cluster-config.yaml"


@dataclass(frozen=True)
class Cluster:
    """A cluster's stack, and the place of its artefacts in S3."""

    name: str
    stack_id: str
    artefact_bucket: str
    artefact_prefix: str
    configuration_version: str


@dataclass(frozen=True)
class HeadNode:
    """A running head node's instance id and addresses; an address that it lacks is empty."""

    instance_id: str
    public_ip: str
    private_ip: str


def find_clusters(aws: Aws, stack_name: str) -> list[Cluster]:
    """Returns the clusters of a stack's custom resources."""
    cloudformation: CloudFormationClient = aws.client("cloudformation")
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_name)
    names = [
        resource.get("PhysicalResourceId", "")
        for page in pages
        for resource in page["StackResourceSummaries"]
        if is_custom(resource["ResourceType"])
    ]
    return [cluster for name in names if name and (cluster := find_cluster(aws, name))]


def find_cluster(aws: Aws, name: str) -> Cluster | None:
    """Returns a cluster by name; None if no such stack exists or it is not a cluster's."""
    stack = find_cluster_stack(aws.client("cloudformation"), name)
    if stack is None:
        return None
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}
    return Cluster(
        name=name,
        stack_id=stack["StackId"],
        artefact_bucket=parameters["ResourcesS3Bucket"],
        artefact_prefix=parameters["ArtifactS3RootDirectory"],
        configuration_version=parameters["ConfigVersion"],
    )


def head_node(aws: Aws, cluster_name: str) -> HeadNode | None:
    """Returns the head node as EC2 reports it; None if none runs."""
    ec2: EC2Client = aws.client("ec2")
    answer = ec2.describe_instances(
        Filters=[
            {"Name": f"tag:{CLUSTER_NAME_TAG}", "Values": [cluster_name]},
            {"Name": f"tag:{_NODE_TYPE_TAG}", "Values": ["HeadNode"]},
            {"Name": "instance-state-name", "Values": ["pending", "running"]},
        ]
    )
    instances = [instance for found in answer["Reservations"] for instance in found["Instances"]]
    if not instances:
        return None
    return HeadNode(
        instances[0]["InstanceId"],
        instances[0].get("PublicIpAddress", ""),
        instances[0].get("PrivateIpAddress", ""),
    )


def stored_configuration(aws: Aws, cluster: Cluster) -> Any:
    """Returns the configuration that ParallelCluster stored for the cluster's present state."""
    s3: S3Client = aws.client("s3")
    stored = s3.get_object(
        Bucket=cluster.artefact_bucket,
        Key=_CONFIGURATION_KEY.format(root=cluster.artefact_prefix),
        VersionId=cluster.configuration_version,
    )
    source = f"the stored configuration of cluster {cluster.name}"
    try:
        return value_of(read_body(stored["Body"], source))
    except UnreadableError as error:
        raise CommandError(f"cannot read {source}: {error.problem}") from error


def values_of(configuration: Any, key: str) -> Iterator[Any]:
    """Yields every value of a key in a configuration, at any depth, in order."""
    if isinstance(configuration, dict):
        for name, value in configuration.items():
            if name == key:
                yield value
            yield from values_of(value, key)
    elif isinstance(configuration, list):
        for item in configuration:
            yield from values_of(item, key)
