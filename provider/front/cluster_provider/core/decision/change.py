"""Decisions that give an existing cluster another configuration, or replace it if that is permitted."""

from cluster_provider.core import failures
from cluster_provider.core.actions import Action, Fail, Replace, Start, Succeed, Wait, wait_for
from cluster_provider.core.decision.adoption import held_by_other, is_adopted, marking
from cluster_provider.core.decision.case import Case, stack_failure, unless_refused
from cluster_provider.core.decision.failing import read_logs, shows_update
from cluster_provider.core.decision.fleet import stop
from cluster_provider.core.engine import REFUSED, EngineAction, EngineError
from cluster_provider.core.errors import ProviderError
from cluster_provider.core.naming import generated_name
from cluster_provider.core.observed import ClusterStack
from cluster_provider.core.request import RequestType


def change(case: Case) -> Action:
    """Returns the action that gives an existing cluster the wanted configuration."""
    cluster, failure_id = case.living, case.request.failure_id
    if cluster is None:
        return Fail(failures.absent(case.wanted.cluster_name), failure_id)
    if not case.owns(cluster):
        return Fail(failures.foreign(cluster), failure_id)
    mismatch = failures.version_mismatch(cluster, case.wanted, case.observed)
    if mismatch is not None:
        is_another = case.wanted.version in case.observed.engines
        return _in_its_place(case, cluster, mismatch) if is_another else Fail(mismatch, failure_id)
    if cluster.in_progress:
        return read_logs(case, cluster) or wait_for(cluster, f"cluster {cluster.name} is {cluster.status}")
    if case.progress.effect_seen:
        return _settled(case, cluster)
    return _idle(case, cluster)


def _in_its_place(case: Case, cluster: ClusterStack, refusal: ProviderError) -> Fail | Replace:
    """Returns the replacement of a cluster that cannot be changed in place, or its refusal.

    A rollback never makes a new cluster. A cluster whose fleet this request stopped is not replaced either,
    since the refusal is then not one of a cluster at rest.

    Args:
        case: The case.
        cluster: The cluster's stack.
        refusal: Why it cannot be changed.
    """
    request = case.request
    may_be = request.type is RequestType.UPDATE and request.replaces and not case.progress.rolls_back
    if not may_be or case.progress.history(EngineAction.STOP_FLEET).last is not None:
        return Fail(refusal, request.failure_id)
    if not request.name_is_generated:
        return Fail(refusal.but(failures.FIXED_NAME), request.failure_id)
    return Replace(cluster, generated_name(request.owner, request.request_id), refusal.what)


def _settled(case: Case, cluster: ClusterStack) -> Action:
    """Returns the answer to this request's update, which has ended; the stack shows how."""
    if not shows_update(case.progress, cluster):
        return Wait("the accepted update cannot be seen yet")
    if cluster.status == "UPDATE_COMPLETE":
        return Succeed(cluster.name, cluster)
    return read_logs(case, cluster) or Fail(stack_failure(case, cluster), case.request.failure_id)


def _idle(case: Case, cluster: ClusterStack) -> Action:
    """Returns the action while this request has changed nothing yet, and the cluster is not in progress."""
    failure_id = case.request.failure_id
    if not cluster.works:
        return Fail(failures.cluster_failure(cluster, case.observed.failures), failure_id)
    if _is_wanted(case, cluster) or _is_left_alone(case, cluster):
        return Succeed(cluster.name, cluster)
    error = case.progress.history(EngineAction.UPDATE).error
    if error is not None and error.code == "NoChanges":
        return Succeed(cluster.name, cluster)
    if error is not None and error.code == REFUSED:
        return _refused(case, cluster, error)
    start = _start(case, cluster)
    held = held_by_other(case, cluster, start)
    if held is not None:
        return held
    next_step = unless_refused(case, start)
    return Fail(next_step, failure_id) if isinstance(next_step, ProviderError) else next_step


def _refused(case: Case, cluster: ClusterStack, error: EngineError) -> Fail | Wait | Start | Replace:
    """Returns the action after ParallelCluster refused the update.

    If a stopped fleet would allow the update and the template permits it, the fleet is stopped. If nothing
    would allow it and the template permits that, the cluster is replaced. Otherwise the refusal is answered.
    """
    failure_id, rejection = case.request.failure_id, failures.rejection(error, (), cluster.name)
    if not failures.is_cured_by_fleet_stop(error):
        return _in_its_place(case, cluster, rejection)
    if not case.request.may_stop_fleet:
        return Fail(rejection, failure_id)
    if _is_refused_again(case) and case.progress.history(EngineAction.UPDATE).is_exhausted:
        again = (
            "The cluster was not changed. The update was refused though the compute fleet had been stopped."
        )
        return Fail(rejection.but(again), failure_id)
    first = stop(case, cluster) or _start(case, cluster)
    return Fail(first, failure_id) if isinstance(first, ProviderError) else first


def _is_refused_again(case: Case) -> bool:
    """Returns whether the update was refused after the last call that stopped the fleet.

    Another stop would not help then. Tries before the first stop do not count, so they do not prevent it.
    """
    refused = case.progress.history(EngineAction.UPDATE).last
    stopped = case.progress.history(EngineAction.STOP_FLEET).last
    return refused is not None and stopped is not None and refused.sent_at > stopped.sent_at


def _start(case: Case, cluster: ClusterStack) -> Start:
    # An update replaces all tags of a stack, so the owner's tags are passed again, as they are or were.
    known, request = case.observed.known, case.request
    if is_adopted(case):
        return marking(case, cluster, _start_as_stored(case, cluster))
    made_by = known.request_id if known is not None else request.request_id
    tags = cluster.owner_tags or request.owner.tag(cluster.name, made_by)
    start = Start(
        EngineAction.UPDATE,
        cluster.name,
        cluster.stack_id,
        tags,
        cluster.version,
        arguments=case.observed.bounds,
    )
    return marking(case, cluster, start)


def _start_as_stored(case: Case, cluster: ClusterStack) -> Start:
    """Returns the update of an adopted cluster; it adds no tags, and at first refuses removals.

    CloudFormation propagates the tags of a stack to its resources, and ParallelCluster supports that only
    since 3.15.
    Source: interleaving 15 in tests/scenario/test_interleavings.py; aws-parallelcluster 3.16.1,
    config/update_policy.py.
    """
    taking_over = {"refuse_removals": True} if case.request.type is RequestType.CREATE else {}
    return Start(
        EngineAction.UPDATE,
        cluster.name,
        cluster.stack_id,
        cluster.owner_tags,
        cluster.version,
        arguments={**taking_over, **case.observed.bounds},
        as_stored=True,
    )


def _is_wanted(case: Case, cluster: ClusterStack) -> bool:
    """Returns whether the wanted configuration is in force, unchanged since it was last applied."""
    last_applied = case.observed.known.last_applied if case.observed.known is not None else None
    return (
        last_applied is not None
        and last_applied.configuration_digest == case.wanted.configuration_digest
        and last_applied.config_version == cluster.config_version
        and last_applied.tags == case.observed.tags
    )


def _is_left_alone(case: Case, cluster: ClusterStack) -> bool:
    """Returns whether a change from outside of the stack is left in place.

    It is, unless the template asks for another configuration. After a replacement that failed, the old and
    the new properties are about two clusters, so the last applied configuration is compared, too.
    """
    known, wanted = case.observed.known, case.wanted.configuration_digest
    if known is None or not known.changed_outside(cluster):
        return False
    return not case.request.configuration_changes or known.was_applied(wanted)
