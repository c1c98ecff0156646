"""Takes a cluster over, or finds that another owner has it."""

from cluster_provider.core import bookkeeping
from cluster_provider.core.errors import StillHeld
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import ClusterStack
from cluster_provider.core.record import OwnerRecord
from cluster_provider.nesting import upwards
from cluster_provider.ports import Claims, Operations, Stacks


def take_over(
    claims: Claims, operations: Operations, stacks: Stacks, owner: Owner, cluster: ClusterStack
) -> Owner:
    """Records a claim on a cluster; returns whose the cluster is then.

    Whoever had it before, by a claim or by its tags, must have given it up, and forgets it in the same step:
    no later request of theirs touches it.
    """
    holder = claims.claim(cluster.stack_id, owner)
    for former in (holder, cluster.tagged_owner):
        if former is None or former == owner or gives_up(operations, stacks, owner, former, cluster):
            continue
        if holder == owner:
            claims.disclaim(cluster.stack_id, owner)
        return former
    return owner if holder == owner else claims.claim(cluster.stack_id, owner, instead_of=holder)


def gives_up(
    operations: Operations, stacks: Stacks, owner: Owner, former: Owner, cluster: ClusterStack
) -> bool:
    """Makes a former owner's record forget a cluster, unless it is still theirs.

    It is as long as they are at work on a request that may be about it, or have the cluster and a stack that
    lists it or may go back to it: a template's own ``DeletionPolicy: Retain`` lets go without a request. A
    request that is accepted meanwhile is seen, since the record is looked at when it is changed.

    Of an owner without a record another provider may have one: CloudFormation alone tells.

    Args:
        operations: The records of this provider.
        stacks: CloudFormation.
        owner: Who wants the cluster.
        former: Who may have it.
        cluster: The cluster.
    """
    record = operations.load(former)
    if record is None:
        # Anybody may set tags, or write a mark: those that name a stack of elsewhere say nothing.
        return not former.is_beside(owner) or not _may_have(stacks, former, cluster.name)
    if not (record.has(cluster) or record.following == cluster.name):
        return True
    if not record.at_work and _may_list(stacks, former, cluster.name):
        return False

    def forgetting(present: OwnerRecord | None) -> OwnerRecord:
        if present is None:
            raise LookupError(f"{former.key} has no record")
        return bookkeeping.given_up(present, cluster)

    try:
        operations.change(former, forgetting)
    except StillHeld:
        return False
    return True


def _may_have(stacks: Stacks, former: Owner, cluster_name: str) -> bool:
    """Whether a resource of another provider has a cluster, or may be at work on it.

    Its provider answers only once nothing of it can act any more, so its stack, and every one around, is
    in progress as long as something can.
    """
    if _may_list(stacks, former, cluster_name):
        return True
    own, *around = upwards(stacks, former.stack_id)
    if own is None or own.gone:
        return False
    return any(stack is None or stack.in_progress for stack in (own, *around))


def _may_list(stacks: Stacks, former: Owner, cluster_name: str) -> bool:
    """Whether a stack has a cluster, or is in an update: it may go back to it, or is still to delete it.

    A nested stack goes back with every one around it, though its own update is complete. One that cannot be
    seen may be in an update.
    """
    if stacks.lists(former, cluster_name):
        return True
    own, *around = upwards(stacks, former.stack_id)
    if own is None or own.gone:
        return False
    return any(stack is None or _is_updated(stack) for stack in (own, *around))


def _is_updated(stack: ClusterStack) -> bool:
    return stack.status.startswith("UPDATE_") and not stack.status.endswith("_COMPLETE")
