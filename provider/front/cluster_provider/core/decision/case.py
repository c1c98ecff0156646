"""What one decision is about, and the judgements that all kinds of requests share."""

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

#: This long before the deadline an answer goes out with the values there are, in seconds.
VALUES_MARGIN_S = 60

#: What is asked of an engine and changes nothing is answered after so long, a cold start and a slow AWS
#: included, or most probably never, in seconds.
HEARD_OF_AFTER_S = 120


def last_chance(deadline_of: datetime) -> datetime:
    """From when on an answer goes out with what there is."""
    return deadline_of - timedelta(seconds=VALUES_MARGIN_S)


def waited_for_until(call: EngineCall, deadline_of: datetime) -> datetime:
    """Until when an answer waits for a call of its own request whose end was not heard of.

    Past its fence for what may change something. One that is harmless may never be heard of, so at last it
    does not count; sent just now it is given a little time.
    """
    over_at = deadline.over_at(call.not_after)
    if call.action not in HARMLESS:
        return over_at
    expected_by = call.sent_at + timedelta(seconds=HEARD_OF_AFTER_S)
    return min(over_at, deadline_of, max(last_chance(deadline_of), expected_by))


@dataclass(frozen=True)
class Case:
    """Everything a decision may depend on.

    Args:
        request: What CloudFormation asks for.
        observed: The world as it is.
        progress: The work so far.
        now: The time.
    """

    request: Request
    observed: Observed
    progress: Progress
    now: datetime

    @property
    def wanted(self) -> Properties:
        """The wanted state of a Create or an Update that is not refused."""
        if self.request.properties is None:
            raise LookupError(f"request {self.request.request_id} has no properties to act on")
        return self.request.properties

    @property
    def deadline_at(self) -> datetime:
        """The instant after which nothing is begun any more."""
        return deadline_of(self.request, self.progress)

    @property
    def is_last_chance(self) -> bool:
        """Whether the time has come to answer with what there is."""
        return self.now >= last_chance(self.deadline_at)

    @property
    def begun(self) -> ClusterStack | None:
        """The cluster, once its stack does what this request wants and a wait condition waits for the end."""
        cluster, progress = self.living, self.progress
        waits = progress.signals and progress.phase is Phase.OPEN and progress.effect_seen
        settling = self.observed.pending or (self.observed.leftover and self.stuck is None)
        return cluster if waits and cluster is not None and cluster.in_progress and not settling else None

    @property
    def stuck(self) -> Leftover | None:
        """What a superseded request left and nobody can delete: no more is tried for this request."""
        leftover = self.observed.leftover
        if leftover is None or not is_given_up(self.progress, leftover):
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
        """Whether a success was reported for the cluster or image, and what it was reported for came about.

        A success that is reported at the begin says little. Its end may be recorded nowhere, because a
        request that came before it ended what was followed; then the stack shows how it ended. An image's
        stack deletes itself once the image is built.
        """
        known, stack = self.observed.known, self.living
        if known is None or not known.reported:
            return False
        if known.last_applied is not None:
            return True
        return known.kind is Kind.IMAGE if stack is None else stack.status in SUCCEEDED

    def owns(self, cluster: ClusterStack) -> bool:
        """Whether the cluster is this resource's, and made by the Create that a Delete cleans up after."""
        failed, known = self.request.failed_create, self.observed.known
        if failed is not None and known is None and not self._made_by(failed.request_id, cluster):
            return False
        return cluster.belongs_to(self.request.owner, known)

    def made_by_request(self, cluster: ClusterStack) -> bool:
        """Whether this very request made the cluster, and not an earlier one of the same owner."""
        return self._made_by(self.request.request_id, cluster)

    def _made_by(self, request_id: str, cluster: ClusterStack) -> bool:
        return self.request.owner.made(cluster.tags, cluster.name, request_id)


def wait_for_engine(observed: Observed) -> Wait:
    """Waits until an engine has ended, or its call counts as over.

    No look before then can show more, and one at the sweep's rhythm may come minutes later: in an old request
    that would leave a compute fleet stopped for as long.
    """
    return Wait(observed.pending, observed.pending_until)


def settle_first(case: Case) -> Wait | Start | None:
    """What must end before anything else is done or answered.

    That is an engine call that may still act, and a cluster or an image that a superseded request made and
    nobody was told of. One that cannot be deleted holds nothing up but a new cluster or image.
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


def is_given_up(progress: Progress, leftover: Leftover) -> bool:
    """Whether a leftover was to be deleted often enough, and nothing comes of it any more."""
    history = progress.history(_deletes(leftover.known.kind), leftover.known.name)
    return history.is_exhausted and not leftover.in_progress


def left_over(progress: Progress, leftover: Leftover) -> ProviderError:
    """Why a leftover could not be deleted."""
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
    """Deletes this stack and no other."""
    return Start(EngineAction.DELETE, cluster.name, cluster.stack_id, version=cluster.version)


def delete_image(owner: Owner, known: Cluster, stack: ClusterStack | None) -> Start:
    """Deletes what there may be of an image that this owner made, and of no other: the tags tell.

    Without a stack that is its AMI, if it was ever built.
    """
    tags = (stack.owner_tags if stack is not None else {}) or owner.tags(known.name, known.request_id)
    stack_id = stack.stack_id if stack is not None else known.stack_id
    version = stack.version if stack is not None else known.version
    return Start(EngineAction.DELETE_IMAGE, known.name, stack_id, tags, version)


def describe(cluster: ClusterStack) -> Start:
    """Asks the engine to describe this cluster."""
    return Start(EngineAction.DESCRIBE, cluster.name, cluster.stack_id, version=cluster.version)


def unless_refused(case: Case, start: Start) -> ProviderError | Wait | Start:
    """A start, or what the last call of its kind means: a final error, or a pause before the next."""
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
    """Returns the pause after an engine call, so that its effect shows and AWS is left alone for a while.

    Args:
        case: The case.
        action: What was asked.
        subject: Of which cluster or image; None for the request's own.
        waits_for: What is waited for; empty for what came of the call.

    Returns:
        The wait; None once the call may be repeated, or if none was made.
    """
    history = case.progress.history(action, subject)
    until = history.retry_at()
    if until is None or case.now >= until:
        return None
    what = action.value if subject in {None, case.progress.cluster_name} else f"{action.value} of {subject}"
    came_of_it = history.error.message if history.error is not None else "its effect does not show yet"
    return Wait(waits_for or f"{what} was tried: {came_of_it}", until)


def stack_failure(case: Case, cluster: ClusterStack) -> ClusterFailed:
    """Why the cluster's stack failed, with ParallelCluster's own words where it was described."""
    description = case.progress.description
    described = description.cluster if description is not None and description.cluster is not None else {}
    return failures.cluster_failure(cluster, case.observed.failures, described.get("failures", ()))
