"""Takes a cluster over, or finds that another owner has it."""

from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import ClusterStack
from cluster_provider.ports import Claims, Operations, Stacks


def take_over(
    claims: Claims, operations: Operations, stacks: Stacks, owner: Owner, cluster: ClusterStack
) -> Owner:
    """Records a claim on a cluster; returns whose the cluster is then.

    A claim counts as long as its holder knows of the cluster and is at work, or its stack still lists it:
    a template's own ``DeletionPolicy: Retain`` lets go of a resource without a request.
    """
    holder = claims.claim(cluster.stack_id, owner)
    if holder == owner or _holds(operations, stacks, holder, cluster):
        return holder
    return claims.claim(cluster.stack_id, owner, instead_of=holder)


def _holds(operations: Operations, stacks: Stacks, holder: Owner, cluster: ClusterStack) -> bool:
    record = operations.load(holder)
    if record is None:
        return False
    if record.is_open and record.following == cluster.name:
        return True
    known = record.clusters.get(cluster.name)
    return known is not None and known.stack_id == cluster.stack_id and stacks.lists(holder, cluster.name)
