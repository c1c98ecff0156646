"""What the deletion of a stack deletes with it: its clusters, and their storage."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from cfn_template.limits import TemplateError
from cfn_template.reading import read
from pcluster_cfn.aws import find_cluster_stack
from pcluster_cfn.deploy.requests import is_denied
from pcluster_cfn.options import is_stack_name
from pcluster_cfn.template import NESTED_STACK, is_custom

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

#: Types that hold what users store, in words. Source: aws-parallelcluster 3.16.1, templates/cluster_stack.py.
_STORAGE = {
    "AWS::EC2::Volume": "EBS volume",
    "AWS::EFS::FileSystem": "EFS file system",
    "AWS::FSx::FileSystem": "FSx file system",
}
_KEPT = {"Retain", "RetainExceptOnCreate", "Snapshot"}
#: Clusters whose storage is looked at; each takes two requests.
_LOOKED_AT = 20
#: Levels of nested stacks that are looked into.
_LEVELS = 5


@dataclass(frozen=True)
class Doomed:
    """A cluster that is deleted with a stack.

    Attributes:
        name: Its name.
        logical_id: Logical ids that lead to its resource.
        is_kept: Whether its resource's DeletionPolicy keeps it.
        storage: What is stored and deleted with it, in words; None if it was not looked at.
    """

    name: str
    logical_id: str
    is_kept: bool = False
    storage: tuple[str, ...] | None = None

    def line(self) -> str:
        """Returns the cluster in one line."""
        if self.is_kept:
            return f"  cluster {self.name} ({self.logical_id}) is kept by its DeletionPolicy"
        stored = f" with its {', '.join(self.storage)}" if self.storage else ""
        return f"  cluster {self.name} ({self.logical_id}){stored}"


def find_doomed(cloudformation: "CloudFormationClient", stack_id: str) -> list[Doomed]:
    """Returns the clusters of a stack and of the stacks nested in it.

    A permission that is missing leaves them out: the deletion itself does not need it.
    """
    try:
        found = list(_clusters(cloudformation, stack_id, (), _LEVELS))
        return [
            _with_storage(cloudformation, each) if position < _LOOKED_AT and not each.is_kept else each
            for position, each in enumerate(found)
        ]
    except ClientError as error:
        if is_denied(error):
            return []
        raise


def _clusters(
    cloudformation: "CloudFormationClient", stack_id: str, path: tuple[str, ...], levels: int
) -> Iterator[Doomed]:
    policies: dict[str, Any] | None = None
    for resource in _resources(cloudformation, stack_id):
        logical_id, physical_id = resource["LogicalResourceId"], resource.get("PhysicalResourceId", "")
        if resource["ResourceType"] == NESTED_STACK and levels and physical_id.startswith("arn:"):
            yield from _clusters(cloudformation, physical_id, (*path, logical_id), levels - 1)
        if not is_custom(resource["ResourceType"]) or not is_stack_name(physical_id):
            continue
        if find_cluster_stack(cloudformation, physical_id) is None:
            continue
        policies = _policies(cloudformation, stack_id) if policies is None else policies
        yield Doomed(physical_id, "/".join((*path, logical_id)), policies.get(logical_id) in _KEPT)


def _with_storage(cloudformation: "CloudFormationClient", cluster: Doomed) -> Doomed:
    policies = _policies(cloudformation, cluster.name)
    storage = [
        f"{_STORAGE[resource['ResourceType']]} {resource.get('PhysicalResourceId', '')}"
        for resource in _resources(cloudformation, cluster.name)
        if resource["ResourceType"] in _STORAGE and policies.get(resource["LogicalResourceId"]) not in _KEPT
    ]
    return Doomed(cluster.name, cluster.logical_id, storage=tuple(storage))


def _resources(cloudformation: "CloudFormationClient", stack: str) -> Iterator[Any]:
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceStatus"] != "DELETE_COMPLETE":
                yield resource


def _policies(cloudformation: "CloudFormationClient", stack: str) -> dict[str, Any]:
    """Returns the DeletionPolicy of each resource of a stack that has one, by attribute or by property.

    The property is the clusters' own. Source: docs/reference/cluster.md, DeletionPolicy.
    """
    body: Any = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    try:
        template = read(body) if isinstance(body, str) else body
    except TemplateError:
        return {}
    resources = template.get("Resources", {}) if isinstance(template, dict) else {}
    found = {}
    for logical_id, resource in resources.items():
        properties = resource.get("Properties", {}) if isinstance(resource, dict) else {}
        policy = resource.get("DeletionPolicy") if isinstance(resource, dict) else None
        own = properties.get("DeletionPolicy") if isinstance(properties, dict) else None
        found[logical_id] = policy or own
    return found
