"""The nodes of a cluster, as EC2 and the fleet's table describe them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from pcluster_cfn.aws import Aws
from pcluster_cfn.errors import CommandError, message_of
from pcluster_cfn.planning.requests import CLUSTER_NAME_TAG

#: Source: aws-parallelcluster 3.16.1, pcluster/constants.py, PCLUSTER_NODE_TYPE_TAG; models/common.py,
#: NodeType.
NODE_TYPE_TAG = "parallelcluster:node-type"
HEAD, COMPUTE, LOGIN = "HeadNode", "Compute", "LoginNode"
#: Source: the same, templates/cdk_builder_utils.py: "BaseOS, Scheduler, Version, Architecture".
_ATTRIBUTES_TAG = "parallelcluster:attributes"
#: The user that an operating system's images let in, by the beginning of its name. Source: the same,
#: pcluster/constants.py, OS_MAPPING, of this and earlier versions.
_USERS = {"alinux": "ec2-user", "rhel": "ec2-user", "rocky": "rocky", "ubuntu": "ubuntu", "centos": "centos"}
#: Source: the same, models/compute_fleet_status_manager.py: JSON since 3.2.0, plain text before.
_FLEET_TABLE, _FLEET_KEY = "parallelcluster-{}", {"Id": {"S": "COMPUTE_FLEET"}}


@dataclass(frozen=True)
class Node:
    """One instance of a cluster."""

    instance_id: str
    kind: str
    state: str
    instance_type: str
    public_ip: str | None
    private_ip: str | None
    image_os: str | None

    @property
    def is_running(self) -> bool:
        """Whether one can connect to it."""
        return self.state == "running"

    @property
    def user(self) -> str | None:
        """The user that logs in to the node; None if the operating system is not known."""
        system = self.image_os or ""
        return next((user for start, user in _USERS.items() if system.startswith(start)), None)

    def as_json(self) -> dict[str, Any]:
        """Returns the node as JSON values."""
        return {
            "instanceId": self.instance_id,
            "state": self.state,
            "instanceType": self.instance_type,
            "publicIp": self.public_ip,
            "privateIp": self.private_ip,
        }


@dataclass(frozen=True)
class Fleet:
    """The compute fleet; with ``status`` None, ``note`` says why it is not known."""

    status: str | None
    updated_at: str | None = None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Returns the fleet as JSON values."""
        return {"status": self.status, "updatedAt": self.updated_at, "note": self.note}


def nodes_of(aws: Aws, cluster_name: str) -> list[Node]:
    """Returns a cluster's instances; terminated ones as long as EC2 remembers them, some minutes."""
    filters = [{"Name": f"tag:{CLUSTER_NAME_TAG}", "Values": [cluster_name]}]
    pages = aws.client("ec2").get_paginator("describe_instances").paginate(Filters=filters)
    reservations = (reservation for page in pages for reservation in page["Reservations"])
    return [_node(each) for reservation in reservations for each in reservation["Instances"]]


def living(nodes: list[Node], kind: str) -> list[Node]:
    """Returns the nodes of a kind that are not being terminated, running ones first."""
    found = [
        node for node in nodes if node.kind == kind and node.state not in {"terminated", "shutting-down"}
    ]
    return sorted(found, key=lambda node: not node.is_running)


def running_node(nodes: list[Node], wanted: str, cluster_name: str) -> Node:
    """Returns the running node to connect to.

    Args:
        nodes: Nodes of the cluster.
        wanted: ``head``, ``login``, or an instance id.
        cluster_name: Name of the cluster, for messages.

    Raises:
        CommandError: There is no such node, or it does not run.
    """
    kinds = {"head": HEAD, "login": LOGIN}
    found = (
        living(nodes, kinds[wanted])
        if wanted in kinds
        else [node for node in nodes if node.instance_id == wanted]
    )
    if not found:
        known = ", ".join(node.instance_id for node in nodes) or "none"
        what = f"{wanted} node" if wanted in kinds else f"node {wanted}"
        raise CommandError(f"cluster {cluster_name} has no {what}", f"its instances: {known}")
    if not found[0].is_running:
        raise CommandError(
            f"the node {found[0].instance_id} of cluster {cluster_name} is {found[0].state}",
            f"pcluster-cfn status {cluster_name} shows why",
        )
    return found[0]


def fleet_of(aws: Aws, cluster_name: str) -> Fleet:
    """Returns the status of a cluster's compute fleet, as the head node keeps it."""
    try:
        answer = aws.client("dynamodb").get_item(
            TableName=_FLEET_TABLE.format(cluster_name), Key=_FLEET_KEY, ConsistentRead=True
        )
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
            return Fleet(None, note="its table does not exist")
        return Fleet(None, note=message_of(error))
    item = answer.get("Item")
    if item is None:
        return Fleet(None, note="the head node has not started it yet")
    return fleet_in(item)


def fleet_in(item: Mapping[str, Any]) -> Fleet:
    """Returns the fleet that an item of the table describes, in the form of any version."""
    if "Data" in item:
        kept = item["Data"].get("M", {})
        return Fleet(kept.get("status", {}).get("S"), kept.get("lastStatusUpdatedTime", {}).get("S"))
    return Fleet(item.get("Status", {}).get("S"), item.get("LastUpdatedTime", {}).get("S"))


def _node(instance: Mapping[str, Any]) -> Node:
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    return Node(
        instance_id=instance["InstanceId"],
        kind=tags.get(NODE_TYPE_TAG, ""),
        state=instance["State"]["Name"],
        instance_type=instance["InstanceType"],
        public_ip=instance.get("PublicIpAddress"),
        private_ip=instance.get("PrivateIpAddress"),
        image_os=tags.get(_ATTRIBUTES_TAG, "").partition(",")[0].strip() or None,
    )
