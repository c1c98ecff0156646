"""Disowns clusters: a cluster stops being its owner's, unchanged, and no later request touches it."""

from dataclasses import replace

from cluster_provider.core import compute_fleet
from cluster_provider.core.observed import Cluster
from cluster_provider.core.state import OwnerRecord


def disown(record: OwnerRecord, *names: str) -> OwnerRecord:
    """Returns the record without some clusters, and with their stacks among the disowned ones.

    A Delete may be repeated, however late, and tags of an earlier time may still name this owner. The list of
    disowned stacks keeps such a Delete from destroying the cluster.

    Args:
        record: The owner's record.
        names: Names of clusters in the record.
    """
    stacks = [record.clusters[name].stack_id for name in names]
    disowned = [*record.disowned, *(arn for arn in stacks if arn is not None)]
    return replace(forget(record, *names), disowned=disowned)


def disown_failed_adoptions(record: OwnerRecord) -> OwnerRecord:
    """Returns the record without failed adoptions: clusters whose adoption was never reported as a success.

    A cluster with a pending restart of its fleet is kept until the fleet is started.
    """
    return disown(record, *(name for name, cluster in record.clusters.items() if _is_failed(cluster)))


def forget(record: OwnerRecord, *names: str) -> OwnerRecord:
    """Returns the record without some clusters, which are gone or of which nothing more is known.

    Args:
        record: The owner's record.
        names: Names of clusters in the record.
    """
    clusters = {name: cluster for name, cluster in record.clusters.items() if name not in names}
    return replace(record, clusters=clusters)


def _is_failed(cluster: Cluster) -> bool:
    adopted, restarts = cluster.adopted_at is not None, cluster.fleet_status_before in compute_fleet.UP
    return adopted and not cluster.reported and not restarts
