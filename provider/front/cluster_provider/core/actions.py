"""What a decision can ask for: a closed union, carried out by steps.py."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cluster_provider.core.engine import EngineAction, EngineResult
from cluster_provider.core.errors import ProviderError
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import ClusterStack


@dataclass(frozen=True)
class Nothing:
    """Leave the request alone: it is answered, or nobody listens any more.

    Args:
        why: What there was, or is not, to do.
        gave_up: Something is left undone that somebody should see to.
    """

    why: str
    gave_up: bool = False


@dataclass(frozen=True)
class Resend:
    """Send the answer that was written down, byte for byte."""


@dataclass(frozen=True)
class Leave:
    """Leave the answer to who wrote it down a moment ago and is sending it: nothing is written.

    Args:
        until: From this instant on it may have been lost.
    """

    until: datetime


@dataclass(frozen=True)
class Wait:
    """Look again later; a wake-up may come sooner.

    Args:
        why: What is waited for, for logs and for a deadline's answer.
        until: Not before this instant; None leaves it to the sweep's rhythm.
        watching: ARN of a stack in progress without whose end there is nothing to do, where that is so.
    """

    why: str
    until: datetime | None = None
    watching: str | None = None


def wait_for(stack: ClusterStack, why: str) -> Wait:
    """Waits until CloudFormation has come to an end with a stack."""
    return Wait(why, watching=stack.stack_id)


@dataclass(frozen=True)
class Start:
    """Invoke the engine.

    Args:
        action: What it is asked to do.
        cluster_name: The cluster.
        stack_id: ARN of its stack, where one exists; no other stack is touched.
        stack_tags: Owner tags for the gate; create and update only.
        version: ParallelCluster version of the cluster; None for a new one, whose engine is pinned.
        arguments: What a list is asked for; the rest is in the request's properties.
        as_stored: An update of a cluster that others made: its configuration keeps the form and the tags in
            which it is stored, wherever the wanted one means the same.
        fleet_status_before: Stopping the fleet only: the status that it has before, written down first.
        marks: Update and delete only: the cluster's mark must name this owner before anything is changed.
        instead_of: A former owner whose mark may be replaced.
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
    """Record a living cluster as this owner's, unless another owner has it; then decide again."""

    cluster: ClusterStack


@dataclass(frozen=True)
class Examine:
    """Record whether the owner that a cluster's mark names has it still; then decide again."""

    cluster: ClusterStack
    holder: Owner


@dataclass(frozen=True)
class Succeed:
    """Answer SUCCESS.

    Args:
        physical_id: The physical resource id.
        cluster: The cluster's stack; None where there is no cluster (any more).
        description: The engine's description; None if it could not be had in time.
        gone: The cluster is no longer this owner's concern: its record is forgotten.
        begun: The work goes on; a wait condition is signalled at its end.
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
        error: Why.
        physical_id: The physical resource id.
        unseen: What became of the last engine call was not seen: it may still act, or nobody could look.
    """

    error: ProviderError
    physical_id: str
    unseen: bool = False


Action = Nothing | Leave | Resend | Wait | Start | Adopt | Examine | Succeed | Fail
