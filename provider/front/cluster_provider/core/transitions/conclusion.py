"""Transitions at the end of a request: when its answer is recorded, and when the answer has arrived."""

from dataclasses import replace
from datetime import datetime

from cluster_provider.core import compute_fleet, deadline
from cluster_provider.core.actions import Fail, Succeed
from cluster_provider.core.attributes import pool_count
from cluster_provider.core.decision.case import is_deletion_exhausted
from cluster_provider.core.engine import MAKES, EngineAction, EngineCall
from cluster_provider.core.errors import Superseded
from cluster_provider.core.identity import Kind, is_marker
from cluster_provider.core.observed import Cluster, ClusterStack, LastApplied, Leftover
from cluster_provider.core.request import Request, RequestType
from cluster_provider.core.state import OperationRecord, OwnerRecord, Phase, Progress, Replacement, Undo
from cluster_provider.core.transitions.disowning import disown, disown_failed_adoptions, forget


def disowns(record: OwnerRecord, operation: OperationRecord, action: Succeed | Fail) -> bool:
    """Returns whether an answer disowns an adopted cluster.

    A cluster with a pending restart of its fleet is kept until the fleet is started (``close``). A cluster
    whose success was already reported is kept, too: the failure that follows goes to a wait condition only.
    """
    request, known = operation.request, record.clusters.get(operation.progress.cluster_name)
    if known is None or known.adopted_at is None or known.stack_id is None:
        return False
    was_reported = operation.progress.phase in {Phase.FOLLOWING, Phase.SIGNALLING}
    if request.type is RequestType.CREATE and isinstance(action, Fail) and not was_reported:
        return not compute_fleet.is_restart_pending(known, operation.progress)
    return request.type is RequestType.DELETE and isinstance(action, Succeed)


def pending_fleet_restart(record: OwnerRecord, operation: OperationRecord) -> str:
    """Returns the name of a cluster whose fleet the provider stopped and must still start; empty if none.

    The request's own cluster comes first. Then come other reported clusters, for which no other request may
    ever arrive.
    """
    progress = operation.progress
    known = record.clusters.get(progress.cluster_name)
    if known is not None and compute_fleet.is_restart_pending(known, progress):
        return known.name
    others = (item for item in record.clusters.values() if item.reported and item is not known)
    return next((item.name for item in others if item.fleet_status_before in compute_fleet.UP), "")


def conclude(
    record: OwnerRecord,
    operation: OperationRecord,
    action: Succeed | Fail,
    now: datetime,
    requeue_at: datetime,
) -> OwnerRecord:
    """Returns the record at the moment when an answer is recorded, with the owner requeued for its sending.

    Args:
        record: The owner's record.
        operation: The request and the work on it.
        action: The decision.
        now: The current time.
        requeue_at: When the owner is due, in case the answer does not arrive.

    Raises:
        Superseded: A newer request was accepted since the decision. It has already treated the request's
            cluster as unreported.
    """
    if record.newest_request_id != operation.request.request_id:
        raise Superseded(operation.request.request_id)
    if disowns(record, operation, action):
        record = disown(record, operation.progress.cluster_name)
    if isinstance(action, Succeed):
        record = _succeeded(record, operation, action, now)
    else:
        record = _failed(record, operation, action)
    record = _settle_fleet_restart(record, operation.progress)
    return replace(record, requeue_at=requeue_at, watching=None, is_answering=True)


def _succeeded(
    record: OwnerRecord, operation: OperationRecord, action: Succeed, now: datetime
) -> OwnerRecord:
    """Returns the record after a success, with the cluster's state for the next Update to compare with."""
    request, progress = operation.request, operation.progress
    if request.kind.is_read_only:
        return replace(record, undo=None)
    if request.type is RequestType.DELETE:
        return _forget_unreported(forget(record, progress.cluster_name))
    record = _forget_unreported(replace(record, undo=None), but=progress)
    stack = action.cluster
    # An image may exist though no pass observed its stack, which deletes itself after the build.
    known = record.clusters.get(progress.cluster_name)
    cluster = _seen(record, stack, request) if stack is not None else known
    if request.properties is None or cluster is None:
        return record
    if not cluster.reported:
        cluster = replace(cluster, reported=True, reported_at=now)
    if not action.begun:
        config_version = stack.config_version if stack is not None else ""
        last_applied = LastApplied(
            request.properties.configuration_digest, config_version, progress.tags or {}
        )
        cluster = replace(cluster, touched=False, last_applied=last_applied)
    described = action.description.cluster if action.description is not None else None
    return replace(
        record,
        clusters={**record.clusters, cluster.name: cluster},
        login_pools=max(record.login_pools, pool_count(described)),
        replacement=_replacement(record, request, cluster.name),
    )


def _replacement(record: OwnerRecord, request: Request, name: str) -> Replacement | None:
    """Returns the replacement that the next rollback undoes, after a Create or an Update has succeeded.

    Args:
        record: The owner's record.
        request: The request.
        name: Name of the cluster that is answered.
    """
    if record.replacement is not None and record.replacement.is_undone_by(request):
        return record.replacement  # CloudFormation repeats a rollback whose answer it did not acknowledge
    old_name = request.physical_id
    if request.old_digest is None or old_name is None or old_name == name or old_name not in record.clusters:
        return None
    return Replacement(request.digest, request.old_digest, name, old_name, request.drain_timeout_s)


def _seen(record: OwnerRecord, stack: ClusterStack, request: Request) -> Cluster:
    """Returns the owner's cluster with the ARN and the version of its stack as observed."""
    known = record.clusters.get(stack.name) or Cluster(stack.name, request.request_id, kind=request.kind)
    return replace(known, stack_id=stack.stack_id, version=stack.version)


def _settle_fleet_restart(record: OwnerRecord, progress: Progress) -> OwnerRecord:
    """Returns the record without the fleet's former status, if the fleet needs no restart."""
    known = record.clusters.get(progress.cluster_name)
    if known is None or compute_fleet.is_restart_pending(known, progress):
        return record
    return replace(record, clusters={**record.clusters, known.name: replace(known, fleet_status_before="")})


def _failed(record: OwnerRecord, operation: OperationRecord, action: Fail) -> OwnerRecord:
    """Returns the record after a failure, with what the following rollback needs."""
    request, progress = operation.request, operation.progress
    if request.old_digest is not None:  # only an Update has old properties
        had_effect = progress.effect_seen or _may_have_updated(record, request, unseen=action.unseen)
        own = Undo(request.digest, request.old_digest)
        record = replace(record, undo=None if had_effect else _undo(record, request, own))
        return _forget_unmade(record, progress, unseen=action.unseen)
    if request.type is RequestType.CREATE and is_marker(action.physical_id):
        return _forget_unmade(record, progress, unseen=action.unseen)
    return record


def _undo(record: OwnerRecord, request: Request, own: Undo) -> Undo:
    """Returns the Update that the next rollback undoes.

    If this request was itself a rollback that failed, CloudFormation repeats it, and it undoes the same
    Update.
    """
    if record.undo is not None and record.undo.is_by(request):
        return record.undo
    return own


def follow(record: OwnerRecord, request: Request, requeue_at: datetime) -> OwnerRecord:
    """Returns the record of an answered request whose cluster is followed; unchanged after a newer request.

    Args:
        record: The owner's record.
        request: The request.
        requeue_at: When the owner is due.
    """
    if record.newest_request_id != request.request_id or request.signal_deadline_at is None:
        return record
    half_time_at = deadline.half_way(request.issued_at, request.signal_deadline_at)
    return replace(
        record,
        requeue_at=requeue_at,
        watching=None,
        deadline_at=request.signal_deadline_at,
        half_time_at=half_time_at,
        is_answering=False,
    )


def await_fleet_restart(
    record: OwnerRecord, operation: OperationRecord, left: OperationRecord, now: datetime
) -> OwnerRecord:
    """Returns the record of an ended request that only has to start a fleet; unchanged after a newer request.

    Args:
        record: The owner's record.
        operation: The request and the work on it, as it ended.
        left: The same request with the work that remains.
        now: The current time.
    """
    if record.newest_request_id != operation.request.request_id:
        return record
    record = _settle_fleet_restart(record, operation.progress)
    return replace(
        record,
        is_open=False,
        restarts=True,
        is_answering=False,
        following=left.progress.cluster_name,
        requeue_at=now,
        watching=None,
        deadline_at=left.deadline_at,
        half_time_at=deadline.half_way(now, left.deadline_at),
    )


def close(record: OwnerRecord, operation: OperationRecord) -> OwnerRecord:
    """Returns the record of an ended request; unchanged if a newer request was accepted.

    Failed adoptions are disowned, except for a cluster whose compute fleet could not be started.
    """
    if record.newest_request_id != operation.request.request_id:
        return record
    record = disown_failed_adoptions(_settle_fleet_restart(record, operation.progress))
    return replace(
        record,
        is_open=False,
        restarts=False,
        is_answering=False,
        following="",
        requeue_at=None,
        watching=None,
    )


def _forget_unreported(record: OwnerRecord, but: Progress | None = None) -> OwnerRecord:
    """Returns the record without unreported clusters; they are gone, because an answer waits until they are.

    Three kinds are kept. The first is the request's own cluster. The second is a leftover that could not be
    deleted; the next request tries again. The third is a failed adoption with a pending restart of its fleet.
    """
    kept = {
        name: item
        for name, item in record.clusters.items()
        if item.reported
        or (but is not None and _is_still_there(item, but))
        or (item.adopted_at is not None and item.fleet_status_before in compute_fleet.UP)
    }
    return replace(record, clusters=kept)


def _is_still_there(cluster: Cluster, progress: Progress) -> bool:
    return cluster.name == progress.cluster_name or is_deletion_exhausted(progress, Leftover(cluster, None))


def _forget_unmade(record: OwnerRecord, progress: Progress, *, unseen: bool) -> OwnerRecord:
    """Returns the record without an image that was not made.

    A cluster or image that a call may have made is kept, even if no pass observed it. It may appear only
    after the answer. The next request looks for it after the call's fence.

    A cluster is kept even if its call was refused. Lambda may have delivered the call twice, and CreateStack
    of the second delivery may be on its way. To look for an image takes an engine, so an image is kept only
    if its call may have made it.
    """
    name, call = progress.cluster_name, record.call
    known = record.clusters.get(name)
    if known is None or known.reported or (known.stack_id or progress.stack_id) is not None:
        return record
    if known.kind is Kind.CLUSTER:
        return record
    if call is not None and call.action in MAKES and call.cluster_name == name:
        return record if _may_have_acted(call, unseen=unseen) else forget(record, name)
    return forget(record, name)


def _may_have_updated(record: OwnerRecord, request: Request, *, unseen: bool) -> bool:
    """Returns whether this Update may have changed the cluster, so that its rollback needs real work."""
    call = record.call
    if call is None or (call.action, call.request_id) != (EngineAction.UPDATE, request.request_id):
        return False
    return _may_have_acted(call, unseen=unseen)


def _may_have_acted(call: EngineCall, *, unseen: bool) -> bool:
    """Returns whether a call may have made its change, as far as is known."""
    return call.has_acted or (unseen and not call.has_reported)
