"""The input of one decision, and the judgements that all kinds of requests share."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cluster_provider.core import deadline, failures
from cluster_provider.core.actions import Start, Wait, wait_for
from cluster_provider.core.engine import HARMLESS, EngineAction, EngineCall
from cluster_provider.core.errors import ClusterFailed, EngineFailed, ImageFailed, ProviderError
from cluster_provider.core.identity import Kind, Owner
from cluster_provider.core.ledger import ATTEMPTS_MAX
from cluster_provider.core.observed import SUCCEEDED, Cluster, ClusterStack, Leftover, Observed
from cluster_provider.core.properties import Properties
from cluster_provider.core.request import Request
from cluster_provider.core.state import Phase, Progress, deadline_of

#: Time before the deadline, in seconds, from which on an answer is sent with the values that are known.
VALUES_MARGIN_S = 60

#: Time in which a call that changes nothing reports its end, in seconds, with a cold start and a slow AWS. A
#: call that has not reported by then most probably never will.
REPORTED_WITHIN_S = 120


def last_chance(deadline_of: datetime) -> datetime:
    """Returns from when on an answer is sent with the values that are known."""
    return deadline_of - timedelta(seconds=VALUES_MARGIN_S)


def waited_for_until(call: EngineCall, deadline_of: datetime) -> datetime:
    """Returns until when an answer waits for a call of its own request whose end is not reported.

    A call that may change something is waited for until after its fence. A harmless call may never report its
    end, so shortly before the deadline it no longer counts. If it was sent just before that, it still gets
    ``REPORTED_WITHIN_S``, but not beyond the deadline.
    """
    over_at = deadline.over_at(call.not_after)
    if call.action not in HARMLESS:
        return over_at
    expected_by = call.sent_at + timedelta(seconds=REPORTED_WITHIN_S)
    return min(over_at, deadline_of, max(last_chance(deadline_of), expected_by))


@dataclass(frozen=True)
class Case:
    """Everything that a decision depends on.

    Args:
        request: The request.
        observed: The facts that this pass observed.
        progress: The work so far.
        now: The current time.
    """

    request: Request
    observed: Observed
    progress: Progress
    now: datetime

    @property
    def wanted(self) -> Properties:
        """The wanted state of a Create or an Update with valid properties.

        Raises:
            LookupError: The request has no valid properties.
        """
        if self.request.properties is None:
            raise LookupError(f"request {self.request.request_id} has no properties to act on")
        return self.request.properties

    @property
    def deadline_at(self) -> datetime:
        """The instant after which no work is started."""
        return deadline_of(self.request, self.progress)

    @property
    def is_last_chance(self) -> bool:
        """Whether it is time to answer with the values that are known."""
        return self.now >= last_chance(self.deadline_at)

    @property
    def begun(self) -> ClusterStack | None:
        """The cluster, if its stack is carrying this request out and a wait condition waits for the end."""
        cluster, progress = self.living, self.progress
        waits = progress.signals and progress.phase is Phase.OPEN and progress.effect_seen
        settling = self.observed.pending or (self.observed.leftover and self.stuck is None)
        return cluster if waits and cluster is not None and cluster.in_progress and not settling else None

    @property
    def stuck(self) -> Leftover | None:
        """A leftover of an earlier request that cannot be deleted; this request makes no further try."""
        leftover = self.observed.leftover
        if leftover is None or not is_deletion_exhausted(self.progress, leftover):
            return None
        known = leftover.known
        return None if pause_after(self, _deletes(known.kind), known.name) else leftover

    @property
    def living(self) -> ClusterStack | None:
        """The cluster's stack, unless it is deleted."""
        cluster = self.observed.cluster
        return None if cluster is None or cluster.gone else cluster

    @property
    def ended_well(self) -> bool:
        """Whether a success was reported for the cluster or image, and the work then ended in that success.

        With a wait condition, a success is reported when the work begins. The end of that work may not be
        recorded, because a newer request ended the work of following it. The stack's status then shows it. An
        image's stack deletes itself once the image is built.
        """
        known, stack = self.observed.known, self.living
        if known is None or not known.reported:
            return False
        if known.last_applied is not None:
            return True
        return known.kind is Kind.IMAGE if stack is None else stack.status in SUCCEEDED

    def owns(self, cluster: ClusterStack) -> bool:
        """Returns whether the cluster belongs to this resource.

        The Delete after a failed Create owns only what that very Create made.
        """
        failed, known = self.request.failed_create, self.observed.known
        if failed is not None and known is None and not self._made_by(failed.request_id, cluster):
            return False
        return cluster.belongs_to(self.request.owner, known)

    def made_by_request(self, cluster: ClusterStack) -> bool:
        """Returns whether this very request made the cluster, not an earlier one of the same owner."""
        return self._made_by(self.request.request_id, cluster)

    def _made_by(self, request_id: str, cluster: ClusterStack) -> bool:
        return self.request.owner.made(cluster.tags, cluster.name, request_id)


def wait_for_engine(observed: Observed) -> Wait:
    """Returns the wait for the end of an engine call, at the latest until the call counts as over.

    A pass before that observes nothing new. A pass at the usual delay could come minutes later; in an old
    request, a compute fleet would then stay stopped for as long.
    """
    return Wait(observed.pending, observed.pending_until)


def settle_first(case: Case) -> Wait | Start | None:
    """Returns what must end before anything else is done or answered; None if there is nothing.

    The first is an engine call that may still act. The second is an unreported cluster or image of a
    superseded request. A leftover that cannot be deleted blocks only a new cluster or image.
    """
    if case.observed.pending:
        return wait_for_engine(case.observed)
    leftover = case.observed.leftover
    if leftover is None or case.stuck is not None:
        return None
    if leftover.known.kind is Kind.IMAGE:
        return _settle_image(case, leftover)
    cluster = leftover.stack
    if cluster is None:
        return None
    if cluster.deleting or cluster.updating:
        return wait_for(cluster, f"leftover cluster {cluster.name} is {cluster.status}")
    return pause_after(case, EngineAction.DELETE, cluster.name) or delete(cluster)


def _settle_image(case: Case, leftover: Leftover) -> Wait | Start:
    stack = leftover.stack
    if stack is not None and stack.in_progress:
        return wait_for(stack, f"leftover image {stack.name} is {stack.status}")
    delete = delete_image(case.request.owner, leftover.known, stack)
    return pause_after(case, EngineAction.DELETE_IMAGE, leftover.known.name) or delete


def is_deletion_exhausted(progress: Progress, leftover: Leftover) -> bool:
    """Returns whether the tries to delete a leftover are exhausted, and no deletion is in progress."""
    history = progress.history(_deletes(leftover.known.kind), leftover.known.name)
    return history.is_exhausted and not leftover.in_progress


def left_over(progress: Progress, leftover: Leftover) -> ProviderError:
    """Returns the error for a leftover that could not be deleted."""
    name, stack = leftover.known.name, leftover.stack
    error = progress.history(_deletes(leftover.known.kind), name).error
    cause = f"the engine was called {ATTEMPTS_MAX} times and nothing came of it."
    if error is not None and (stack is None or stack.status != "DELETE_FAILED"):
        cause = failures.sentence(error.message)
    elif stack is not None:
        cause = failures.root_cause(stack, leftover.failures)
    what = f"an earlier request left it, and it could not be deleted: {cause}"
    way_out = "Fix what keeps it, or delete it by hand; then try again."
    if leftover.known.kind is Kind.IMAGE:
        return ImageFailed(f"image {name}", what, way_out)
    return ClusterFailed(f"cluster {name}", what, way_out)


def _deletes(kind: Kind) -> EngineAction:
    return EngineAction.DELETE_IMAGE if kind is Kind.IMAGE else EngineAction.DELETE


def delete(cluster: ClusterStack) -> Start:
    """Returns the call that deletes this stack and no other."""
    return Start(EngineAction.DELETE, cluster.name, cluster.stack_id, version=cluster.version)


def delete_image(owner: Owner, known: Cluster, stack: ClusterStack | None) -> Start:
    """Returns the call that deletes an image of this owner; the tags keep it from deleting another owner's.

    Without a stack, the image is its AMI, if one was built.

    Args:
        owner: The owner.
        known: The image, as the owner's record has it.
        stack: The image's stack; None if it is gone.
    """
    tags = (stack.owner_tags if stack is not None else {}) or owner.tags(known.name, known.request_id)
    stack_id = stack.stack_id if stack is not None else known.stack_id
    version = stack.version if stack is not None else known.version
    return Start(EngineAction.DELETE_IMAGE, known.name, stack_id, tags, version)


def describe(cluster: ClusterStack) -> Start:
    """Returns the call that describes this cluster."""
    return Start(EngineAction.DESCRIBE, cluster.name, cluster.stack_id, version=cluster.version)


def unless_refused(case: Case, start: Start) -> ProviderError | Wait | Start:
    """Returns a call; or the final error of the last call of its kind, or the pause after that call."""
    name, history = start.cluster_name, case.progress.history(start.action, start.cluster_name)
    if history.error is not None and history.is_refused():
        return failures.rejection(history.error, case.progress.validation_messages, name)
    if history.error is None and history.is_exhausted:
        return EngineFailed(
            f"cluster {name}",
            f"the engine was called {ATTEMPTS_MAX} times and nothing came of it.",
            "Its log group says why.",
        )
    return pause_after(case, start.action, name) or start


def pause_after(
    case: Case, action: EngineAction, subject: str | None = None, waits_for: str = ""
) -> Wait | None:
    """Returns the pause after an engine call, so that its effect can appear before AWS is called again.

    Args:
        case: The case.
        action: The action of the call.
        subject: Name of the cluster or image; None for the request's own.
        waits_for: What is waited for; empty for the effect of the call.

    Returns:
        The wait; None if the call may be repeated now, or if none was made.
    """
    history = case.progress.history(action, subject)
    until = history.retry_at()
    if until is None or case.now >= until:
        return None
    what = action.value if subject in {None, case.progress.cluster_name} else f"{action.value} of {subject}"
    came_of_it = history.error.message if history.error is not None else "its effect does not show yet"
    return Wait(waits_for or f"{what} was tried: {came_of_it}", until)


def stack_failure(case: Case, cluster: ClusterStack) -> ClusterFailed:
    """Returns the error for a failed cluster stack, with what the engine read about the failure.

    Args:
        case: The case.
        cluster: The cluster's stack.
    """
    description = case.progress.description
    described = description.cluster if description is not None and description.cluster is not None else {}
    logs = description.head_node_logs if description is not None else None
    return failures.cluster_failure(cluster, case.observed.failures, described.get("failures", ()), logs)
