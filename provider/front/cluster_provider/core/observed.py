"""What was seen of the world when a decision is made: plain facts, no judgement but the stack's status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

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

#: Every cluster's stack has its name in this tag.
#: Source: aws-parallelcluster 3.16.1, constants.py (PCLUSTER_CLUSTER_NAME_TAG).
PCLUSTER_NAME_TAG = "parallelcluster:cluster-name"

#: States from which a cluster works. Source: aws-parallelcluster 3.16.1, aws/aws_resources.py.
WORKING = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})

#: States in which what was asked for came about.
SUCCEEDED = WORKING - {"UPDATE_ROLLBACK_COMPLETE"}

#: A stack in one of these refuses DeleteStack.
#: Source: AWS CloudFormation API reference, DeleteStack; interleaving 19.
_UPDATING_PREFIX = "UPDATE_"


@dataclass(frozen=True)
class ClusterStack:
    """ParallelCluster's own stack, which is the cluster.

    Args:
        stack_id: Its ARN.
        name: Its name, which is the cluster's.
        status: CloudFormation's stack status.
        reason: CloudFormation's reason for it, often empty.
        tags: Its tags.
        parameters: Its parameters; the library keeps its own facts there.
        outputs: Its outputs.
        parent_id: ARN of the stack that it is nested in; None if it is nested in none.
        rollback_disabled: Whether what fails to be created in it stays as it is.
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
        """ParallelCluster version that made it; None for a stack that is no cluster."""
        return self.tags.get(VERSION_TAG)

    @property
    def config_version(self) -> str:
        """S3 version of the configuration in force; every update changes it, its rollback puts it back.

        Source: aws-parallelcluster 3.16.1, models/cluster_resources.py (parameter ConfigVersion).
        """
        return self.parameters.get("ConfigVersion", "")

    @property
    def log_group(self) -> str:
        """CloudWatch log group of the nodes; empty if logging is off.

        Source: aws-parallelcluster 3.16.1, models/cluster_resources.py (parameter ClusterCWLogGroup).
        """
        name = self.parameters.get("ClusterCWLogGroup", "")
        return "" if name == "NONE" else name

    @property
    def owner_tags(self) -> dict[str, str]:
        """Our tags on it, as they are."""
        return {key: value for key, value in self.tags.items() if key.startswith(OWNER_TAG_PREFIX)}

    @property
    def tagged_owner(self) -> Owner | None:
        """Whose its tags say it is; None if they say nothing of this very cluster."""
        tag = OwnerTag.read(self.tags)
        if tag is None or tag.cluster_name != self.name:
            return None
        if OWNER_TAG in self.tags:
            return tag.owner(StackArn.parse(self.stack_id))
        return Owner(self.tags[STACK_ID_TAG], tag.logical_id)

    @property
    def in_progress(self) -> bool:
        """Whether CloudFormation is changing it."""
        return self.status.endswith("_IN_PROGRESS")

    @property
    def updating(self) -> bool:
        """Whether it is in a state that refuses to be deleted until it settles."""
        return self.in_progress and self.status.startswith(_UPDATING_PREFIX)

    @property
    def deleting(self) -> bool:
        """Whether it is on its way out."""
        return self.status == "DELETE_IN_PROGRESS"

    @property
    def gone(self) -> bool:
        """Whether it is deleted; CloudFormation still describes it by its ARN."""
        return self.status == "DELETE_COMPLETE"

    @property
    def works(self) -> bool:
        """Whether the cluster is up and settled, after its own rollback too."""
        return self.status in WORKING

    def belongs_to(self, owner: Owner, known: "Cluster | None" = None) -> bool:
        """Whether the owner made it (or adopted it).

        Args:
            owner: Whose it may be.
            known: What the owner's record says of it. An update from outside replaces all tags of a stack;
                where none of ours is left, the recorded ARN tells, which no other stack ever gets.
        """
        if known is not None and known.stack_id == self.stack_id:
            # An adopted cluster may carry the tags of somebody who gave it up.
            return (
                known.adopted_at is not None or not self.owner_tags or owner.owns(dict(self.tags), self.name)
            )
        return owner.owns(dict(self.tags), self.name)


@dataclass(frozen=True)
class StackFailure:
    """One failed resource of a cluster's stacks.

    Args:
        logical_id: Logical resource id.
        resource_type: CloudFormation's type name.
        status: Its failed status.
        reason: CloudFormation's words.
        at: When it failed.
    """

    logical_id: str
    resource_type: str
    status: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class ParentStack:
    """A stack that a resource is in, or one that this stack is nested in.

    Args:
        status: CloudFormation's stack status.
        completed: Whether it came to a good end since the resource's cluster was taken over; None if
            CloudFormation's events do not reach back so far.
        rollback_disabled: Whether what fails to be created in it stays as it is.
    """

    status: str
    completed: bool | None
    rollback_disabled: bool = False

    @property
    def rolls_back(self) -> bool:
        """Whether what it deletes is what it did not get done, or puts back."""
        return "ROLLBACK_" in self.status or self.status == "CREATE_FAILED"


@dataclass(frozen=True)
class LastApplied:
    """What was true of a cluster when a Create or Update of it last succeeded.

    Args:
        configuration_digest: Of the property ClusterConfiguration.
        config_version: The stack's parameter ConfigVersion then.
        tags: The tags handed to the configuration.
    """

    configuration_digest: str
    config_version: str
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cluster:
    """A cluster that an owner made, as the record knows it.

    Args:
        name: Its name.
        request_id: The request that made it.
        stack_id: ARN of its stack, once seen.
        version: ParallelCluster version it was made with.
        reported: Whether CloudFormation was ever told of it with SUCCESS.
        touched: An update of ours was sent and did not end in a success that was told.
        last_applied: The state of the last success.
        fleet_status_before: The compute fleet's status before we stopped it; empty unless we did. While it is
            set, a restart of the fleet is pending.
        adopted_at: When it was taken over; None for a cluster that the owner made.
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

    def was_applied(self, digest: str) -> bool:
        """Whether this configuration is what was last reached, and nothing else was asked for since."""
        last_applied = self.last_applied
        return last_applied is not None and not self.touched and last_applied.configuration_digest == digest

    def changed_outside(self, stack: ClusterStack) -> bool:
        """Whether somebody else changed the cluster's configuration since the last success."""
        last_applied = self.last_applied
        return (
            last_applied is not None
            and not self.touched
            and last_applied.config_version != stack.config_version
        )


@dataclass(frozen=True)
class Leftover:
    """A cluster or an image of a request that was superseded before anybody heard of it.

    Args:
        known: What the owner's record says of it.
        stack: Its stack; None for an image that has none (any more): nothing tells whether it was built.
        failures: Failed resources of its stack, oldest first; read only where no more is tried.
    """

    known: Cluster
    stack: ClusterStack | None
    failures: tuple[StackFailure, ...] = ()

    @property
    def in_progress(self) -> bool:
        """Whether CloudFormation is still at it."""
        return self.stack is not None and self.stack.in_progress


@dataclass(frozen=True)
class Observed:
    """The world as one step sees it.

    Args:
        cluster: The stack under the cluster's name or recorded ARN; None if there is none, or it is gone.
        known: What the owner's record says of that cluster.
        pending: Why an engine may still act for this owner; empty if none can.
        pending_until: When that counts as over though nothing is heard of it; None where nobody can say.
        undoes: This Update puts back what an Update wanted that failed without effect.
        failures: Failed resources of the cluster's stacks, oldest first; read only when the stack failed.
        tags: The tags the parent stack hands down, for an Update that starts now.
        leftover: What this owner made, was never told of, and no longer wants.
        engines: ParallelCluster versions of which there is an engine.
        current_owner: A resource of another stack whose cluster it is by its tags; None if that is no longer
            so.
        disowned: The cluster was taken over once and disowned again.
        parents: The owner's stack, and every one around it; read only where an adopted cluster may be
            deleted, and empty if not all of them could be seen.
        sent_by: When an answer that was written down must have been sent by who wrote it.
        consent: Which clusters the provider's operator lets be taken over.
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
