"""Finds the stack of a cluster that a custom resource creates, updates or deletes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pcluster_cfn.aws import find_cluster_stack, log_group_of, tags_of
from pcluster_cfn.deploy.events import Event
from pcluster_cfn.deploy.requests import is_denied
from pcluster_cfn.options import is_stack_name
from pcluster_cfn.planning.requests import CLUSTER, is_owned_by
from pcluster_cfn.template import is_custom

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackTypeDef

_PREFIX = "pcluster-cfn:"


@dataclass(frozen=True)
class ClusterStack:
    """The stack of a cluster.

    Attributes:
        name: Name of the cluster and of its stack.
        stack_id: ARN of the stack.
        log_group: CloudWatch log group of the nodes; empty if logging is disabled.
    """

    name: str
    stack_id: str
    log_group: str


def cluster_names(event: Event) -> list[str]:
    """Returns the names that the cluster of a custom resource can have, the most probable first.

    Until a create has succeeded, only the property has the name; a delete has only the physical id.
    """
    if not is_custom(event.type):
        return []
    names = dict.fromkeys((event.cluster_name, event.physical_id))
    return [name for name in names if is_stack_name(name)]


def find_stack_of(cloudformation: "CloudFormationClient", event: Event) -> ClusterStack | None:
    """Returns the stack of a custom resource's cluster; None if there is none that belongs to the resource.

    Args:
        cloudformation: Client in the stack's Region.
        event: An event of the resource.
    """
    known: ClusterStack | None = None
    try:
        for name in cluster_names(event):
            stack = find_cluster_stack(cloudformation, name)
            if stack and _belongs_to(tags_of(stack), event, name):
                known = _cluster_stack(stack)
                break
        # The cluster that the physical id names may be about to be replaced by one with a generated name.
        may_be_another = event.type == CLUSTER and not event.cluster_name
        if may_be_another and event.running and not event.status.startswith("DELETE"):
            return _changing_stack_of(cloudformation, event) or known
    except ClientError as error:
        if not is_denied(error):
            raise  # progress is a courtesy: the operation does not need this permission
    return known


def may_have_cluster(event: Event) -> bool:
    """Returns whether an event is about a custom resource that has a cluster, or is about to get one."""
    return event.type == CLUSTER or bool(cluster_names(event))


def _changing_stack_of(cloudformation: "CloudFormationClient", event: Event) -> ClusterStack | None:
    """Returns the stack in progress whose owner tag names a resource; None if there is none."""
    logical_id = event.path[-1] if event.path else ""
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    for stack in (each for page in pages for each in page["Stacks"]):
        if stack["StackStatus"].endswith("_IN_PROGRESS") and is_owned_by(
            tags_of(stack), event.stack_id, logical_id
        ):
            return _cluster_stack(stack)
    return None


def _cluster_stack(stack: "StackTypeDef") -> ClusterStack:
    return ClusterStack(stack["StackName"], stack["StackId"], log_group_of(stack) or "")


def _belongs_to(tags: Mapping[str, str], event: Event, name: str) -> bool:
    """Whether a cluster belongs to a resource: by its owner tag, or by the physical id if it has no such tag.

    An adopted cluster keeps its tags. The provider has reported it as the resource's physical id.
    """
    if is_owned_by(tags, event.stack_id, event.path[-1] if event.path else ""):
        return True
    return event.physical_id == name and not any(key.startswith(_PREFIX) for key in tags)
