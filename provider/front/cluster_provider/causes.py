"""Finds out why a stack fails, from its events; they are throttled, so they are read only where needed."""

import logging
from dataclasses import replace
from datetime import datetime

from cluster_provider.core import failures
from cluster_provider.core.decision import failing
from cluster_provider.core.observed import ClusterStack, Leftover, StackFailure
from cluster_provider.core.request import Request, RequestType
from cluster_provider.core.state import OperationRecord, Progress
from cluster_provider.ports import Stacks

logger = logging.getLogger(__name__)


def with_cause(
    stacks: Stacks,
    operation: OperationRecord,
    progress: Progress,
    stack: ClusterStack | None,
    now: datetime,
    *,
    adopted: bool,
) -> Progress:
    """Returns the progress with the cause of a failure, as soon as the stack starts to fail.

    The failure is answered later, once the stack has settled.

    Args:
        stacks: CloudFormation.
        operation: The request and the work on it.
        progress: The work so far.
        stack: The request's stack as it is; None if there is none.
        now: The current time.
        adopted: Whether the request adopted the cluster.

    Raises:
        Unavailable: CloudFormation cannot answer, and the deadline has not passed.
    """
    request, is_late = operation.request, now >= operation.deadline_at
    if stack is None or not failing.reads_events(request, progress, stack, is_late=is_late):
        return progress
    found: tuple[StackFailure, ...] = ()
    try:
        found = stacks.failures(stack.stack_id, failing.failed_since(request, progress, adopted=adopted))
    except Exception as error:
        if not is_late:
            raise
        # The answer is sent now, and it can still name the stack's status.
        logger.warning("the events of the stack could not be read: %s", error, extra=operation.names)
    noticed = failing.noticed(request, progress, stack, found)
    if noticed.failing is not None:
        logger.warning("the stack fails: %s", failures.root_cause(stack, found), extra=operation.names)
    return noticed


def failures_of(
    stacks: Stacks, request: Request, progress: Progress, stack: ClusterStack | None
) -> tuple[StackFailure, ...]:
    """Returns the failures for the answer: those of this request, or those that broke the cluster before it.

    Args:
        stacks: CloudFormation.
        request: The request.
        progress: The work so far.
        stack: The request's stack; None if there is none.
    """
    known = progress.failing
    if stack is None or known is not None:
        return (known.cause,) if known is not None and known.cause is not None else ()
    is_broken = not (stack.in_progress or stack.works or stack.gone)
    if request.type is not RequestType.UPDATE or not is_broken:
        return ()
    return stacks.failures(stack.stack_id, progress.accepted_at)


def with_failures(
    stacks: Stacks, progress: Progress, leftover: Leftover, cluster: ClusterStack | None
) -> Leftover:
    """Returns a leftover with the reasons why it cannot be deleted.

    They are not read while the request's own cluster is in progress.

    Args:
        stacks: CloudFormation.
        progress: The work so far.
        leftover: The leftover.
        cluster: The request's own cluster stack; None if there is none.
    """
    stack = leftover.stack
    if stack is None or stack.status in failing.GOOD_ENDS or (cluster is not None and cluster.in_progress):
        return leftover
    return replace(leftover, failures=stacks.failures(stack.stack_id, progress.accepted_at))
