"""The values of the read-only resources: always the same names, empty where there is nothing to say."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cluster_provider.core.attributes import attributes, text
from cluster_provider.core.engine_call import EngineResult
from cluster_provider.core.kinds import Kind

#: Source: aws-parallelcluster 3.16.1, api/openapi/openapi.yaml (AmiInfo).
IMAGE_NAMES = ("amiId", "name", "os", "architecture", "version")

#: What a list says of each cluster. Source: as above (ClusterInfoSummary).
LISTED_NAMES = ("clusterName", "clusterStatus", "cloudFormationStackStatus", "version")

#: How much of a response a list of clusters may take; the rest is for the other values and whom it answers.
LIST_MAX_BYTES = 1_500


def values(kind: Kind, description: EngineResult | None) -> dict[str, str]:
    """The values of a read-only resource, every one a string.

    Args:
        kind: Which resource.
        description: What the engine found; None if nothing, then every value is empty.
    """
    found = description or EngineResult("succeeded")
    return _official_image(found) if kind is Kind.OFFICIAL_IMAGE else _cluster_info(found)


def is_empty(kind: Kind, description: EngineResult) -> bool:
    """Whether there is nothing of what was asked for; a list may be empty."""
    return kind is Kind.OFFICIAL_IMAGE and not description.images


def _official_image(found: EngineResult) -> dict[str, str]:
    # An image's name ends with the instant it was made.
    newest = max(found.images, key=lambda image: str(image.get("name", "")), default={})
    return {name: text(newest.get(name)) for name in IMAGE_NAMES}


def _cluster_info(found: EngineResult) -> dict[str, str]:
    data = attributes(None, found.cluster)
    del data["logGroupName"]  # known to the cluster's stack only
    clusters, count = found.clusters, found.cluster_count
    if found.cluster is not None:
        clusters, count = [found.cluster], 1
    return data | _listed(clusters, count)


def _listed(clusters: Sequence[Mapping[str, Any]], count: int) -> dict[str, str]:
    """As many whole clusters as fit, by name."""
    ordered = sorted(clusters, key=lambda cluster: str(cluster.get("clusterName", "")))
    listed: list[dict[str, str]] = []
    for cluster in ordered:
        summary = {name: text(cluster.get(name)) for name in LISTED_NAMES}
        if len(_compact([*listed, summary])) > LIST_MAX_BYTES:
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
