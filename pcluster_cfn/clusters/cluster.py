"""A cluster as its stack describes it, and who owns it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from pcluster_cfn.aws import log_group_of, parameters_of, tags_of
from pcluster_cfn.planning.requests import CLUSTER_NAME_TAG, OWNER_TAG, OWNER_TAGS, VERSION_TAG

if TYPE_CHECKING:
    from types_boto3_cloudformation.type_defs import StackTypeDef

#: Source: aws-parallelcluster, cloudformation/custom_resource/cluster.yaml; this provider sets it, too.
_CUSTOM_RESOURCE_TAG = "parallelcluster:custom_resource"
#: Words of the owner tag. Source: docs/explanation/ownership.md, "The owner tag".
_OWNER_FIELDS = 4
#: Statuses in which a cluster's stack works. Source: CloudFormation user guide, "Stack status codes".
_WORKING = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    }
)


@dataclass(frozen=True)
class Owner:
    """A resource of a user's stack: the ARN of the stack, and the logical id."""

    stack_id: str
    logical_id: str

    @property
    def stack_name(self) -> str:
        """Name of the stack."""
        return self.stack_id.partition(":stack/")[2].partition("/")[0] or self.stack_id


class Health(StrEnum):
    """Whether a cluster works."""

    WORKS = "works"
    CHANGING = "changing"
    BROKEN = "broken"


class Origin(StrEnum):
    """What made a cluster, as its tags tell."""

    PROVIDER = "this provider"
    CUSTOM_RESOURCE = "a custom resource"
    PCLUSTER = "pcluster"


@dataclass(frozen=True)
class Cluster:
    """One cluster; ``stack`` is the description of its own stack."""

    stack: "StackTypeDef"

    @classmethod
    def of(cls, stack: "StackTypeDef") -> Self | None:
        """Returns the cluster whose stack this is; None if it is another stack."""
        return cls(stack) if tags_of(stack).get(CLUSTER_NAME_TAG) == stack["StackName"] else None

    @property
    def name(self) -> str:
        """Name of the cluster and of its stack."""
        return self.stack["StackName"]

    @property
    def stack_id(self) -> str:
        """ARN of the cluster's stack."""
        return self.stack["StackId"]

    @property
    def status(self) -> str:
        """Status of the cluster's stack."""
        return self.stack["StackStatus"]

    @property
    def created_at(self) -> datetime:
        """When the creation began."""
        return self.stack["CreationTime"]

    @property
    def tags(self) -> Mapping[str, str]:
        """Tags of the cluster's stack."""
        return tags_of(self.stack)

    @property
    def version(self) -> str | None:
        """ParallelCluster's version; None if a tag does not name it."""
        return self.tags.get(VERSION_TAG)

    @property
    def parameters(self) -> Mapping[str, str]:
        """Parameters of the cluster's stack."""
        return parameters_of(self.stack)

    @property
    def log_group(self) -> str | None:
        """Name of the log group of the cluster's nodes; None if logging is off."""
        return log_group_of(self.stack)

    @property
    def health(self) -> Health:
        """Whether the stack is in a status in which the cluster works."""
        if self.status in _WORKING:
            return Health.WORKS
        return Health.CHANGING if self.status.endswith("_IN_PROGRESS") else Health.BROKEN

    @property
    def tagged_owner(self) -> Owner | None:
        """The resource that made the cluster, as the owner tag names it; None without the tag."""
        fields = self.tags.get(OWNER_TAG, "").split(" ")
        if len(fields) == _OWNER_FIELDS:
            return Owner(f"{self.stack_id.partition(':stack/')[0]}:stack/{fields[0]}", fields[1])
        stack_id, logical_id = (self.tags.get(name) for name in OWNER_TAGS)
        return Owner(stack_id, logical_id) if stack_id and logical_id else None

    @property
    def origin(self) -> Origin:
        """What made the cluster."""
        if self.tagged_owner:
            return Origin.PROVIDER
        return Origin.CUSTOM_RESOURCE if _CUSTOM_RESOURCE_TAG in self.tags else Origin.PCLUSTER

    def as_json(self) -> dict[str, Any]:
        """Returns what the stack says about the cluster as JSON values."""
        updated_at = self.stack.get("LastUpdatedTime")
        return {
            "name": self.name,
            "health": str(self.health),
            "status": self.status,
            "statusReason": self.stack.get("StackStatusReason", ""),
            "version": self.version,
            "stackId": self.stack_id,
            "createdAt": self.created_at.isoformat(),
            "updatedAt": updated_at.isoformat() if updated_at else None,
            "madeBy": str(self.origin),
        }


def marked_owner(text: bytes) -> Owner | None:
    """Returns the resource that a cluster's mark names; None if the mark is not valid.

    Source: docs/reference/engine.md, "The mark of a cluster".
    """
    try:
        owner = json.loads(text)["owner"]
        return Owner(str(owner["stack_id"]), str(owner["logical_id"]))
    except (ValueError, KeyError, TypeError):
        return None


def age(since: datetime, now: datetime) -> str:
    """Returns a time span in its two largest units, as in 3d4h; zero for an instant in the future."""
    left_s = max(0, int((now - since).total_seconds()))
    parts: list[str] = []
    for unit, size_s in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left_s = divmod(left_s, size_s)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
        elif parts:
            break
    return "".join(parts[:2])
