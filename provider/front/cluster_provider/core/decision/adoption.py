"""Rows about clusters that others made: taken over by a Create, and let go rather than deleted."""

from dataclasses import replace
from datetime import timedelta

from cluster_provider.core import failures
from cluster_provider.core.actions import Adopt, Examine, Fail, Start, Wait, wait_for
from cluster_provider.core.decision.case import Case
from cluster_provider.core.engine import OTHER_OWNER
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import Cluster, ClusterStack, ParentStack
from cluster_provider.core.request import Request, RequestType

#: CloudFormation keeps events for 90 days, and no operation on a stack lasts as long as this: after it, one
#: that took a cluster over has come to its end. Source: AWS CloudFormation user guide, "Stack events".
COMPLETED_AFTER = timedelta(days=60)


def is_adopted(case: Case) -> bool:
    """Whether the cluster is one that this owner took over."""
    return has_adopted(case.request, case.observed.known)


def has_adopted(request: Request, known: Cluster | None) -> bool:
    """Whether a cluster was taken over: for a Create by itself, for every other request by whichever.

    What an earlier Create took over in vain is known only as long as its compute fleet is owed.
    """
    if known is None or known.adopted_at is None:
        return False
    return request.type is not RequestType.CREATE or known.request_id == request.request_id


def adopt(case: Case, cluster: ClusterStack) -> Adopt | Fail | Wait:
    """Takes a living cluster over, if it is one, may be, works, can be updated, and nobody else has it."""
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
        return Fail(failures.had_by(cluster, current_owner), failure_id)
    if cluster.in_progress:
        return wait_for(
            cluster, f"cluster {cluster.name} is {cluster.status} and cannot be taken over until it settles"
        )
    if not cluster.works:
        return Fail(failures.not_adoptable(cluster), failure_id)
    mismatch = failures.version_mismatch(cluster, case.wanted, case.observed)
    return Fail(mismatch, failure_id) if mismatch is not None else Adopt(cluster)


def _is_consented(case: Case, cluster: ClusterStack) -> bool:
    """Whether a cluster may be taken over; the resource that made one may always have it back."""
    return cluster.tagged_owner == case.request.owner or case.observed.consent.covers(cluster.tags)


def needs_mark(case: Case, cluster: ClusterStack) -> bool:
    """Whether the cluster's tags do not say that it is this owner's, so that its mark has to."""
    return is_adopted(case) or not case.request.owner.owns(dict(cluster.tags), cluster.name)


def marking(case: Case, cluster: ClusterStack, start: Start) -> Start:
    """A change of a cluster, made only once its mark names this owner, where its tags do not say so."""
    if not needs_mark(case, cluster):
        return start
    previous_owner = Owner.from_key(case.progress.previous_owner) if case.progress.previous_owner else None
    return replace(start, marks=True, instead_of=previous_owner)


def held_by_other(case: Case, cluster: ClusterStack, start: Start) -> Fail | Examine | Start | None:
    """What follows where the cluster's mark named another owner: they have it, or gave it up; None else.

    Args:
        case: The case.
        cluster: The cluster.
        start: The call that met the mark, to be repeated if its owner gave the cluster up.
    """
    history, failure_id = case.progress.history(start.action), case.request.failure_id
    error = history.error
    if error is None or error.code != OTHER_OWNER:
        return None
    holder = error.marked_owner
    if holder is None:
        return Fail(failures.unreadable_mark(cluster, error), failure_id)
    if case.progress.current_owner == holder.key:
        return Fail(failures.had_by(cluster, holder), failure_id)
    if case.progress.previous_owner != holder.key:
        return Examine(cluster, holder)
    if history.is_exhausted:
        return Fail(failures.rejection(error, (), cluster.name), failure_id)
    return start


def leaves_adopted(case: Case) -> bool:
    """Whether a Delete leaves the cluster to whoever it belongs to.

    What was taken over is deleted only if the template says so in so many words, and never while a stack
    undoes what it began: until then the cluster was somebody else's. A nested stack is complete before the
    ones around it are, and goes back with them. A stack that keeps its failures is complete without them
    later, so the taking over must itself have been told as a success, and CloudFormation must have heard it.
    How an update ends that is still under way is waited for, and a deletion that has begun is brought to its
    end.
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
    """Whether a stack came to a good end since it took a cluster over, this long ago.

    Where CloudFormation has forgotten, a failure would long have been undone, unless that is disabled.
    """
    if parent.rolls_back:
        return False
    if parent.completed is None:
        return age > COMPLETED_AFTER and not parent.rollback_disabled
    return parent.completed
