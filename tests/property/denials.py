"""Lives in which AWS denies calls for good: until a policy is corrected, however often they are repeated.

Lambda gives an event up that keeps failing, and the queue of retries takes it. A request that was recorded,
or that could be, is answered at its deadline at the latest, whatever else is denied.
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from cluster_provider.core.errors import NotAccepted
from tests.property.lifecycle import Lifecycle, Pending, Resource
from tests.support.faults import Denied, Seam
from tests.support.simulation import SERVICE_TIMEOUT_S

#: What can be denied at once: ports, or single calls of one.
PERMISSIONS = (
    "stacks.",
    "stacks.describe",
    "stacks.failures",
    "stacks.requested_since",
    "stacks.awaits_answer",
    "stacks.has_event_of",
    "stacks.in_progress",
    "stacks.lists",
    "stacks.ended_at",
    "claims.",
    "engines.invoke",
    "operations.",
    "operations.change",
    "operations.failed_passes",
    "operations.load_operation",
    "dead_letters.",
    "dead_letters.remove",
)

#: Without these, no request can be answered.
NEEDED = ("operations.", "dead_letters.receive")


class Denials(Lifecycle):
    """Lives with denials, one at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._denied = ""
        self._denied_until = self.world.clock.now()

    @rule(
        permission=st.sampled_from(PERMISSIONS),
        for_s=st.sampled_from([120, 900, SERVICE_TIMEOUT_S, 2 * SERVICE_TIMEOUT_S]),
    )
    def lack(self, permission: str, for_s: int) -> None:
        self.deny(permission, for_s)

    def deny(self, permission: str, for_s: int) -> None:
        """From now on AWS denies some calls; whatever was denied before is allowed again."""
        self._denied = permission
        self._denied_until = self.world.clock.now() + timedelta(seconds=for_s)
        self.counts["denials"] += 1

    def pass_seam(self, seam: Seam) -> None:
        super().pass_seam(seam)
        self.deny_seam(seam)

    def deny_seam(self, seam: Seam) -> None:
        """Refuses a call that is denied."""
        now = self.world.clock.now()
        if seam.taken or now >= self._denied_until or not seam.call.startswith(self._denied):
            return
        self.counts["calls denied"] += 1
        if seam.call.startswith(NEEDED):
            self.troubled_at = now
        if seam.call == "engines.invoke":
            self.blame_everyone()
            raise NotAccepted("AccessDeniedException", passing=False)
        raise Denied("AccessDenied")

    def make_peace(self) -> None:
        """What is denied stays denied for the rest of the open requests' lives."""
        super().make_peace()
        if self.world.clock.now() < self._denied_until and not self._denied.startswith(NEEDED):
            self._denied_until += timedelta(seconds=2 * SERVICE_TIMEOUT_S)
            self.world.hook = self.deny_seam
            self.world.run_while_asked(SERVICE_TIMEOUT_S)
        self._denied_until = self.world.clock.now()

    def known_since(self, resource: Resource, pending: Pending) -> timedelta | None:
        """A request that could not be recorded is known to the queue of retries."""
        known = super().known_since(resource, pending)
        retried_at = self.world.retried_at.get(pending.request_id)
        return known if known is not None or retried_at is None else self.world.clock.now() - retried_at
