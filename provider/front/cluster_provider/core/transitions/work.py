"""Transitions while a request is in progress: pure functions, one for each thing that happens."""

from dataclasses import replace
from datetime import datetime

from cluster_provider.core.actions import Replace, Start
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
    """Returns the record with the owner requeued, and with the cluster's ARN once the stack was observed.

    Args:
        record: The owner's record.
        progress: The work on the newest request.
        requeue_at: When the owner is due.
        watching: ARN of a stack without whose end a pass has nothing to do; None if there is none.
        deadline_at: When a pass has something to do in any case.
    """
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
    """Returns the record with an engine call that is about to be sent, and with the cluster it may make.

    Args:
        record: The owner's record.
        call: The call.
        start: The decision.
        version: Version of the engine.
        requeue_at: When the owner is due.

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
    """Returns the record with the end of an engine call; the end of an earlier call changes nothing.

    Args:
        record: The owner's record.
        call_id: Id of the call.
        result: What the engine reported.
        now: The current time.
    """
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
    """Returns the record with an adopted cluster.

    An earlier, failed adoption of the same cluster may have left a restart of its fleet pending. The restart
    then stays pending.

    Args:
        record: The owner's record.
        stack: The cluster's stack.
        request_id: The request that adopts it.
        now: The current time.
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


def disown_for_another(record: OwnerRecord, stack: ClusterStack) -> OwnerRecord:
    """Returns the record with a cluster disowned, because another owner wants it.

    Args:
        record: The record of the previous owner.
        stack: The cluster's stack.

    Raises:
        StillHeld: A request of the previous owner may still be working on the cluster.
    """
    if record.at_work and (record.has(stack) or record.following == stack.name):
        raise StillHeld(stack.name)
    if not record.has(stack):
        return record
    known = replace(record.clusters[stack.name], stack_id=stack.stack_id)
    return disown(replace(record, clusters={**record.clusters, stack.name: known}), stack.name)


def record_examination(operation: OperationRecord, holder: Owner, *, gave_up: bool) -> OperationRecord:
    """Returns the request with the finding whether the owner named by a cluster's mark still has it.

    If that owner gave the cluster up, the call that found the mark may be repeated, with all its tries.

    Args:
        operation: The request and the work on it.
        holder: The owner that the mark names.
        gave_up: Whether it gave the cluster up.
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
    """Returns the request that adopts a cluster, with a message about the adoption and without tags."""
    note = {
        "level": "INFO",
        "type": "AdoptExisting",
        "message": f"Cluster {stack.name} existed already and was taken over. It is released, not deleted, "
        "unless the template says DeletionPolicy: Delete.",
    }
    progress = replace(operation.progress, tags={}, notes=[*operation.progress.notes, note])
    return replace(operation, progress=progress)


def turn_to_replacement(record: OwnerRecord, request_id: str, name: str) -> OwnerRecord:
    """Returns the record of an Update that makes a new cluster in place of the present one.

    Args:
        record: The owner's record.
        request_id: The Update.
        name: Name of the new cluster.

    Raises:
        Superseded: A newer request was accepted since the decision.
    """
    if record.newest_request_id != request_id:
        raise Superseded(request_id)
    return replace(record, following=name, watching=None)


def note_replacement(operation: OperationRecord, action: Replace) -> OperationRecord:
    """Returns the Update that makes a new cluster in place of the present one, with a message about that.

    From here on the request is like one that names another cluster. The new cluster gets the parent stack's
    present tags.

    Args:
        operation: The request and the work on it.
        action: The decision.

    Raises:
        LookupError: The request has no properties.
    """
    request, name = operation.request, action.name
    if request.properties is None:
        raise LookupError(f"request {request.request_id} has no properties to act on")
    note = {
        "level": "WARNING",
        "type": "ReplacementPolicy",
        "message": f"Cluster {action.cluster.name} cannot be changed in place: {action.why} "
        f"Cluster {name} was made in its place.",
    }
    progress = replace(
        operation.progress,
        cluster_name=name,
        tags=None,
        stack_id=None,
        failing=None,
        validation_messages=[],
        notes=[*operation.progress.notes, note],
    )
    turned = replace(request, properties=replace(request.properties, cluster_name=name))
    return OperationRecord(turned, progress)


def merge_call_result(progress: Progress, call: EngineCall | None, *, deletes: bool = False) -> Progress:
    """Returns the progress with the result of an ended call; merging a result twice changes nothing.

    Args:
        progress: The work on the request.
        call: The last call made for the request; None if there is none.
        deletes: Whether the request is a Delete. A deletion in any other request is about a leftover.
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
        # A refusal proves that the engine works, so it does not count as a try. After the fleet is stopped,
        # the update has all its tries, and further refusals count.
        history = replace(history, tries=0)
    progress = progress.with_history(call.action, call.cluster_name, history)
    return _with_change(progress, result) if is_change and not is_leftover else progress


def _with_change(progress: Progress, result: EngineResult) -> Progress:
    """Returns the progress with the result of a change to the request's own cluster or image."""
    error, messages = result.error, result.validation_messages
    if error is None:
        messages = messages or progress.validation_messages
    return replace(
        progress,
        stack_id=progress.stack_id or (result.stack_id if error is None or result.sent else None),
        effect_seen=progress.effect_seen or result.sent,
        validation_messages=messages,
    )
