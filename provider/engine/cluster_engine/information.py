"""Operations that only ask: lists of clusters and of official images, cut to what a result can carry."""

from typing import Any

from cluster_engine import library
from cluster_engine.call import Call
from cluster_engine.gate import Gate

#: The clusters that a result carries; each takes about 400 bytes of 128 KiB.
CLUSTERS_MAX = 200

Listed = list[dict[str, Any]]


def list_clusters(call: Call, gate: Gate) -> dict[str, Any]:
    """Returns the clusters of the Region that have one of the wanted statuses and the name's prefix.

    Raises:
        EngineError: The library failed.
    """
    # Releases before 3.10 take no list of statuses, so both filters are ours.
    statuses, prefix = call.arguments.get("cluster_status"), call.arguments.get("name_prefix", "")
    found: Listed = []
    page: dict[str, Any] = {}
    while not page or page.get("nextToken"):
        more = {"next_token": page["nextToken"]} if page else {}
        page = library.ask("list_clusters", call.region, gate, **more)
        found += [
            cluster
            for cluster in page["clusters"]
            if cluster["clusterName"].startswith(prefix)
            and (not statuses or cluster["clusterStatus"] in statuses)
        ]
    found.sort(key=lambda cluster: str(cluster["clusterName"]))
    return {"clusters": found[:CLUSTERS_MAX], "cluster_count": len(found)}


def list_official_images(call: Call, gate: Gate) -> dict[str, Any]:
    """Returns this version's official images for an operating system and an architecture.

    Raises:
        EngineError: The library failed, or does not know one of them.
    """
    wanted = {name: call.arguments[name] for name in ("os", "architecture") if name in call.arguments}
    images: Listed = library.ask("list_official_images", call.region, gate, **wanted)["images"]
    return {"images": images}


OPERATIONS = {"list-clusters": list_clusters, "list-official-images": list_official_images}
