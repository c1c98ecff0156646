"""What an answer leaves behind: what is recorded when it is written down, and when it has arrived."""

from dataclasses import replace
from datetime import datetime

from cluster_provider.core import compute_fleet, deadline
from cluster_provider.core.actions import Fail, Succeed
from cluster_provider.core.attributes import pool_count
from cluster_provider.core.decision.case import is_given_up
from cluster_provider.core.engine import MAKES, EngineAction, EngineCall
from cluster_provider.core.errors import Superseded
from cluster_provider.core.identity import is_marker
from cluster_provider.core.observed import Cluster, ClusterStack, LastApplied, Leftover
from cluster_provider.core.request import Request, RequestType
from cluster_provider.core.state import OperationRecord, OwnerRecord, Phase, Progress, Undo
from cluster_provider.core.transitions.disowning import disown, disown_failed_adoptions, forget


def disowns(record: OwnerRecord, operation: OperationRecord, action: Succeed | Fail) -> bool:
    """Whether a cluster that was taken over is the owner's no more with this answer.

    One whose fleet is still to be started is kept until it is (``close``). So is one for which a success was
    reported: the failure that follows goes to a wait condition only.
    """
    request, known = operation.request, record.clusters.get(operation.progress.cluster_name)
    if known is None or known.adopted_at is None or known.stack_id is None:
        return False
    was_reported = operation.progress.phase in {Phase.FOLLOWING, Phase.SIGNALLING}
    if request.type is RequestType.CREATE and isinstance(action, Fail) and not was_reported:
        return not compute_fleet.is_restart_pending(known, operation.progress)
    return request.type is RequestType.DELETE and isinstance(action, Succeed)


def pending_fleet_restart(record: OwnerRecord, operation: OperationRecord) -> str:
    """Name of the cluster whose fleet was stopped by us and is still to be started; empty if there is none.

    The request's own comes first, then what CloudFormation was told of: no other request may come for it.
    """
    progress = operation.progress
    known = record.clusters.get(progress.cluster_name)
    if known is not None and compute_fleet.is_restart_pending(known, progress):
        return known.name
    others = (item for item in record.clusters.values() if item.reported and item is not known)
    return next((item.name for item in others if item.fleet_status_before in compute_fleet.UP), "")


def conclude(
    record: OwnerRecord, operation: OperationRecord, action: Succeed | Fail, requeue_at: datetime
) -> OwnerRecord:
    """An answer was written down: what follows from it is recorded with it, and its sending is armed.

    Raises:
        Superseded: A newer request was accepted since the decision: it has judged what nobody was told of.
    """
    if record.newest_request_id != operation.request.request_id:
        raise Superseded(operation.request.request_id)
    if disowns(record, operation, action):
        record = disown(record, operation.progress.cluster_name)
    if isinstance(action, Succeed):
        record = _succeeded(record, operation, action)
    else:
        record = _failed(record, operation, action)
    record = _settle_fleet_restart(record, operation.progress)
    return replace(record, requeue_at=requeue_at, watching=None, is_answering=True)


def _succeeded(record: OwnerRecord, operation: OperationRecord, action: Succeed) -> OwnerRecord:
    """A request succeeded: what is true of its cluster now is kept, for the next Update to compare with."""
    request, progress = operation.request, operation.progress
    if request.kind.is_read_only:
        return replace(record, undo=None)
    if request.type is RequestType.DELETE:
        return _forget_unreported(forget(record, progress.cluster_name))
    record = _forget_unreported(replace(record, undo=None), but=progress)
    stack = action.cluster
    # An image may be there though nobody ever saw the stack that made it and then deleted itself.
    known = record.clusters.get(progress.cluster_name)
    cluster = _seen(record, stack, request) if stack is not None else known
    if request.properties is None or cluster is None:
        return record
    cluster = replace(cluster, reported=True)
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
    )


def _seen(record: OwnerRecord, stack: ClusterStack, request: Request) -> Cluster:
    """A cluster of this owner, with its stack's ARN as it was seen."""
    known = record.clusters.get(stack.name) or Cluster(stack.name, request.request_id, kind=request.kind)
    return replace(known, stack_id=stack.stack_id, version=stack.version)


def _settle_fleet_restart(record: OwnerRecord, progress: Progress) -> OwnerRecord:
    """The compute fleet is as it was found, or on its way there: nothing is owed any more."""
    known = record.clusters.get(progress.cluster_name)
    if known is None or compute_fleet.is_restart_pending(known, progress):
        return record
    return replace(record, clusters={**record.clusters, known.name: replace(known, fleet_status_before="")})


def _failed(record: OwnerRecord, operation: OperationRecord, action: Fail) -> OwnerRecord:
    """A request failed: what must be known of it when CloudFormation rolls back."""
    request, progress = operation.request, operation.progress
    if request.old_digest is not None:  # an Update: no other request has old properties
        had_effect = progress.effect_seen or _may_have_updated(record, request, unseen=action.unseen)
        own = Undo(request.digest, request.old_digest)
        record = replace(record, undo=None if had_effect else _undo(record, request, own))
        return _forget_unmade(record, progress, unseen=action.unseen)
    if request.type is RequestType.CREATE and is_marker(action.physical_id):
        return _forget_unmade(record, progress, unseen=action.unseen)
    return record


def _undo(record: OwnerRecord, request: Request, own: Undo) -> Undo:
    """What a swap of this Update undoes; a rollback that failed itself is repeated, and undoes the same."""
    if record.undo is not None and record.undo.is_by(request):
        return record.undo
    return own


def follow(record: OwnerRecord, request: Request, requeue_at: datetime) -> OwnerRecord:
    """A request is answered, and its cluster followed further unless a newer request came."""
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
    """A request is over, but ``left`` of it is a cluster's compute fleet; a newer request would start it."""
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
    """A request is over; nothing is waited for unless a newer one came.

    What it took over in vain is let go, unless the compute fleet could not be started at all.
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
    """Clusters nobody was told of are gone by now: an answer waits until they are.

    Kept are a request's own cluster, and what it could not delete: the next request tries again. One that was
    taken over in vain is kept until its fleet is started.
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
    return cluster.name == progress.cluster_name or is_given_up(progress, Leftover(cluster, None))


def _forget_unmade(record: OwnerRecord, progress: Progress, *, unseen: bool) -> OwnerRecord:
    """Forgets what was not made after all.

    What a call may have made is kept though nobody saw it: it may show only after the answer, and the next
    request looks once that call's fence has passed.
    """
    name, call = progress.cluster_name, record.call
    known = record.clusters.get(name)
    if known is None or known.reported or (known.stack_id or progress.stack_id) is not None:
        return record
    if call is not None and call.action in MAKES and call.cluster_name == name:
        return record if _may_have_acted(call, unseen=unseen) else forget(record, name)
    return forget(record, name)


def _may_have_updated(record: OwnerRecord, request: Request, *, unseen: bool) -> bool:
    """Whether the cluster may be, or become, what this request wanted: its swap is no mere formality."""
    call = record.call
    if call is None or (call.action, call.request_id) != (EngineAction.UPDATE, request.request_id):
        return False
    return _may_have_acted(call, unseen=unseen)


def _may_have_acted(call: EngineCall, *, unseen: bool) -> bool:
    """Whether a call did what it was for, for all that is known."""
    return call.has_acted or (unseen and not call.has_reported)
