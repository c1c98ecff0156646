"""Takes a cluster over, or finds that another owner has it."""

from cluster_provider.core.errors import StillHeld
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import ClusterStack
from cluster_provider.core.state import OwnerRecord
from cluster_provider.core.transitions import work
from cluster_provider.ports import Claims, Stacks, Store


def take_over(
    claims: Claims, operations: Store, stacks: Stacks, owner: Owner, cluster: ClusterStack
) -> Owner:
    """Records a claim on a cluster; returns whose the cluster is then.

    Whoever had it before, by a claim or by its tags, must have given it up, and forgets it in the same step:
    no later request of theirs touches it.
    """
    holder = claims.claim(cluster.stack_id, owner)
    for previous_owner in (holder, cluster.tagged_owner):
        if (
            previous_owner is None
            or previous_owner == owner
            or gives_up(operations, stacks, owner, previous_owner, cluster)
        ):
            continue
        if holder == owner:
            claims.disclaim(cluster.stack_id, owner)
        return previous_owner
    return owner if holder == owner else claims.claim(cluster.stack_id, owner, instead_of=holder)


def gives_up(
    operations: Store, stacks: Stacks, owner: Owner, previous_owner: Owner, cluster: ClusterStack
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
        previous_owner: Who may have it.
        cluster: The cluster.
    """
    record = operations.load(previous_owner)
    if record is None:
        # Anybody may set tags, or write a mark: those that name a stack of elsewhere say nothing.
        return not previous_owner.is_beside(owner) or not _may_have(stacks, previous_owner, cluster.name)
    if not (record.has(cluster) or record.following == cluster.name):
        return True
    if not record.at_work and _may_list(stacks, previous_owner, cluster.name):
        return False

    def forgetting(present: OwnerRecord | None) -> OwnerRecord:
        if present is None:
            raise LookupError(f"{previous_owner.key} has no record")
        return work.give_up(present, cluster)

    try:
        operations.change(previous_owner, forgetting)
    except StillHeld:
        return False
    return True


def _may_have(stacks: Stacks, previous_owner: Owner, cluster_name: str) -> bool:
    """Whether a resource of another provider has a cluster, or may be at work on it.

    Its provider answers only once nothing of it can act any more, so its stack, and every one around, is
    in progress as long as something can.
    """
    if _may_list(stacks, previous_owner, cluster_name):
        return True
    own, *around = enclosing_stacks(stacks, previous_owner.stack_id)
    if own is None or own.gone:
        return False
    return any(stack is None or stack.in_progress for stack in (own, *around))


def _may_list(stacks: Stacks, previous_owner: Owner, cluster_name: str) -> bool:
    """Whether a stack has a cluster, or is in an update: it may go back to it, or is still to delete it.

    A nested stack goes back with every one around it, though its own update is complete. One that cannot be
    seen may be in an update.
    """
    if stacks.lists(previous_owner, cluster_name):
        return True
    own, *around = enclosing_stacks(stacks, previous_owner.stack_id)
    if own is None or own.gone:
        return False
    return any(stack is None or _is_updated(stack) for stack in (own, *around))


def _is_updated(stack: ClusterStack) -> bool:
    return stack.status.startswith("UPDATE_") and not stack.status.endswith("_COMPLETE")


#: Stacks around a resource that are looked at; what is nested deeper counts as not seen.
PARENTS_MAX = 10


def enclosing_stacks(stacks: Stacks, stack_id: str) -> list[ClusterStack | None]:
    """A stack and every one around it, the innermost first; the last is None if that cannot be seen."""
    found: list[ClusterStack | None] = []
    around: str | None = stack_id
    while around is not None:
        stack = stacks.describe(around) if len(found) < PARENTS_MAX else None
        found.append(stack)
        around = stack.parent_id if stack is not None else None
    return found
