"""Looks at the world for one step of a request: reads only, and says what was seen as plain facts."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from cluster_provider.causes import failures_of, with_cause, with_failures
from cluster_provider.core import deadline
from cluster_provider.core.decision.adoption import has_adopted
from cluster_provider.core.decision.case import is_given_up, left_over, waited_for_until
from cluster_provider.core.engine import READS, EngineAction, EngineCall
from cluster_provider.core.errors import Unavailable
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

#: Tags that CloudFormation reserves; they cannot be handed on.
#: Source: AWS CloudFormation user guide, "Add tags to your stack".
RESERVED_TAG_PREFIX = "aws:"

#: Type of the message about a cluster or an image that nobody was told of, and that cannot be deleted.
NOT_DELETED = "NotDeleted"


def observe(
    stacks: Stacks,
    engines: frozenset[str],
    record: OwnerRecord,
    operation: OperationRecord,
    now: datetime,
) -> tuple[Observed, Progress]:
    """What a decision about a request needs to know, and the progress that follows from seeing it.

    A service that cannot answer becomes a reason to wait, so that the deadline is kept all the same. So does
    any other trouble at the deadline; before it, that is raised, for somebody to hear of it. Once an answer
    is written down nothing is asked any more.
    """
    request = operation.request
    known = record.clusters.get(operation.progress.cluster_name)
    base = Observed(known=known, undoes=_undoes(record, request), engines=engines, sent_by=record.requeue_at)
    if operation.progress.written is not None:
        # It is sent as it was written, whatever has become of the world; a look that fails would hold it up.
        return base, operation.progress
    try:
        seen, progress = _look(stacks, operation, known)
        adopted = has_adopted(request, known)
        progress = _with_effect(stacks, request, progress, seen, _ended_call(record, now), adopted=adopted)
        progress = _with_notes(request, progress, seen, known)
        failures: tuple[StackFailure, ...] = ()
        if progress.phase is not Phase.RESTARTING:  # whose answer has been sent
            progress = with_cause(stacks, operation, progress, seen, now, adopted=adopted)
            failures = failures_of(stacks, request, progress, seen)
        leftover = _leftover(stacks, record, operation)
        if leftover is not None and is_given_up(progress, leftover):
            leftover = with_failures(stacks, progress, leftover, seen)
        progress = _with_leftover_note(request, progress, leftover)
        base = _with_adoption(stacks, request, base, seen)
    except Exception as error:
        # An hour of silence and a time-out would tell nobody what the trouble is.
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
    """When the cluster's stack ended what this request did to it, if it did and CloudFormation can tell."""
    progress = operation.progress
    if progress.stack_id is None or not progress.effect_seen:
        return None
    try:
        return stacks.ended_at(progress.stack_id)
    except Exception as error:
        # It is measured only: no answer waits for it, or is lost for it.
        logger.warning("the end of the cluster's stack is not measured: %s", error)
        return None


def _look(
    stacks: Stacks, operation: OperationRecord, known: Cluster | None
) -> tuple[ClusterStack | None, Progress]:
    """The cluster's stack, and the parent's tags the first time.

    By ARN where it is known, so that a stranger who took the name later is never looked at.
    """
    request, progress = operation.request, operation.progress
    stack_id = progress.stack_id
    if stack_id is None and known is not None and _is_had(known, operation):
        stack_id = known.stack_id
    name = stack_id or progress.cluster_name
    cluster = stacks.describe(name) if name else None
    if progress.tags is None and request.properties is not None:
        progress = replace(progress, tags=_tags(stacks, request, known))
    return cluster, progress


def _with_adoption(
    stacks: Stacks, request: Request, base: Observed, cluster: ClusterStack | None
) -> Observed:
    """What tells whether a cluster may be taken over, or one that was may be deleted."""
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


def _parents(stacks: Stacks, stack_id: str, since: datetime) -> tuple[ParentStack, ...]:
    """A stack and every one around it, the innermost first; none if not all of them can be seen."""
    parents: list[ParentStack] = []
    for stack in enclosing_stacks(stacks, stack_id):
        if stack is None:
            return ()
        completed = stacks.completed_since(stack.stack_id, since)
        parents.append(ParentStack(stack.status, completed, stack.rollback_disabled))
    return tuple(parents)


def _current_owner(stacks: Stacks, request: Request, cluster: ClusterStack) -> Owner | None:
    """Whose the cluster is by its tags, if that one's stack still has it.

    Anybody may set tags: those that name a stack of another account or Region say nothing of this cluster.
    """
    owner = cluster.tagged_owner
    if owner is None or owner == request.owner or not owner.is_beside(request.owner):
        return None
    return owner if stacks.lists(owner, cluster.name) else None


def _leftover(stacks: Stacks, record: OwnerRecord, operation: OperationRecord) -> Leftover | None:
    """A cluster, or an image, of a request that was superseded before anybody heard of it.

    What is left of an image is its AMI, once the stack that made it has deleted itself. One that cannot be
    deleted does not keep the others from being so.
    """
    found = None
    for leftover in _leftovers(stacks, record, operation):
        if not is_given_up(operation.progress, leftover):
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


def _is_had(known: Cluster, operation: OperationRecord) -> bool:
    """Whether a request finds its cluster there: it is not to be made, in place of another of its name."""
    if operation.request.type is RequestType.CREATE:
        return has_adopted(operation.request, known)
    return known.reported or _is_subject(known, operation)


def _is_subject(known: Cluster, operation: OperationRecord) -> bool:
    """Whether a request is about this very cluster or image, not about another that is to have its name."""
    request = operation.request
    if known.name != operation.progress.cluster_name:
        return False
    return (
        request.type is RequestType.DELETE
        or request.request_id == known.request_id
        or (request.physical_id == known.name)
    )


def _with_leftover_note(request: Request, progress: Progress, leftover: Leftover | None) -> Progress:
    """An Update succeeds in spite of a leftover that cannot be deleted, and tells of it as it is now."""
    notes = [note for note in progress.notes if note["type"] != NOT_DELETED]
    if request.type is RequestType.UPDATE and leftover is not None and is_given_up(progress, leftover):
        error = left_over(progress, leftover)
        message = f"{error.where}: {error.what} The resource's next request tries again."
        notes.append({"level": "WARNING", "type": NOT_DELETED, "message": message})
    return replace(progress, notes=notes)


def _with_notes(
    request: Request, progress: Progress, cluster: ClusterStack | None, known: Cluster | None
) -> Progress:
    """Notices once, before anything is changed, that somebody else changed the cluster's configuration."""
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
    """Until when an engine may still act; None if none may, as for another request's call that only reads."""
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
    """Notices an effect that no engine reported, because it died after CloudFormation had accepted it."""
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
    """The parent stack's tags when the work starts; as they were as long as the configuration is."""
    if has_adopted(request, known):
        return {}
    last_applied = known.last_applied if known is not None else None
    if last_applied is not None and last_applied.configuration_digest == _wanted(request):
        return last_applied.tags
    parent = stacks.describe(request.owner.stack_id)
    tags = parent.tags if parent is not None else {}
    return {key: value for key, value in tags.items() if not key.startswith(RESERVED_TAG_PREFIX)}


def _wanted(request: Request) -> str:
    """Digest of the wanted configuration."""
    return request.properties.configuration_digest if request.properties is not None else ""
