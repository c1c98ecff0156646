"""The compute fleet that an update stopped: whether a restart is pending, and how an answer reports it."""

from cluster_provider.core.engine import EngineAction
from cluster_provider.core.observed import Cluster
from cluster_provider.core.state import Progress

#: Source: aws-parallelcluster 3.16.1, models/compute_fleet_status_manager.py (ComputeFleetStatus).
STOPPED = "STOPPED"
STOPPING = frozenset({"STOP_REQUESTED", "STOPPING"})
STARTING = frozenset({"START_REQUESTED", "STARTING"})
UP = frozenset({"RUNNING", "PROTECTED", *STARTING})

#: Type of the validation message about the fleet.
MESSAGE_TYPE = "ComputeFleetUpdatePolicy"

#: How a template asks the provider to stop and restart the fleet, and the command that does it by hand.
POLICY = "ComputeFleetUpdatePolicy: StopAndRestart"
COMMAND = "pcluster update-compute-fleet"


def is_restart_pending(known: Cluster, progress: Progress) -> bool:
    """Returns whether the fleet must still be started, because it was up before the provider stopped it.

    Args:
        known: The cluster, as the owner's record has it.
        progress: The work on the request.
    """
    return known.fleet_status_before in UP and progress.history(EngineAction.START_FLEET).success is None


def describe_restart(known: Cluster | None, progress: Progress) -> tuple[str, str]:
    """Returns the level of severity and a sentence about the fleet, for the template's author.

    Both are empty if this request did not concern the fleet.

    Args:
        known: The cluster, as the owner's record has it; None if it has none.
        progress: The work on the request.
    """
    if known is None or not known.fleet_status_before:
        return "", ""
    if known.fleet_status_before not in UP:
        return "INFO", "The compute fleet was being stopped by somebody else, and stays stopped."
    started = progress.history(EngineAction.START_FLEET).success
    if started is None:
        way = f"It is started as soon as the cluster allows it, or by {COMMAND} --status START_REQUESTED."
        return "WARNING", f"The compute fleet was stopped for an update and is not started again yet. {way}"
    was = f"The compute fleet was {known.fleet_status_before}; it was stopped for an update and is"
    if started.fleet_status in STARTING:
        return "INFO", f"{was} on its way up again ({started.fleet_status})."
    level = "INFO" if started.fleet_status == "RUNNING" else "WARNING"
    return level, f"{was} {started.fleet_status} again."
