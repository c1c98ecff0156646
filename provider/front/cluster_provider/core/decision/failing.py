"""Stacks that fail: when their events and logs are read for the cause, and the answer at the deadline."""

from dataclasses import replace
from datetime import datetime, timedelta

from cluster_provider.core import failures, head_node, image_failures, truncation
from cluster_provider.core.actions import Start
from cluster_provider.core.decision.case import Case, describe, stack_failure
from cluster_provider.core.document import format_instant
from cluster_provider.core.engine import DELETES, EngineAction
from cluster_provider.core.errors import ClusterFailed, ImageFailed
from cluster_provider.core.identity import Kind
from cluster_provider.core.observed import ClusterStack, StackFailure
from cluster_provider.core.request import Request, RequestType
from cluster_provider.core.state import Failing, Progress

#: Maximum difference between CloudFormation's clock and the provider's, in seconds. ParallelCluster needs
#: seconds to begin an update, and an update takes minutes. An earlier update therefore began longer ago than
#: that.
CLOCKS_APART_S = 30

#: Settled states without a failure.
GOOD_ENDS = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"})

#: States in which a resource may have failed before the stack's status shows it. A clean-up after an update
#: is not among them, because its failures change nothing.
_MAY_FAIL = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"})


def shows_update(progress: Progress, stack: ClusterStack) -> bool:
    """Returns whether the stack's description shows this request's update, not the state before it.

    CloudFormation's reads may be late. Without this check, the end of an earlier update could count as the
    end of this one.
    """
    call = progress.history(EngineAction.UPDATE).last
    if stack.status == "CREATE_COMPLETE":
        return False
    if stack.updated_at is None or call is None:
        return True
    return stack.updated_at >= call.sent_at - timedelta(seconds=CLOCKS_APART_S)


def is_failing(request: Request, progress: Progress, stack: ClusterStack) -> bool:
    """Returns whether this request's change of the stack has failed, or is being rolled back.

    An image is judged by its AMI. A stack that fails to delete itself after the build does not count.
    """
    if request.type is RequestType.DELETE:
        tried = any(progress.history(action).tries for action in DELETES)
        return stack.status == "DELETE_FAILED" and tried
    if not progress.effect_seen or not shows_update(progress, stack):
        return False
    if stack.in_progress:
        return "ROLLBACK_" in stack.status
    return stack.status not in GOOD_ENDS and not (request.kind is Kind.IMAGE and "DELETE_" in stack.status)


def reads_events(request: Request, progress: Progress, stack: ClusterStack, *, is_late: bool) -> bool:
    """Returns whether the stack's events must be read; there are many, and AWS throttles the reads.

    They are read once, as soon as the stack fails. They are read again only if they named no cause and the
    stack or the calls have changed since. At the deadline they are read even if the status shows no failure.

    Args:
        request: The request.
        progress: The work so far.
        stack: The stack.
        is_late: Whether the deadline has passed.
    """
    known = progress.failing
    if known is not None:
        nothing_new = (known.status, known.calls_made) == (stack.status, progress.calls_made)
        if known.cause is not None or nothing_new:
            return False
    if is_failing(request, progress, stack):
        return True
    if request.type is RequestType.DELETE:
        return is_late and stack.deleting
    return is_late and progress.effect_seen and stack.status in _MAY_FAIL


def failed_since(request: Request, progress: Progress, *, adopted: bool) -> datetime | None:
    """Returns from when on a failure belongs to this request; None if every failure of the stack does.

    While this request waited, the work of an earlier request may have failed.

    Args:
        request: The request.
        progress: The work so far.
        adopted: Whether the request adopted the cluster.
    """
    if request.type is RequestType.CREATE and not adopted:
        return None
    call = progress.history(EngineAction.UPDATE).last
    if call is not None and progress.effect_seen:
        return max(progress.accepted_at, call.sent_at - timedelta(seconds=CLOCKS_APART_S))
    return progress.accepted_at


def noticed(
    request: Request, progress: Progress, stack: ClusterStack, found: tuple[StackFailure, ...]
) -> Progress:
    """Returns the progress after a stack's events were read; unchanged if nothing fails.

    Args:
        request: The request.
        progress: The work so far.
        stack: The stack.
        found: Its failed resources, nested stacks included, oldest first.
    """
    cause = failures.oldest(found)
    if cause is None and not is_failing(request, progress, stack):
        return progress
    kept = truncation.truncate_failure(cause) if cause is not None else None
    return replace(progress, failing=Failing(stack.status, progress.calls_made, kept))


def read_logs(case: Case, cluster: ClusterStack) -> Start | None:
    """Returns the call that reads why the head node did not start; None if that is not the failure, or known.

    It is made once, as soon as the stack fails: the rollback soon ends the head node, and with the setting
    ``DeletionPolicy: Delete`` its logs. The call also reads ParallelCluster's own failure codes.

    Args:
        case: The case.
        cluster: The cluster's stack.
    """
    progress = case.progress
    failed = progress.failing is not None and head_node.is_head_nodes(progress.failing.cause)
    if not failed or progress.history(EngineAction.DESCRIBE).tries:
        return None
    wanted = {"log_group": cluster.log_group}
    call = progress.history(EngineAction.UPDATE).last
    if call is not None:
        # The head node had started before the update, and its logs have all that it did since.
        wanted["since"] = format_instant(call.sent_at)
    return replace(describe(cluster), arguments={"head_node_logs": wanted})


def failed_late(case: Case) -> ClusterFailed | ImageFailed | None:
    """Returns the error at the deadline if the stack was failing before it settled; else None."""
    request, progress, stack = case.request, case.progress, case.living
    known = progress.failing
    if known is None:
        return None
    if known.cause is None and stack is not None and not is_failing(request, progress, stack):
        return None
    advice = "Fix the cause; more time would not help."
    if request.type is RequestType.DELETE:
        advice = "Remove what keeps it, then delete it again."
    is_image = request.kind is Kind.IMAGE
    if stack is None:
        cause = failures.failed_resource(known.cause) if known.cause is not None else "its stack failed."
        what = f"{cause} The stack was {known.status} when it was last seen."
        unseen = ImageFailed if is_image else ClusterFailed
        return unseen(f"{'image' if is_image else 'cluster'} {progress.cluster_name}", what, advice)
    error: ClusterFailed | ImageFailed = stack_failure(case, stack)
    if is_image:
        error = image_failures.failure(stack, case.observed.failures)
    state = f"The stack is {stack.status}"
    state += ", and CloudFormation waits no longer for its end." if stack.in_progress else "."
    return type(error)(
        error.where,
        f"{error.what} {state}",
        " ".join(filter(None, [advice, error.next_step])),
        error.others,
    )
