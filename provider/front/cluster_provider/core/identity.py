"""Who owns what: owners, stack ARNs, physical resource ids and the tags that record ownership."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

#: The owner tag, put on the cluster stack at birth by the engine's gate, never in the configuration.
OWNER_TAG = "pcluster-cfn:owner"

#: What images have instead, and clusters of earlier versions: a hosted zone in a cluster's stack takes ten
#: tags at once, ParallelCluster's and the template's included.
#: Source: Route 53 API reference, ChangeTagsForResource.
STACK_ID_TAG = "pcluster-cfn:stack-id"
LOGICAL_ID_TAG = "pcluster-cfn:logical-id"
CLUSTER_NAME_TAG = "pcluster-cfn:cluster-name"
REQUEST_ID_TAG = "pcluster-cfn:request-id"
OWNER_TAG_PREFIX = "pcluster-cfn:"

#: Longest value of a tag, in characters. Source: AWS CloudFormation API reference, Tag.
TAG_VALUE_MAX = 256

#: Put into the configuration, as the official provider does.
#: Source: aws-parallelcluster, cloudformation/custom_resource/cluster.yaml.
CUSTOM_RESOURCE_TAG = {"parallelcluster:custom_resource": "cluster"}

#: A colon can stand in no cluster name, so a marker is never mistaken for one.
MARKER_PREFIX = "pcluster-cfn:not-created:"

#: Begins the physical ids of Creates that failed and left something behind. Each Create has its own, so a
#: late clean-up after one never deletes what the next one made.
FAILED_PREFIX = "pcluster-cfn:failed:"

#: Begins the physical ids of resources that only ask.
READ_ONLY_PREFIX = "pcluster-cfn:read-only:"

#: Source: aws-parallelcluster 3.16.1, constants.py (PCLUSTER_NAME_REGEX, PCLUSTER_NAME_MAX_LENGTH).
_CLUSTER_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{0,59}")

_STACK_ARN = re.compile(
    r"arn:(?P<partition>[^:]+):cloudformation:(?P<region>[^:]+):(?P<account>[^:]*):stack/(?P<name>[^/|]+)/(?P<unique>[^|]+)"
)


@dataclass(frozen=True)
class StackArn:
    """A stack's ARN, taken apart."""

    partition: str
    region: str
    account: str
    name: str
    unique: str

    @classmethod
    def parse(cls, arn: str) -> Self:
        """Takes a stack ARN apart.

        Raises:
            ValueError: It is no stack ARN.
        """
        match = _STACK_ARN.fullmatch(arn)
        if match is None:
            raise ValueError(f"not a stack ARN: {arn!r}")
        return cls(**match.groupdict())

    @property
    def prefix(self) -> str:
        """What the ARNs of all stacks of the same account and Region begin with."""
        return f"arn:{self.partition}:cloudformation:{self.region}:{self.account}:stack/"

    @classmethod
    def is_one(cls, text: str) -> bool:
        """Returns whether a text is a stack ARN."""
        return _STACK_ARN.fullmatch(text) is not None


@dataclass(frozen=True)
class Owner:
    """One custom resource of one stack: whoever may change a cluster.

    Args:
        stack_id: ARN of the user's stack.
        logical_id: Logical resource id within it.
    """

    stack_id: str
    logical_id: str

    @property
    def key(self) -> str:
        """The owner's key in the operations table."""
        return f"{self.stack_id}|{self.logical_id}"

    def is_beside(self, other: "Owner") -> bool:
        """Whether both are stacks of one account and Region."""
        try:
            mine, theirs = StackArn.parse(self.stack_id), StackArn.parse(other.stack_id)
        except ValueError:
            return False
        places = [(arn.partition, arn.region, arn.account) for arn in (mine, theirs)]
        return places[0] == places[1]

    @property
    def region(self) -> str:
        """The Region of the owner's stack, which is the cluster's too."""
        return StackArn.parse(self.stack_id).region

    @classmethod
    def from_key(cls, key: str) -> Self:
        """The owner with this key."""
        stack_id, _, logical_id = key.rpartition("|")
        return cls(stack_id, logical_id)

    def tag(self, cluster_name: str, request_id: str) -> dict[str, str]:
        """The owner tag of a cluster that a request of this owner makes; several where that is too long."""
        text = " ".join((_path(self.stack_id), self.logical_id, cluster_name, request_id))
        return {OWNER_TAG: text} if len(text) <= TAG_VALUE_MAX else self.tags(cluster_name, request_id)

    def tags(self, cluster_name: str, request_id: str) -> dict[str, str]:
        """The owner tags of an image that a request of this owner makes; clusters had them once."""
        return {
            STACK_ID_TAG: self.stack_id,
            LOGICAL_ID_TAG: self.logical_id,
            CLUSTER_NAME_TAG: cluster_name,
            REQUEST_ID_TAG: request_id,
        }

    def is_made_up(self, physical_id: str) -> bool:
        """Whether an id has the form of those that CloudFormation gives a resource that got none.

        Source: cloudformation-coverage-roadmap issues 1814 and 1730.
        """
        return physical_id.startswith(f"{StackArn.parse(self.stack_id).name}-{self.logical_id}-")

    def owns(self, tags: Mapping[str, str], cluster_name: str) -> bool:
        """Whether a stack with these tags is this owner's cluster of that name.

        The cluster's name is compared as well: a configuration or a template that somebody re-used for
        another cluster must not carry ownership along.
        """
        tag = OwnerTag.read(tags)
        wanted = (_path(self.stack_id), self.logical_id, cluster_name)
        return tag is not None and (tag.stack, tag.logical_id, tag.cluster_name) == wanted

    def made(self, tags: Mapping[str, str], cluster_name: str, request_id: str) -> bool:
        """Whether a stack with these tags is the cluster that this very request of the owner made."""
        tag = OwnerTag.read(tags)
        return tag is not None and self.owns(tags, cluster_name) and tag.request_id == request_id


@dataclass(frozen=True)
class OwnerTag:
    """What the owner tag of a cluster says, or the tags that are there in its place.

    Args:
        stack: The part of the owner's stack ARN after ``stack/``; the rest is that of the cluster's own.
        logical_id: The owner's logical id.
        cluster_name: The cluster's name.
        request_id: The request that made it.
    """

    stack: str
    logical_id: str
    cluster_name: str
    request_id: str

    @classmethod
    def read(cls, tags: Mapping[str, str]) -> Self | None:
        """Returns what a stack's tags say; None if they name no owner."""
        fields = tags.get(OWNER_TAG, "").split(" ")
        if len(fields) == len(cls.__dataclass_fields__):
            return cls(*fields)
        if OWNER_TAG in tags or STACK_ID_TAG not in tags:
            return None
        others = (tags.get(name, "") for name in (LOGICAL_ID_TAG, CLUSTER_NAME_TAG, REQUEST_ID_TAG))
        return cls(_path(tags[STACK_ID_TAG]), *others)

    def owner(self, stack: StackArn) -> Owner:
        """The owner, in the account and Region of the cluster's stack."""
        return Owner(f"{stack.prefix}{self.stack}", self.logical_id)


def _path(stack_id: str) -> str:
    """The part of a stack's ARN that differs within an account and Region; else the whole text."""
    return stack_id.partition(":stack/")[2] or stack_id


def may_be_cluster(stack_name: str) -> bool:
    """Whether a stack of this name can be a cluster; stacks nested in one mostly have longer names."""
    return _CLUSTER_NAME.fullmatch(stack_name) is not None


def marker_id(owner: Owner) -> str:
    """The physical id of a resource whose Create was refused: its Delete touches nothing."""
    return MARKER_PREFIX + _fingerprint(owner)


@dataclass(frozen=True)
class FailedCreate:
    """A Create that failed, as the physical id of its answer names it.

    Args:
        request_id: The request's id.
        name: Name of the cluster or the image that it may have left behind.
    """

    request_id: str
    name: str

    @property
    def physical_id(self) -> str:
        """The physical id: its Delete concerns what this very request made, and nothing else of that name."""
        return f"{FAILED_PREFIX}{self.request_id}:{self.name}"

    @classmethod
    def parse(cls, physical_id: str | None) -> Self | None:
        """Returns the Create that a physical id names; None for every other id."""
        if physical_id is None or not physical_id.startswith(FAILED_PREFIX):
            return None
        request_id, _, name = physical_id.removeprefix(FAILED_PREFIX).rpartition(":")
        return cls(request_id, name)


def is_unmade(physical_id: str | None) -> bool:
    """Whether a physical id is that of a Create that failed, with something left behind or without."""
    return is_marker(physical_id) or FailedCreate.parse(physical_id) is not None


def read_only_id(owner: Owner) -> str:
    """The physical id of a resource that only asks: the same for life, so nothing is ever replaced."""
    return READ_ONLY_PREFIX + _fingerprint(owner)


def _fingerprint(owner: Owner) -> str:
    return hashlib.sha256(owner.key.encode()).hexdigest()[:16]


def is_marker(physical_id: str | None) -> bool:
    """Whether a physical id says that nothing was made."""
    return physical_id is not None and physical_id.startswith(MARKER_PREFIX)


class Kind(StrEnum):
    """The kinds of resources behind the one service token."""

    CLUSTER = "Cluster"
    CLUSTER_INFO = "ClusterInfo"
    OFFICIAL_IMAGE = "OfficialImage"
    IMAGE = "Image"

    @property
    def is_read_only(self) -> bool:
        """Whether it only asks, and owns nothing."""
        return self in {Kind.CLUSTER_INFO, Kind.OFFICIAL_IMAGE}


#: The type names that mean something else than a cluster; every other name means a cluster.
TYPES = {
    "Custom::PclusterClusterInfo": Kind.CLUSTER_INFO,
    "Custom::PclusterOfficialImage": Kind.OFFICIAL_IMAGE,
    "Custom::PclusterImage": Kind.IMAGE,
}


def kind_of(resource_type: str) -> Kind:
    """The kind of a resource of this type."""
    return TYPES.get(resource_type, Kind.CLUSTER)
