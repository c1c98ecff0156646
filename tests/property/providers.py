"""Lives with a second provider stack: its function and its table know nothing of the first's.

Resources of both contest names, and clusters that may be taken over. CloudFormation, and the marks in the
folders of clusters, are all that the two have in common.
"""

from __future__ import annotations

from typing import Any

from tests.property.lifecycle import OLD, SECOND, Lifecycle, Pending, Resource

#: In these phases a resource has the cluster that its id names, and no Delete may have released it.
HAS = frozenset(
    {"complete", "updating", "updated", "update failed", "rolling back", "rollback failed", "cleaning"}
)


class TwoProviders(Lifecycle):
    """Lives in which one stack's resources are a second provider's."""

    def __init__(self) -> None:
        super().__init__()
        self.world.seconds.add(SECOND)

    def acknowledged(self, resource: Resource, pending: Pending, answer: dict[str, Any]) -> None:
        """What was taken over has one owner."""
        super().acknowledged(resource, pending, answer)
        if (pending.event["RequestType"], answer["Status"]) != ("Create", "SUCCESS"):
            return
        if answer["PhysicalResourceId"] != OLD:
            return
        self.counts["takeovers"] += 1
        rivals = [
            each.logical_id
            for each in self.resources
            if each is not resource and each.physical_id == OLD and each.phase in HAS
        ]
        assert rivals == [], f"what {resource.logical_id} takes over is had by {rivals}"
