"""Decisions about adopted clusters: a Create adopts them, and a Delete normally leaves them in place."""

from dataclasses import replace
from datetime import timedelta

from cluster_provider.core import failures
from cluster_provider.core.actions import Adopt, Examine, Fail, Start, Wait, wait_for
from cluster_provider.core.decision.case import Case
from cluster_provider.core.engine import OTHER_OWNER
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import Cluster, ClusterStack, ParentStack
from cluster_provider.core.request import Request, RequestType

#: Age of an adoption after which the operation that made it has ended, although its events may be deleted.
#: CloudFormation keeps events for 90 days, and no operation on a stack takes 60.
#: Source: AWS CloudFormation user guide, "Stack events".
COMPLETED_AFTER = timedelta(days=60)


def is_adopted(case: Case) -> bool:
    """Returns whether this owner adopted the cluster."""
    return has_adopted(case.request, case.observed.known)


def has_adopted(request: Request, known: Cluster | None) -> bool:
    """Returns whether a cluster was adopted: for a Create by this very request, else by any request.

    A failed adoption of an earlier Create is in the record only while a restart of its fleet is pending.

    Args:
        request: The request.
        known: The cluster, as the owner's record has it; None if it has none.
    """
    if known is None or known.adopted_at is None:
        return False
    return request.type is not RequestType.CREATE or known.request_id == request.request_id


def adopt(case: Case, cluster: ClusterStack) -> Adopt | Fail | Wait:
    """Returns the adoption of an existing cluster, or why it must wait or cannot be adopted.

    The cluster must be a ParallelCluster cluster, permitted by the provider's operator, working, of a version
    with an engine, and without another owner.
    """
    failure_id = case.request.failure_id
    if cluster.version is None:
        return Fail(failures.taken(cluster, case.request, disowned=case.observed.disowned), failure_id)
    if not _is_consented(case, cluster):
        return Fail(failures.not_consented(cluster, case.observed.consent), failure_id)
    current_owner = (
        Owner.from_key(case.progress.current_owner)
        if case.progress.current_owner
        else case.observed.current_owner
    )
    if current_owner is not None:
        return Fail(failures.owned_by_another(cluster, current_owner), failure_id)
    if cluster.in_progress:
        return wait_for(
            cluster, f"cluster {cluster.name} is {cluster.status} and cannot be taken over until it settles"
        )
    if not cluster.works:
        return Fail(failures.not_adoptable(cluster), failure_id)
    mismatch = failures.version_mismatch(cluster, case.wanted, case.observed)
    return Fail(mismatch, failure_id) if mismatch is not None else Adopt(cluster)


def _is_consented(case: Case, cluster: ClusterStack) -> bool:
    """Returns whether the cluster may be adopted; the resource that made a cluster may always adopt it."""
    return cluster.tagged_owner == case.request.owner or case.observed.consent.covers(cluster.tags)


def needs_mark(case: Case, cluster: ClusterStack) -> bool:
    """Returns whether the cluster's tags do not name this owner, so that its mark must."""
    return is_adopted(case) or not case.request.owner.owns(dict(cluster.tags), cluster.name)


def marking(case: Case, cluster: ClusterStack, start: Start) -> Start:
    """Returns a change of a cluster; if its tags do not name this owner, its mark must before the change."""
    if not needs_mark(case, cluster):
        return start
    previous_owner = Owner.from_key(case.progress.previous_owner) if case.progress.previous_owner else None
    return replace(start, marks=True, instead_of=previous_owner)


def held_by_other(case: Case, cluster: ClusterStack, start: Start) -> Fail | Examine | Start | None:
    """Returns what follows if the cluster's mark names another owner; None if it does not.

    The other owner either still has the cluster, or has given it up.

    Args:
        case: The case.
        cluster: The cluster's stack.
        start: The call that found the mark; it is repeated if the other owner gave the cluster up.
    """
    history, failure_id = case.progress.history(start.action), case.request.failure_id
    error = history.error
    if error is None or error.code != OTHER_OWNER:
        return None
    holder = error.marked_owner
    if holder is None:
        return Fail(failures.unreadable_mark(cluster, error), failure_id)
    if case.progress.current_owner == holder.key:
        return Fail(failures.owned_by_another(cluster, holder), failure_id)
    if case.progress.previous_owner != holder.key:
        return Examine(cluster, holder)
    if history.is_exhausted:
        return Fail(failures.rejection(error, (), cluster.name), failure_id)
    return start


def leaves_adopted(case: Case) -> bool:
    """Returns whether a Delete leaves an adopted cluster in place; a disowned one always stays.

    An adopted cluster is deleted only under three conditions:

    - The template itself says ``DeletionPolicy: Delete``.
    - The adoption was reported as a success, and CloudFormation acknowledged it. A stack that keeps its
      failures may complete later without the resource, so a completed stack alone does not prove that.
    - No enclosing stack is rolling back, and each has completed since the adoption. Before that, the cluster
      was another party's. A nested stack completes before the stacks that enclose it, and rolls back with
      them.

    If an update of the cluster is in progress, its end is awaited, and a deletion that has begun is
    completed.
    """
    known, observed, cluster = case.observed.known, case.observed, case.living
    if observed.disowned:
        return True
    if known is None or known.adopted_at is None:
        return False
    is_open = cluster is not None and (cluster.updating or cluster.status.startswith("DELETE_"))
    if not (case.ended_well or is_open) or not case.request.deletion_is_explicit or not observed.parents:
        return True
    age = case.now - known.adopted_at
    return not all(_completed_well(parent, age) for parent in observed.parents)


def _completed_well(parent: ParentStack, age: timedelta) -> bool:
    """Returns whether a stack has completed since it adopted a cluster.

    If its events are deleted by now, a failure would have been rolled back long ago, unless rollback is
    disabled.

    Args:
        parent: The stack.
        age: Time since the adoption.
    """
    if parent.rolls_back:
        return False
    if parent.completed is None:
        return age > COMPLETED_AFTER and not parent.rollback_disabled
    return parent.completed
