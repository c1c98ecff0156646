"""Decisions for a Create, and for an Update that replaces: a new cluster."""

from cluster_provider.core import failures
from cluster_provider.core.actions import Action, Fail, Start, Succeed, Wait, wait_for
from cluster_provider.core.decision.adoption import adopt, is_adopted
from cluster_provider.core.decision.case import (
    Case,
    describe,
    left_over,
    settle_first,
    stack_failure,
    unless_refused,
)
from cluster_provider.core.decision.change import change
from cluster_provider.core.decision.failing import read_logs
from cluster_provider.core.engine import EngineAction
from cluster_provider.core.errors import ClusterFailed, ProviderError
from cluster_provider.core.request import RequestType


def decide_create(case: Case) -> Action:
    """Returns the action for a Create with valid properties."""
    first = settle_first(case)
    if first is not None:
        return first
    return change(case) if is_adopted(case) else make(case)


def make(case: Case) -> Action:
    """Returns the action that makes the wanted cluster, once a leftover with that name is gone."""
    cluster, name = case.observed.cluster, case.wanted.cluster_name
    failed_id = case.request.left_behind_id(name)
    if case.stuck is not None:
        return Fail(left_over(case.progress, case.stuck), case.request.failure_id)
    if cluster is None:
        return _make_absent(case)
    if not case.made_by_request(cluster) and case.wanted.adopts and case.request.type is RequestType.CREATE:
        return adopt(case, cluster)
    if not case.made_by_request(cluster):
        taken = failures.taken(cluster, case.request, disowned=case.observed.disowned)
        return Fail(taken, case.request.failure_id)
    if cluster.in_progress:
        return read_logs(case, cluster) or wait_for(cluster, f"cluster {name} is {cluster.status}")
    if cluster.works:
        return Succeed(name, cluster)
    if cluster.gone:
        error = ClusterFailed(f"cluster {name}", "it was deleted while it was being created.")
        return Fail(error, failed_id)
    if not case.progress.history(EngineAction.DESCRIBE).tries:
        # Only describe-cluster returns ParallelCluster's own failure codes.
        return read_logs(case, cluster) or describe(cluster)
    return Fail(stack_failure(case, cluster), failed_id)


def _make_absent(case: Case) -> Action:
    progress, name = case.progress, case.wanted.cluster_name
    if progress.stack_id is not None:
        return Wait(f"stack {progress.stack_id} cannot be seen yet")
    if progress.engine_version not in case.observed.engines:
        missing = failures.no_engine(f"ClusterName {name}", progress.engine_version, case.observed)
        return Fail(missing, case.request.failure_id)
    tags = case.request.owner.tag(name, case.request.request_id)
    severity = case.observed.refused_severity
    arguments = {**case.observed.bounds, **({"refuse_advisories": severity} if severity else {})}
    start = Start(EngineAction.CREATE, name, stack_tags=tags, arguments=arguments)
    next_step = unless_refused(case, start)
    return Fail(next_step, case.request.failure_id) if isinstance(next_step, ProviderError) else next_step
