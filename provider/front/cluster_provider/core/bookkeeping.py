"""How an owner's record changes while its newest request is under way: pure, told by what happened."""

from dataclasses import replace
from datetime import datetime

from cluster_provider.core import fleet
from cluster_provider.core.actions import Start
from cluster_provider.core.engine_call import MAKES, EngineCall, EngineResult, Operation
from cluster_provider.core.errors import StillHeld, Superseded
from cluster_provider.core.identity import Owner
from cluster_provider.core.kinds import Kind
from cluster_provider.core.observed import Cluster, ClusterStack
from cluster_provider.core.progress import Progress
from cluster_provider.core.record import OperationRecord, OwnerRecord


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
    """An engine call is about to be sent; a cluster that it may make is known from here on.

    Raises:
        Superseded: A newer request was accepted since the decision.
    """
    if record.newest_request_id != call.request_id:
        raise Superseded(call.request_id)
    clusters, heard = dict(record.clusters), record.heard
    known = clusters.get(start.cluster_name)
    if start.operation in MAKES:
        kind = Kind.IMAGE if start.operation is Operation.BUILD_IMAGE else Kind.CLUSTER
        made = Cluster(start.cluster_name, call.request_id, version=version, kind=kind)
        clusters[start.cluster_name] = made
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
    if result.error is not None:
        result = replace(result, error=result.error.unless_settling(record.newest_issued_at, call.sent_at))
    wake_at = now if record.at_work else None
    return replace(record, call=replace(call, ended_at=now, result=result), wake_at=wake_at, watching=None)


def adopted(record: OwnerRecord, stack: ClusterStack, request_id: str, now: datetime) -> OwnerRecord:
    """A cluster that somebody else made is this owner's from now on.

    What an earlier Create that took it over in vain owes to its compute fleet is owed still.
    """
    known = record.clusters.get(stack.name)
    found = known.fleet_found if known is not None and known.stack_id == stack.stack_id else ""
    cluster = Cluster(stack.name, request_id, stack.stack_id, stack.version, adopted_at=now)
    return replace(
        record,
        clusters={**record.clusters, stack.name: replace(cluster, fleet_found=found)},
        heard=[name for name in record.heard if name != stack.name],
        released=[arn for arn in record.released if arn != stack.stack_id],
        wake_at=now,
    )


def given_up(record: OwnerRecord, stack: ClusterStack) -> OwnerRecord:
    """A cluster of this owner is somebody else's from now on: forgotten, and left alone by a late Delete.

    Raises:
        StillHeld: A request may still be at work on it.
    """
    if record.at_work and (record.has(stack) or record.following == stack.name):
        raise StillHeld(stack.name)
    if not record.has(stack):
        return record
    kept = {name: cluster for name, cluster in record.clusters.items() if name != stack.name}
    return replace(record, clusters=kept, released=[*record.released, stack.stack_id])


def without_vain_adoptions(record: OwnerRecord) -> OwnerRecord:
    """Clusters that were taken over, and that CloudFormation was never told of, are whoever's they were.

    One whose compute fleet is owed is kept until that is started.
    """
    vain = [
        cluster
        for cluster in record.clusters.values()
        if cluster.adopted_at is not None and not cluster.reported and cluster.fleet_found not in fleet.UP
    ]
    kept = {name: cluster for name, cluster in record.clusters.items() if cluster not in vain}
    arns = [cluster.stack_id for cluster in vain if cluster.stack_id is not None]
    return replace(record, clusters=kept, released=[*record.released, *arns])


def examined(operation: OperationRecord, holder: Owner, *, gave_up: bool) -> OperationRecord:
    """It is known whether the owner that a cluster's mark named has the cluster still.

    If not, the call that met the mark is made again, with all its tries.
    """
    progress = operation.progress
    if not gave_up:
        return replace(operation, progress=replace(progress, rival=holder.key))
    attempts = dict(progress.attempts)
    if progress.call is not None:
        attempts[progress.counted_as(progress.call.operation, progress.call.cluster_name)] = 0
    return replace(operation, progress=replace(progress, former=holder.key, attempts=attempts))


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
