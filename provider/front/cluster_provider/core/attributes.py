"""The values that a template reads with ``Fn::GetAtt``: flattened descriptions with constant names."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cluster_provider.core.engine import EngineResult
from cluster_provider.core.identity import Kind, Owner
from cluster_provider.core.observed import ClusterStack

#: Names in describe-cluster's result. Some are absent at times. A template may read all of them, so each is
#: always answered, and is empty if it has no value.
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

#: Outputs of the cluster's stack that replace values of the head node if it could not be described in time.
#: Source: aws-parallelcluster 3.16.1, templates/cluster_stack.py.
_OUTPUTS = {"instanceId": "HeadNodeInstanceID", "privateIpAddress": "HeadNodePrivateIP"}


def cluster_attributes(
    cluster: ClusterStack | None, described: Mapping[str, Any] | None, login_pools: int = 0
) -> dict[str, str]:
    """Returns a cluster's attributes except ``validationMessages``; every value is a string.

    Args:
        cluster: The cluster's stack; None if there is no cluster, so that its values are empty.
        described: Result of describe-cluster; None if it could not be read.
        login_pools: Minimum number of login pools with attributes, since earlier answers had them.
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
    """Returns the number of login pools in a description."""
    return len((described or {}).get("loginNodes") or [])


def messages_text(messages: Sequence[Mapping[str, str]]) -> str:
    """Returns validation messages as the attribute ``validationMessages``: a compact JSON list."""
    return json.dumps(list(messages), separators=(",", ":"), ensure_ascii=False)


def _head_node(cluster: ClusterStack | None, head_node: Mapping[str, Any] | None) -> dict[str, str]:
    data = {f"headNode.{name}": text((head_node or {}).get(name)) for name in HEAD_NODE_NAMES}
    if head_node is None and cluster is not None:
        data |= {f"headNode.{name}": cluster.outputs.get(output, "") for name, output in _OUTPUTS.items()}
    return data


def _login_nodes(pools: Sequence[Mapping[str, Any]], at_least: int) -> dict[str, str]:
    """Returns ``loginNodes.N.name`` for each pool, and ``loginNodes.name`` for the first.

    The second form dates from releases with one pool only, and templates from that time read it.
    """
    data: dict[str, str] = {}
    for index in range(max(len(pools), at_least, 1)):
        pool = pools[index] if index < len(pools) else {}
        data |= {f"loginNodes.{index}.{name}": text(pool.get(name)) for name in LOGIN_POOL_NAMES}
    first = pools[0] if pools else {}
    return data | {f"loginNodes.{name}": text(first.get(name)) for name in LOGIN_POOL_NAMES}


def text(value: Any) -> str:
    """Returns a value as an attribute: a text unchanged, None as empty, and other values as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


#: Names in describe-image's result. Source: aws-parallelcluster 3.16.1, api/openapi/openapi.yaml.
IMAGE_ATTRIBUTES = ("imageId", "imageBuildStatus", "creationTime", "region", "version")

#: Attributes, and their names in ``ec2AmiInfo`` of describe-image's result.
AMI_ATTRIBUTES = {"amiId": "amiId", "amiName": "amiName", "amiState": "state", "architecture": "architecture"}

#: Tag with the ARN of the build's log. Source: aws-parallelcluster 3.16.1, constants.py
#: (PCLUSTER_IMAGE_BUILD_LOG_TAG).
IMAGE_LOG_TAG = "parallelcluster:build_log"


def image_attributes(stack: ClusterStack | None, described: Mapping[str, Any] | None) -> dict[str, str]:
    """Returns an image's attributes except ``validationMessages``; every value is a string.

    Args:
        stack: The image's stack, deleted or not; None if it is not known.
        described: Result of describe-image; None if it could not be read.
    """
    described = described or {}
    data = {name: text(described.get(name)) for name in IMAGE_ATTRIBUTES}
    ami = described.get("ec2AmiInfo") or {}
    data |= {ours: text(ami.get(theirs)) for ours, theirs in AMI_ATTRIBUTES.items()}
    if stack is not None:
        data["imageId"] = stack.name
        data["version"] = stack.version or ""
        if not described and stack.in_progress:
            data["imageBuildStatus"] = "BUILD_IN_PROGRESS"
    data["imageBuildLogsArn"] = stack.tags.get(IMAGE_LOG_TAG, "") if stack is not None else ""
    data["cloudformationStackArn"] = stack.stack_id if stack is not None else ""
    return data


def has_built_image(described: Mapping[str, Any] | None, owner: Owner, image_id: str) -> bool:
    """Returns whether there is an AMI of this owner, whatever the state of the stack that built it.

    Source: aws-parallelcluster issues 5914 and 6478.

    Args:
        described: Result of describe-image; None if it could not be read.
        owner: The owner.
        image_id: Id of the image.
    """
    ami = (described or {}).get("ec2AmiInfo") or {}
    tags = {tag["key"]: tag["value"] for tag in ami.get("tags") or []}
    return bool(ami.get("amiId")) and owner.owns(tags, image_id)


#: Attributes of an official image. Source: aws-parallelcluster 3.16.1, api/openapi/openapi.yaml (AmiInfo).
OFFICIAL_IMAGE_ATTRIBUTES = ("amiId", "name", "os", "architecture", "version")

#: Values of each cluster in a list. Source: as above (ClusterInfoSummary).
LISTED_NAMES = ("clusterName", "clusterStatus", "cloudFormationStackStatus", "version")

#: Maximum size of a list of clusters in a response, in bytes. The rest is for the other values and the
#: repeated fields.
LISTED_MAX_BYTES = 1_500


def information_attributes(kind: Kind, description: EngineResult | None) -> dict[str, str]:
    """Returns the attributes of a read-only resource; every value is a string.

    Args:
        kind: Kind of the resource.
        description: What the engine found; None if nothing, so that every value is empty.
    """
    found = description or EngineResult("succeeded")
    return _official_image(found) if kind is Kind.OFFICIAL_IMAGE else _cluster_info(found)


def found_nothing(kind: Kind, description: EngineResult) -> bool:
    """Returns whether the requested object does not exist; an empty list is a valid result.

    Args:
        kind: Kind of the resource.
        description: What the engine found.
    """
    return kind is Kind.OFFICIAL_IMAGE and not description.images


def _official_image(found: EngineResult) -> dict[str, str]:
    # An image's name ends with the date of its creation, so the last name is the newest.
    newest = max(found.images, key=lambda image: str(image.get("name", "")), default={})
    return {name: text(newest.get(name)) for name in OFFICIAL_IMAGE_ATTRIBUTES}


def _cluster_info(found: EngineResult) -> dict[str, str]:
    data = cluster_attributes(None, found.cluster)
    del data["logGroupName"]  # only the cluster's stack has it
    clusters, count = found.clusters, found.cluster_count
    if found.cluster is not None:
        clusters, count = [found.cluster], 1
    return data | _listed(clusters, count)


def _listed(clusters: Sequence[Mapping[str, Any]], count: int) -> dict[str, str]:
    """Returns the attributes of a list with as many whole clusters as fit, sorted by name."""
    ordered = sorted(clusters, key=lambda cluster: str(cluster.get("clusterName", "")))
    listed: list[dict[str, str]] = []
    for cluster in ordered:
        summary = {name: text(cluster.get(name)) for name in LISTED_NAMES}
        if len(_compact([*listed, summary])) > LISTED_MAX_BYTES:
            break
        listed.append(summary)
    return {
        "clusterCount": str(count),
        "clusterNames": ",".join(summary["clusterName"] for summary in listed),
        "clusters": _compact(listed),
        "isShortened": text(len(listed) < count),
    }


def _compact(listed: Sequence[Mapping[str, str]]) -> str:
    return json.dumps(list(listed), separators=(",", ":"), ensure_ascii=True)
