"""Decides how long the deletion of a replaced cluster waits for the nodes that its jobs run on."""

from dataclasses import replace
from datetime import timedelta

from cluster_provider.core.actions import Start, Wait
from cluster_provider.core.decision.case import Case, describe
from cluster_provider.core.engine import EngineAction
from cluster_provider.core.observed import ClusterStack

#: Pause between two counts of the nodes, in seconds.
COUNT_AGAIN_AFTER_S = 60

#: Time that is left for the deletion itself before the deadline, in seconds.
DELETION_S = 900


def drain(case: Case, cluster: ClusterStack) -> Wait | Start | None:
    """Returns what is done before a cluster is deleted; None if it is to be deleted now.

    While the cluster's dynamic nodes cannot be counted, jobs may run on them, so the time is waited for.

    Args:
        case: The case.
        cluster: The cluster's stack, which has settled.
    """
    progress = case.progress
    until = min(
        progress.accepted_at + timedelta(seconds=progress.drain_s),
        case.deadline_at - timedelta(seconds=DELETION_S),
    )
    if not progress.drain_s or not cluster.works or case.now >= until:
        return None
    counts = progress.history(EngineAction.DESCRIBE)
    count = counts.found.dynamic_nodes if counts.found is not None and counts.error is None else None
    if count == 0:
        return None
    why = f"cluster {cluster.name} is to be deleted, and jobs may run on its nodes: "
    why += f"{count} of them are dynamic" if count is not None else "they could not be counted yet"
    if counts.is_refused():
        return Wait(why, until)
    if counts.last is not None and counts.last.ended_at is not None:
        again_at = min(counts.last.ended_at + timedelta(seconds=COUNT_AGAIN_AFTER_S), until)
        if case.now < again_at:
            return Wait(why, again_at)
    return replace(describe(cluster), arguments={"dynamic_nodes": True})
