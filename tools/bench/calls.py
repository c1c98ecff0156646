"""The events of a bench: the engine's calls about a cluster, and an event that wakes the provider."""

import base64
import json
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

#: Longer than any run; the engine's gate sends nothing later.
_FENCE = timedelta(minutes=10)

#: The resource of the parent stack that is being created for as long as the bench lasts.
RESOURCE = "Cluster"


def configuration(seeded: Mapping[str, str], max_count: int = 4) -> dict[str, Any]:
    """Returns a configuration with one queue. Numbers are text, as CloudFormation delivers them.

    Args:
        seeded: The names of the embedded cloud's resources.
        max_count: The largest number of compute nodes.
    """
    return {
        "Image": {"Os": "alinux2023"},
        "HeadNode": {
            "InstanceType": "t3.medium",
            "Networking": {"SubnetId": seeded["HEAD_NODE_SUBNET"]},
            "Ssh": {"KeyName": seeded["KEY_NAME"]},
        },
        "Scheduling": {
            "Scheduler": "slurm",
            "SlurmQueues": [
                {
                    "Name": "compute",
                    "ComputeResources": [
                        {"Name": "c6i", "InstanceType": "c6i.xlarge", "MaxCount": str(max_count)}
                    ],
                    "Networking": {"SubnetIds": [seeded["COMPUTE_SUBNET"]]},
                }
            ],
        },
    }


def create_call(cluster: str, parent_id: str, region: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the engine's call that creates a cluster. Source: docs/reference/engine.md."""
    encoded = base64.b64encode(zlib.compress(json.dumps(wanted).encode())).decode()
    call = _call("create", cluster, None, parent_id, region)
    return {**call, "configuration": encoded, "stack_tags": {"bench": cluster}}


def describe_call(cluster: str, stack_id: str, parent_id: str, region: str) -> dict[str, Any]:
    """Returns the engine's call that describes a cluster."""
    return _call("describe", cluster, stack_id, parent_id, region)


def _call(operation: str, cluster: str, stack_id: str | None, parent_id: str, region: str) -> dict[str, Any]:
    not_after = datetime.now(UTC) + _FENCE
    return {
        "contract": 1,
        "call_id": f"{cluster}-1",
        "operation": operation,
        # The engine asks CloudFormation whether this resource is being created.
        "owner": {"stack_id": parent_id, "logical_id": RESOURCE},
        "request_id": cluster,
        "region": region,
        "cluster_name": cluster,
        "stack_id": stack_id,
        "not_after": not_after.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "configuration": None,
        "configuration_tags": {},
        "stack_tags": {},
        "arguments": {},
    }


def stack_event(stack_id: str) -> dict[str, Any]:
    """Returns the event of a cluster's stack that wakes the provider, which then reads the status itself."""
    return {
        "detail-type": "CloudFormation Stack Status Change",
        "detail": {"stack-id": stack_id, "status-details": {"status": "UPDATE_COMPLETE"}},
    }
