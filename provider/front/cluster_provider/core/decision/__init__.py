"""Decides the next action for a request: a pure, total function; the first row that matches wins.

This is the stage request -> decision of the flow. Each pass decides again on newer facts, so repeated, late
or reordered wake-ups change nothing. The table is in docs/explanation/decision-table.md; each row names its
function.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from cluster_provider.core import deadline
from cluster_provider.core.actions import (
    Action,
    Adopt,
    Examine,
    Fail,
    Leave,
    Nothing,
    Resend,
    Start,
    Succeed,
    Wait,
)
from cluster_provider.core.decision.adoption import is_adopted
from cluster_provider.core.decision.case import Case, describe, left_over, pause_after, settle_first
from cluster_provider.core.decision.create import decide_create
from cluster_provider.core.decision.delete import decide_delete
from cluster_provider.core.decision.failing import failed_late
from cluster_provider.core.decision.fleet import put_back, restart, with_fleet
from cluster_provider.core.decision.image import decide_image
from cluster_provider.core.decision.information import decide_information
from cluster_provider.core.decision.update import decide_update
from cluster_provider.core.engine import EngineAction, EngineResult
from cluster_provider.core.errors import ERRORS, DeadlineExceeded
from cluster_provider.core.identity import Kind
from cluster_provider.core.observed import ClusterStack, Observed
from cluster_provider.core.request import Request, RequestType
from cluster_provider.core.state import Phase, Progress

__all__ = ["decide"]


def decide(request: Request, observed: Observed, progress: Progress, now: datetime) -> Action:
    """Returns the next action for a request.

    Args:
        request: The request.
        observed: The facts that this pass observed.
        progress: The work so far.
        now: The current time.
    """
    case = Case(request, observed, progress, now)
    if progress.phase in {Phase.ANSWERING, Phase.SIGNALLING}:
        return _deliver(case)
    if progress.phase is Phase.RESTARTING:
        return restart(case)
    if progress.phase not in {Phase.OPEN, Phase.FOLLOWING}:
        return Nothing(progress.phase.value)
    if case.begun is not None and now < request.deadline:
        return Succeed(case.begun.name, case.begun, begun=True)
    action = _decide_open(case)
    if isinstance(action, Succeed) and request.type is RequestType.DELETE and case.stuck is not None:
        # After a Delete no further request would report the leftover.
        action = Fail(left_over(progress, case.stuck), request.failure_id)
    if isinstance(action, Succeed | Fail):
        action = put_back(case, action)
    if isinstance(action, Succeed) and request.kind is Kind.CLUSTER:
        action = _with_values(case, action)
    if isinstance(action, Start | Wait | Adopt | Examine) and now >= case.deadline_at:
        return with_fleet(case, _too_late(case, action))
    return action


def _decide_open(case: Case) -> Action:
    if case.request.kind.is_read_only:
        return _undone(case, _refused(case) or decide_information(case))
    if case.request.kind is Kind.IMAGE:
        return _undone(case, _refused(case) or decide_image(case))
    match case.request.type:
        case RequestType.DELETE:
            return decide_delete(case)
        case RequestType.CREATE:
            return _refused(case) or decide_create(case)
        case RequestType.UPDATE:
            return _refused(case) or decide_update(case)
    assert_never(case.request.type)


def _undone(case: Case, action: Action) -> Action:
    """Returns the action, or SUCCESS if it fails the rollback of an Update that had no effect."""
    if isinstance(action, Fail) and case.observed.undoes:
        return Succeed(case.request.failure_id, case.living)
    return action


def _deliver(case: Case) -> Action:
    """Returns how a recorded answer is sent.

    The invocation that recorded the answer also sends it. Wake-ups in the meantime leave it alone.
    """
    sent_by = case.observed.sent_by
    if _is_no_longer_accepted(case):
        return Nothing("CloudFormation no longer accepts it")
    return Leave(sent_by) if sent_by is not None and case.now < sent_by else Resend()


def _is_no_longer_accepted(case: Case) -> bool:
    """Returns whether CloudFormation no longer accepts the recorded answer or signal."""
    if case.progress.phase is Phase.ANSWERING:
        return deadline.is_too_old(case.request.issued_at, case.now)
    return case.now >= case.deadline_at + timedelta(seconds=deadline.MARGIN_S)


def _refused(case: Case) -> Action | None:
    """Returns the action for properties that are not valid; None if they are.

    CloudFormation returns to such properties only in the rollback of an Update that was refused because of
    them.
    """
    request, refusal = case.request, case.request.refusal
    if refusal is None:
        return None
    if case.observed.undoes:
        return settle_first(case) or Succeed(request.failure_id, case.living)
    error = ERRORS[refusal.code](refusal.where, refusal.what, refusal.next_step, refusal.others)
    return Fail(error, request.failure_id)


def _with_values(case: Case, action: Succeed) -> Action:
    """Returns a SUCCESS with the values of the cluster's final state, or the call that reads them.

    Near the deadline the SUCCESS is returned with the values that are known. ParallelCluster omits
    ``headNode`` both when EC2 throttles and when there is no head node.
    Source: interleaving 24 in tests/scenario/test_interleavings.py.
    """
    cluster, progress = action.cluster, case.progress
    if cluster is None:
        return action
    if _describes(progress.description, cluster) or case.is_last_chance:
        return replace(action, description=progress.description)
    waits_for = "the head node's values are not known yet"
    return pause_after(case, EngineAction.DESCRIBE, waits_for=waits_for) or describe(cluster)


def _describes(description: EngineResult | None, cluster: ClusterStack) -> bool:
    if description is None or description.cluster is None or description.head_node == "unknown":
        return False
    return bool(description.cluster.get("cloudFormationStackStatus") == cluster.status)


def _about(case: Case, action: Start | Wait | Adopt | Examine) -> str:
    """Returns what an action is about, which may be a leftover of an earlier request."""
    request, name = case.request, case.progress.cluster_name or case.request.failure_id
    if isinstance(action, Start) and action.action is EngineAction.DELETE:
        return f"cluster {action.cluster_name}"
    if isinstance(action, Start) and action.action is EngineAction.DELETE_IMAGE:
        return f"image {action.cluster_name}"
    if request.question is not None:
        return request.question.about
    return f"{'image' if request.kind is Kind.IMAGE else 'cluster'} {name}"


def _too_late(case: Case, action: Start | Wait | Adopt | Examine) -> Fail:
    """Returns the failure at the deadline: the cause in the cluster's stack, else the pending action."""
    request, cluster, name = case.request, case.observed.cluster, case.progress.cluster_name
    made = case.progress.stack_id is not None or (cluster is not None and case.made_by_request(cluster))
    made = made and not is_adopted(case)
    physical_id = request.left_behind_id(name) if made else request.failure_id
    error = failed_late(case) or _not_done(case, action)
    return Fail(error, physical_id, unseen=bool(case.observed.pending))


def _last_seen(action: Start | Wait | Adopt | Examine) -> str:
    match action:
        case Start():
            return f"the engine was about to {action.action.value} it"
        case Wait():
            return action.why
        case Adopt():
            return "it exists and was to be taken over"
        case Examine():
            return "its mark names another resource, which was to be looked at"
    assert_never(action)


def _not_done(case: Case, action: Start | Wait | Adopt | Examine) -> DeadlineExceeded:
    last = _last_seen(action)
    followed = case.progress.phase is Phase.FOLLOWING
    way_out = "Raise ServiceTimeout (at most 3600) if it is lower, or pass a WaitConditionHandle."
    if followed:
        way_out = "A wait condition waits 12 hours at most."
    elif case.request.question is not None:
        way_out = "Raise ServiceTimeout (at most 3600) if it is lower."
    what = f"not done in the time CloudFormation gives; last seen: {last}."
    return DeadlineExceeded(_about(case, action), what, way_out)
