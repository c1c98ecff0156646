"""The plan of a run: the number of clusters, their durations, and the faults."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

#: How long clusters take, in simulated seconds. ParallelCluster gives a head node 1,800 s to boot.
_CREATE_S = (600.0, 1700.0)
_UPDATE_S = (120.0, 1500.0)
_DELETE_S = (60.0, 900.0)
#: A deletion takes equally long for all clusters whose name ends in the same digit.
_DIGITS = "0123456789"

#: The cluster that is created alone, to measure the work for one.
ALONE = "alone"
ALONE_CREATE_S = 900.0


class Action(StrEnum):
    """The actions on every cluster, in this order."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


@dataclass(frozen=True)
class Plan:
    """The settings of a run.

    Args:
        clusters: The number of clusters.
        seed: The seed of durations and faults.
        faults: Whether events are dropped and repeated, and CloudFormation throttles.
        lost_events: Whether every event about a stack is lost.
    """

    clusters: int
    seed: int
    faults: bool = False
    lost_events: bool = False

    @property
    def names(self) -> list[str]:
        """The clusters' names, without the suffix that distinguishes a cluster from its parent."""
        return [f"{number:04}" for number in range(self.clusters)]

    def boots(self) -> dict[str, dict[str, float]]:
        """Seconds that each head node takes to boot and to apply an update, by name."""
        drawn = random.Random(self.seed)  # noqa: S311 - no secret, but repeatable
        return {
            name: {"create_s": drawn.uniform(*_CREATE_S), "update_s": drawn.uniform(*_UPDATE_S)}
            for name in self.names
        }

    def deletions(self) -> list[dict[str, Any]]:
        """The durations of deletions, as behaviours of the embedded cloud."""
        drawn = random.Random(self.seed + 1)  # noqa: S311
        return [
            {
                "stack": f"c-*{digit}",
                "type": "AWS::EC2::Instance",
                "action": "DELETE",
                "duration_s": drawn.uniform(*_DELETE_S),
            }
            for digit in _DIGITS
        ]

    def wrong(self) -> list[Mapping[str, Any]]:
        """The faults of the embedded cloud."""
        bus = {"service": "bus", "operation": "CloudFormation Stack Status Change"}
        if self.lost_events:
            return [{**bus, "kind": "drop"}]
        if not self.faults:
            return []
        return [
            {**bus, "kind": "drop", "ratio": 0.3, "seed": self.seed},
            # A share of the remaining events, so that it is one in ten of all.
            {**bus, "kind": "duplicate", "ratio": 1 / 7, "seed": self.seed + 1, "after_s": 5},
            {
                "service": "cloudformation",
                "function": "?*",
                "kind": "throttle",
                "ratio": 1 / 3,
                "seed": self.seed + 2,
            },
        ]
