"""How records change when something happens: pure transitions, applied by the operations table."""

from dataclasses import replace
from datetime import datetime

from cluster_provider.core import deadline, fleet
from cluster_provider.core.actions import Fail, Start, Succeed
from cluster_provider.core.attributes import pool_count
from cluster_provider.core.engine_call import MAKES, EngineCall, EngineResult, Operation
from cluster_provider.core.errors import Superseded
from cluster_provider.core.observed import Cluster, ClusterStack, Settled
from cluster_provider.core.progress import OperationRecord, OwnerRecord, Progress, Undo
from cluster_provider.core.properties import DeletionPolicy, digest
from cluster_provider.core.request import Request, RequestType


def accepted(record: OwnerRecord | None, request: Request, wake_at: datetime) -> OwnerRecord:
    """A request is the newest of its owner; older open ones are superseded by that alone.

    Raises:
        Superseded: This request, or a newer one of this owner, was accepted already.
    """
    late_at = deadline.half_way(request.issued_at, request.deadline)
    if record is None:
        fresh = OwnerRecord(
            request.request_id, request.issued_at, request.type, wake_at=wake_at, late_at=late_at
        )
        return replace(_with_handle(fresh, request), following=cluster_of(fresh, request))
    if request.request_id == record.newest_request_id or _is_late(record, request):
        raise Superseded(request.request_id)
    record = _with_handle(_corrected(record, request), request)
    return replace(
        record,
        newest_request_id=request.request_id,
        newest_issued_at=max(request.issued_at, record.newest_issued_at),
        newest_type=request.type,
        is_open=True,
        following=cluster_of(record, request),
        wake_at=wake_at,
        watching=None,
        late_at=late_at,
    )


def signals(record: OwnerRecord | None, request: Request) -> bool:
    """Whether a request's end is signalled to a wait condition, asked before the request is accepted.

    Neither wait conditions nor their handles can be used twice: what was signalled once counts for ever.
    Source: AWS CloudFormation user guide, AWS::CloudFormation::WaitConditionHandle.
    """
    if request.signal_url is None:
        return False
    return record is None or digest(request.signal_url) not in record.handles


def _with_handle(record: OwnerRecord, request: Request) -> OwnerRecord:
    if not signals(record, request):
        return record
    return replace(record, handles=[*record.handles, digest(request.signal_url)])


def _is_late(record: OwnerRecord, request: Request) -> bool:
    """Whether a newer request was accepted already.

    Dates in response URLs are whole seconds of whichever host signed them, so a small step back is no
    order at all; then the later receipt counts. Nothing comes after a Delete that is still open.
    """
    behind_s = (record.newest_issued_at - request.issued_at).total_seconds()
    if behind_s <= deadline.ORDER_TOLERANCE_S:
        deleting = record.is_open and record.newest_type is RequestType.DELETE
        return behind_s > 0 and deleting and request.type is not RequestType.DELETE
    return True


def _corrected(record: OwnerRecord, request: Request) -> OwnerRecord:
    """Takes back what CloudFormation was told and did not hear, since it names a cluster that it knows.

    An answer that comes after a cancellation or too late is ignored. Then an Update names another cluster
    than the one that was told, and a Delete an id that CloudFormation made up.
    """
    named, heard = request.physical_id or "", record.heard
    if named in record.clusters and named not in heard:
        heard = [*heard, named]
    made_up = request.type is RequestType.DELETE and named not in heard and request.owner.is_made_up(named)
    if not made_up and request.type is not RequestType.UPDATE:
        return replace(record, heard=heard)
    wanted = request.properties.cluster_name if request.properties is not None else ""
    clusters = {
        name: cluster if name in {wanted, *heard} else replace(cluster, reported=False)
        for name, cluster in record.clusters.items()
    }
    return replace(record, clusters=clusters, heard=heard)


def cluster_of(record: OwnerRecord, request: Request) -> str:
    """The name of the cluster that a request is about.

    A Delete may carry an id that CloudFormation made up, because the Create it follows was cancelled
    before it was answered; then it is about what this owner made and never reported.
    Source: cloudformation-coverage-roadmap issues 1814 and 1730.
    """
    if request.kind.is_read_only:
        return ""
    if request.type is RequestType.CREATE:
        return request.properties.cluster_name if request.properties is not None else ""
    if request.type is RequestType.UPDATE:
        return _update_target(record, request)
    if request.physical_id in record.clusters:
        return request.physical_id or ""
    unreported = [cluster.name for cluster in record.clusters.values() if not cluster.reported]
    return unreported[-1] if unreported else request.physical_id or ""


def _update_target(record: OwnerRecord, request: Request) -> str:
    """The wanted name, if it may be another than the present one; else the cluster there is."""
    wanted = request.properties.cluster_name if request.properties is not None else ""
    known = record.clusters.get(wanted)
    if wanted and (request.may_replace or (known is not None and known.reported)):
        return wanted
    return request.physical_id or ""


def waiting(
    record: OwnerRecord,
    progress: Progress,
    wake_at: datetime,
    watching: str | None = None,
    act_by: datetime | None = None,
) -> OwnerRecord:
    """Nothing to do until a wake-up; the cluster's stack is recorded once it was seen."""
    known = record.clusters.get(progress.cluster_name)
    clusters = dict(record.clusters)
    if known is not None and progress.stack_id is not None:
        clusters[known.name] = replace(known, stack_id=progress.stack_id)
    return replace(record, clusters=clusters, wake_at=wake_at, watching=watching, act_by=act_by)


def started(
    record: OwnerRecord, call: EngineCall, start: Start, version: str, wake_at: datetime
) -> OwnerRecord:
    """An engine call is about to be sent; a cluster that it may make is known from here on."""
    clusters, heard = dict(record.clusters), record.heard
    known = clusters.get(start.cluster_name)
    if start.operation in MAKES:
        clusters[start.cluster_name] = Cluster(start.cluster_name, call.request_id, version=version)
        heard = [name for name in heard if name != start.cluster_name]
    elif start.operation is Operation.UPDATE and known is not None:
        clusters[start.cluster_name] = replace(known, touched=True)
    elif start.operation is Operation.STOP_FLEET:
        named = known or Cluster(
            start.cluster_name, call.request_id, start.stack_id, start.version, reported=True
        )
        clusters[start.cluster_name] = replace(named, fleet_found=named.fleet_found or start.fleet_found)
    return replace(record, call=call, clusters=clusters, heard=heard, wake_at=wake_at, watching=None)


def ended(record: OwnerRecord, call_id: str, result: EngineResult, now: datetime) -> OwnerRecord:
    """An engine reported its end; the report of a call that is no longer the last one changes nothing."""
    call = record.call
    if call is None or call.call_id != call_id or call.ended_at is not None:
        return record
    wake_at = now if record.is_open else None
    return replace(record, call=replace(call, ended_at=now, result=result), wake_at=wake_at, watching=None)


def seen(record: OwnerRecord, stack: ClusterStack, request_id: str) -> OwnerRecord:
    """A cluster of this owner was seen: its stack's ARN is recorded."""
    known = record.clusters.get(stack.name) or Cluster(stack.name, request_id)
    cluster = replace(known, stack_id=stack.stack_id, version=stack.version)
    return replace(record, clusters={**record.clusters, stack.name: cluster})


def adopted(record: OwnerRecord, stack: ClusterStack, request_id: str, now: datetime) -> OwnerRecord:
    """A cluster that somebody else made is this owner's from now on."""
    cluster = Cluster(stack.name, request_id, stack.stack_id, stack.version, adopted_at=now)
    return replace(
        record,
        clusters={**record.clusters, stack.name: cluster},
        heard=[name for name in record.heard if name != stack.name],
        retained=[arn for arn in record.retained if arn != stack.stack_id],
        released=[arn for arn in record.released if arn != stack.stack_id],
        wake_at=now,
    )


def taken_over(operation: OperationRecord, stack: ClusterStack) -> OperationRecord:
    """The request that takes a cluster over: it adds no tags to it, and tells what it did."""
    note = {
        "level": "INFO",
        "type": "AdoptExisting",
        "message": f"Cluster {stack.name} existed already and was taken over. It is let go, not deleted, "
        "unless the template says DeletionPolicy: Delete.",
    }
    progress = replace(operation.progress, tags={}, notes=[*operation.progress.notes, note])
    return replace(operation, progress=progress)


def lets_go(record: OwnerRecord, operation: OperationRecord, action: Succeed | Fail) -> str:
    """ARN of the cluster that was taken over and is the owner's no more with this answer; else empty.

    One whose fleet is still to be started is kept until the Delete that follows a failed Create.
    """
    request, known = operation.request, record.clusters.get(operation.progress.cluster_name)
    if known is None or known.adopted_at is None or known.stack_id is None:
        return ""
    failed = request.type is RequestType.CREATE and isinstance(action, Fail)
    if failed and fleet.is_owed(known, operation.progress):
        return ""
    deleted = request.type is RequestType.DELETE and isinstance(action, Succeed)
    return known.stack_id if failed or deleted else ""


def concluded(
    record: OwnerRecord, operation: OperationRecord, action: Succeed | Fail, wake_at: datetime
) -> OwnerRecord:
    """An answer was written down: what follows from it is recorded with it, and its sending is armed."""
    let_go = lets_go(record, operation, action)
    if isinstance(action, Succeed):
        record = _succeeded(record, operation, action)
    else:
        record = _failed(record, operation, action)
    if let_go:
        record = replace(record, released=[*record.released, let_go])
        record = _forget(record, operation.progress.cluster_name)
    record = _with_fleet(record, operation.progress)
    return replace(record, wake_at=wake_at, watching=None)


def _succeeded(record: OwnerRecord, operation: OperationRecord, action: Succeed) -> OwnerRecord:
    """A request succeeded: what is true of its cluster now is kept, for the next Update to compare with."""
    request, progress = operation.request, operation.progress
    if request.type is RequestType.DELETE:
        return _forget_unreported(_forget(_retained(record, request), progress.cluster_name))
    record = _forget_unreported(replace(record, undo=None), but=progress.cluster_name)
    stack = action.cluster
    if stack is None or request.properties is None:
        return record
    if action.begun:
        cluster = seen(record, stack, request.request_id).clusters[stack.name]
        return replace(record, clusters={**record.clusters, stack.name: replace(cluster, reported=True)})
    settled = Settled(request.properties.configuration_digest, stack.config_version, progress.tags or {})
    cluster = seen(record, stack, request.request_id).clusters[stack.name]
    cluster = replace(cluster, reported=True, touched=False, settled=settled)
    described = action.description.cluster if action.description is not None else None
    return replace(
        record,
        clusters={**record.clusters, stack.name: cluster},
        login_pools=max(record.login_pools, pool_count(described)),
    )


def _with_fleet(record: OwnerRecord, progress: Progress) -> OwnerRecord:
    """The compute fleet is as it was found, or on its way there: nothing is owed any more."""
    known = record.clusters.get(progress.cluster_name)
    if known is None or fleet.is_owed(known, progress):
        return record
    return replace(record, clusters={**record.clusters, known.name: replace(known, fleet_found="")})


def _retained(record: OwnerRecord, request: Request) -> OwnerRecord:
    """A Delete that keeps its cluster; one that is repeated, since its answer was not heard, keeps it too."""
    known = record.clusters.get(request.physical_id or "")
    if request.deletion_policy is not DeletionPolicy.RETAIN or known is None or not known.was_whole:
        return record
    return replace(record, retained=[*record.retained, known.stack_id]) if known.stack_id else record


def _failed(record: OwnerRecord, operation: OperationRecord, action: Fail) -> OwnerRecord:
    """A request failed: what must be known of it when CloudFormation rolls back."""
    request, progress = operation.request, operation.progress
    if request.type is RequestType.UPDATE and request.old_digest is not None:
        undo = None if progress.effect_seen else Undo(request.digest, request.old_digest)
        return _forget(replace(record, undo=undo), progress.cluster_name, unless_seen=True)
    if request.type is RequestType.CREATE and action.physical_id == request.failure_id:
        return _forget(record, progress.cluster_name, unless_seen=True)
    return record


def followed(record: OwnerRecord, request: Request, wake_at: datetime) -> OwnerRecord:
    """A request is answered, and its cluster followed further unless a newer request came."""
    if record.newest_request_id != request.request_id or request.signal_by is None:
        return record
    late_at = deadline.half_way(request.issued_at, request.signal_by)
    return replace(record, wake_at=wake_at, watching=None, late_at=late_at)


def answered(record: OwnerRecord, request_id: str) -> OwnerRecord:
    """A request is over; nothing is waited for unless a newer one came."""
    if record.newest_request_id != request_id:
        return record
    return replace(record, is_open=False, following="", wake_at=None, watching=None)


def _forget_unreported(record: OwnerRecord, but: str = "") -> OwnerRecord:
    """Clusters nobody was told of are gone by now: an answer waits until they are."""
    kept = {name: item for name, item in record.clusters.items() if item.reported or name == but}
    return replace(record, clusters=kept)


def _forget(record: OwnerRecord, name: str, *, unless_seen: bool = False) -> OwnerRecord:
    known = record.clusters.get(name)
    if known is None or (unless_seen and (known.reported or known.stack_id is not None)):
        return record
    return replace(record, clusters={key: item for key, item in record.clusters.items() if key != name})
