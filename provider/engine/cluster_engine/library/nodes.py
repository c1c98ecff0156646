"""Counts the compute nodes that a cluster has started for jobs.

Slurm keeps a queue's static nodes running, ``MinCount`` of each compute resource, and starts dynamic nodes
for jobs. It ends a dynamic node after ``ScaledownIdletime``, 10 minutes by default, without a job.
Source: AWS ParallelCluster user guide, "Slurm guide for multiple queue mode".
"""

from collections import Counter

import yaml

from cluster_engine.contract import EngineError
from cluster_engine.gate import Gate
from cluster_engine.library.calls import ask_pages, stored_configuration

#: Source: pcluster/api/openapi/openapi.yaml (NodeType, InstanceState).
_COMPUTE_NODE = "ComputeNode"
_STARTED = frozenset({"pending", "running"})


def count_dynamic_nodes(name: str, region: str, gate: Gate) -> int:
    """Returns the number of a cluster's running compute nodes beyond the static ones of their queues.

    Args:
        name: The cluster's name.
        region: The cluster's Region.
        gate: Guards this call.

    Raises:
        EngineError: The nodes or the cluster's configuration could not be read.
    """
    running = _running(name, region, gate)
    if not running:
        return 0
    static = _static(stored_configuration(name, region, gate))
    return sum(max(0, count - static[queue]) for queue, count in running.items())


def _running(name: str, region: str, gate: Gate) -> Counter[str]:
    """Returns the number of running compute nodes by queue."""
    found: Counter[str] = Counter()
    for page in ask_pages("describe_cluster_instances", region, gate, cluster_name=name):
        found.update(
            str(each.get("queueName", ""))
            for each in page["instances"]
            if each["nodeType"] == _COMPUTE_NODE and each["state"] in _STARTED
        )
    return found


def _static(configuration: str) -> Counter[str]:
    """Returns the number of static nodes by queue."""
    try:
        queues = yaml.safe_load(configuration)["Scheduling"].get("SlurmQueues") or []
    except (yaml.YAMLError, TypeError, LookupError) as error:
        raise EngineError("Internal", "the cluster's stored configuration could not be read") from error
    return Counter(
        {
            queue["Name"]: sum(int(each.get("MinCount") or 0) for each in queue.get("ComputeResources") or [])
            for queue in queues
        }
    )
