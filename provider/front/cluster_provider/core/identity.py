"""Ownership: owners, stack ARNs, physical resource ids, and the tags that record an owner."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

#: The owner tag. The engine's gate sets it when it creates the cluster's stack; it is never in the
#: configuration.
OWNER_TAG = "pcluster-cfn:owner"

#: The tags that images, and clusters of earlier releases, have in place of the owner tag. A cluster has only
#: one, because a hosted zone in its stack accepts ten tags at once, including ParallelCluster's and the
#: template's.
#: Source: Route 53 API reference, ChangeTagsForResource.
STACK_ID_TAG = "pcluster-cfn:stack-id"
LOGICAL_ID_TAG = "pcluster-cfn:logical-id"
CLUSTER_NAME_TAG = "pcluster-cfn:cluster-name"
REQUEST_ID_TAG = "pcluster-cfn:request-id"
OWNER_TAG_PREFIX = "pcluster-cfn:"

#: Maximum length of a tag's value, in characters. Source: AWS CloudFormation API reference, Tag.
TAG_VALUE_MAX = 256

#: Tag in the configuration, which the official provider sets, too.
#: Source: aws-parallelcluster, cloudformation/custom_resource/cluster.yaml.
CUSTOM_RESOURCE_TAG = {"parallelcluster:custom_resource": "cluster"}

#: Prefix of the marker: the physical id of a resource that was never created. A cluster's name has no colon,
#: so a marker is never mistaken for a name.
MARKER_PREFIX = "pcluster-cfn:not-created:"

#: Prefix of the physical ids of failed Creates that left something behind. Each Create has its own id, so a
#: late clean-up after one never deletes what the next one made.
FAILED_PREFIX = "pcluster-cfn:failed:"

#: Prefix of the physical ids of read-only resources.
READ_ONLY_PREFIX = "pcluster-cfn:read-only:"

#: Source: aws-parallelcluster 3.16.1, constants.py (PCLUSTER_NAME_REGEX, PCLUSTER_NAME_MAX_LENGTH).
_CLUSTER_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{0,59}")

_STACK_ARN = re.compile(
    r"arn:(?P<partition>[^:]+):cloudformation:(?P<region>[^:]+):(?P<account>[^:]*):stack/(?P<name>[^/|]+)/(?P<unique>[^|]+)"
)


@dataclass(frozen=True)
class StackArn:
    """The parts of a stack's ARN."""

    partition: str
    region: str
    account: str
    name: str
    unique: str

    @classmethod
    def parse(cls, arn: str) -> Self:
        """Returns the parts of a stack's ARN.

        Raises:
            ValueError: The text is not a stack's ARN.
        """
        match = _STACK_ARN.fullmatch(arn)
        if match is None:
            raise ValueError(f"not a stack ARN: {arn!r}")
        return cls(**match.groupdict())

    @property
    def prefix(self) -> str:
        """The common beginning of the ARNs of all stacks of the same account and Region."""
        return f"arn:{self.partition}:cloudformation:{self.region}:{self.account}:stack/"

    @classmethod
    def is_one(cls, text: str) -> bool:
        """Returns whether a text is a stack's ARN."""
        return _STACK_ARN.fullmatch(text) is not None


@dataclass(frozen=True)
class Owner:
    """One custom resource of one stack; only the owner of a cluster may change it.

    Args:
        stack_id: ARN of the user's stack.
        logical_id: Logical id of the resource in that stack.
    """

    stack_id: str
    logical_id: str

    @property
    def key(self) -> str:
        """The owner's key in the operations table."""
        return f"{self.stack_id}|{self.logical_id}"

    def is_beside(self, other: "Owner") -> bool:
        """Returns whether the stacks of both owners are in one account and Region."""
        try:
            mine, theirs = StackArn.parse(self.stack_id), StackArn.parse(other.stack_id)
        except ValueError:
            return False
        places = [(arn.partition, arn.region, arn.account) for arn in (mine, theirs)]
        return places[0] == places[1]

    @property
    def region(self) -> str:
        """The Region of the owner's stack, which is also the cluster's."""
        return StackArn.parse(self.stack_id).region

    @classmethod
    def from_key(cls, key: str) -> Self:
        """Returns the owner with this key."""
        stack_id, _, logical_id = key.rpartition("|")
        return cls(stack_id, logical_id)

    def tag(self, cluster_name: str, request_id: str) -> dict[str, str]:
        """Returns the owner tag of a cluster; the four tags of ``tags`` if its value would be too long.

        Args:
            cluster_name: Name of the cluster.
            request_id: The request that makes it.
        """
        text = " ".join((_path(self.stack_id), self.logical_id, cluster_name, request_id))
        return {OWNER_TAG: text} if len(text) <= TAG_VALUE_MAX else self.tags(cluster_name, request_id)

    def tags(self, cluster_name: str, request_id: str) -> dict[str, str]:
        """Returns the owner tags of an image; clusters of earlier releases have them, too.

        Args:
            cluster_name: Name of the image or cluster.
            request_id: The request that makes it.
        """
        return {
            STACK_ID_TAG: self.stack_id,
            LOGICAL_ID_TAG: self.logical_id,
            CLUSTER_NAME_TAG: cluster_name,
            REQUEST_ID_TAG: request_id,
        }

    def is_made_up(self, physical_id: str) -> bool:
        """Returns whether a physical id has the form of those that CloudFormation makes up.

        CloudFormation makes one up for a resource that was given none.
        Source: cloudformation-coverage-roadmap issues 1814 and 1730.
        """
        return physical_id.startswith(f"{StackArn.parse(self.stack_id).name}-{self.logical_id}-")

    def owns(self, tags: Mapping[str, str], cluster_name: str) -> bool:
        """Returns whether a stack with these tags is this owner's cluster of that name.

        The tags also name the cluster, so a configuration or template that is re-used for another cluster
        does not transfer ownership.

        Args:
            tags: Tags of a cluster's stack.
            cluster_name: Name of that cluster.
        """
        tag = OwnerTag.read(tags)
        wanted = (_path(self.stack_id), self.logical_id, cluster_name)
        return tag is not None and (tag.stack, tag.logical_id, tag.cluster_name) == wanted

    def made(self, tags: Mapping[str, str], cluster_name: str, request_id: str) -> bool:
        """Returns whether a stack with these tags was made by this very request of the owner.

        Args:
            tags: Tags of a cluster's stack.
            cluster_name: Name of that cluster.
            request_id: The request.
        """
        tag = OwnerTag.read(tags)
        return tag is not None and self.owns(tags, cluster_name) and tag.request_id == request_id


@dataclass(frozen=True)
class OwnerTag:
    """The content of a cluster's owner tag, or of the four tags in its place.

    Args:
        stack: The part of the owner's stack ARN after ``stack/``; the part before is that of the cluster's
            own.
        logical_id: Logical id of the owner.
        cluster_name: Name of the cluster.
        request_id: The request that made it.
    """

    stack: str
    logical_id: str
    cluster_name: str
    request_id: str

    @classmethod
    def read(cls, tags: Mapping[str, str]) -> Self | None:
        """Returns the content of a stack's owner tags; None if they name no owner."""
        fields = tags.get(OWNER_TAG, "").split(" ")
        if len(fields) == len(cls.__dataclass_fields__):
            return cls(*fields)
        if OWNER_TAG in tags or STACK_ID_TAG not in tags:
            return None
        others = (tags.get(name, "") for name in (LOGICAL_ID_TAG, CLUSTER_NAME_TAG, REQUEST_ID_TAG))
        return cls(_path(tags[STACK_ID_TAG]), *others)

    def owner(self, stack: StackArn) -> Owner:
        """Returns the owner, in the account and Region of the cluster's stack."""
        return Owner(f"{stack.prefix}{self.stack}", self.logical_id)


def _path(stack_id: str) -> str:
    """Returns the part of a stack's ARN that differs within an account and Region; else the whole text."""
    return stack_id.partition(":stack/")[2] or stack_id


def may_be_cluster(stack_name: str) -> bool:
    """Returns whether a stack of this name can be a cluster; most nested stacks have longer names."""
    return _CLUSTER_NAME.fullmatch(stack_name) is not None


def marker_id(owner: Owner) -> str:
    """Returns the physical id for a Create that was refused; the Delete of that id changes nothing."""
    return MARKER_PREFIX + _fingerprint(owner)


@dataclass(frozen=True)
class FailedCreate:
    """A failed Create, as its physical id names it.

    Args:
        request_id: Id of the request.
        name: Name of the cluster or image that it may have left behind.
    """

    request_id: str
    name: str

    @property
    def physical_id(self) -> str:
        """The physical id; its Delete is about what this very request made, not about others of that name."""
        return f"{FAILED_PREFIX}{self.request_id}:{self.name}"

    @classmethod
    def parse(cls, physical_id: str | None) -> Self | None:
        """Returns the failed Create that a physical id names; None for every other id."""
        if physical_id is None or not physical_id.startswith(FAILED_PREFIX):
            return None
        request_id, _, name = physical_id.removeprefix(FAILED_PREFIX).rpartition(":")
        return cls(request_id, name)


def is_unmade(physical_id: str | None) -> bool:
    """Returns whether a physical id is that of a failed Create, with or without something left behind."""
    return is_marker(physical_id) or FailedCreate.parse(physical_id) is not None


def read_only_id(owner: Owner) -> str:
    """Returns the physical id of a read-only resource; it never changes, so no resource is replaced."""
    return READ_ONLY_PREFIX + _fingerprint(owner)


def _fingerprint(owner: Owner) -> str:
    return hashlib.sha256(owner.key.encode()).hexdigest()[:16]


def is_marker(physical_id: str | None) -> bool:
    """Returns whether a physical id is a marker: nothing was made under it."""
    return physical_id is not None and physical_id.startswith(MARKER_PREFIX)


class Kind(StrEnum):
    """The kind of a resource; all kinds have the same service token."""

    CLUSTER = "Cluster"
    CLUSTER_INFO = "ClusterInfo"
    OFFICIAL_IMAGE = "OfficialImage"
    IMAGE = "Image"

    @property
    def is_read_only(self) -> bool:
        """Whether a resource of this kind only reads, and owns nothing."""
        return self in {Kind.CLUSTER_INFO, Kind.OFFICIAL_IMAGE}


#: Types that are not clusters; every other custom type is a cluster.
TYPES = {
    "Custom::PclusterClusterInfo": Kind.CLUSTER_INFO,
    "Custom::PclusterOfficialImage": Kind.OFFICIAL_IMAGE,
    "Custom::PclusterImage": Kind.IMAGE,
}


def kind_of(resource_type: str) -> Kind:
    """Returns the kind of a resource of this type."""
    return TYPES.get(resource_type, Kind.CLUSTER)
