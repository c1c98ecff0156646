"""Decisions for a Delete."""

from cluster_provider.core import compute_fleet, failures
from cluster_provider.core.actions import Action, Fail, Succeed, wait_for
from cluster_provider.core.decision.adoption import held_by_other, leaves_adopted, marking
from cluster_provider.core.decision.case import Case, delete, pause_after, settle_first
from cluster_provider.core.decision.draining import drain
from cluster_provider.core.engine import EngineAction
from cluster_provider.core.errors import ProviderError
from cluster_provider.core.identity import is_marker
from cluster_provider.core.observed import ClusterStack
from cluster_provider.core.properties import DeletionPolicy


def decide_delete(case: Case) -> Action:
    """Returns the action for a Delete."""
    cluster, physical_id = case.living, case.request.failure_id
    first = settle_first(case)
    if first is not None:
        return first
    if is_marker(physical_id) and case.observed.known is None:
        return Succeed(physical_id)
    if cluster is None or not case.owns(cluster):
        return Succeed(physical_id, gone=True)
    if is_retained(case) or leaves_adopted(case):
        known = case.observed.known
        if known is not None and compute_fleet.is_restart_pending(known, case.progress) and cluster.updating:
            return wait_for(
                cluster, f"cluster {cluster.name} is {cluster.status} and its fleet is to be started"
            )
        return Succeed(physical_id, gone=True)
    if cluster.deleting:
        return wait_for(cluster, f"cluster {cluster.name} is {cluster.status}")
    if cluster.updating:
        return wait_for(
            cluster, f"cluster {cluster.name} is {cluster.status} and cannot be deleted until it settles"
        )
    return _delete(case, cluster)


def _delete(case: Case, cluster: ClusterStack) -> Action:
    """Returns the action that deletes a settled cluster; SUCCESS if its mark names another owner.

    That owner must still have the cluster.
    """
    physical_id = case.request.failure_id
    if (first := drain(case, cluster)) is not None:
        return first
    start = marking(case, cluster, delete(cluster))
    held = held_by_other(case, cluster, start)
    if isinstance(held, Fail) and case.progress.current_owner:
        return Succeed(physical_id, gone=True)
    if held is not None:
        return held
    if case.progress.history(EngineAction.DELETE).is_exhausted:
        return Fail(_not_deleted(case, cluster), physical_id)
    return pause_after(case, EngineAction.DELETE) or start


def is_retained(case: Case) -> bool:
    """Returns whether the template retains the cluster.

    The cluster of a Create that failed or was cancelled is never retained; the record has it until it is
    gone. A cluster without a record was retained by an earlier Delete. CloudFormation repeats a Delete whose
    answer it did not acknowledge, perhaps years later, when the record has expired.
    """
    known = case.observed.known
    if case.request.failed_create is not None:
        return False
    return case.request.deletion_policy is DeletionPolicy.RETAIN and (known is None or case.ended_well)


def _not_deleted(case: Case, cluster: ClusterStack) -> ProviderError:
    error = case.progress.history(EngineAction.DELETE).error
    if cluster.status != "DELETE_FAILED" and error is not None:
        return failures.rejection(error, (), cluster.name)
    return failures.cluster_failure(cluster, case.observed.failures)
