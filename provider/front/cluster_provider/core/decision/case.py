"""What one decision is about, and the judgements that all kinds of requests share."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from cluster_provider.core import deadline, failures
from cluster_provider.core.actions import Start, Wait, wait_for
from cluster_provider.core.engine_call import HARMLESS, RETRIED, TRANSIENT, EngineCall, EngineError, Operation
from cluster_provider.core.errors import ClusterFailed, EngineFailed, ImageFailed, ProviderError
from cluster_provider.core.identity import Owner
from cluster_provider.core.kinds import Kind
from cluster_provider.core.observed import SUCCEEDED, Cluster, ClusterStack, Leftover, Observed
from cluster_provider.core.progress import Phase, Progress
from cluster_provider.core.properties import Properties
from cluster_provider.core.record import act_by
from cluster_provider.core.request import Request

#: An engine that ends without effect is called again this often, all in all.
ATTEMPTS_MAX = 3

#: This long before the deadline an answer goes out with the values there are, in seconds.
VALUES_MARGIN_S = 60

#: What is asked of an engine and changes nothing is answered after so long, a cold start and a slow AWS
#: included, or most probably never, in seconds.
HEARD_OF_AFTER_S = 120

#: How long to leave AWS alone before an engine call is repeated, in seconds.
RETRY_AFTER_S = 30

#: Calls that AWS turned away together come back spread over so many seconds more.
SPREAD_S = 30


def last_chance(act_by: datetime) -> datetime:
    """From when on an answer goes out with what there is."""
    return act_by - timedelta(seconds=VALUES_MARGIN_S)


def waited_for_until(call: EngineCall, act_by: datetime) -> datetime:
    """Until when an answer waits for a call of its own request whose end was not heard of.

    Past its fence for what may change something. One that is harmless may never be heard of, so at last it
    does not count; sent just now it is given a little time.
    """
    over_at = deadline.over_at(call.not_after)
    if call.operation not in HARMLESS:
        return over_at
    expected_by = call.sent_at + timedelta(seconds=HEARD_OF_AFTER_S)
    return min(over_at, act_by, max(last_chance(act_by), expected_by))


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
    def act_by(self) -> datetime:
        """The instant after which nothing is begun any more."""
        return act_by(self.request, self.progress)

    @property
    def is_last_chance(self) -> bool:
        """Whether the time has come to answer with what there is."""
        return self.now >= last_chance(self.act_by)

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
        leftover, call = self.observed.leftover, self.progress.call
        if leftover is None or not is_given_up(self.progress, leftover):
            return None
        just_tried = call is not None and call.cluster_name == leftover.known.name
        return None if just_tried and pause_after(self, _deletes(leftover.known.kind)) else leftover

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
        if known.settled is not None:
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
    return pause_after(case, Operation.DELETE) or delete(cluster)


def _settle_image(case: Case, leftover: Leftover) -> Wait | Start:
    stack = leftover.stack
    if stack is not None and stack.in_progress:
        return wait_for(stack, f"leftover image {stack.name} is {stack.status}")
    delete = delete_image(case.request.owner, leftover.known, stack)
    return pause_after(case, Operation.DELETE_IMAGE) or delete


def is_given_up(progress: Progress, leftover: Leftover) -> bool:
    """Whether a leftover was to be deleted often enough, and nothing comes of it any more."""
    tried = progress.attempted(_deletes(leftover.known.kind), leftover.known.name)
    return tried >= ATTEMPTS_MAX and not leftover.in_progress


def left_over(progress: Progress, leftover: Leftover) -> ProviderError:
    """Why a leftover could not be deleted."""
    name, stack, call = leftover.known.name, leftover.stack, progress.call
    told = call.result.error if call is not None and call.cluster_name == name and call.result else None
    cause = f"the engine was called {ATTEMPTS_MAX} times and nothing came of it."
    if told is not None and (stack is None or stack.status != "DELETE_FAILED"):
        cause = failures.sentence(told.message)
    elif stack is not None:
        cause = failures.root_cause(stack, leftover.failures)
    what = f"an earlier request left it, and it could not be deleted: {cause}"
    way_out = "Mend what keeps it, or delete it by hand; then try again."
    if leftover.known.kind is Kind.IMAGE:
        return ImageFailed(f"image {name}", what, way_out)
    return ClusterFailed(f"cluster {name}", what, way_out)


def _deletes(kind: Kind) -> Operation:
    return Operation.DELETE_IMAGE if kind is Kind.IMAGE else Operation.DELETE


def delete(cluster: ClusterStack) -> Start:
    """Deletes this stack and no other."""
    return Start(Operation.DELETE, cluster.name, cluster.stack_id, version=cluster.version)


def delete_image(owner: Owner, known: Cluster, stack: ClusterStack | None) -> Start:
    """Deletes what there may be of an image that this owner made, and of no other: the tags tell.

    Without a stack that is its AMI, if it was ever built.
    """
    tags = (stack.owner_tags if stack is not None else {}) or owner.tags(known.name, known.request_id)
    stack_id = stack.stack_id if stack is not None else known.stack_id
    version = stack.version if stack is not None else known.version
    return Start(Operation.DELETE_IMAGE, known.name, stack_id, tags, version)


def describe(cluster: ClusterStack) -> Start:
    """Asks the engine to describe this cluster."""
    return Start(Operation.DESCRIBE, cluster.name, cluster.stack_id, version=cluster.version)


def unless_refused(case: Case, start: Start) -> ProviderError | Wait | Start:
    """A start, or what the last call of its kind means: an error for good, or a pause before the next."""
    operation, name = start.operation, start.cluster_name
    error = case.progress.failure(operation)
    if error is not None and _is_final(error, case.progress, operation):
        return failures.rejection(error, case.progress.validation_messages, name)
    if error is None and case.progress.attempted(operation) >= ATTEMPTS_MAX:
        return EngineFailed(
            f"cluster {name}",
            f"the engine was called {ATTEMPTS_MAX} times and nothing came of it.",
            "Its log group says why.",
        )
    return pause_after(case, operation) or start


def pause_after(case: Case, operation: Operation) -> Wait | None:
    """A pause after a call of this kind, so that its effect shows and AWS is left alone for a while."""
    call = case.progress.call
    if call is None or call.operation is not operation or call.ended_at is None:
        return None
    until = call.ended_at + timedelta(seconds=RETRY_AFTER_S + _spread_s(call))
    why = call.result.error.message if call.result and call.result.error else "its effect does not show yet"
    what = operation.value
    if call.cluster_name != case.progress.cluster_name:
        what += f" of {call.cluster_name}"
    return Wait(f"{what} was tried: {why}", until) if case.now < until else None


def _spread_s(call: EngineCall) -> float:
    """Seconds more to wait after a call that was turned away: the same for it always, others for others."""
    error = call.result.error if call.result else None
    if error is None or error.code not in TRANSIENT:
        return 0.0
    return SPREAD_S * hashlib.sha256(call.call_id.encode()).digest()[0] / 256


def stack_failure(case: Case, cluster: ClusterStack) -> ClusterFailed:
    """Why the cluster's stack failed, with ParallelCluster's own words where it was described."""
    description = case.progress.description
    described = description.cluster if description is not None and description.cluster is not None else {}
    return failures.cluster_failure(cluster, case.observed.failures, described.get("failures", ()))


def _is_final(error: EngineError, progress: Progress, operation: Operation) -> bool:
    if error.code in TRANSIENT:
        return False
    return error.code not in RETRIED or progress.attempted(operation) >= ATTEMPTS_MAX
