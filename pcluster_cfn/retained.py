"""What a deleted stack kept because its template says so, with all that belongs to it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pcluster_cfn.clusters import find_cluster
from pcluster_cfn.stacks import Aws

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackEventTypeDef

_STACK = "AWS::CloudFormation::Stack"
_MOUNT_TARGET = "AWS::EFS::MountTarget"
#: Source: CloudFormation user guide, "DeletionPolicy attribute" and "Stack events": the status of a resource
#: that its attribute keeps, with RetainExceptOnCreate as well.
_KEPT_BY_ATTRIBUTE = "DELETE_SKIPPED"
#: The property of that name is the provider's: the resource is deleted, and its cluster is not.
_PROPERTY, _KEPT_BY_PROPERTY = "DeletionPolicy", "Retain"


@dataclass(frozen=True)
class Retained:
    """What was kept.

    Args:
        resources: The resources themselves: ``path (type) physical-id``, in the order of their deletion.
        clusters: Names of the clusters among them.
        ids: Names, ids and ARNs of all that belongs to them, by which an account's inventory has them.
    """

    resources: list[str]
    clusters: frozenset[str]
    ids: frozenset[str]


def retained_by(aws: Aws, stack_id: str) -> Retained:
    """Returns what a stack kept when it was deleted, nested stacks included.

    Args:
        aws: Hands out clients.
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
        elif _is_custom(event) and (cluster := find_cluster(aws, physical_id)):
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
    if not _is_custom(event):
        return False
    properties = json.loads(event.get("ResourceProperties") or "{}")
    return isinstance(properties, dict) and properties.get(_PROPERTY) == _KEPT_BY_PROPERTY


def _is_custom(event: "StackEventTypeDef") -> bool:
    return event.get("ResourceType", "").startswith(("Custom::", "AWS::CloudFormation::CustomResource"))


def _contents(aws: Aws, stack_id: str) -> Iterator[str]:
    """Yields the physical ids of a stack's resources and of what is nested in it."""
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
