"""Lives beside neighbours whose signals never arrive: their delivery hangs, or kills the invocation.

The neighbours' requests are answered, and their clusters complete; only the signal is left, and
fails for half a day. No other owner may have to wait because of them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize

from tests.property.lifecycle import HANDLE, Lifecycle, Pending
from tests.support.fakes import HANDLES
from tests.support.simulation import HANGS, KILLS, PROVIDER_LIMIT_S, Resource
from tests.support.world import properties

if TYPE_CHECKING:
    from cluster_provider.core.identity import Owner

BESIDE = "arn:aws:cloudformation:us-east-1:123456789012:stack/beside/0"

#: Sweeps that may go by before an owner that is due is woken. Each neighbour may end one first; an event
#: about it in the queue of retries may as well, and which of the two comes first is chance in each sweep.
SWEEPS_MAX = 20


class Neighbours(Lifecycle):
    """Lives beside up to three hostile neighbours."""

    def __init__(self) -> None:
        super().__init__()
        self.neighbours: list[Resource] = []
        self.passed_over: dict[tuple[Owner, Any], int] = {}

    @initialize(kinds=st.sampled_from([[], [], [], [HANGS], [KILLS], [KILLS, HANGS, KILLS]]))
    def settle(self, kinds: list[str]) -> None:
        """Neighbours make clusters, whose ends are to be signalled to where nothing arrives."""
        for number, kind in enumerate(kinds):
            neighbour = self.world.resource(f"Neighbour{number}", BESIDE)
            handle = f"{HANDLES}{kind}{number}"
            neighbour.create(properties(ClusterName=f"beside-{number}", WaitConditionHandle=handle))
            self.neighbours.append(neighbour)
            self.counts["hostile neighbours"] += 1
        if kinds:
            self.world.until_answered()
            self.world.run(300)

    @property
    def hostile(self) -> set[Owner]:
        """The neighbours' resources."""
        return {neighbour.owner for neighbour in self.neighbours}

    def known_since(self, resource: Resource, pending: Pending) -> timedelta | None:
        """What could not be recorded waits in one queue with events that end every invocation for an hour.

        With neighbours that kill, the turn of an owner cannot be predicted. Deliveries have a time limit, so
        that takes a fault of Lambda's.
        """
        is_recorded = self.world.tables.load_operation(resource.owner, pending.request_id) is not None
        kills = any(KILLS in neighbour.wanted[HANDLE] for neighbour in self.neighbours)
        return super().known_since(resource, pending) if is_recorded or not kills else None

    def sweep_in_peace(self) -> None:
        """Where nothing goes wrong but the neighbours, each who is due is woken in one of a few sweeps."""
        began_at = self.world.clock.now()
        self.world.sweep_all()
        if self.troubled_at >= began_at - timedelta(seconds=PROVIDER_LIMIT_S):
            # An invocation that died may hold the lease as long as it could have run.
            self.passed_over = {}
            return
        in_progress = self.world.stacks.in_progress()
        due = {
            (item.owner, item.requeue_at)
            for item in self.world.tables.waiting()
            if item.requeue_at <= began_at
            and item.owner not in self.hostile
            and not item.is_idle(in_progress, began_at)
        }
        self.passed_over = {each: self.passed_over.get(each, 0) + 1 for each in due}
        for (owner, _), sweeps in self.passed_over.items():
            waited = f"{owner.logical_id} was due in {sweeps} sweeps and not woken"
            assert sweeps <= SWEEPS_MAX if self.neighbours else sweeps <= 1, waited
