"""Everything around the provider as processes that can die, stall and deliver late.

Nothing here runs by itself: mail is delivered, engines run, clusters' stacks go on and time passes only when
a test says so, in any order; ``run`` is the order of a good day. CloudFormation is honest: one request of a
resource at a time, the next one only after an answer, a cancellation or its own time-out; answers to requests
that are over are ignored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cluster_provider.core.consent import ALLOW, Consent
from cluster_provider.core.document import parse_instant
from cluster_provider.core.errors import DeliveryFailed, Unavailable
from cluster_provider.core.guardrails import Guardrails
from cluster_provider.core.identity import Owner
from cluster_provider.handler import Provider
from cluster_provider.ports import DeadLetter, Ports
from tests.support.fakes import (
    HANDLES,
    START,
    ListedLetters,
    MemoryClaims,
    MemoryStore,
    MovedClock,
    Sink,
    stack_of,
)
from tests.support.faults import Denied, FaultyPorts, Killed, Seam
from tests.support.world import CLUSTER_TYPE, IMAGE_TYPE, LOG_GROUP, PARENT, World, failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster_provider.core.observed import ClusterStack
    from cluster_provider.core.state import OperationRecord, OwnerRecord, QueueEntry

#: Time limit of the provider function (template.yaml, Provider.Timeout), in seconds.
PROVIDER_LIMIT_S = 60

#: Lambda delivers an asynchronous event at most so often; it waits a minute before each repetition.
#: Source: AWS Lambda developer guide, "Asynchronous invocation".
DELIVERIES_MAX = 3
REDELIVERY_S = 60

#: Source: AWS CloudFormation user guide, custom resource request reference (``ServiceTimeout``).
SERVICE_TIMEOUT_S = 3600

#: On a good day: how long a stack takes for one change, and how finely time passes, in seconds.
STACK_S = 90
TICK_S = 20

#: Least distance between two requests of one resource, in seconds: CloudFormation has other things to do.
ASKED_APART_S = 3

#: The sweep fires so often (template.yaml, Provider.Events.Sweep), in seconds.
SWEEP_S = 60

#: A clean-up Delete is asked for so often; then what it was to delete is left behind.
#: Source: aws-cdk, docs/CLOUDFORMATION.md.
CLEAN_UPS_MAX = 3

#: An event that fails is received so often from the queue of retries (template.yaml, RetryQueue).
RECEIVED_MAX = 60

#: What is answered while the table is away, when CloudFormation waits no longer.
LAST_RESORT = "the request could not be recorded in the time"

#: What the path of a URL says that never answers: a delivery takes its whole time, or the invocation's.
HANGS, KILLS = "hangs/", "kills/"
DELIVERY_S = 10

SWEEP = {"detail-type": "Scheduled Event", "source": "aws.events"}


@dataclass
class Mail:
    """An event on its way to the provider, or to the second one."""

    event: dict[str, Any]
    not_before: datetime
    deliveries: int = 0
    is_second: bool = False

    @property
    def is_request(self) -> bool:
        return "ResponseURL" in self.event


@dataclass
class Invocation:
    """One invocation of the provider function, and Lambda's context for it."""

    world: Simulation
    aws_request_id: str
    ends_at: datetime
    event: dict[str, Any]
    dead: bool = False

    def get_remaining_time_in_millis(self) -> int:
        return int((self.ends_at - self.world.clock.now()).total_seconds() * 1000)


class ListeningSink(Sink):
    """The response URLs' end, which reports to the resource what arrived.

    Rules that an answer breaks are kept, since the provider may survive the error that they raise.

    Args:
        meet: Called with a URL before anything arrives there.
        recorded: The ids of requests that were recorded: their answers were written down.
    """

    def __init__(self, meet: Callable[[str], None], recorded: Callable[[], set[str]]) -> None:
        super().__init__()
        self.listeners: dict[str, Callable[[dict[str, Any]], None]] = {}
        self.violations: list[AssertionError] = []
        self._meet = meet
        self._recorded = recorded

    def send(self, url: str, body: str) -> None:
        self._meet(url)
        try:
            self._receive(url, body)
        except AssertionError as error:
            self.violations.append(error)
            raise

    def check_repeated(self, request_id: str) -> None:
        """What was written down is sent byte for byte, however often; what has no record may differ."""
        bodies = {body for body in self.bodies[request_id] if LAST_RESORT not in body}
        assert len(bodies) <= 1 or request_id not in self._recorded(), f"different answers to {request_id}"

    def _receive(self, url: str, body: str) -> None:
        super().send(url, body)
        if url.startswith(HANDLES):
            self.signal(url)  # a repeated signal is the same
            return
        answer = json.loads(body)
        request_id = answer["RequestId"]
        self.check_repeated(request_id)
        if len(self.bodies[request_id]) == 1:
            self.listeners[request_id](answer)


class Retries(ListedLetters):
    """The queue of retries: one event at a time, and one that was received waits behind the others.

    Args:
        clock: The time.
        begin: Called with an event when the present invocation takes it up.
    """

    def __init__(self, clock: MovedClock, begin: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(clock)
        self._begin = begin
        self._received: dict[str, int] = {}

    def receive(self) -> list[DeadLetter]:
        if not (visible := self.visible()):
            return []
        first = visible[0]
        self.hide(first)
        self.waiting.remove(first)
        self._received[first.receipt] = self._received.get(first.receipt, 0) + 1
        if self._received[first.receipt] < RECEIVED_MAX:
            self.waiting.append(first)
        self._begin(first.event)
        return [first]

    def remove(self, letter: DeadLetter) -> None:
        if letter in self.waiting:
            super().remove(letter)


class Tables:
    """What the tables of all providers say; each knows its own owners only.

    Args:
        first: The first provider's.
        second: The second's.
        is_second: Whether a stack's resources are the second's.
    """

    def __init__(self, first: MemoryStore, second: MemoryStore, is_second: Callable[[str], bool]) -> None:
        self._all = (first, second)
        self._is_second = is_second

    def of(self, stack_id: str) -> MemoryStore:
        return self._all[self._is_second(stack_id)]

    def load(self, owner: Owner) -> OwnerRecord | None:
        return self.of(owner.stack_id).load(owner)

    def load_operation(self, owner: Owner, request_id: str) -> OperationRecord | None:
        return self.of(owner.stack_id).load_operation(owner, request_id)

    def request_ids(self) -> set[str]:
        return set().union(*(table.request_ids() for table in self._all))

    def texts(self) -> dict[Owner, str]:
        return {owner: text for table in self._all for owner, text in table.texts().items()}

    def waiting(self) -> list[QueueEntry]:
        return [item for table in self._all for item in table.waiting()]


class Simulation(World):
    """A world in which nothing is done at once.

    Resources of some stacks have a second provider: a function with a table of its own.
    """

    def __init__(self, versions: tuple[str, ...] = ("3.16.1",)) -> None:
        super().__init__(versions)
        self.mail: list[Mail] = []
        self.invocations: list[Invocation] = []
        self.hook: Callable[[Seam], None] = lambda _: None
        self.retries = True
        self.resources: list[Resource] = []
        self.fates: dict[str, str] = {}
        #: When the queue of retries got what, by the request's id.
        self.retried_at: dict[str, datetime] = {}
        #: ARNs of clusters that others made and that may be taken over.
        self.adoptable: set[str] = set()
        self.stack_s: float = STACK_S
        #: How many processes die in a run: what a story waits for takes longer with each.
        self.deaths = 0
        self.engine_run: Callable[[int], object] = self.run_queued
        #: ARNs of the stacks whose resources are the second provider's.
        self.seconds: set[str] = set()
        other = MemoryStore(self.clock)
        self.tables = Tables(self.store, other, self.seconds.__contains__)
        self.listening = ListeningSink(self._meet, self.tables.request_ids)
        self.sink = self.listening
        self.letters: ListedLetters = Retries(self.clock, self._take_up)
        self.ports = Ports(
            self.clock,
            self.stacks,
            self.engines,
            self.sink,
            self.store,
            self.claims,
            self.metrics,
            self.letters,
            self.notifications,
        )
        self.second_letters = Retries(self.clock, self._take_up)
        self.second_claims = MemoryClaims()
        self.second_ports = replace(
            self.ports, store=other, claims=self.second_claims, dead_letters=self.second_letters
        )
        self._providers: dict[tuple[bool, int], Provider] = {}
        self._changed_at: dict[str, tuple[str, datetime]] = {}
        self._before: dict[str, ClusterStack] = {}
        self._swept_at = self.clock.now()

    # The provider's side

    def deliver(self, event: dict[str, Any]) -> str:
        for is_second in self._addressees(event):
            mail = Mail(json.loads(json.dumps(event)), self.clock.now(), is_second=is_second)
            self.mail.append(mail)
        return str(event.get("RequestId", ""))

    def _addressees(self, event: dict[str, Any]) -> list[bool]:
        """Which providers get an event: that of the resource it is about; what is about a stack, both."""
        if not self.seconds:
            return [False]
        owner = event.get("requestPayload", {}).get("owner", {})
        stack_id = event.get("StackId") or owner.get("stack_id")
        return [False, True] if stack_id is None else [stack_id in self.seconds]

    def sweep_all(self) -> None:
        """The sweep fires; the next one comes in any case, so this one is not repeated."""
        for is_second in self._addressees(SWEEP):
            self.handle(Mail(dict(SWEEP), self.clock.now(), DELIVERIES_MAX, is_second))

    def handle(self, mail: Mail) -> bool:
        """Invokes the provider with an event; Lambda repeats what did not end well.

        Invocations can be nested: each depth is a container of its own.
        """
        if mail in self.mail:
            self.mail.remove(mail)
        mail.deliveries += 1
        container = (mail.is_second, len(self.invocations))
        if container not in self._providers:
            ports = self.second_ports if mail.is_second else self.ports
            faulty = FaultyPorts(ports, self._pass).ports()
            self._providers[container] = Provider(faulty, LOG_GROUP, Guardrails(Consent(ALLOW)))
        limit = timedelta(seconds=PROVIDER_LIMIT_S)
        name = f"invocation-{next(self._invocations)}"
        invocation = Invocation(self, name, self.clock.now() + limit, mail.event)
        self.invocations.append(invocation)
        try:
            self._providers[container].handle(json.loads(json.dumps(mail.event)), invocation)
        except (Killed, Unavailable, DeliveryFailed, Denied):
            self._repeat(mail)
            return False
        except ExceptionGroup as group:
            if group.split(Denied)[1] is not None:
                raise
            self._repeat(mail)
            return False
        finally:
            self.invocations.pop()
        return True

    def _repeat(self, mail: Mail) -> None:
        """Lambda repeats an event that failed, and gives it to the queue of retries in the end."""
        if self.retries and mail.deliveries < DELIVERIES_MAX:
            mail.not_before = self.clock.now() + timedelta(seconds=REDELIVERY_S)
            self.mail.append(mail)
        elif self.retries and mail.event != SWEEP:
            (self.second_letters if mail.is_second else self.letters).put(mail.event)
            self.retried_at.setdefault(str(mail.event.get("RequestId", "")), self.clock.now())

    def _pass(self, seam: Seam) -> None:
        """What is dead does nothing any more, not even in its exception handlers."""
        invocation = self.invocations[-1]
        if invocation.dead or self.clock.now() > invocation.ends_at:
            raise Killed
        try:
            self.hook(seam)
        except Killed:
            invocation.dead = True
            raise
        if self.clock.now() > invocation.ends_at:
            invocation.dead = True
            raise Killed

    def _take_up(self, event: dict[str, Any]) -> None:
        self.invocations[-1].event = event

    def _meet(self, url: str) -> None:
        """Some URLs never answer; a delivery to them is given up, or lasts until the invocation dies."""
        path = url.split("?", maxsplit=1)[0]
        if HANGS in path:
            self.clock.advance(DELIVERY_S)
            raise DeliveryFailed("the read operation timed out")
        if KILLS in path:
            self.clock.advance(PROVIDER_LIMIT_S)
            self.invocations[-1].dead = True
            raise Killed

    # The engine's side: docs/reference/engine.md

    def run_queued(self, index: int = 0) -> None:
        """Runs an engine call that waits; its end is on its way to the provider then."""
        version, call = self.engines.calls.pop(index)
        self.report_end(version, call, self.engine_does(version, call))

    def engine_does(self, version: str, call: dict[str, Any]) -> dict[str, Any]:
        """The work of an engine call, and what it came to."""
        return self._work(version, call)

    def late_engine_does(self, version: str, call: dict[str, Any]) -> dict[str, Any]:
        """The work of an engine call whose request to AWS had left before its resource was answered."""
        return self._send(version, call)

    def report_end(self, version: str, call: dict[str, Any], outcome: dict[str, Any]) -> None:
        base = {"contract": 1, "call_id": call["call_id"], "operation": call["operation"], "version": version}
        self.report(call, base | outcome)

    def report_crash(self, call: dict[str, Any]) -> None:
        crash = {"errorType": "Runtime.ExitError", "errorMessage": "exit status 1"}
        self.report(call, crash, condition="RetriesExhausted")

    def _create(self, version: str, call: dict[str, Any]) -> dict[str, Any]:
        for stack_id, fact in self.stacks.facts.items():
            if call["call_id"] in fact.tokens:
                return {"status": "succeeded", "stack_id": stack_id, "sent": False}
        living = self.stacks.living(call["cluster_name"])
        if living is not None and call["stack_tags"].items() <= living.tags.items():
            return {"status": "succeeded", "stack_id": living.stack_id, "sent": False}
        return super()._create(version, call)

    def _update(self, version: str, call: dict[str, Any]) -> dict[str, Any]:
        stack = self.stacks.describe(call["stack_id"])
        if stack is not None and stack.in_progress:
            return failed("ClusterBusy", f"the stack is {stack.status}")
        if stack is not None and call["call_id"] in self.stacks.facts[stack.stack_id].tokens:
            return failed("Internal", "this client request token was used already")
        outcome = super()._update(version, call)
        if outcome.get("sent") and stack is not None:
            self._before[stack.stack_id] = stack
        return outcome

    def _delete(self, version: str, call: dict[str, Any]) -> dict[str, Any]:
        stack = self.stacks.describe(call["stack_id"])
        if stack is not None and stack.updating:
            return failed("ClusterBusy", f"the stack is {stack.status}")
        return super()._delete(version, call)

    # The clusters' stacks

    def move(self, stack_id: str, status: str, *failures: tuple[str, str]) -> None:
        """A cluster's stack reaches a status; its event is on its way if that is settled, or a rollback."""
        stack = self.stacks.facts[stack_id].stack
        for logical_id, reason in failures:
            self.stacks.declare_failure(stack_id, self.failure(logical_id, reason))
        facts: dict[str, Any] = {}
        if status.startswith("UPDATE_ROLLBACK_") and stack_id in self._before:
            before = self._before[stack_id]
            facts = {"parameters": before.parameters, "outputs": before.outputs}
        self.stacks.declare(replace(stack, status=status, **facts), at=self.clock.now())
        if not status.endswith("_IN_PROGRESS") or status.endswith("ROLLBACK_IN_PROGRESS"):
            detail = {"stack-id": stack_id, "status-details": {"status": status}}
            self.deliver({"detail-type": "CloudFormation Stack Status Change", "detail": detail})

    def finish(self, stack: ClusterStack) -> None:
        """What runs in a stack comes to the end that it is meant to have, success by default."""
        kind = stack.status.removesuffix("_IN_PROGRESS")
        status = self.fates.get(kind, f"{kind}_COMPLETE")
        if stack.stack_id in self.builds and status == "CREATE_COMPLETE":
            self.amis[stack.name] = dict(stack.tags)
            status = "DELETE_IN_PROGRESS"  # by itself
        failures = (
            () if status not in self.fates.values() else (("HeadNodeWaitCondition", "it did not start"),)
        )
        self.move(stack.stack_id, status, *failures)

    def changing(self) -> list[ClusterStack]:
        return [
            fact.stack
            for fact in self.stacks.facts.values()
            if fact.stack.in_progress and (self.is_ours(fact.stack) or fact.stack.stack_id in self.adoptable)
        ]

    @staticmethod
    def is_ours(stack: ClusterStack) -> bool:
        return bool(stack.owner_tags)

    def clusters(self) -> list[ClusterStack]:
        """Living clusters that any owner made."""
        stacks = [fact.stack for fact in self.stacks.facts.values()]
        return [stack for stack in stacks if self.is_ours(stack) and not stack.gone]

    # CloudFormation's side

    def resource(
        self, logical_id: str = "Cluster", stack_id: str = PARENT, of_type: str = CLUSTER_TYPE
    ) -> Resource:
        resource = Resource(self, stack_id, logical_id, of_type)
        if stack_id not in self.stacks.facts:
            arn_parts = stack_id.split("/")
            self.stacks.declare(stack_of(arn_parts[1], "CREATE_IN_PROGRESS", unique=arn_parts[2]))
        self.resources.append(resource)
        return resource

    def nest(self, stack_id: str, around: str) -> None:
        """A stack that has resources is a resource itself, of another stack."""
        parts = around.split("/")
        self.stacks.declare(stack_of(parts[1], "CREATE_IN_PROGRESS", unique=parts[2]))
        self.stacks.declare(replace(self.stacks.facts[stack_id].stack, parent_id=around))

    def move_fleets(self) -> None:
        """Head nodes do what was asked of them."""
        done = {"STOP_REQUESTED": "STOPPED", "START_REQUESTED": "RUNNING"}
        self.fleets = {name: done.get(status, status) for name, status in self.fleets.items()}

    # A good day

    def tick(self, seconds: float = TICK_S) -> None:
        """A little time passes: what is due is delivered, engines run, stacks go on, the sweep fires."""
        self.clock.advance(seconds)
        now = self.clock.now()
        for resource in self.resources:
            resource.watch()
        for mail in [mail for mail in self.mail if mail.not_before <= now]:
            self.handle(mail)
        while self.engines.calls:
            self.engine_run(0)
        self.move_fleets()
        for stack in self.changing():
            known = self._changed_at.get(stack.stack_id)
            if known is None or known[0] != stack.status:
                self._changed_at[stack.stack_id] = (stack.status, now)
            elif now >= known[1] + timedelta(seconds=self.stack_s):
                self.finish(stack)
        if now >= self._swept_at + timedelta(seconds=SWEEP_S):
            self._swept_at = now
            self.sweep_all()

    def run(self, seconds: float) -> None:
        end = self.clock.now() + timedelta(seconds=seconds)
        while self.clock.now() < end:
            self.tick()

    def until_signalled(self, handle: str) -> None:
        """A good day goes on until a wait condition was signalled."""
        for _ in range(SERVICE_TIMEOUT_S // TICK_S):
            if handle in self.sink.signals:
                return
            self.tick()
        raise AssertionError(f"{handle} was not signalled")

    def run_while_asked(self, seconds: float) -> bool:
        """A good day goes on as long as CloudFormation waits for something; answers whether it still does."""
        for _ in range(int(seconds) // TICK_S):
            if all(resource.pending is None for resource in self.resources):
                return False
            self.tick()
        return True

    def until_answered(self) -> None:
        """A good day goes on until CloudFormation waits for nothing: it accepted an answer, or gave up."""
        if self.run_while_asked((CLEAN_UPS_MAX + 1) * SERVICE_TIMEOUT_S):
            raise AssertionError("CloudFormation waits for ever")


@dataclass
class Pending:
    """A request that CloudFormation waits for."""

    event: dict[str, Any]
    issued_at: datetime
    goal: str

    @property
    def request_id(self) -> str:
        return str(self.event["RequestId"])


#: Phases in which a resource may go back to its former id, or has one that is to be deleted.
UPDATE_PHASES = frozenset(
    {"updating", "updated", "update failed", "rolling back", "rollback failed", "cleaning"}
)


@dataclass
class Resource:
    """A custom resource as CloudFormation sees it.

    Args:
        world: Where it lives.
        stack_id: Its stack's ARN.
        logical_id: Its logical id.
        type: Its resource type.
        phase: absent, creating, complete, create failed, updating, updated, update failed, rolling back,
            rollback failed, cleaning, deleting or delete failed.
        physical_id: Its id, if it has one.
        properties: Its properties, as they were last accepted.
        wanted: What the last Update asked for.
        rolls_back: Whether the last Update is undone, or was.
        stale_id: The id that a replacement left behind and that is to be cleaned up.
        failed_ids: The ids of Creates that failed and were tried again before what they left was deleted.
        clean_ups: How often that was asked for.
        asked_at: When it was last asked for something.
        pending: What CloudFormation waits for.
        history: Every request and what came of it: kind, status, physical id.
        born: Where in the history the present life begins.
        answers: Every answer that CloudFormation accepted.
        timed_out: Ids of requests that it gave up waiting for.
        acknowledged: Called when it accepted an answer.
        gave_up: Called when it waits for the answer no longer.
        left_behind: Called with the id of what could not be cleaned up.
        asked: Called when it has just asked for something.
    """

    world: Simulation
    stack_id: str
    logical_id: str
    type: str = CLUSTER_TYPE
    phase: str = "absent"
    physical_id: str = ""
    properties: dict[str, Any] = field(default_factory=dict)
    wanted: dict[str, Any] = field(default_factory=dict)
    rolls_back: bool = False
    stale_id: str = ""
    failed_ids: list[str] = field(default_factory=list)
    clean_ups: int = 0
    asked_at: datetime = START
    pending: Pending | None = None
    history: list[tuple[str, str, str]] = field(default_factory=list)
    born: int = 0
    answers: list[dict[str, Any]] = field(default_factory=list)
    timed_out: list[str] = field(default_factory=list)
    acknowledged: Callable[[Pending, dict[str, Any]], None] = lambda _, __: None
    gave_up: Callable[[Pending], None] = lambda _: None
    left_behind: Callable[[str], None] = lambda _: None
    asked: Callable[[Pending], None] = lambda _: None

    @property
    def owner(self) -> Owner:
        return Owner(self.stack_id, self.logical_id)

    @property
    def id_property(self) -> str:
        """The property that becomes the physical id."""
        return "ImageId" if self.type == IMAGE_TYPE else "ClusterName"

    def create(self, properties: dict[str, Any]) -> None:
        self.wanted = properties
        self.born = len(self.history)
        self._ask("Create", "creating", ResourceProperties=properties)

    def retry(self, properties: dict[str, Any]) -> None:
        """The stack kept its failures: the resource is created again before what failed is deleted.

        Source: AWS CloudFormation user guide, "Choose how to handle failures when provisioning resources",
        which does not say in which order.
        """
        assert self.phase == "create failed"
        self.failed_ids.append(self.physical_id)
        self.physical_id = ""
        self.create(properties)

    def update(self, properties: dict[str, Any]) -> None:
        self.wanted, self.rolls_back = properties, False
        self._change("updating", properties, self.properties)

    def roll_back(self) -> None:
        """After a failure, of its own or of a sibling, CloudFormation asks for what was there before."""
        self.rolls_back = True
        self._change("rolling back", self.properties, self.wanted)

    def commit(self) -> None:
        """The stack's update is complete: what a replacement left behind is cleaned up."""
        self.properties = self.wanted
        self._clean_up()

    def delete(self) -> None:
        properties = self.wanted if self.phase == "create failed" else self.properties
        if self.phase == "rollback failed" and self.stale_id:
            # Whether CloudFormation deletes what the resource was before, too, is not documented.
            self.left_behind(self.stale_id)
        self._ask("Delete", "deleting", PhysicalResourceId=self.physical_id, ResourceProperties=properties)

    def cancel(self) -> None:
        """A sibling failed: CloudFormation waits for the present request no longer."""
        self._over("cancelled")

    def watch(self) -> None:
        """CloudFormation waits for the present request no longer than ServiceTimeout."""
        pending = self.pending
        if pending is not None:
            waited = self.world.clock.now() - pending.issued_at
            if waited >= timedelta(seconds=SERVICE_TIMEOUT_S):
                self.timed_out.append(pending.request_id)
                self.gave_up(pending)
                self._over("timed out")

    def _change(self, phase: str, new: dict[str, Any], old: dict[str, Any]) -> None:
        self._ask(
            "Update",
            phase,
            PhysicalResourceId=self.physical_id,
            ResourceProperties=new,
            OldResourceProperties=old,
        )

    def _clean_up(self) -> None:
        if not self.stale_id or self.clean_ups == CLEAN_UPS_MAX:
            if self.stale_id:
                self.left_behind(self.stale_id)
            self.stale_id, self.clean_ups = "", 0
            if not self.failed_ids:
                self._enter("complete")
                return
            self.stale_id = self.failed_ids.pop()
        self.clean_ups += 1
        self._ask("Delete", "cleaning", PhysicalResourceId=self.stale_id, ResourceProperties=self.properties)

    def _ask(self, kind: str, phase: str, **fields: Any) -> None:
        """Requests of one resource are further apart than their dates can be wrong."""
        assert self.pending is None
        since_s = (self.world.clock.now() - self.asked_at).total_seconds()
        self.world.clock.advance(max(0, ASKED_APART_S - since_s))
        self.asked_at = self.world.clock.now()
        of = {"StackId": self.stack_id, "ResourceType": self.type}
        event = self.world.event(kind, logical_id=self.logical_id, **of, **fields)
        self.pending = Pending(event, self.world.clock.now(), phase)
        self._enter(phase)
        self.asked(self.pending)
        self.world.listening.listeners[event["RequestId"]] = self._hear
        self.world.deliver(event)

    def _enter(self, phase: str) -> None:
        self.phase = phase
        stacks = self.world.stacks
        stacks.awaited[self.owner] = phase in {"creating", "updating", "rolling back"}
        stacks.listed[self.owner] = self.physical_id
        if phase == "absent":
            del stacks.listed[self.owner]
        stack = stacks.describe(self.stack_id)
        if stack is not None:
            siblings = [each for each in self.world.resources if each.stack_id == self.stack_id]
            updating = [each for each in siblings if each.phase in UPDATE_PHASES]
            status = "UPDATE_IN_PROGRESS" if updating else "CREATE_IN_PROGRESS"
            if any(each.rolls_back for each in updating):
                status = "UPDATE_ROLLBACK_IN_PROGRESS"
            stacks.declare(replace(stack, status=status))

    def _hear(self, answer: dict[str, Any]) -> None:
        """Takes an answer to the present request; any other comes too late."""
        pending = self.pending
        if pending is None or answer["RequestId"] != pending.request_id:
            return
        self.pending = None
        self.world.stacks.requested.pop(self.owner, None)
        self.answers.append(answer)
        self.acknowledged(pending, answer)
        kind, status, physical_id = (
            pending.event["RequestType"],
            answer["Status"],
            answer["PhysicalResourceId"],
        )
        self.history.append((kind, status, physical_id))
        success = status == "SUCCESS"
        if kind == "Delete":
            self._deleted(success)
        elif kind == "Create":
            self.physical_id = physical_id
            self.properties = self.wanted
            if success:
                self._clean_up()
            else:
                self._enter("create failed")
        else:
            self._updated(physical_id, pending, success=success)

    def _deleted(self, success: bool) -> None:
        if self.phase == "cleaning":
            self.stale_id = "" if success else self.stale_id
            self._clean_up()
        elif success and self.failed_ids:
            self.physical_id = self.failed_ids.pop()
            self.delete()
        elif success:
            self.physical_id = ""
            self._enter("absent")
        else:
            self._enter("delete failed")

    def _updated(self, physical_id: str, pending: Pending, *, success: bool) -> None:
        self._check_id(physical_id, pending, success=success)
        if not success:
            self._enter("update failed" if pending.goal == "updating" else "rollback failed")
            return
        if physical_id != self.physical_id:
            self.stale_id, self.physical_id = self.physical_id, physical_id
        elif pending.goal == "updating":
            self.stale_id = ""
        if pending.goal == "updating":
            self._enter("updated")
        else:
            self._clean_up()

    def _check_id(self, physical_id: str, pending: Pending, *, success: bool) -> None:
        new, old = pending.event["ResourceProperties"], pending.event["OldResourceProperties"]
        names = ("ClusterNameUpdatePolicy", "ReplacementPolicy")
        policies = {given.get(name) for given in (new, old) for name in names}
        declared = "Replace" in policies or self.type == IMAGE_TYPE
        if physical_id != self.physical_id:
            assert success, f"a failed Update names {physical_id}, not {self.physical_id}"
            assert declared, f"{self.physical_id} was replaced by {physical_id} though nobody allows it"
            assert physical_id == new.get(self.id_property, physical_id)
            if pending.goal == "rolling back" and self.id_property not in new:
                assert physical_id == self.stale_id, f"a rollback makes {physical_id} and not {self.stale_id}"

    def _over(self, why: str) -> None:
        assert self.pending is not None
        pending, self.pending = self.pending, None
        self.world.stacks.requested.pop(self.owner, None)
        self.history.append((pending.event["RequestType"], why, ""))
        if self.phase == "creating":
            self.physical_id = f"{self.stack_id.split('/')[1]}-{self.logical_id}-1ABCDEF"
            self._enter("create failed")
        elif self.phase == "updating":
            self._enter("update failed")
        elif self.phase == "rolling back":
            self._enter("rollback failed")
        elif self.phase == "cleaning":
            self._clean_up()
        else:
            self._enter("delete failed")


def is_fenced(call: dict[str, Any], now: datetime) -> bool:
    """Whether the gate would refuse this call by now."""
    return call["operation"] == "describe" or now > parse_instant(call["not_after"])
