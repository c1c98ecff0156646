"""Observes the world for one pass over a request: it only reads, and returns plain facts."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from cluster_provider.causes import failures_of, with_cause, with_failures
from cluster_provider.core import deadline
from cluster_provider.core.budget import Budget
from cluster_provider.core.decision.adoption import has_adopted
from cluster_provider.core.decision.case import is_deletion_exhausted, left_over, waited_for_until
from cluster_provider.core.engine import READS, EngineAction, EngineCall
from cluster_provider.core.errors import Unavailable
from cluster_provider.core.guardrails import UNGUARDED, Guardrails
from cluster_provider.core.identity import Kind, Owner
from cluster_provider.core.observed import (
    Cluster,
    ClusterStack,
    Leftover,
    Observed,
    ParentStack,
    StackFailure,
)
from cluster_provider.core.request import Request, RequestType
from cluster_provider.core.state import OperationRecord, OwnerRecord, Phase, Progress
from cluster_provider.ownership import enclosing_stacks
from cluster_provider.ports import Stacks

logger = logging.getLogger(__name__)

#: Prefix of the tags that CloudFormation reserves; they cannot be passed on to another stack.
#: Source: AWS CloudFormation user guide, "Add tags to your stack".
RESERVED_TAG_PREFIX = "aws:"

#: Type of the message about an unreported cluster or image that cannot be deleted.
NOT_DELETED = "NotDeleted"


def observe(
    stacks: Stacks,
    engines: frozenset[str],
    record: OwnerRecord,
    operation: OperationRecord,
    now: datetime,
    *,
    guardrails: Guardrails = UNGUARDED,
) -> tuple[Observed, Progress]:
    """Returns the facts that a decision needs, and the progress updated with them.

    A service that cannot answer becomes a reason to wait, so that the request is still answered at its
    deadline. At the deadline, every other error does so too. Before the deadline, other errors are raised, so
    that operators learn of them. Once an answer is recorded, nothing is observed any longer.

    Args:
        stacks: CloudFormation.
        engines: The ParallelCluster versions that have an engine.
        record: The owner's record.
        operation: The request and the work on it.
        now: The current time.
        guardrails: What the operator permits.

    Raises:
        Exception: An observation failed for a reason other than an unavailable service, before the deadline.
    """
    request = operation.request
    known = record.clusters.get(operation.progress.cluster_name)
    base = Observed(
        known=known,
        undoes=_undoes(record, request),
        engines=engines,
        sent_by=record.requeue_at,
        consent=guardrails.consent,
        bounds=_bounds(request, operation.progress, guardrails.budget),
        refused_severity=guardrails.refused_severity,
    )
    if operation.progress.written is not None:
        # The answer is sent as it was recorded, whatever the state of the world is. A failed observation
        # would only delay it.
        return base, operation.progress
    try:
        seen, progress = _look(stacks, operation, known)
        adopted = has_adopted(request, known)
        progress = _with_effect(stacks, request, progress, seen, _ended_call(record, now), adopted=adopted)
        progress = _with_notes(request, progress, seen, known)
        failures: tuple[StackFailure, ...] = ()
        if progress.phase is not Phase.RESTARTING:  # its answer has been sent already
            progress = with_cause(stacks, operation, progress, seen, now, adopted=adopted)
            failures = failures_of(stacks, request, progress, seen)
        leftover = _leftover(stacks, record, operation)
        if leftover is not None and is_deletion_exhausted(progress, leftover):
            leftover = with_failures(stacks, progress, leftover, seen)
        progress = _with_leftover_note(request, progress, leftover)
        base = _with_adoption(stacks, request, base, seen)
    except Exception as error:
        # At the deadline, an answer that names the error helps more than a time-out of CloudFormation.
        if not isinstance(error, Unavailable) and now < operation.deadline_at:
            raise
        return replace(base, pending=f"AWS could not be asked: {error}"), operation.progress
    until = _pending_until(record.call, operation, now)
    arn = seen.stack_id if seen is not None else ""
    base = replace(base, disowned=arn in record.disowned)
    facts = replace(base, cluster=seen, leftover=leftover, failures=failures, tags=progress.tags or {})
    if record.call is not None and until is not None:
        pending = f"engine call {record.call.action.value} is running"
        facts = replace(facts, pending=pending, pending_until=until)
    return facts, progress


def cluster_end(stacks: Stacks, operation: OperationRecord) -> datetime | None:
    """Returns when the cluster's stack finished what this request changed; None if that is not known."""
    progress = operation.progress
    if progress.stack_id is None or not progress.effect_seen:
        return None
    try:
        return stacks.ended_at(progress.stack_id)
    except Exception as error:
        # The instant is a measurement only, so no answer is delayed or lost because of it.
        logger.warning("the end of the cluster's stack is not measured: %s", error)
        return None


def _look(
    stacks: Stacks, operation: OperationRecord, known: Cluster | None
) -> tuple[ClusterStack | None, Progress]:
    """Returns the cluster's stack, and the progress with the parent stack's tags, which are read once.

    The stack is looked up by its ARN if that is known. A later stack of the same name, of another owner, is
    then never read.
    """
    request, progress = operation.request, operation.progress
    stack_id = progress.stack_id
    if stack_id is None and known is not None and _is_owned(known, operation):
        stack_id = known.stack_id
    name = stack_id or progress.cluster_name
    cluster = stacks.describe(name) if name else None
    if progress.tags is None and request.properties is not None:
        progress = replace(progress, tags=_tags(stacks, request, known))
    return cluster, progress


def _with_adoption(
    stacks: Stacks, request: Request, base: Observed, cluster: ClusterStack | None
) -> Observed:
    """Returns the facts, with those that decide about an adoption or the deletion of an adopted cluster."""
    known = base.known
    own = known is not None and known.request_id == request.request_id
    if request.type is RequestType.CREATE and cluster is not None and not own:
        adopts = request.properties is not None and request.properties.adopts
        return replace(base, current_owner=_current_owner(stacks, request, cluster)) if adopts else base
    if request.type is not RequestType.DELETE or known is None or known.adopted_at is None:
        return base
    if not request.deletion_is_explicit:
        return base
    return replace(base, parents=_parents(stacks, request.owner.stack_id, known.adopted_at))


def _bounds(request: Request, progress: Progress, budget: Budget) -> dict[str, Any]:
    """Returns the bounds for the call that this request may start; none while the parent stack rolls back.

    A rollback goes back to what was in force. If it were refused, the stack would be stuck.
    """
    if request.properties is None or progress.rolls_back:
        return {}
    return budget.arguments(request.properties.budget)


def _parents(stacks: Stacks, stack_id: str, since: datetime) -> tuple[ParentStack, ...]:
    """Returns a stack and all stacks that enclose it, innermost first; empty if one cannot be read."""
    parents: list[ParentStack] = []
    for stack in enclosing_stacks(stacks, stack_id):
        if stack is None:
            return ()
        completed = stacks.completed_since(stack.stack_id, since)
        parents.append(ParentStack(stack.status, completed, stack.rollback_disabled))
    return tuple(parents)


def _current_owner(stacks: Stacks, request: Request, cluster: ClusterStack) -> Owner | None:
    """Returns the owner that the cluster's tags name, if that owner's stack still has the cluster.

    Everyone may set tags. Tags that name a stack of another account or Region are therefore ignored.
    """
    owner = cluster.tagged_owner
    if owner is None or owner == request.owner or not owner.is_beside(request.owner):
        return None
    return owner if stacks.lists(owner, cluster.name) else None


def _leftover(stacks: Stacks, record: OwnerRecord, operation: OperationRecord) -> Leftover | None:
    """Returns an unreported cluster or image that an earlier, superseded request made; None if there is none.

    An image whose stack has deleted itself is represented by its AMI, without a stack. Leftovers that can
    still be deleted come first, so that one that cannot be deleted does not block the others.
    """
    found = None
    for leftover in _leftovers(stacks, record, operation):
        if not is_deletion_exhausted(operation.progress, leftover):
            return leftover
        found = found or leftover
    return found


def _leftovers(stacks: Stacks, record: OwnerRecord, operation: OperationRecord) -> Iterator[Leftover]:
    owner, progress = operation.request.owner, operation.progress
    for known in record.clusters.values():
        if known.reported or known.adopted_at is not None or _is_subject(known, operation):
            continue
        stack = stacks.describe(known.stack_id or known.name)
        if stack is not None and not stack.gone and stack.belongs_to(owner, known):
            yield Leftover(known, stack)
        elif known.kind is Kind.IMAGE and not progress.has_deleted_image(known.name):
            yield Leftover(known, None)


def _is_owned(known: Cluster, operation: OperationRecord) -> bool:
    """Returns whether the request is about this recorded cluster, not about a new one of the same name."""
    if operation.request.type is RequestType.CREATE:
        return has_adopted(operation.request, known)
    return known.reported or _is_subject(known, operation)


def _is_subject(known: Cluster, operation: OperationRecord) -> bool:
    """Returns whether the request names this recorded cluster or image, or is the request that made it."""
    request = operation.request
    if known.name != operation.progress.cluster_name:
        return False
    return (
        request.type is RequestType.DELETE
        or request.request_id == known.request_id
        or (request.physical_id == known.name)
    )


def _with_leftover_note(request: Request, progress: Progress, leftover: Leftover | None) -> Progress:
    """Returns the progress with a warning about a leftover that cannot be deleted; an Update still succeeds.

    A warning of an earlier pass is replaced, so it describes the present state.
    """
    notes = [note for note in progress.notes if note["type"] != NOT_DELETED]
    if (
        request.type is RequestType.UPDATE
        and leftover is not None
        and is_deletion_exhausted(progress, leftover)
    ):
        error = left_over(progress, leftover)
        message = f"{error.where}: {error.what} The resource's next request tries again."
        notes.append({"level": "WARNING", "type": NOT_DELETED, "message": message})
    return replace(progress, notes=notes)


def _with_notes(
    request: Request, progress: Progress, cluster: ClusterStack | None, known: Cluster | None
) -> Progress:
    """Returns the progress with a warning if the cluster's configuration was changed outside of the stack.

    The check is made only before this request changes the cluster.
    """
    first_look = not progress.effect_seen and not progress.history(EngineAction.UPDATE).tries
    if request.type is not RequestType.UPDATE or cluster is None or known is None or not first_look:
        return progress
    if not cluster.works or not known.changed_outside(cluster):
        return progress
    asks = request.configuration_changes and not known.was_applied(_wanted(request))
    done = "was replaced by the template's" if asks else "was left as it is"
    note = {
        "level": "WARNING",
        "type": "ChangedOutsideStack",
        "message": f"The configuration of cluster {cluster.name} was changed outside of this stack since its "
        f"last update; the changed configuration {done}.",
    }
    return replace(progress, notes=[note])


def _undoes(record: OwnerRecord, request: Request) -> bool:
    return record.undo is not None and record.undo.is_by(request)


def _pending_until(call: EngineCall | None, operation: OperationRecord, now: datetime) -> datetime | None:
    """Returns until when an engine call may still act; None if no call can.

    A read that was made for another request does not count.
    """
    if call is None or not call.may_act(now):
        return None
    own = call.request_id == operation.request.request_id
    if call.action in READS and not own:
        return None
    until = waited_for_until(call, operation.deadline_at) if own else deadline.over_at(call.not_after)
    return until if now < until else None


def _ended_call(record: OwnerRecord, now: datetime) -> EngineCall | None:
    return None if record.call is None or record.call.may_act(now) else record.call


def _with_effect(
    stacks: Stacks,
    request: Request,
    progress: Progress,
    cluster: ClusterStack | None,
    call: EngineCall | None,
    *,
    adopted: bool,
) -> Progress:
    """Returns the progress with an effect that no engine reported.

    An engine may die after CloudFormation has accepted its change. A new stack then carries the tags of this
    request. An update of an existing stack has events with the call's client request token.
    """
    if cluster is None or progress.effect_seen:
        return progress
    seen = replace(progress, stack_id=cluster.stack_id, effect_seen=True)
    made = request.owner.made(cluster.tags, cluster.name, request.request_id)
    if made and not adopted:
        return seen
    if call is None or call.action is not EngineAction.UPDATE or call.request_id != request.request_id:
        return progress
    return seen if not call.has_reported and stacks.has_event_of(cluster.stack_id, call.call_id) else progress


def _tags(stacks: Stacks, request: Request, known: Cluster | None) -> dict[str, str]:
    """Returns the parent stack's tags for the cluster's configuration, as they are when the work starts.

    If the configuration is unchanged, the tags that were last applied are returned. A change of the parent's
    tags alone thus causes no update. An adopted cluster gets no tags.
    """
    if has_adopted(request, known):
        return {}
    last_applied = known.last_applied if known is not None else None
    if last_applied is not None and last_applied.configuration_digest == _wanted(request):
        return last_applied.tags
    parent = stacks.describe(request.owner.stack_id)
    tags = parent.tags if parent is not None else {}
    return {key: value for key, value in tags.items() if not key.startswith(RESERVED_TAG_PREFIX)}


def _wanted(request: Request) -> str:
    """Returns the digest of the configuration that the request asks for; empty if it has none."""
    return request.properties.configuration_digest if request.properties is not None else ""
