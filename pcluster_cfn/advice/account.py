"""The clusters of an account in one Region, with their versions and the configurations in force."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from cluster_schema.limits import TEXT_MAX_BYTES, UnreadableError
from cluster_schema.reading import value_of
from pcluster_cfn.aws import Aws, tags_of
from pcluster_cfn.errors import message_of

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackTypeDef

#: Tags of ParallelCluster's stacks; those of images have the second. Source: pcluster/constants.py,
#: PCLUSTER_VERSION_TAG and PCLUSTER_IMAGE_ID_TAG.
_VERSION_TAG = "parallelcluster:version"
_IMAGE_TAG = "parallelcluster:image_id"
#: Where the configuration is that a cluster was last made from. Source: pcluster/models/cluster_resources.py
#: and pcluster/models/s3_bucket.py.
_BUCKET, _FOLDER, _OBJECT_VERSION = "ResourcesS3Bucket", "ArtifactS3RootDirectory", "ConfigVersion"
_KEY = "configs/cluster-config.yaml"


@dataclass(frozen=True)
class LivingCluster:
    """A cluster of the account.

    Args:
        name: Its name.
        version: ParallelCluster version that made it.
        status: Status of its stack.
        stack_id: ARN of its stack.
        configuration: The configuration in force; None if it could not be read.
        unread: Why it could not be read; empty if it was.
    """

    name: str
    version: str
    status: str
    stack_id: str
    configuration: Any
    unread: str = ""


def living_clusters(aws: Aws) -> Iterator[LivingCluster]:
    """Yields the clusters of the account in the session's Region, by name, whoever made them."""
    cloudformation: CloudFormationClient = aws.client("cloudformation")
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    stacks = [stack for page in pages for stack in page["Stacks"] if _is_cluster(stack)]
    for stack in sorted(stacks, key=lambda each: each["StackName"]):
        configuration, unread = _configuration(aws, stack)
        yield LivingCluster(
            stack["StackName"],
            tags_of(stack)[_VERSION_TAG],
            stack["StackStatus"],
            stack["StackId"],
            configuration,
            unread,
        )


def _is_cluster(stack: "StackTypeDef") -> bool:
    tags = tags_of(stack)
    # A stack that a cluster's stack nests has its tags.
    return _VERSION_TAG in tags and _IMAGE_TAG not in tags and "ParentId" not in stack


def _configuration(aws: Aws, stack: "StackTypeDef") -> tuple[Any, str]:
    """Returns the configuration in force, or None and why it could not be read."""
    given = {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}
    if not (given.get(_BUCKET) and given.get(_FOLDER)):
        return None, "the stack does not name its bucket"
    wanted = {"Bucket": given[_BUCKET], "Key": f"{given[_FOLDER]}/{_KEY}"}
    if given.get(_OBJECT_VERSION):
        wanted["VersionId"] = given[_OBJECT_VERSION]
    try:
        text = aws.client("s3").get_object(**wanted)["Body"].read(TEXT_MAX_BYTES + 1).decode()
        return value_of(text), ""
    except ClientError as error:
        return None, f"s3://{wanted['Bucket']}/{wanted['Key']}: {message_of(error)}"
    except (UnicodeDecodeError, UnreadableError):
        return None, f"s3://{wanted['Bucket']}/{wanted['Key']} is no configuration"
