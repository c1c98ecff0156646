"""The actions that a decision may return: a closed union, carried out by effects.py."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cluster_provider.core.engine import EngineAction, EngineResult
from cluster_provider.core.errors import ProviderError
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import ClusterStack


@dataclass(frozen=True)
class Nothing:
    """Do nothing: the request is answered, or CloudFormation no longer accepts an answer.

    Args:
        why: Why there is nothing to do, for logs.
        gave_up: Whether work was left undone that an operator should finish.
    """

    why: str
    gave_up: bool = False


@dataclass(frozen=True)
class Resend:
    """Send the recorded answer, byte for byte."""


@dataclass(frozen=True)
class Leave:
    """Leave the answer to the invocation that has just recorded it and is sending it; write nothing.

    Args:
        until: From this instant on, the answer counts as possibly lost.
    """

    until: datetime


@dataclass(frozen=True)
class Wait:
    """Requeue the owner; a wake-up may come sooner.

    Args:
        why: What is waited for, for logs and for an answer at the deadline.
        until: When the owner is due; None for a delay by the request's age.
        watching: ARN of a stack in progress without whose end there is nothing to do; None if there is none.
    """

    why: str
    until: datetime | None = None
    watching: str | None = None


def wait_for(stack: ClusterStack, why: str) -> Wait:
    """Returns the wait for the end of a stack's operation.

    Args:
        stack: The stack.
        why: What is waited for, for logs and for an answer at the deadline.
    """
    return Wait(why, watching=stack.stack_id)


@dataclass(frozen=True)
class Start:
    """Call the engine.

    Args:
        action: The action.
        cluster_name: Name of the cluster or image.
        stack_id: ARN of its stack, if one exists; the engine changes no other stack.
        stack_tags: Owner tags for the engine's gate; for create and update only.
        version: ParallelCluster version of the cluster; None for a new one, whose version is pinned.
        arguments: Arguments in addition to those of the request's properties.
        as_stored: Whether an update keeps the stored form and tags of the configuration where the wanted one
            means the same; for adopted clusters.
        fleet_status_before: The fleet's status before it is stopped, which is recorded first; for stop-fleet
            only.
        marks: Whether the cluster's mark must name this owner before anything is changed; for update and
            delete only.
        instead_of: A previous owner whose mark may be replaced.
    """

    action: EngineAction
    cluster_name: str
    stack_id: str | None = None
    stack_tags: dict[str, str] = field(default_factory=dict)
    version: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    as_stored: bool = False
    fleet_status_before: str = ""
    marks: bool = False
    instead_of: Owner | None = None


@dataclass(frozen=True)
class Adopt:
    """Record an existing cluster as this owner's, unless another owner has it; then decide again.

    Args:
        cluster: The cluster's stack.
    """

    cluster: ClusterStack


@dataclass(frozen=True)
class Examine:
    """Record whether the owner that a cluster's mark names still has the cluster; then decide again.

    Args:
        cluster: The cluster's stack.
        holder: The owner that the mark names.
    """

    cluster: ClusterStack
    holder: Owner


@dataclass(frozen=True)
class Replace:
    """Turn an Update to a new cluster in place of one that cannot be changed; then decide again.

    Args:
        cluster: The stack of the present cluster, which stays as it is.
        name: Name of the new cluster.
        why: Why the present cluster cannot be changed, as a sentence.
    """

    cluster: ClusterStack
    name: str
    why: str


@dataclass(frozen=True)
class Succeed:
    """Answer SUCCESS.

    Args:
        physical_id: The physical resource id.
        cluster: The cluster's stack; None if there is no cluster.
        description: The engine's description; None if it could not be read in time.
        gone: Whether the cluster no longer concerns this owner, so that the record forgets it.
        begun: Whether the work continues; a wait condition is signalled at its end.
    """

    physical_id: str
    cluster: ClusterStack | None = None
    description: EngineResult | None = None
    gone: bool = False
    begun: bool = False


@dataclass(frozen=True)
class Fail:
    """Answer FAILED.

    Args:
        error: The error.
        physical_id: The physical resource id.
        unseen: Whether the effect of the last engine call is unknown: the call may still act, or could not be
            observed.
    """

    error: ProviderError
    physical_id: str
    unseen: bool = False


Action = Nothing | Leave | Resend | Wait | Start | Adopt | Examine | Replace | Succeed | Fail
