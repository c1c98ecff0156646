"""``--fail``: clusters of an embedded cloud that fail in the ways in which clusters fail on AWS."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import click

#: The head node's resource in a cluster's stack.
#: Source: aws-parallelcluster 3.16.1, templates/cluster_stack.py.
_HEAD_NODE = {"type": "AWS::EC2::Instance", "logical_id": "HeadNode", "action": "CREATE"}


@dataclass(frozen=True)
class Practice:
    """A failure to practise.

    Args:
        what: What fails, as a clause.
        head_nodes: Settings of ``localcloud.head_node.configure``; empty if head nodes start.
        behaviours: Rules of ``localcloud.behaviour``.
    """

    what: str
    head_nodes: Mapping[str, Any] = field(default_factory=dict)
    behaviours: tuple[Mapping[str, Any], ...] = ()


#: By the option's value. Sources of the messages: aws-parallelcluster-cookbook, write_chef_error.rb and
#: custom_action_executor.py; Amazon EC2 user guide, "Troubleshoot Amazon EC2 instance launch issues".
PRACTICES = {
    "head-node": Practice(
        "a recipe of ParallelCluster's fails on the head node: a file system cannot be mounted",
        head_nodes={
            "failure": {
                "reason": "Failed to mount EFS.",
                "step": "chef",
                "printed": ["mount.nfs4: access denied by server while mounting fs-0123456789abcdef0:/"],
            }
        },
    ),
    "custom-action": Practice(
        "a script of yours, OnNodeConfigured, fails on the head node",
        head_nodes={
            "failure": {
                "reason": "Failed to execute OnNodeConfigured script 1, return code: 1.",
                "step": "custom-action",
                "printed": ["installing the licence server"],
                "errors": ["install-licence.sh: line 41: /shared/licence.dat: No such file or directory"],
                "copied": True,  # as examples/custom-action.sh
            }
        },
    ),
    "quota": Practice(
        "the account's vCPU quota is used up when the head node is launched",
        behaviours=(
            {
                **_HEAD_NODE,
                "fail": "You have requested more vCPU capacity than your current vCPU limit of 32 allows for "
                "the instance bucket that the specified instance type belongs to.",
            },
        ),
    ),
    "capacity": Practice(
        "EC2 has no capacity for the head node",
        behaviours=(
            {
                **_HEAD_NODE,
                "fail": "We currently do not have sufficient capacity of the requested instance type in the "
                "Availability Zone you requested. Our system will be working on provisioning additional "
                "capacity.",
            },
        ),
    ),
}

#: The option of the commands that start an embedded cloud.
FAIL = click.option(
    "--fail",
    type=click.Choice(list(PRACTICES)),
    help="Have every cluster fail while it is made, to practise finding out why.",
)


class Rehearsed(Protocol):
    """An embedded cloud, as far as its clusters can be made to fail."""

    def set_head_nodes(self, **settings: Any) -> None:
        """Configures head nodes."""
        ...

    def set_behaviours(self, behaviours: Any) -> None:
        """Replaces the rules for resources."""
        ...


def practise(cloud: Rehearsed, fail: str | None) -> Practice | None:
    """Has every cluster of an embedded cloud fail in one way, and returns it; None without a wish.

    Args:
        cloud: The embedded cloud.
        fail: A key of ``PRACTICES``; None for clusters that succeed.
    """
    if fail is None:
        return None
    practice = PRACTICES[fail]
    if practice.head_nodes:
        cloud.set_head_nodes(**practice.head_nodes)
    if practice.behaviours:
        cloud.set_behaviours(list(practice.behaviours))
    return practice
