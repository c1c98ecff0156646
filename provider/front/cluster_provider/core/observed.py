"""The facts that a pass observes: plain values, without judgement except for a stack's status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cluster_provider.core.consent import DEFAULT, Consent
from cluster_provider.core.document import stored_as
from cluster_provider.core.identity import (
    OWNER_TAG,
    OWNER_TAG_PREFIX,
    STACK_ID_TAG,
    Kind,
    Owner,
    OwnerTag,
    StackArn,
)

#: Source: aws-parallelcluster 3.16.1, constants.py (PCLUSTER_VERSION_TAG).
VERSION_TAG = "parallelcluster:version"

#: Tag with the cluster's name, on the stack of every cluster.
#: Source: aws-parallelcluster 3.16.1, constants.py (PCLUSTER_CLUSTER_NAME_TAG).
PCLUSTER_NAME_TAG = "parallelcluster:cluster-name"

#: States in which a cluster works. Source: aws-parallelcluster 3.16.1, aws/aws_resources.py.
WORKING = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})

#: States in which the last request of the stack succeeded.
SUCCEEDED = WORKING - {"UPDATE_ROLLBACK_COMPLETE"}

#: The state in which a stack goes back to the properties that its resources had before.
GOING_BACK = "UPDATE_ROLLBACK_IN_PROGRESS"

#: Prefix of the states in which a stack refuses DeleteStack while it is in progress.
#: Source: AWS CloudFormation API reference, DeleteStack; interleaving 19 in
#: tests/scenario/test_interleavings.py.
_UPDATING_PREFIX = "UPDATE_"


@dataclass(frozen=True)
class ClusterStack:
    """The stack that ParallelCluster made for a cluster or an image.

    Args:
        stack_id: Its ARN.
        name: Its name, which is the cluster's.
        status: CloudFormation's stack status.
        reason: CloudFormation's reason for the status, often empty.
        tags: Its tags.
        parameters: Its parameters, in which ParallelCluster stores facts of its own.
        outputs: Its outputs.
        parent_id: ARN of the enclosing stack; None if it is not nested.
        rollback_disabled: Whether resources that failed to be created are kept.
        updated_at: When its last update began; None if it had none.
    """

    stack_id: str
    name: str
    status: str
    reason: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    parent_id: str | None = None
    rollback_disabled: bool = False
    updated_at: datetime | None = None

    @property
    def version(self) -> str | None:
        """The ParallelCluster version that made it; None for a stack that is not a cluster."""
        return self.tags.get(VERSION_TAG)

    @property
    def config_version(self) -> str:
        """S3 version of the configuration in force; an update changes it, and a rollback restores it.

        Source: aws-parallelcluster 3.16.1, models/cluster_resources.py (parameter ConfigVersion).
        """
        return self.parameters.get("ConfigVersion", "")

    @property
    def log_group(self) -> str:
        """CloudWatch log group of the nodes; empty if logging is disabled.

        Source: aws-parallelcluster 3.16.1, models/cluster_resources.py (parameter ClusterCWLogGroup).
        """
        name = self.parameters.get("ClusterCWLogGroup", "")
        return "" if name == "NONE" else name

    @property
    def owner_tags(self) -> dict[str, str]:
        """The provider's tags on it."""
        return {key: value for key, value in self.tags.items() if key.startswith(OWNER_TAG_PREFIX)}

    @property
    def tagged_owner(self) -> Owner | None:
        """The owner that its tags name; None if they name none, or are about another cluster."""
        tag = OwnerTag.read(self.tags)
        if tag is None or tag.cluster_name != self.name:
            return None
        if OWNER_TAG in self.tags:
            return tag.owner(StackArn.parse(self.stack_id))
        return Owner(self.tags[STACK_ID_TAG], tag.logical_id)

    @property
    def in_progress(self) -> bool:
        """Whether an operation on it is in progress."""
        return self.status.endswith("_IN_PROGRESS")

    @property
    def updating(self) -> bool:
        """Whether an update is in progress, during which CloudFormation refuses a deletion."""
        return self.in_progress and self.status.startswith(_UPDATING_PREFIX)

    @property
    def deleting(self) -> bool:
        """Whether its deletion is in progress."""
        return self.status == "DELETE_IN_PROGRESS"

    @property
    def gone(self) -> bool:
        """Whether it is deleted; CloudFormation still describes a deleted stack by its ARN."""
        return self.status == "DELETE_COMPLETE"

    @property
    def works(self) -> bool:
        """Whether the cluster works and is settled, possibly after a rollback."""
        return self.status in WORKING

    def belongs_to(self, owner: Owner, known: "Cluster | None" = None) -> bool:
        """Returns whether the owner made or adopted it.

        Args:
            owner: The owner.
            known: The cluster, as the owner's record has it; None if it has none. An update from outside
                replaces all tags of a stack. If none of the provider's tags is left, the recorded ARN
                decides, which is unique.
        """
        if known is not None and known.stack_id == self.stack_id:
            # An adopted cluster may have the tags of a previous owner.
            return (
                known.adopted_at is not None or not self.owner_tags or owner.owns(dict(self.tags), self.name)
            )
        return owner.owns(dict(self.tags), self.name)


@dataclass(frozen=True)
class StackFailure:
    """A failed resource of a stack.

    Args:
        logical_id: Logical resource id.
        resource_type: CloudFormation's type name.
        status: Its failed status.
        reason: CloudFormation's reason.
        at: When it failed.
    """

    logical_id: str
    resource_type: str
    status: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class ParentStack:
    """The stack of a resource, or a stack that encloses it.

    Args:
        status: CloudFormation's stack status.
        completed: Whether it has completed since the resource's cluster was adopted; None if CloudFormation's
            events do not reach back so far.
        rollback_disabled: Whether resources that failed to be created are kept.
    """

    status: str
    completed: bool | None
    rollback_disabled: bool = False

    @property
    def rolls_back(self) -> bool:
        """Whether it is undoing a change, so that its deletions do not express the template's intent."""
        return "ROLLBACK_" in self.status or self.status == "CREATE_FAILED"


@dataclass(frozen=True)
class LastApplied:
    """The state of a cluster when a Create or Update of it last succeeded.

    Args:
        configuration_digest: Digest of the property ClusterConfiguration.
        config_version: The stack's parameter ConfigVersion.
        tags: The tags that were added to the configuration.
    """

    configuration_digest: str
    config_version: str
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cluster:
    """A cluster or image of an owner, as the owner's record has it.

    Args:
        name: Its name.
        request_id: The request that made or adopted it.
        stack_id: ARN of its stack, once observed.
        version: ParallelCluster version that made it.
        reported: Whether a SUCCESS with it was reported to CloudFormation, as far as is known.
        reported_at: When the first such answer was recorded; None in records of earlier releases.
        touched: Whether an update was sent whose success has not been reported.
        last_applied: The state at the last success.
        fleet_status_before: The compute fleet's status before the provider stopped it; empty if it did not.
            While it is set, a restart of the fleet is pending.
        adopted_at: When it was adopted; None for one that the owner made.
        kind: Whether it is a cluster or an image.
    """

    name: str
    request_id: str
    stack_id: str | None = None
    version: str | None = None
    reported: bool = False
    touched: bool = False
    last_applied: LastApplied | None = field(default=None, metadata=stored_as("settled"))
    fleet_status_before: str = field(default="", metadata=stored_as("fleet_found"))
    adopted_at: datetime | None = None
    kind: Kind = Kind.CLUSTER
    reported_at: datetime | None = None

    def was_applied(self, digest: str) -> bool:
        """Returns whether this configuration was the last one applied, and no update has been sent since."""
        last_applied = self.last_applied
        return last_applied is not None and not self.touched and last_applied.configuration_digest == digest

    def changed_outside(self, stack: ClusterStack) -> bool:
        """Returns whether another party changed the configuration since the last success."""
        last_applied = self.last_applied
        return (
            last_applied is not None
            and not self.touched
            and last_applied.config_version != stack.config_version
        )


@dataclass(frozen=True)
class Leftover:
    """An unreported cluster or image of a request that was superseded.

    Args:
        known: The cluster or image, as the owner's record has it.
        stack: Its stack; None for an image without one, of which it is unknown whether it was built.
        failures: Failed resources of its stack, oldest first; read only if no further try is made.
    """

    known: Cluster
    stack: ClusterStack | None
    failures: tuple[StackFailure, ...] = ()

    @property
    def in_progress(self) -> bool:
        """Whether an operation on its stack is in progress."""
        return self.stack is not None and self.stack.in_progress


@dataclass(frozen=True)
class Observed:
    """The facts that a decision is based on.

    Args:
        cluster: The stack with the recorded ARN, or else with the cluster's name; None if there is none.
        known: The cluster, as the owner's record has it; None if it has none.
        pending: Why an engine may still act for this owner; empty if none can.
        pending_until: When that call counts as over without a reported end; None if that is not known.
        undoes: Whether this Update rolls back an Update that failed without effect.
        failures: Failed resources of the cluster's stacks, oldest first; read only if the stack failed.
        tags: The parent stack's tags for the configuration, for an Update that starts now.
        leftover: A cluster or image that this owner made, that was never reported and is no longer wanted.
        engines: The ParallelCluster versions that have an engine.
        current_owner: Another owner that the cluster's tags name and whose stack lists the cluster; None if
            there is none.
        disowned: Whether this owner adopted the cluster and then disowned it.
        parents: The owner's stack and all that enclose it; read only if an adopted cluster may be deleted,
            and empty if one cannot be read.
        sent_by: When the invocation that recorded an answer must have sent it.
        consent: The clusters that the provider's operator permits to be adopted.
        bounds: The argument of an engine's call with the bounds for the wanted cluster; empty if there are
            none, or if the parent stack rolls back.
        refused_severity: The least severity of advisories with which no cluster may be made; empty for none.
    """

    cluster: ClusterStack | None = None
    known: Cluster | None = None
    pending: str = ""
    pending_until: datetime | None = None
    undoes: bool = False
    failures: tuple[StackFailure, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    leftover: Leftover | None = None
    engines: frozenset[str] = frozenset()
    current_owner: Owner | None = None
    disowned: bool = False
    parents: tuple[ParentStack, ...] = ()
    sent_by: datetime | None = None
    consent: Consent = DEFAULT
    bounds: dict[str, Any] = field(default_factory=dict)
    refused_severity: str = ""
