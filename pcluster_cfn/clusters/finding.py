"""Finds clusters: all of a Region, by name, or as resources of a stack; and who owns them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pcluster_cfn.aws import Aws, find_stack
from pcluster_cfn.clusters.cluster import Cluster, Owner, marked_owner
from pcluster_cfn.errors import CommandError, message_of, suggest
from pcluster_cfn.options import is_stack_name
from pcluster_cfn.template import NESTED_STACK, is_custom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef, StackTypeDef

_LIST = "pcluster-cfn list shows the clusters of a Region"
#: Source: docs/reference/engine.md, "The mark of a cluster".
_MARK_KEY = "pcluster-cfn/owner.json"
_MARK_MAX_BYTES = 8 * 1024
#: Questions to AWS at once; CloudFormation throttles more than some ten a second.
_THREADS = 4
_NO_OBJECT = {"NoSuchKey", "NoSuchBucket", "404"}


@dataclass(frozen=True)
class Ownership:
    """Who owns a cluster, and how that is known.

    Args:
        owner: The resource; None if nothing names one.
        source: ``tag``, ``mark``, or ``stack`` for a stack that has it without either; None without an owner.
        is_current: Whether CloudFormation says that the owner's stack has the cluster; None if it cannot be
            asked.
        status: The resource's status; None if its stack is gone or does not have it.
        note: Why something is not known; empty otherwise.
    """

    owner: Owner | None = None
    source: str | None = None
    is_current: bool | None = False
    status: str | None = None
    note: str = ""

    def as_json(self) -> dict[str, Any] | None:
        """Returns the ownership as JSON values; None without an owner."""
        if self.owner is None:
            return {"note": self.note} if self.note else None
        return {
            "stackName": self.owner.stack_name,
            "stackId": self.owner.stack_id,
            "logicalId": self.owner.logical_id,
            "resourceStatus": self.status,
            "source": self.source,
            "current": self.is_current,
            "note": self.note,
        }


def all_clusters(aws: Aws) -> list[Cluster]:
    """Returns all clusters of the Region, by name."""
    pages = aws.client("cloudformation").get_paginator("describe_stacks").paginate()
    stacks: Iterator[StackTypeDef] = (stack for page in pages for stack in page["Stacks"])
    found = [cluster for stack in stacks if (cluster := Cluster.of(stack))]
    return sorted(found, key=lambda cluster: cluster.name)


def stack_named(cloudformation: "CloudFormationClient", name: str) -> "StackTypeDef | None":
    """Returns a stack by its name or ARN; None if there is none, or the text cannot be a stack's name.

    CloudFormation refuses such a text, and physical ids of other custom resources are often like that.
    """
    return find_stack(cloudformation, name) if is_stack_name(name) or name.startswith("arn:") else None


def clusters_named(aws: Aws, name: str) -> list[Cluster]:
    """Returns the cluster of a name, or the clusters of the stack of that name and of its nested stacks.

    Raises:
        CommandError: There is neither, or the stack has no cluster.
    """
    cloudformation: CloudFormationClient = aws.client("cloudformation")
    stack = stack_named(cloudformation, name)
    if stack is None:
        known = [each.name for each in all_clusters(aws)]
        region = cloudformation.meta.region_name
        raise CommandError(f"there is no cluster or stack {name!r} in {region}", suggest(name, known, _LIST))
    cluster = Cluster.of(stack)
    found = [cluster] if cluster else clusters_of(aws, stack["StackId"])
    if not found:
        creating = "it may not have begun yet; " if stack["StackStatus"].endswith("_IN_PROGRESS") else ""
        raise CommandError(f"stack {name} has no cluster", f"{creating}{_LIST}")
    return found


def cluster_named(aws: Aws, name: str) -> Cluster:
    """Returns the cluster of a name, or the only one of the stack of that name.

    Raises:
        CommandError: There is none, or the stack has several.
    """
    found = clusters_named(aws, name)
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise CommandError(f"stack {name} has {len(found)} clusters: {names}", "give the name of one")
    return found[0]


def clusters_of(aws: Aws, stack_id: str) -> list[Cluster]:
    """Returns the clusters that are resources of a stack or of its nested stacks."""
    cloudformation: CloudFormationClient = aws.client("cloudformation")
    names: dict[str, None] = {}
    creating: set[Owner] = set()
    for owner, resource in _resources(cloudformation, stack_id):
        physical_id = resource.get("PhysicalResourceId", "")
        if is_custom(resource["ResourceType"]) and physical_id:
            names[_stack_name(physical_id)] = None
        elif is_custom(resource["ResourceType"]):
            creating.add(owner)
    if creating:
        # A resource has no id before its creation is answered, but its cluster has the owner tag by then.
        names |= {each.name: None for each in all_clusters(aws) if each.tagged_owner in creating}
    stacks = (stack_named(cloudformation, name) for name in names)
    return [cluster for stack in stacks if stack and (cluster := Cluster.of(stack))]


def _resources(
    cloudformation: "CloudFormationClient", stack_id: str
) -> "Iterator[tuple[Owner, StackResourceSummaryTypeDef]]":
    """Yields the resources of a stack and of its nested stacks."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_id)
    for resource in (each for page in pages for each in page["StackResourceSummaries"]):
        if resource["ResourceStatus"] == "DELETE_COMPLETE":
            continue
        yield Owner(stack_id, resource["LogicalResourceId"]), resource
        nested = resource.get("PhysicalResourceId", "")
        if resource["ResourceType"] == NESTED_STACK and nested.startswith("arn:"):
            yield from _resources(cloudformation, nested)


def _stack_name(physical_id: str) -> str:
    """Returns the cluster that a physical id names; that of a failed creation ends in the name.

    Source: docs/explanation/ownership.md, "Creates that fail".
    """
    return physical_id.rpartition(":")[2] or physical_id


def ownership(aws: Aws, cluster: Cluster) -> Ownership:
    """Returns who owns a cluster: the mark of a take-over counts before the tag of who made it.

    Both stay when their resource is gone, so CloudFormation is asked whether its stack has the cluster. A
    change with ParallelCluster's own tools removes the tag; then the stack is found that has a resource of
    the cluster's name.
    """
    marked, note = _mark(aws, cluster)
    named = [("mark", marked), ("tag", cluster.tagged_owner)]
    cloudformation = aws.client("cloudformation")
    candidates = [(source, owner) for source, owner in named if owner] or [
        ("stack", owner) for owner in _with_physical_id(cloudformation, cluster.name)
    ]
    answers = [_confirmed(cloudformation, cluster, source, owner, note) for source, owner in candidates]
    current = (answer for answer in answers if answer.is_current is not False)
    return next(current, None) or next(iter(answers), None) or Ownership(note=note)


def ownerships(aws: Aws, clusters: list[Cluster]) -> list[Ownership]:
    """Returns who owns each of some clusters, asked side by side."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(lambda cluster: ownership(aws, cluster), clusters))


def _with_physical_id(cloudformation: "CloudFormationClient", name: str) -> list[Owner]:
    """Returns the custom resources of a physical id, in the one stack that CloudFormation finds.

    Source: API reference, DescribeStackResources, PhysicalResourceId. No page says that it finds custom
    resources; if it does not, nothing is found.
    """
    try:
        resources = cloudformation.describe_stack_resources(PhysicalResourceId=name)["StackResources"]
    except ClientError as error:
        if "does not exist" in message_of(error):
            return []
        raise
    its = (each for each in resources if each.get("PhysicalResourceId") == name)
    return [
        Owner(each["StackId"], each["LogicalResourceId"]) for each in its if is_custom(each["ResourceType"])
    ]


def _confirmed(
    cloudformation: "CloudFormationClient", cluster: Cluster, source: str, owner: Owner, note: str
) -> Ownership:
    try:
        answer = cloudformation.describe_stack_resource(
            StackName=owner.stack_id, LogicalResourceId=owner.logical_id
        )
    except ClientError as error:
        # "Stack … does not exist", "Resource … does not exist for stack …".
        is_gone = "does not exist" in message_of(error)
        return Ownership(owner, source, False if is_gone else None, None, note or message_of(error))
    detail = answer["StackResourceDetail"]
    status, physical_id = detail["ResourceStatus"], detail.get("PhysicalResourceId", "")
    # Until a creation is answered, the resource has no id.
    has_it = _stack_name(physical_id) == cluster.name or status == "CREATE_IN_PROGRESS"
    return Ownership(owner, source, has_it and status != "DELETE_COMPLETE", status, note)


def _mark(aws: Aws, cluster: Cluster) -> tuple[Owner | None, str]:
    """Returns the owner in the cluster's mark, and why the mark could not be read."""
    bucket = cluster.parameters.get("ResourcesS3Bucket")
    folder = cluster.parameters.get("ArtifactS3RootDirectory")
    if not (bucket and folder):
        return None, ""
    try:
        answer = aws.client("s3").get_object(Bucket=bucket, Key=f"{folder}/{_MARK_KEY}")
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _NO_OBJECT:
            return None, ""
        return None, f"the mark of a take-over cannot be read: {message_of(error)}"
    return marked_owner(answer["Body"].read(_MARK_MAX_BYTES)), ""
