"""Rows about the compute fleet: stopped for an update that needs it, put back before an answer."""

from dataclasses import replace
from datetime import timedelta

from cluster_provider.core import deadline, failures, fleet
from cluster_provider.core.actions import Fail, Nothing, Start, Succeed, Wait, wait_for
from cluster_provider.core.decision.case import ATTEMPTS_MAX, RETRY_AFTER_S, Case, wait_for_engine
from cluster_provider.core.engine_call import Operation
from cluster_provider.core.errors import ClusterFailed, DeadlineExceeded, ProviderError
from cluster_provider.core.observed import ClusterStack
from cluster_provider.core.request import RequestType

#: This long before the deadline no more waiting for the fleet to stop, in seconds: it is to be started again.
RESTART_MARGIN_S = 600


def stop(case: Case, cluster: ClusterStack) -> ProviderError | Wait | Start | None:
    """Stops the fleet for an update that was refused because nodes run.

    Returns:
        What there is to do, or why it cannot be done; None once the fleet is stopped.
    """
    where, unchanged = f"cluster {cluster.name}", "The configuration was not changed."
    status, found = _status_since_refusal(case), _found(case)
    if status == fleet.STOPPED:
        return None
    if found not in fleet.UP | fleet.STOPPING:
        return ClusterFailed(
            where, f"its compute fleet is {found or 'unknown'}, so it cannot be stopped.", unchanged
        )
    if case.now >= case.act_by - timedelta(seconds=RESTART_MARGIN_S):
        late = f"its compute fleet did not stop in time; it is {status or found}."
        return DeadlineExceeded(where, late, unchanged)
    if case.progress.attempted(Operation.STOP_FLEET) >= ATTEMPTS_MAX:
        return ClusterFailed(
            where, f"its compute fleet could not be stopped: {_error(case, Operation.STOP_FLEET)}", unchanged
        )
    ask = Start(
        Operation.STOP_FLEET, cluster.name, cluster.stack_id, version=cluster.version, fleet_found=found
    )
    return _pause(case, Operation.STOP_FLEET) or ask


def put_back(case: Case, action: Succeed | Fail) -> Succeed | Fail | Wait | Start:
    """Has the fleet as it was found before an answer goes out, and tells of it in an error.

    A cluster that cannot work has no fleet to start: the debt stays, and the answer says so. A Delete that
    keeps one that works does not succeed before its fleet was asked to start.
    """
    cluster, known, progress = case.living, case.observed.known, case.progress
    if known is None:
        return action
    answered = with_fleet(case, action) if isinstance(action, Fail) else action
    if cluster is None or not cluster.works or not case.owns(cluster) or known.fleet_found not in fleet.UP:
        return answered
    started = fleet.last(progress, Operation.START_FLEET)
    if started is not None and started.fleet_status not in fleet.STARTING:
        return answered
    # After a Delete that succeeds nobody knows of the debt any more.
    forgets = isinstance(action, Succeed) and case.request.type is RequestType.DELETE
    in_vain = case.is_last_chance or progress.attempted(Operation.START_FLEET) >= ATTEMPTS_MAX
    if in_vain and not (forgets and fleet.is_owed(known, progress)):
        return answered
    if case.now >= case.act_by and Operation.START_FLEET in progress.fleet_calls:
        return with_fleet(case, Fail(_not_started(case, cluster), action.physical_id))
    return _pause(case, Operation.START_FLEET) or _start(cluster)


def restart(case: Case) -> Nothing | Wait | Start:
    """Starts the fleet after the answer, as soon as the cluster can: the next request may be months away.

    It is asked for at the sweep's rhythm, ever more slowly, and given up in the end.
    """
    cluster, known = case.living, case.observed.known
    if known is None or not fleet.is_owed(known, case.progress):
        return Nothing("the compute fleet is as it was found")
    if case.now >= case.act_by:
        return Nothing(f"the compute fleet of cluster {known.name} could not be started again", gave_up=True)
    if case.observed.pending:
        return wait_for_engine(case.observed)
    if cluster is None or cluster.status.startswith("DELETE_") or not case.owns(cluster):
        return Nothing("the cluster is gone, or being deleted")
    if cluster.in_progress:
        return wait_for(cluster, f"cluster {cluster.name} is {cluster.status} and its fleet is to be started")
    if not cluster.works:
        return Wait(f"cluster {cluster.name} is {cluster.status} and has no fleet to start")
    call = case.progress.fleet_calls.get(Operation.START_FLEET)
    if call is not None and call.ended_at is not None:
        again_at = deadline.next_wake(case.progress.accepted_at, call.ended_at)
        if case.now < again_at:
            return Wait(f"start-fleet was asked for: {_error(case, Operation.START_FLEET)}", again_at)
    return _start(cluster)


def _start(cluster: ClusterStack) -> Start:
    return Start(Operation.START_FLEET, cluster.name, cluster.stack_id, version=cluster.version)


def with_fleet(case: Case, failure: Fail) -> Fail:
    """A failure that tells what became of the fleet as well."""
    error, (_, sentence) = failure.error, fleet.told(case.observed.known, case.progress)
    return replace(failure, error=error.but(" ".join(filter(None, [error.next_step, sentence]))))


def _not_started(case: Case, cluster: ClusterStack) -> ClusterFailed:
    why = f"its compute fleet could not be started: {_error(case, Operation.START_FLEET)}"
    return ClusterFailed(f"cluster {cluster.name}", why)


def _found(case: Case) -> str:
    """The fleet's status before it was stopped, by an earlier request perhaps."""
    known, refused = case.observed.known, case.progress.call
    if known is not None and known.fleet_found:
        return known.fleet_found
    return (refused.result.fleet_status if refused is not None and refused.result is not None else None) or ""


def _status_since_refusal(case: Case) -> str | None:
    """The fleet's status as a call to stop it reported since the update was refused."""
    refused, call = case.progress.call, case.progress.fleet_calls.get(Operation.STOP_FLEET)
    if call is None or refused is None or refused.ended_at is None or call.sent_at < refused.ended_at:
        return None
    stopped = fleet.last(case.progress, Operation.STOP_FLEET)
    return stopped.fleet_status if stopped is not None else None


def _pause(case: Case, operation: Operation) -> Wait | None:
    """Leaves the head node some time between two questions."""
    call = case.progress.fleet_calls.get(operation)
    if call is None or call.ended_at is None:
        return None
    until = call.ended_at + timedelta(seconds=RETRY_AFTER_S)
    status = call.result.fleet_status if call.result is not None else None
    what = f"{call.operation.value} was asked for: {status or _error(case, operation)}"
    return Wait(what, until) if case.now < until else None


def _error(case: Case, operation: Operation) -> str:
    call = case.progress.fleet_calls.get(operation)
    error = call.result.error if call is not None and call.result is not None else None
    return failures.sentence(error.message if error is not None else "the engine ended without a result")
