"""Decides what to do next for a request: pure, total, first match wins.

A wake-up is the same request decided again on newer facts, so deciding twice, late or in another order
changes nothing. The table these functions follow is in docs/contract.md.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from cluster_provider.core import failures
from cluster_provider.core.actions import Action, Fail, Nothing, Resend, Start, Succeed, Wait
from cluster_provider.core.errors import (
    ERRORS,
    ClusterFailed,
    DeadlineExceeded,
    EngineFailed,
    ProviderError,
)
from cluster_provider.core.identity import is_marker
from cluster_provider.core.observed import ClusterStack, Observed
from cluster_provider.core.progress import (
    RETRIED,
    TRANSIENT,
    EngineError,
    EngineResult,
    Operation,
    Phase,
    Progress,
)
from cluster_provider.core.properties import DeletionPolicy, Properties
from cluster_provider.core.request import Refusal, Request, RequestType

#: An engine that ends without effect is called again this often, all in all.
ATTEMPTS_MAX = 3

#: How long to leave AWS alone before an engine call is repeated, in seconds.
RETRY_AFTER_S = 30

#: This long before the deadline an answer goes out with the values there are, in seconds.
VALUES_MARGIN_S = 60


def decide(request: Request, observed: Observed, progress: Progress, now: datetime) -> Action:
    """The next action for a request.

    Args:
        request: What CloudFormation asks for.
        observed: The world as it is.
        progress: The work so far.
        now: The time.
    """
    if progress.phase is Phase.ANSWERING:
        return Resend()
    if progress.phase is not Phase.OPEN:
        return Nothing(progress.phase.value)
    action = _decide_open(request, observed, progress, now)
    if isinstance(action, Start | Wait) and now >= request.deadline:
        return _too_late(action, request, observed, progress)
    return action


def _decide_open(request: Request, observed: Observed, progress: Progress, now: datetime) -> Action:
    match request.type:
        case RequestType.DELETE:
            return _decide_delete(request, observed, progress, now)
        case RequestType.CREATE if request.properties is not None:
            action = _decide_create(request, request.properties, observed, progress, now)
        case RequestType.UPDATE if request.properties is not None:
            action = _decide_update(request, request.properties, observed, progress, now)
        case RequestType.CREATE | RequestType.UPDATE:
            action = _decide_refused(request, observed)
        case _:
            assert_never(request.type)
    return _with_values(action, request, progress, now) if isinstance(action, Succeed) else action


def _decide_refused(request: Request, observed: Observed) -> Action:
    """Properties that cannot be used; a rollback to such properties cannot happen but after our refusal."""
    if observed.undoes and request.physical_id is not None:
        return Succeed(request.physical_id, observed.cluster)
    refusal = request.refusal or Refusal("MalformedRequest", "ResourceProperties", "they could not be read.")
    error = ERRORS[refusal.code](refusal.where, refusal.what, refusal.next_step)
    return Fail(error, request.failure_id)


def _decide_create(
    request: Request, wanted: Properties, observed: Observed, progress: Progress, now: datetime
) -> Action:
    cluster, name = observed.cluster, wanted.cluster_name
    if observed.pending:
        return Wait(observed.pending)
    if cluster is None:
        return _create_absent(request, wanted, observed, progress, now)
    if not _made_by(cluster, request):
        return Fail(failures.taken(cluster, request), request.failure_id)
    if cluster.in_progress:
        return Wait(f"cluster {name} is {cluster.status}")
    if cluster.works:
        return Succeed(name, cluster)
    if cluster.gone:
        return Fail(ClusterFailed(f"cluster {name}", "it was deleted while it was being created."), name)
    if progress.attempted(Operation.DESCRIBE) == 0:
        # describe-cluster alone knows ParallelCluster's own failure codes.
        return Start(Operation.DESCRIBE, name, cluster.stack_id, version=cluster.version)
    return Fail(_stack_failure(cluster, observed, progress), name)


def _create_absent(
    request: Request, wanted: Properties, observed: Observed, progress: Progress, now: datetime
) -> Action:
    name = wanted.cluster_name
    if progress.stack_id is not None:
        return Wait(f"stack {progress.stack_id} cannot be seen yet")
    if progress.engine_version not in observed.engines:
        return Fail(
            failures.no_engine(f"ClusterName {name}", progress.engine_version, observed), request.failure_id
        )
    refused = _refusal(progress, Operation.CREATE, name, now)
    if isinstance(refused, ProviderError):
        return Fail(refused, request.failure_id)
    start = Start(Operation.CREATE, name, stack_tags=request.owner.tags(name, request.request_id))
    return refused or start


def _decide_update(
    request: Request, wanted: Properties, observed: Observed, progress: Progress, now: datetime
) -> Action:
    cluster, physical_id = _unless_gone(observed.cluster), request.failure_id
    if observed.pending:
        return Wait(observed.pending)
    if observed.undoes and (cluster is None or not cluster.in_progress):
        return Succeed(physical_id, cluster)
    if wanted.cluster_name != physical_id:
        return Fail(failures.renamed(wanted, physical_id), physical_id)
    if cluster is None:
        return Fail(failures.absent(physical_id), physical_id)
    if not cluster.belongs_to(request.owner):
        return Fail(failures.foreign(cluster), physical_id)
    mismatch = failures.version_mismatch(cluster, wanted, observed)
    if mismatch is not None:
        return Fail(mismatch, physical_id)
    if cluster.in_progress:
        return Wait(f"cluster {cluster.name} is {cluster.status}")
    if progress.effect_seen:
        return _update_settled(cluster, observed, progress, physical_id)
    return _update_idle(cluster, wanted, observed, progress, now)


def _update_settled(
    cluster: ClusterStack, observed: Observed, progress: Progress, physical_id: str
) -> Action:
    """This request's update has run its course: the stack tells how it ended."""
    if cluster.status == "UPDATE_COMPLETE":
        return Succeed(physical_id, cluster)
    if cluster.status == "CREATE_COMPLETE":
        return Wait("the accepted update cannot be seen yet")
    return Fail(_stack_failure(cluster, observed, progress), physical_id)


def _update_idle(
    cluster: ClusterStack, wanted: Properties, observed: Observed, progress: Progress, now: datetime
) -> Action:
    """Nothing was changed for this request yet, and nobody else is changing the cluster."""
    if not cluster.works:
        error = failures.cluster_failure(cluster, observed.failures)
        return Fail(error, cluster.name)
    if _is_wanted(cluster, wanted, observed):
        return Succeed(cluster.name, cluster)
    error_of_last = progress.failure(Operation.UPDATE)
    if error_of_last is not None and error_of_last.code == "NoChanges":
        return Succeed(cluster.name, cluster)
    refused = _refusal(progress, Operation.UPDATE, cluster.name, now)
    if isinstance(refused, ProviderError):
        return Fail(refused, cluster.name)
    # An update replaces every tag of a stack, so ours are put again as they are.
    return refused or Start(
        Operation.UPDATE, cluster.name, cluster.stack_id, cluster.owner_tags, cluster.version
    )


def _decide_delete(request: Request, observed: Observed, progress: Progress, now: datetime) -> Action:
    cluster, physical_id = _unless_gone(observed.cluster), request.failure_id
    if observed.pending:
        return Wait(observed.pending)
    if is_marker(physical_id) and observed.known is None:
        return Succeed(physical_id)
    if cluster is None or not cluster.belongs_to(request.owner):
        return Succeed(physical_id, gone=True)
    if (
        request.deletion_policy is DeletionPolicy.RETAIN
        and observed.known is not None
        and observed.known.reported
    ):
        return Succeed(physical_id, gone=True)
    if cluster.deleting:
        return Wait(f"cluster {cluster.name} is {cluster.status}")
    if cluster.updating:
        return Wait(f"cluster {cluster.name} is {cluster.status} and cannot be deleted until it settles")
    if progress.attempted(Operation.DELETE) >= ATTEMPTS_MAX:
        return Fail(_not_deleted(cluster, observed, progress), physical_id)
    start = Start(Operation.DELETE, cluster.name, cluster.stack_id, version=cluster.version)
    return _repeat_later(progress, Operation.DELETE, now) or start


def _with_values(action: Succeed, request: Request, progress: Progress, now: datetime) -> Action:
    """SUCCESS is answered only with its values, which describe the final state and nothing before it.

    Source: interleaving 24; the library leaves ``headNode`` out when EC2 throttles and when there is none.
    """
    cluster = action.cluster
    if cluster is None:
        return action
    last_chance = now >= request.deadline - timedelta(seconds=VALUES_MARGIN_S)
    if _describes(progress.description, cluster) or last_chance:
        return replace(action, description=progress.description)
    described_at = progress.described_at
    if described_at is not None and now < described_at + timedelta(seconds=RETRY_AFTER_S):
        return Wait(
            "the head node's values are not known yet", described_at + timedelta(seconds=RETRY_AFTER_S)
        )
    return Start(Operation.DESCRIBE, cluster.name, cluster.stack_id, version=cluster.version)


def _describes(description: EngineResult | None, cluster: ClusterStack) -> bool:
    if description is None or description.cluster is None or description.head_node == "unknown":
        return False
    return bool(description.cluster.get("cloudFormationStackStatus") == cluster.status)


def _refusal(
    progress: Progress, operation: Operation, name: str, now: datetime
) -> ProviderError | Wait | None:
    """What the last call of this kind means: an error for good, a pause before the next, or nothing."""
    error = progress.failure(operation)
    if error is None:
        if progress.attempted(operation) >= ATTEMPTS_MAX:
            return EngineFailed(
                f"cluster {name}",
                f"the engine was called {progress.attempted(operation)} times and nothing came of it.",
                "Its log group says why.",
            )
        return None
    if _is_final(error, progress, operation):
        return failures.rejection(error, progress.validation_messages, name)
    return _repeat_later(progress, operation, now)


def _is_final(error: EngineError, progress: Progress, operation: Operation) -> bool:
    if error.code in TRANSIENT:
        return False
    return error.code not in RETRIED or progress.attempted(operation) >= ATTEMPTS_MAX


def _repeat_later(progress: Progress, operation: Operation, now: datetime) -> Wait | None:
    """A pause after a call of this kind, so that its effect shows and AWS is left alone for a while."""
    call = progress.call
    if call is None or call.operation is not operation or call.ended_at is None:
        return None
    until = call.ended_at + timedelta(seconds=RETRY_AFTER_S)
    why = call.result.error.message if call.result and call.result.error else "its effect does not show yet"
    return Wait(f"{operation.value} was tried: {why}", until) if now < until else None


def _is_wanted(cluster: ClusterStack, wanted: Properties, observed: Observed) -> bool:
    """Whether the configuration in force is the wanted one: the same text, and nobody changed it since."""
    settled = observed.known.settled if observed.known is not None else None
    return (
        settled is not None
        and settled.configuration_digest == wanted.configuration_digest
        and settled.config_version == cluster.config_version
        and settled.tags == observed.tags
    )


def _made_by(cluster: ClusterStack, request: Request) -> bool:
    """Whether this very request made the cluster, and not an earlier one of the same owner."""
    tags = request.owner.tags(cluster.name, request.request_id)
    return {key: cluster.tags.get(key) for key in tags} == tags


def _stack_failure(cluster: ClusterStack, observed: Observed, progress: Progress) -> ClusterFailed:
    described = progress.description.cluster if progress.description is not None else None
    return failures.cluster_failure(cluster, observed.failures, (described or {}).get("failures", ()))


def _not_deleted(cluster: ClusterStack, observed: Observed, progress: Progress) -> ProviderError:
    error = progress.failure(Operation.DELETE)
    if cluster.status != "DELETE_FAILED" and error is not None:
        return failures.rejection(error, (), cluster.name)
    return failures.cluster_failure(cluster, observed.failures)


def _unless_gone(cluster: ClusterStack | None) -> ClusterStack | None:
    return None if cluster is None or cluster.gone else cluster


def _too_late(action: Start | Wait, request: Request, observed: Observed, progress: Progress) -> Fail:
    last = action.why if isinstance(action, Wait) else f"the engine was about to {action.operation.value} it"
    name = progress.cluster_name or request.failure_id
    error = DeadlineExceeded(
        f"cluster {name}",
        f"not done in the time CloudFormation gives; last seen: {last}.",
        "Raise ServiceTimeout (at most 3600) if it is lower.",
    )
    cluster = observed.cluster
    made = progress.stack_id is not None or (cluster is not None and _made_by(cluster, request))
    return Fail(error, name if request.type is RequestType.CREATE and made else request.failure_id)
