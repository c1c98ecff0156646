"""Adopts a cluster for an owner, or finds out that another owner has it."""

from cluster_provider.core.errors import StillHeld
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import GOING_BACK, ClusterStack
from cluster_provider.core.state import OwnerRecord
from cluster_provider.core.transitions import work
from cluster_provider.ports import Claims, Stacks, Store


def claim_cluster(
    claims: Claims, operations: Store, stacks: Stacks, owner: Owner, cluster: ClusterStack
) -> Owner:
    """Records a claim on a cluster; returns the cluster's owner after that.

    A previous owner, known by a claim or by the cluster's tags, must have given the cluster up. Its record is
    then changed to disown the cluster, so no later request of that owner touches it.

    Args:
        claims: The claims on clusters.
        operations: The records of this provider.
        stacks: CloudFormation.
        owner: The owner that adopts the cluster.
        cluster: The cluster's stack.
    """
    holder = claims.claim(cluster.stack_id, owner)
    for previous_owner in (holder, cluster.tagged_owner):
        if (
            previous_owner is None
            or previous_owner == owner
            or disown_if_abandoned(operations, stacks, owner, previous_owner, cluster)
        ):
            continue
        if holder == owner:
            claims.disclaim(cluster.stack_id, owner)
        return previous_owner
    return owner if holder == owner else claims.claim(cluster.stack_id, owner, instead_of=holder)


def disown_if_abandoned(
    operations: Store, stacks: Stacks, owner: Owner, previous_owner: Owner, cluster: ClusterStack
) -> bool:
    """Returns whether a previous owner has given a cluster up; if so, its record disowns the cluster.

    A previous owner keeps the cluster in two cases. It is working on a request that may be about the cluster.
    Or its record has the cluster, and its stack lists the cluster or may roll back to it. CloudFormation
    sends no request for a resource that a template retains (``DeletionPolicy: Retain``), so the record alone
    does not decide. The record is checked again when it is changed, so a request that is accepted meanwhile
    is not missed.

    An owner without a record here may have one at another provider. For such an owner only CloudFormation
    decides.

    Args:
        operations: The records of this provider.
        stacks: CloudFormation.
        owner: The owner that wants the cluster.
        previous_owner: The owner that may still have it.
        cluster: The cluster's stack.
    """
    record = operations.load(previous_owner)
    if record is None:
        # Everyone may set tags or write a mark. Those that name a stack of another account or Region are
        # ignored.
        return not previous_owner.is_beside(owner) or not _may_have(stacks, previous_owner, cluster.name)
    if not (record.has(cluster) or record.following == cluster.name):
        return True
    if not record.at_work and _may_list(stacks, previous_owner, cluster.name):
        return False

    def forgetting(present: OwnerRecord | None) -> OwnerRecord:
        if present is None:
            raise LookupError(f"{previous_owner.key} has no record")
        return work.disown_for_another(present, cluster)

    try:
        operations.change(previous_owner, forgetting)
    except StillHeld:
        return False
    return True


def _may_have(stacks: Stacks, previous_owner: Owner, cluster_name: str) -> bool:
    """Returns whether a resource of another provider has the cluster, or is at work on it.

    That provider answers only when none of its engine calls can act any longer. Until then its stack, or one
    that encloses it, is in progress.
    """
    if _may_list(stacks, previous_owner, cluster_name):
        return True
    own, *around = enclosing_stacks(stacks, previous_owner.stack_id)
    if own is None or own.gone:
        return False
    return any(stack is None or stack.in_progress for stack in (own, *around))


def _may_list(stacks: Stacks, previous_owner: Owner, cluster_name: str) -> bool:
    """Returns whether a stack lists the cluster, or is being updated.

    During an update the stack may roll back to the cluster, or may still have to delete it. A nested stack
    rolls back with the stacks that enclose it, even if its own update is complete. A stack that cannot be
    read counts as being updated.
    """
    if stacks.lists(previous_owner, cluster_name):
        return True
    own, *around = enclosing_stacks(stacks, previous_owner.stack_id)
    if own is None or own.gone:
        return False
    return any(stack is None or _is_updated(stack) for stack in (own, *around))


def _is_updated(stack: ClusterStack) -> bool:
    return stack.status.startswith("UPDATE_") and not stack.status.endswith("_COMPLETE")


#: Maximum number of enclosing stacks that are read; those beyond count as unreadable.
PARENTS_MAX = 10


def goes_back(stacks: Stacks, stack_id: str) -> bool:
    """Returns whether a stack, or one that encloses it, is rolling back an update.

    Args:
        stacks: CloudFormation.
        stack_id: ARN of the stack.
    """
    enclosing = enclosing_stacks(stacks, stack_id)
    return any(stack is not None and stack.status == GOING_BACK for stack in enclosing)


def enclosing_stacks(stacks: Stacks, stack_id: str) -> list[ClusterStack | None]:
    """Returns a stack and all stacks that enclose it, innermost first; ends with None if one cannot be read.

    Args:
        stacks: CloudFormation.
        stack_id: ARN of the innermost stack.
    """
    found: list[ClusterStack | None] = []
    around: str | None = stack_id
    while around is not None:
        stack = stacks.describe(around) if len(found) < PARENTS_MAX else None
        found.append(stack)
        around = stack.parent_id if stack is not None else None
    return found
