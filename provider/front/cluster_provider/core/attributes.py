"""The values a template reads with ``Fn::GetAtt``: describe-cluster, flattened, always the same names."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cluster_provider.core.observed import ClusterStack

#: Names that describe-cluster has only at times; a template may read them all the same, so each is always
#: there, empty if it has no value.
#: Source: aws-parallelcluster 3.16.1, api/controllers/cluster_operations_controller.py.
HEAD_NODE_NAMES = ("instanceId", "instanceType", "launchTime", "privateIpAddress", "publicIpAddress", "state")
LOGIN_POOL_NAMES = ("poolName", "status", "address", "scheme", "healthyNodes", "unhealthyNodes")
CLUSTER_NAMES = (
    "clusterName",
    "clusterStatus",
    "cloudFormationStackStatus",
    "cloudformationStackArn",
    "computeFleetStatus",
    "creationTime",
    "lastUpdatedTime",
    "region",
    "version",
)

#: Outputs of the cluster's stack that stand in when the head node could not be described in time.
#: Source: aws-parallelcluster 3.16.1, templates/cluster_stack.py.
_OUTPUTS = {"instanceId": "HeadNodeInstanceID", "privateIpAddress": "HeadNodePrivateIP"}


def attributes(
    cluster: ClusterStack | None, described: Mapping[str, Any] | None, login_pools: int = 0
) -> dict[str, str]:
    """The attributes but for ``validationMessages``, every value a string.

    Args:
        cluster: The cluster's stack; None if there is no cluster, then every value is empty.
        described: describe-cluster's answer; None if it could not be had.
        login_pools: At least so many login pools have attributes, because earlier answers had them.
    """
    described = described or {}
    data = {name: text(described.get(name)) for name in CLUSTER_NAMES}
    if cluster is not None:
        data |= {
            "clusterName": cluster.name,
            "cloudformationStackArn": cluster.stack_id,
            "cloudFormationStackStatus": cluster.status,
            "version": cluster.version or "",
        }
    data["logGroupName"] = cluster.log_group if cluster is not None else ""
    data |= _head_node(cluster, described.get("headNode"))
    return data | _login_nodes(described.get("loginNodes") or [], login_pools)


def pool_count(described: Mapping[str, Any] | None) -> int:
    """How many login pools a description has."""
    return len((described or {}).get("loginNodes") or [])


def messages_text(messages: Sequence[Mapping[str, str]]) -> str:
    """Validation messages as the attribute ``validationMessages``: a JSON list, compact."""
    return json.dumps(list(messages), separators=(",", ":"), ensure_ascii=False)


def _head_node(cluster: ClusterStack | None, head_node: Mapping[str, Any] | None) -> dict[str, str]:
    data = {f"headNode.{name}": text((head_node or {}).get(name)) for name in HEAD_NODE_NAMES}
    if head_node is None and cluster is not None:
        data |= {f"headNode.{name}": cluster.outputs.get(output, "") for name, output in _OUTPUTS.items()}
    return data


def _login_nodes(pools: Sequence[Mapping[str, Any]], at_least: int) -> dict[str, str]:
    """``loginNodes.N.name`` for each pool, and ``loginNodes.name`` for the first.

    The second form is from releases that had one pool; templates of that time read it.
    """
    data: dict[str, str] = {}
    for index in range(max(len(pools), at_least, 1)):
        pool = pools[index] if index < len(pools) else {}
        data |= {f"loginNodes.{index}.{name}": text(pool.get(name)) for name in LOGIN_POOL_NAMES}
    first = pools[0] if pools else {}
    return data | {f"loginNodes.{name}": text(first.get(name)) for name in LOGIN_POOL_NAMES}


def text(value: Any) -> str:
    """A value as an attribute; what is no text is written as JSON writes it, and nothing as no text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
