"""How an owner's record changes while its newest request is under way: pure, told by what happened."""

from dataclasses import replace
from datetime import datetime

from cluster_provider.core.actions import Start
from cluster_provider.core.engine import (
    ABOUT_FLEET,
    DELETES,
    MAKES,
    OTHER_OWNER,
    READS,
    REFUSED,
    EngineAction,
    EngineCall,
    EngineResult,
)
from cluster_provider.core.errors import StillHeld, Superseded
from cluster_provider.core.identity import Kind, Owner
from cluster_provider.core.observed import Cluster, ClusterStack
from cluster_provider.core.state import OperationRecord, OwnerRecord, Progress
from cluster_provider.core.transitions.disowning import disown


def requeue(
    record: OwnerRecord,
    progress: Progress,
    requeue_at: datetime,
    watching: str | None = None,
    deadline_at: datetime | None = None,
) -> OwnerRecord:
    """Nothing to do until a wake-up; the cluster's stack is recorded once it was seen."""
    known = record.clusters.get(progress.cluster_name)
    clusters = dict(record.clusters)
    if known is not None and progress.stack_id is not None:
        clusters[known.name] = replace(known, stack_id=progress.stack_id)
    return replace(
        record, clusters=clusters, requeue_at=requeue_at, watching=watching, deadline_at=deadline_at
    )


def start_call(
    record: OwnerRecord, call: EngineCall, start: Start, version: str, requeue_at: datetime
) -> OwnerRecord:
    """An engine call is about to be sent; a cluster that it may make is known from here on.

    Raises:
        Superseded: A newer request was accepted since the decision.
    """
    if record.newest_request_id != call.request_id:
        raise Superseded(call.request_id)
    clusters, acknowledged = dict(record.clusters), record.acknowledged
    known = clusters.get(start.cluster_name)
    if start.action in MAKES:
        kind = Kind.IMAGE if start.action is EngineAction.BUILD_IMAGE else Kind.CLUSTER
        made = Cluster(start.cluster_name, call.request_id, version=version, kind=kind)
        clusters[start.cluster_name] = made
        acknowledged = [name for name in acknowledged if name != start.cluster_name]
    elif start.action is EngineAction.UPDATE and known is not None:
        clusters[start.cluster_name] = replace(known, touched=True)
    elif start.action is EngineAction.STOP_FLEET:
        named = known or Cluster(
            start.cluster_name, call.request_id, start.stack_id, start.version, reported=True
        )
        clusters[start.cluster_name] = replace(
            named, fleet_status_before=named.fleet_status_before or start.fleet_status_before
        )
    return replace(
        record, call=call, clusters=clusters, acknowledged=acknowledged, requeue_at=requeue_at, watching=None
    )


def end_call(record: OwnerRecord, call_id: str, result: EngineResult, now: datetime) -> OwnerRecord:
    """An engine reported its end; the report of a call that is no longer the last one changes nothing."""
    call = record.call
    if call is None or call.call_id != call_id or call.ended_at is not None:
        return record
    if result.error is not None:
        result = replace(result, error=result.error.unless_settling(record.newest_issued_at, call.sent_at))
    requeue_at = now if record.at_work else None
    return replace(
        record, call=replace(call, ended_at=now, result=result), requeue_at=requeue_at, watching=None
    )


def adopt(record: OwnerRecord, stack: ClusterStack, request_id: str, now: datetime) -> OwnerRecord:
    """A cluster that somebody else made is this owner's from now on.

    What an earlier Create that took it over in vain owes to its compute fleet is owed still.
    """
    known = record.clusters.get(stack.name)
    found = known.fleet_status_before if known is not None and known.stack_id == stack.stack_id else ""
    cluster = Cluster(stack.name, request_id, stack.stack_id, stack.version, adopted_at=now)
    return replace(
        record,
        clusters={**record.clusters, stack.name: replace(cluster, fleet_status_before=found)},
        acknowledged=[name for name in record.acknowledged if name != stack.name],
        disowned=[arn for arn in record.disowned if arn != stack.stack_id],
        requeue_at=now,
    )


def give_up(record: OwnerRecord, stack: ClusterStack) -> OwnerRecord:
    """Disowns a cluster that another owner wants, unless a request of this one may still be at work on it.

    Raises:
        StillHeld: One may.
    """
    if record.at_work and (record.has(stack) or record.following == stack.name):
        raise StillHeld(stack.name)
    if not record.has(stack):
        return record
    known = replace(record.clusters[stack.name], stack_id=stack.stack_id)
    return disown(replace(record, clusters={**record.clusters, stack.name: known}), stack.name)


def record_examination(operation: OperationRecord, holder: Owner, *, gave_up: bool) -> OperationRecord:
    """It is known whether the owner that a cluster's mark named has the cluster still.

    If not, the call that met the mark is made again, with all its tries.
    """
    progress = operation.progress
    if not gave_up:
        return replace(operation, progress=replace(progress, current_owner=holder.key))
    calls = {
        key: replace(history, tries=0)
        if history.error is not None and history.error.code == OTHER_OWNER
        else history
        for key, history in progress.calls.items()
    }
    return replace(operation, progress=replace(progress, previous_owner=holder.key, calls=calls))


def note_adoption(operation: OperationRecord, stack: ClusterStack) -> OperationRecord:
    """The request that takes a cluster over: it adds no tags to it, and tells what it did."""
    note = {
        "level": "INFO",
        "type": "AdoptExisting",
        "message": f"Cluster {stack.name} existed already and was taken over. It is released, not deleted, "
        "unless the template says DeletionPolicy: Delete.",
    }
    progress = replace(operation.progress, tags={}, notes=[*operation.progress.notes, note])
    return replace(operation, progress=progress)


def merge_call_result(progress: Progress, call: EngineCall | None, *, deletes: bool = False) -> Progress:
    """Takes what an ended call of this request reported over into its progress; changes nothing twice.

    Args:
        progress: The work so far.
        call: The owner's last call; None if there is none.
        deletes: Whether the request is a Delete. What another one deletes is what an earlier one left.
    """
    if call is None or call.ended_at is None or call.result is None:
        return progress
    result, history = call.result, progress.history(call.action, call.cluster_name)
    if history.last is not None and history.last.call_id == call.call_id:
        return progress
    is_leftover = call.action in DELETES and not deletes
    is_change = call.action not in READS | ABOUT_FLEET and call.cluster_name == progress.cluster_name
    error = result.error
    if error is not None and not (is_change and not is_leftover):
        error = replace(error, details=[])
    history = history.with_end(call, replace(result, error=error))
    is_refused_update = call.action is EngineAction.UPDATE and error is not None and error.code == REFUSED
    if is_refused_update and progress.history(EngineAction.STOP_FLEET).last is None:
        # The engine works. Once the fleet is stopped it has all its tries, and refusals count from there.
        history = replace(history, tries=0)
    progress = progress.with_history(call.action, call.cluster_name, history)
    return _with_change(progress, result) if is_change and not is_leftover else progress


def _with_change(progress: Progress, result: EngineResult) -> Progress:
    """The progress once a call that changes the request's own cluster or image ended."""
    error, messages = result.error, result.validation_messages
    if error is None:
        messages = messages or progress.validation_messages
    return replace(
        progress,
        stack_id=progress.stack_id or (result.stack_id if error is None or result.sent else None),
        effect_seen=progress.effect_seen or result.sent,
        validation_messages=messages,
    )
