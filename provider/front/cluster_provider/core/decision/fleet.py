"""Decisions about the compute fleet, which is stopped for an update and started before an answer."""

from dataclasses import replace
from datetime import timedelta

from cluster_provider.core import compute_fleet, deadline, failures
from cluster_provider.core.actions import Fail, Nothing, Start, Succeed, Wait, wait_for
from cluster_provider.core.decision.case import Case, pause_after, wait_for_engine
from cluster_provider.core.engine import EngineAction
from cluster_provider.core.errors import ClusterFailed, DeadlineExceeded, ProviderError
from cluster_provider.core.observed import ClusterStack
from cluster_provider.core.request import RequestType

#: Time before the deadline, in seconds, from which on the fleet is not stopped: it must also be started
#: again.
RESTART_MARGIN_S = 600


def stop(case: Case, cluster: ClusterStack) -> ProviderError | Wait | Start | None:
    """Returns how to stop the fleet for an update that was refused because compute nodes run.

    Returns:
        The next step, or the error if the fleet cannot be stopped; None once it is stopped.
    """
    where, unchanged = f"cluster {cluster.name}", "The configuration was not changed."
    status, found = _status_since_refusal(case), _status_before(case)
    if status == compute_fleet.STOPPED:
        return None
    if found not in compute_fleet.UP | compute_fleet.STOPPING:
        return ClusterFailed(
            where, f"its compute fleet is {found or 'unknown'}, so it cannot be stopped.", unchanged
        )
    if case.now >= case.deadline_at - timedelta(seconds=RESTART_MARGIN_S):
        late = f"its compute fleet did not stop in time; it is {status or found}."
        return DeadlineExceeded(where, late, unchanged)
    if case.progress.history(EngineAction.STOP_FLEET).is_exhausted:
        return ClusterFailed(
            where,
            f"its compute fleet could not be stopped: {_error(case, EngineAction.STOP_FLEET)}",
            unchanged,
        )
    ask = Start(
        EngineAction.STOP_FLEET,
        cluster.name,
        cluster.stack_id,
        version=cluster.version,
        fleet_status_before=found,
    )
    return _pause(case, EngineAction.STOP_FLEET) or ask


def put_back(case: Case, action: Succeed | Fail) -> Succeed | Fail | Wait | Start:
    """Returns the answer, or the step that gives the fleet its former status before the answer is sent.

    A failure also says what happened to the fleet. The fleet of a cluster that does not work cannot be
    started. Its restart then stays pending, and the answer says so. A Delete that leaves a working cluster in
    place does not succeed before its fleet was asked to start.
    """
    cluster, known, progress = case.living, case.observed.known, case.progress
    if known is None:
        return action
    answered = with_fleet(case, action) if isinstance(action, Fail) else action
    if (
        cluster is None
        or not cluster.works
        or not case.owns(cluster)
        or known.fleet_status_before not in compute_fleet.UP
    ):
        return answered
    start_history = progress.history(EngineAction.START_FLEET)
    started = start_history.success
    if started is not None and started.fleet_status not in compute_fleet.STARTING:
        return answered
    # A successful Delete removes the cluster from the record, and the pending restart with it.
    forgets = isinstance(action, Succeed) and case.request.type is RequestType.DELETE
    is_exhausted = case.is_last_chance or start_history.is_exhausted
    if is_exhausted and not (forgets and compute_fleet.is_restart_pending(known, progress)):
        return answered
    if case.now >= case.deadline_at and start_history.last is not None:
        return with_fleet(case, Fail(_not_started(case, cluster), action.physical_id))
    return _pause(case, EngineAction.START_FLEET) or _start(cluster)


def restart(case: Case) -> Nothing | Wait | Start:
    """Returns how to start the fleet after the answer, as soon as the cluster allows it.

    The next request may arrive months later, so the restart does not wait for one. The pauses between the
    calls grow, and at the deadline the restart is dropped.
    """
    cluster, known = case.living, case.observed.known
    if known is None or not compute_fleet.is_restart_pending(known, case.progress):
        return Nothing("the compute fleet is as it was found")
    if case.now >= case.deadline_at:
        return Nothing(f"the compute fleet of cluster {known.name} could not be started again", gave_up=True)
    if case.observed.pending:
        return wait_for_engine(case.observed)
    if cluster is None or cluster.status.startswith("DELETE_") or not case.owns(cluster):
        return Nothing("the cluster is gone, or being deleted")
    if cluster.in_progress:
        return wait_for(cluster, f"cluster {cluster.name} is {cluster.status} and its fleet is to be started")
    if not cluster.works:
        return Wait(f"cluster {cluster.name} is {cluster.status} and has no fleet to start")
    call = case.progress.history(EngineAction.START_FLEET).last
    if call is not None and call.ended_at is not None:
        again_at = deadline.next_poll_at(case.progress.accepted_at, call.ended_at)
        if case.now < again_at:
            return Wait(f"start-fleet was asked for: {_error(case, EngineAction.START_FLEET)}", again_at)
    return _start(cluster)


def _start(cluster: ClusterStack) -> Start:
    return Start(EngineAction.START_FLEET, cluster.name, cluster.stack_id, version=cluster.version)


def with_fleet(case: Case, failure: Fail) -> Fail:
    """Returns a failure that also says what happened to the fleet."""
    error, (_, sentence) = failure.error, compute_fleet.describe_restart(case.observed.known, case.progress)
    return replace(failure, error=error.but(" ".join(filter(None, [error.next_step, sentence]))))


def _not_started(case: Case, cluster: ClusterStack) -> ClusterFailed:
    why = f"its compute fleet could not be started: {_error(case, EngineAction.START_FLEET)}"
    return ClusterFailed(f"cluster {cluster.name}", why)


def _status_before(case: Case) -> str:
    """Returns the fleet's status before it was stopped by this or an earlier request; empty if unknown."""
    known, refused = case.observed.known, case.progress.history(EngineAction.UPDATE).result
    if known is not None and known.fleet_status_before:
        return known.fleet_status_before
    return (refused.fleet_status if refused is not None else None) or ""


def _status_since_refusal(case: Case) -> str | None:
    """Returns the fleet's status as a stop reported it after the update was refused; None if none did."""
    refused = case.progress.history(EngineAction.UPDATE).last
    stop_history = case.progress.history(EngineAction.STOP_FLEET)
    call = stop_history.last
    if call is None or refused is None or refused.ended_at is None or call.sent_at < refused.ended_at:
        return None
    return stop_history.success.fleet_status if stop_history.success is not None else None


def _pause(case: Case, action: EngineAction) -> Wait | None:
    """Returns the pause before the head node is asked again; None if there is none."""
    result = case.progress.history(action).result
    status = result.fleet_status if result is not None else None
    return pause_after(
        case, action, waits_for=f"{action.value} was asked for: {status or _error(case, action)}"
    )


def _error(case: Case, action: EngineAction) -> str:
    error = case.progress.history(action).error
    return failures.sentence(error.message if error is not None else "the engine ended without a result")
