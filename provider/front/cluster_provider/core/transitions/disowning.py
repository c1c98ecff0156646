"""How a cluster stops being its owner's: untouched, and never touched by it again."""

from dataclasses import replace

from cluster_provider.core import compute_fleet
from cluster_provider.core.observed import Cluster
from cluster_provider.core.state import OwnerRecord


def disown(record: OwnerRecord, *names: str) -> OwnerRecord:
    """Forgets clusters, and remembers their stacks: no later request of this owner touches them.

    A Delete may be repeated, however late, and the tags of an earlier time may still name this owner.

    Args:
        record: What is known of the owner.
        names: Names of clusters in its record.
    """
    stacks = [record.clusters[name].stack_id for name in names]
    disowned = [*record.disowned, *(arn for arn in stacks if arn is not None)]
    return replace(forget(record, *names), disowned=disowned)


def disown_failed_adoptions(record: OwnerRecord) -> OwnerRecord:
    """Disowns clusters that were taken over by a request whose success was never reported.

    One whose compute fleet is still to be started is kept until it is.
    """
    return disown(record, *(name for name, cluster in record.clusters.items() if _is_failed(cluster)))


def forget(record: OwnerRecord, *names: str) -> OwnerRecord:
    """Forgets clusters that are gone, or about which nothing more is known."""
    clusters = {name: cluster for name, cluster in record.clusters.items() if name not in names}
    return replace(record, clusters=clusters)


def _is_failed(cluster: Cluster) -> bool:
    adopted, restarts = cluster.adopted_at is not None, cluster.fleet_status_before in compute_fleet.UP
    return adopted and not cluster.reported and not restarts
