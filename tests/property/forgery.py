"""Lives into which others send forged events: CloudFormation knows nothing of them.

What cannot be distinguished is left out, as docs/explanation/an-event-is-a-claim.md says: in the state that
CloudFormation's own request is about, and before that one is accepted, another event of the same kind with a
date that fits is like it. It may be forged, or a request that CloudFormation has just cancelled. In this
race, and in no other case, the model lets CloudFormation's reads be late for the other event.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from cluster_provider.core.deadline import issued_at
from cluster_provider.core.request import RequestType
from cluster_provider.core.transitions.acceptance import SIGNED_BEFORE_MAX_S
from tests.property.lifecycle import NAMES, OLD, TAKEN, Fault, Lifecycle, index, some_faults, wishes
from tests.support.fakes import RESPONSES
from tests.support.simulation import HANGS, Mail
from tests.support.world import properties

if TYPE_CHECKING:
    from datetime import datetime

    from cluster_provider.core.identity import Owner

#: Dates of response URLs, in seconds from now; texts stand as they are.
DATES = (0, 0, -5, -60, -4000, -8000, 86_400, "", "20990101T000000Z", "20261399T000000Z")

#: A date that is earlier by more than this, and a second, since dates are whole seconds, does not fit.
_FITS = timedelta(seconds=SIGNED_BEFORE_MAX_S + 1)

#: A resource that no stack has.
NOBODYS = "Nobodys"


@dataclass(frozen=True)
class Forgery:
    """A forged event.

    Args:
        kind: What it seems to ask for.
        wish: The properties it has.
        named: The physical id it names.
        dated: When its response URL seems to be signed.
        hangs: Whether that URL never answers.
    """

    kind: RequestType
    wish: dict[str, Any]
    named: str
    dated: float | str
    hangs: bool


forgeries = st.builds(
    Forgery,
    kind=st.sampled_from(list(RequestType)),
    wish=wishes,
    named=st.sampled_from(["its own", "its own", *NAMES, TAKEN, OLD, "made up"]),
    dated=st.sampled_from(DATES),
    hangs=st.sampled_from([False] * 7 + [True]),
)


class _CautiousReads:
    """The port Stacks, whose reads are late for an event that is in a race with a true one."""

    def __init__(self, life: Forgeries, real: Any) -> None:
        self._life = life
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def requested_since(
        self, owner: Owner, request_type: RequestType, physical_id: str | None
    ) -> datetime | None:
        if self._life.races(owner, request_type):
            return None
        since: datetime | None = self._real.requested_since(owner, request_type, physical_id)
        return since


class Forgeries(Lifecycle):
    """Lives with forged events, which change nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.forged: set[str] = set()
        world = self.world
        first, second = world.ports, world.second_ports
        world.ports = replace(first, stacks=_CautiousReads(self, first.stacks))
        world.second_ports = replace(second, stacks=_CautiousReads(self, second.stacks))

    def races(self, owner: Owner, request_type: RequestType) -> bool:
        """Whether the event at hand can be taken for the one that CloudFormation waits for, and is not it."""
        event, now = self.world.invocations[-1].event, self.world.clock.now()
        for pending in (each.pending for each in self.resources if each.owner == owner):
            if pending is None or pending.event["RequestType"] != request_type.value:
                continue
            others = event["RequestId"] != pending.request_id
            fits = issued_at(event["ResponseURL"], now) >= pending.issued_at - _FITS
            is_open = self.world.tables.load_operation(owner, pending.request_id) is None
            return others and fits and is_open
        return False

    @rule(at=index, forgery=forgeries, planned=st.one_of(st.none(), some_faults))
    def forge(self, at: int, forgery: Forgery, planned: list[Fault] | None) -> None:
        """A user invokes the provider with a forged event; it is handled at once, or later."""
        event = self._forged(at, forgery)
        event["ResponseURL"] = self._url(event["RequestId"], forgery)
        self.forged.add(event["RequestId"])
        self.world.listening.listeners[event["RequestId"]] = self._refused
        self.counts["forged events"] += 1
        self.world.deliver(event)
        if planned is not None:
            self._handle_forged(self.world.mail[-1], planned)

    def _forged(self, at: int, forgery: Forgery) -> dict[str, Any]:
        resource, kind = self.resources[at % len(self.resources)], forgery.kind
        wanted = self.properties_of(resource, forgery.wish)
        fields: dict[str, Any] = {"ResourceType": resource.type, "ResourceProperties": wanted}
        if kind is not RequestType.CREATE:
            physical_id = resource.physical_id if forgery.named == "its own" else forgery.named
            fields["PhysicalResourceId"] = physical_id or f"parent-{resource.logical_id}-1ABCDEF"
        if kind is RequestType.UPDATE:
            fields["OldResourceProperties"] = resource.properties or properties()
        logical_id = NOBODYS if at == 0 else resource.logical_id
        return self.world.forge(kind.value, logical_id=logical_id, StackId=resource.stack_id, **fields)

    def _url(self, request_id: str, forgery: Forgery) -> str:
        signed_at = forgery.dated
        if not isinstance(signed_at, str):
            signed_at = (self.world.clock.now() + timedelta(seconds=signed_at)).strftime("%Y%m%dT%H%M%SZ")
        date = f"&X-Amz-Date={signed_at}" if signed_at else ""
        return (
            f"{RESPONSES}{HANGS if forgery.hangs else ''}?request={request_id}{date}&X-Amz-Signature=s3cr3t"
        )

    def _handle_forged(self, mail: Mail, planned: list[Fault]) -> None:
        """An event that is refused, or fails for now, leaves every record as it is."""
        request_id, before, interruptions = mail.event["RequestId"], self._kept(), self.interruptions
        dropped = self.handle_mail(mail, planned) and request_id not in self.world.sink.bodies
        # What is dropped as too old wakes its owner, as every event may.
        if self.interruptions == interruptions and not dropped:
            after = self._kept()
            assert after.items() <= before.items(), f"{request_id} is forged, and changed a record"

    def _kept(self) -> dict[Any, Any]:
        """All that the provider keeps of owners; a record may expire meanwhile."""
        world = self.world
        return {**world.tables.texts(), **world.claims.holders, **world.second_claims.holders}

    def _refused(self, answer: dict[str, Any]) -> None:
        """A service that is away until the deadline that an event claims to have is the other refusal."""
        code = answer.get("Reason", "").split(":")[0]
        self.counts[f"forged events answered {answer['Status']} {code}"] += 1
        assert code in {"NotConfirmed", "DeadlineExceeded"}, f"a forged event was answered: {answer}"

    @invariant()
    def forged_events_become_no_requests(self) -> None:
        assert not self.forged & self.world.tables.request_ids(), "a forged event was recorded"
        for _, call in self.world.engines.calls:
            assert call["request_id"] not in self.forged, "an engine is called for a forged event"

    def check_end(self) -> None:
        """Every forged event was refused once, or dropped, or its URL never answers."""
        super().check_end()
        letters = [*self.world.letters.waiting, *self.world.second_letters.waiting]
        events = [letter.event for letter in letters]
        events += [mail.event for mail in self.world.mail]
        for url in (event["ResponseURL"] for event in events if "ResponseURL" in event):
            assert HANGS in url, f"the event with {url} was never handled"
