"""The life of up to three resources of two stacks, with everything that can go wrong, as a state machine.

Provider, engines, gate, table and both sides of CloudFormation are processes that die, stall and
deliver late. Hypothesis chooses what happens next; the invariants are what a user may rely on.
"""

from __future__ import annotations

import sys
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cluster_provider.core.deadline import MARGIN_S
from cluster_provider.core.decision.fleet import RESTART_MARGIN_S
from cluster_provider.core.errors import DeliveryFailed, NotAccepted, Unavailable
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import VERSION_TAG, Cluster, ClusterStack
from cluster_provider.core.properties import DeletionPolicy
from tests.support.fakes import HANDLES, stack_of
from tests.support.faults import Killed, Seam
from tests.support.simulation import (
    DELIVERIES_MAX,
    SERVICE_TIMEOUT_S,
    SWEEP,
    Mail,
    Pending,
    Resource,
    Simulation,
    is_fenced,
)
from tests.support.world import CLUSTER_TYPE, CONFIGURATION, PARENT, failed, properties

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster_provider.core.state import OwnerRecord

SECOND = "arn:aws:cloudformation:us-east-1:123456789012:stack/second/0"
NAMES = ("hpc", "lab", "web", "sim")
HANDLE = "WaitConditionHandle"
TAKEN = "taken"
OLD = "old"
#: The template gives no name.
UNNAMED = ""

#: Few enough to be used again, which is what a handle must not be.
HANDLE_NAMES = ("one", "two", "three")

#: A request that was recorded so long before its end and was left in peace so long is answered in time.
RECORDED_BEFORE_S = 600
UNTROUBLED_S = 400

#: How often a request dies on its way before Lambda would give it up.
TROUBLED_DELIVERIES_MAX = DELIVERIES_MAX - 1

#: Words in which the engine can fail without an effect; those of the first row say nothing about the request.
PASSING = ("Throttled", "ClusterBusy")
REFUSALS = ("ClusterRejected", "BadRequest", "Internal")

ENGINE_ENDS = (
    "works",
    "works",
    "works",
    "works twice",
    "dies before",
    "dies before, unreported",
    "dies after",
    "dies after, unreported",
    *PASSING,
    *REFUSALS,
)

FATES = {
    "CREATE": ("CREATE_COMPLETE", "CREATE_COMPLETE", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"),
    "UPDATE": ("UPDATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"),
    "DELETE": ("DELETE_COMPLETE", "DELETE_COMPLETE", "DELETE_FAILED"),
}


@dataclass(frozen=True)
class Fault:
    """Something that happens at a seam of an invocation.

    Args:
        kind: killed, unavailable, stalled or interrupted.
        seam: At which seam, counted from 0.
        choice: Which message comes between, or how many seconds are lost.
    """

    kind: str
    seam: int
    choice: int


faults = st.lists(
    st.builds(
        Fault,
        st.sampled_from(["killed", "unavailable", "stalled", "interrupted", "interrupted"]),
        st.integers(0, 60),
        st.integers(0, 40),
    ),
    max_size=2,
)
some_faults = st.one_of(st.just([]), faults)
index = st.integers(0, 7)
wishes = st.fixed_dictionaries(
    {
        "ClusterName": st.sampled_from([*NAMES * 4, *[UNNAMED] * 8, TAKEN, OLD, OLD]),
        "HeadNode": st.sampled_from(["subnet-1", "subnet-1", "subnet-1", "subnet-2"]),
        "Tags": st.integers(0, 2),
        "InstanceType": st.sampled_from(["c7i.large", "c7i.large", "hpc7a.96xlarge"]),
        "ComputeFleetUpdatePolicy": st.sampled_from(["None", "StopAndRestart", "StopAndRestart"]),
        "DeletionPolicy": st.sampled_from(["Delete", "Delete", "Retain"]),
        "ClusterNameUpdatePolicy": st.sampled_from(["Refuse", "Replace"]),
        "ReplacementPolicy": st.sampled_from(["Refuse", "Replace", "Replace"]),
        "DrainTimeout": st.sampled_from(["0", "600"]),
        "ValidationFailureLevel": st.sampled_from(["ERROR"] * 9 + ["SILLY"]),
        "WaitConditionHandle": st.sampled_from(["", "", "", *HANDLE_NAMES]),
    }
)


def handle_of(wish: dict[str, Any], resource: Resource) -> str:
    """The handle of a wait condition of the resource's stack."""
    return f"{HANDLES}{resource.stack_id}/{resource.logical_id}/{wish[HANDLE]}"


def cluster_properties(wish: dict[str, Any], resource: Resource) -> dict[str, Any]:
    configured = {"Tags", "InstanceType", "HeadNode", HANDLE}
    rest = {key: value for key, value in wish.items() if key not in configured}
    if wish["ClusterName"] == OLD:
        # A cluster that others made must not be deleted: no template says so here.
        rest = {**rest, "AdoptExisting": "true"}
        del rest["DeletionPolicy"]
    if wish[HANDLE]:
        rest[HANDLE] = handle_of(wish, resource)
    queues = [{"Name": "q1", "MaxCount": "4", "InstanceType": wish["InstanceType"]}]
    configuration = {
        **CONFIGURATION,
        "HeadNode": {"Networking": {"SubnetId": wish["HeadNode"]}},
        "Scheduling": {"SlurmQueues": queues},
        "Tags": [str(wish["Tags"])],
    }
    wanted = properties(ClusterConfiguration=configuration, **rest)
    if wish["ClusterName"] == UNNAMED:
        del wanted["ClusterName"]
    return wanted


def with_name_of(wanted: dict[str, Any], resource: Resource, other: dict[str, Any]) -> dict[str, Any]:
    """What a template asks for, under the name that other properties have, or do not have."""
    about_name = (resource.id_property, "AdoptExisting")
    rest = {key: value for key, value in wanted.items() if key not in about_name}
    return rest | {key: other[key] for key in about_name if key in other}


@dataclass(frozen=True)
class Condition:
    """A wait condition, new with its handle, that holds the parent stack up after the resource's answer."""

    resource: Resource
    handle: str


class Lifecycle(RuleBasedStateMachine):
    """What happens is counted, for the long run's figures."""

    counts: ClassVar[Counter[str]] = Counter()

    #: Stack, logical id and type of each resource.
    PLACES: ClassVar[tuple[tuple[str, str, str], ...]] = (
        (PARENT, "Cluster", CLUSTER_TYPE),
        (PARENT, "Other", CLUSTER_TYPE),
        (SECOND, "Cluster", CLUSTER_TYPE),
    )

    def __init__(self) -> None:
        super().__init__()
        self.counts["lives"] += 1
        self.world = self.make_world()
        self.world.hook = self.pass_seam
        self.world.engine_run = self.run_engine
        self.resources = [self._resource(*place) for place in self.PLACES]
        #: Calls whose second delivery has asked CloudFormation, and has sent what it asks for.
        self.on_their_way: list[tuple[str, dict[str, Any]]] = []
        self.strangers: dict[str, ClusterStack] = {}
        self.retained: set[str] = set()
        self.disturbed: set[str] = set()
        self.causes: dict[str, int] = {}
        self.conditions: list[Condition] = []
        self.named_handles: set[str] = set()
        self.fresh_handles: dict[str, str] = {}
        self.troubled_at = self.world.clock.now()
        self.interruptions = 0
        self._plan: list[Fault] = []
        self._seams = 0
        #: Deletes by which something that was taken over may be deleted, and what they are about.
        self.allowed: set[str] = set()
        self.deletable: set[str] = set()
        self._stranger(TAKEN)
        self._make_old()

    @property
    def hostile(self) -> set[Owner]:
        """Owners that wait for ever."""
        return set()

    def make_world(self) -> Simulation:
        """The world to live in; a broken one proves that the invariants can fail."""
        return Simulation()

    def properties_of(self, resource: Resource, wish: dict[str, Any]) -> dict[str, Any]:
        """What a template asks for."""
        return cluster_properties(wish, resource)

    def _resource(self, stack_id: str, logical_id: str, of_type: str) -> Resource:
        resource = self.world.resource(logical_id, stack_id, of_type)
        resource.acknowledged = lambda pending, answer: self.acknowledged(resource, pending, answer)
        resource.gave_up = lambda pending: self._gave_up(resource, pending)
        resource.left_behind = lambda stale_id: self._leave_behind(resource, stale_id)
        resource.asked = lambda pending: self.asked(resource, pending)
        return resource

    def _leave_behind(self, resource: Resource, stale_id: str) -> None:
        """CloudFormation reports to the user that it could not clean something up, and forgets it."""
        things = self.made_by(resource.owner).items()
        self.retained |= {thing_id for thing_id, name in things if name == stale_id}

    def asked(self, resource: Resource, pending: Pending) -> None:
        """CloudFormation has just asked for something."""

    # CloudFormation asks

    @initialize(made=st.lists(wishes, max_size=3))
    def begin(self, made: list[dict[str, Any]]) -> None:
        """Some lives begin with clusters that are there already."""
        for resource, wish in zip(self.resources, made, strict=False):
            self._ask(resource, resource.create, self.properties_of(resource, wish))
            self.world.until_answered()
            self.world.run(60)

    @precondition(lambda self: self._in_phase("absent"))
    @rule(at=index, wish=wishes)
    def create(self, at: int, wish: dict[str, Any]) -> None:
        absent = self._in_phase("absent")
        resource = absent[at % len(absent)]
        if self.world.stacks.living(OLD) is None:
            self._make_old()
        self._ask(resource, resource.create, self.properties_of(resource, wish))

    def _retriable(self) -> list[Resource]:
        """Resources whose Create failed, as far as both sides know.

        After a success that CloudFormation did not use, the next Create cannot know whether the template's
        attribute retained the cluster.
        """
        failed = self._in_phase("create failed")
        return [each for each in failed if not any(item.reported for item in self.clusters_known(each))]

    def clusters_known(self, resource: Resource) -> list[Cluster]:
        """The clusters and images that a resource's record names."""
        record = self.world.tables.load(resource.owner)
        return list(record.clusters.values()) if record is not None else []

    @precondition(lambda self: self._retriable())
    @rule(at=index, wish=wishes, same_name=st.booleans())
    def retry(self, at: int, wish: dict[str, Any], same_name: bool) -> None:
        """A stack that keeps its failures is retried, with the same template or another."""
        retriable = self._retriable()
        resource = retriable[at % len(retriable)]
        wanted = self.properties_of(resource, wish)
        if same_name:
            # Only of a cluster that is there does a template say that it may be taken over.
            wanted = with_name_of(wanted, resource, resource.wanted)
        self._ask(resource, resource.retry, wanted)

    @precondition(lambda self: self.complete_resources())
    @rule(at=index, wish=wishes, same_name=st.booleans())
    def update(self, at: int, wish: dict[str, Any], same_name: bool) -> None:
        complete = self.complete_resources()
        resource = complete[at % len(complete)]
        wanted = self.properties_of(resource, wish)
        if same_name:
            wanted = with_name_of(wanted, resource, resource.properties)
        if resource.properties != wanted:
            self._ask(resource, resource.update, wanted)

    def _ask(self, resource: Resource, ask: Callable[[dict[str, Any]], None], wanted: dict[str, Any]) -> None:
        """Asks for something; a handle that was never named before is one of a condition to come."""
        ask(wanted)
        handle = wanted.get(HANDLE)
        if handle is not None and handle not in self.named_handles and resource.pending is not None:
            self.named_handles.add(handle)
            self.fresh_handles[resource.pending.request_id] = handle

    @precondition(lambda self: self._idle())
    @rule(at=index, back=st.booleans())
    def go_on(self, at: int, back: bool) -> None:
        idle = self._idle()
        self.go_on_with(idle[at % len(idle)], back=back)

    def _in_phase(self, *phases: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.phase in phases]

    def complete_resources(self) -> list[Resource]:
        """Resources whose stack is complete: no wait condition holds it up, or failed."""
        return [each for each in self._in_phase("complete") if self.is_free(each)]

    def is_free(self, resource: Resource) -> bool:
        """Whether no wait condition holds a resource's stack up."""
        return self._condition(resource) in {"", "SUCCESS"}

    def _condition(self, resource: Resource) -> str:
        """What was signalled to the wait condition that holds a resource's stack up; empty for none."""
        mine = [condition for condition in self.conditions if condition.resource is resource]
        if not mine:
            return ""
        acknowledged = self.world.sink.signals.get(mine[-1].handle, [{"Status": "nothing"}])
        return str(acknowledged[0]["Status"])

    def _idle(self) -> list[Resource]:
        return [each for each in self.resources if each.pending is None and each.phase != "absent"]

    def go_on_with(self, resource: Resource, *, back: bool) -> None:
        """What CloudFormation does next of its own accord."""
        if resource.pending is not None:
            return
        match resource.phase:
            case "create failed" | "delete failed":
                resource.delete()
            case "complete":
                if back:
                    resource.delete()
            case "updated":
                self.end_update(resource, back=back)
            case "update failed":
                resource.roll_back()
            case "rollback failed":
                resource.delete() if back else resource.roll_back()

    def end_update(self, resource: Resource, *, back: bool) -> None:
        """The stack's update is rolled back, or complete unless a wait condition holds it up."""
        if back:
            resource.roll_back()
        elif self.is_free(resource):
            resource.commit()

    @precondition(lambda self: self._in_phase("creating", "updating"))
    @rule(at=index, at_once=st.booleans())
    def cancel(self, at: int, at_once: bool) -> None:
        waiting = self._in_phase("creating", "updating")
        resource = waiting[at % len(waiting)]
        resource.cancel()
        if at_once:
            self.go_on_with(resource, back=True)

    # Messages arrive, or not

    @precondition(lambda self: self.world.mail)
    @rule(at=index, planned=some_faults)
    def deliver(self, at: int, planned: list[Fault]) -> None:
        self.handle_mail(self.world.mail[at % len(self.world.mail)], planned)

    @precondition(lambda self: self.world.mail)
    @rule(at=index, planned=some_faults)
    def deliver_twice(self, at: int, planned: list[Fault]) -> None:
        mail = self.world.mail[at % len(self.world.mail)]
        self.world.mail.append(replace(mail, event=deepcopy(mail.event)))
        self.handle_mail(mail, planned)

    @precondition(lambda self: any(not mail.is_request for mail in self.world.mail))
    @rule(at=index)
    def lose(self, at: int) -> None:
        """Requests are never lost; of the other events any may be."""
        losable = [mail for mail in self.world.mail if not mail.is_request]
        self.world.mail.remove(losable[at % len(losable)])

    @rule(planned=some_faults, is_second=st.booleans())
    def sweep(self, planned: list[Fault], is_second: bool) -> None:
        """A sweep of one of the providers."""
        now = self.world.clock.now()
        self.handle_mail(Mail(dict(SWEEP), now, DELIVERIES_MAX, is_second), planned)

    def handle_mail(self, mail: Mail, planned: list[Fault]) -> bool:
        """Handles an event while what is planned goes wrong; answers whether it ended well."""
        self._plan = planned
        if mail.is_request and mail.deliveries >= TROUBLED_DELIVERIES_MAX:
            self._plan = []
        self._seams = 0
        ended_well = self.world.handle(mail)
        self._plan = []
        return ended_well

    def pass_seam(self, seam: Seam) -> None:
        """What is planned for this seam happens."""
        number, self._seams = self._seams, self._seams + 1
        for fault in self._plan:
            if fault.seam == number:
                self._happen(fault, seam)

    def _happen(self, fault: Fault, seam: Seam) -> None:
        if fault.kind == "interrupted":
            self._interrupt(fault.choice)
            return
        self.troubled_at = self.world.clock.now()
        if fault.kind == "stalled":
            self.world.clock.advance(fault.choice)
        elif fault.kind == "killed":
            self.blame_everyone()
            raise Killed
        elif seam.call == "responses.send":
            raise DeliveryFailed("no answer")
        elif seam.call == "engines.invoke" and not seam.taken and fault.choice % 2:
            raise NotAccepted("Rate exceeded", passing=True)
        else:
            raise Unavailable("no answer")

    def _interrupt(self, choice: int) -> None:
        """Another process goes on in the middle of this one's call."""
        self.interruptions += 1
        if choice % 3 == 0 and self.world.engines.calls:
            self.run_engine(choice % len(self.world.engines.calls))
        elif choice % 3 == 1 and self.world.changing():
            changing = self.world.changing()
            self.world.finish(changing[choice % len(changing)])
        if self.world.mail:
            self.world.handle(self.world.mail[choice % len(self.world.mail)])

    def blame_everyone(self) -> None:
        """An owner whose engine call is lost has a reason to fail."""
        for resource in self.resources:
            if resource.pending is not None:
                self._blame(resource.pending.request_id)

    def _blame(self, request_id: str) -> None:
        self.causes[request_id] = self.causes.get(request_id, 0) + 1

    # Engines and clusters go on

    @precondition(lambda self: self.world.engines.calls)
    @rule(at=index, end=st.sampled_from(ENGINE_ENDS))
    def engine(self, at: int, end: str) -> None:
        calls = self.world.engines.calls
        version, call = calls.pop(at % len(calls))
        self._check_call(call)
        if is_fenced(call, self.world.clock.now()):
            self._blame(call["request_id"])
        if end == "works twice":
            calls.append((version, deepcopy(call)))
        if end.startswith("works"):
            self.world.report_end(version, call, self.world.engine_does(version, call))
        elif end.startswith("dies"):
            self._blame(call["request_id"])
            if end.startswith("dies after"):
                self.world.engine_does(version, call)
            if not end.endswith("unreported"):
                self.world.report_crash(call)
        else:
            if end in REFUSALS:
                self._blame(call["request_id"])
            self.world.report_end(version, call, failed(end, "it went wrong"))

    @precondition(lambda self: self.world.engines.calls)
    @rule(at=index, is_on_its_way=st.booleans())
    def refused_once(self, at: int, is_on_its_way: bool) -> None:
        """The first delivery of a call is refused, what refused it passes, and Lambda delivers it again.

        The second delivery comes later, or has already sent its request to AWS when the first is answered.
        An image that is built by such a request is left: docs/decisions/0044.
        """
        calls = self.world.engines.calls
        version, call = calls.pop(at % len(calls))
        self._check_call(call)
        self._blame(call["request_id"])
        is_left = call["operation"] == "build-image"
        (self.on_their_way if is_on_its_way and not is_left else calls).append((version, deepcopy(call)))
        self.world.report_end(version, call, failed("ClusterRejected", "AWS denied it"))

    def _arrives(self, request_id: str) -> None:
        """What second deliveries sent to AWS for a request arrives as soon as the request is answered."""
        late = [each for each in self.on_their_way if each[1]["request_id"] == request_id]
        for version, call in late:
            self.on_their_way.remove((version, call))
            self.counts["second deliveries that arrive late"] += 1
            self.world.report_end(version, call, self.world.late_engine_does(version, call))

    def run_engine(self, at: int) -> None:
        """An engine works, or comes too late to do so."""
        _, call = self.world.engines.calls[at]
        self._check_call(call)
        if is_fenced(call, self.world.clock.now()):
            self._blame(call["request_id"])
        self.world.run_queued(at)

    @precondition(lambda self: self.world.changing())
    @rule(at=index, fate=index)
    def stack(self, at: int, fate: int) -> None:
        changing = self.world.changing()
        stack = changing[at % len(changing)]
        self.end_change(stack, fate)

    def end_change(self, stack: ClusterStack, fate: int) -> None:
        """What runs in a stack comes to one of its ends."""
        fates = FATES[stack.status.split("_")[0]]
        self.world.move(stack.stack_id, fates[fate % len(fates)], ("HeadNode", "it did not start"))

    @precondition(lambda self: self._settled())
    @rule(at=index, kind=st.sampled_from(["deleted", "taken"]))
    def outside(self, at: int, kind: str) -> None:
        """A user deletes a cluster out of band, and another owner may take its name."""
        last_applied = self._settled()
        stack = last_applied[at % len(last_applied)]
        self.disturbed.add(stack.stack_id)
        self.world.move(stack.stack_id, "DELETE_COMPLETE")
        if kind == "taken":
            self._stranger(stack.name)

    @rule()
    def fleets_move(self) -> None:
        """Head nodes do what was asked of them, at any time."""
        self.world.move_fleets()

    def _settled(self) -> list[ClusterStack]:
        owners = {resource.owner for resource in self.resources}
        return [
            stack for stack in self.world.clusters() if not stack.in_progress and stack.tagged_owner in owners
        ]

    def _make_old(self) -> None:
        """A user makes a cluster that may be taken over."""
        count = len(self.world.adoptable)
        arn = f"arn:aws:cloudformation:us-east-1:123456789012:stack/{OLD}/foreign{count}"
        self.world.adoptable.add(self.world.foreign(OLD, stack_id=arn).stack_id)

    def _stranger(self, name: str) -> None:
        unique = f"stranger{len(self.strangers)}"
        stranger = stack_of(name, "CREATE_COMPLETE", {VERSION_TAG: "3.16.1"}, unique=unique)
        self.strangers[stranger.stack_id] = self.world.stacks.declare(stranger)

    @rule(ticks=st.integers(1, 15), planned=some_faults)
    def prosper(self, ticks: int, planned: list[Fault]) -> None:
        """A while in which everything but the plan goes well."""
        self._plan, self._seams = planned, 0
        for _ in range(ticks):
            self.world.tick()
        self._plan = []

    @rule(seconds=st.sampled_from([1, 5, 20, 61, 130, 400, 900]))
    def pass_time(self, seconds: int) -> None:
        end = self.world.clock.now() + timedelta(seconds=seconds)
        while self.world.clock.now() < end:
            self.world.clock.advance(min(60, (end - self.world.clock.now()).total_seconds()))
            self._tick()

    def _tick(self) -> None:
        """A minute is over: the sweep fires, Lambda repeats, CloudFormation may reach a time-out."""
        for resource in self.resources:
            resource.watch()
        self.sweep_in_peace()

    def sweep_in_peace(self) -> None:
        """A sweep in which nothing goes wrong."""
        self.world.sweep_all()

    # What a user may rely on

    def acknowledged(self, resource: Resource, pending: Pending, answer: dict[str, Any]) -> None:
        """CloudFormation has just used an answer."""
        self._arrives(pending.request_id)
        waited_s = (self.world.clock.now() - pending.issued_at).total_seconds()
        code = answer.get("Reason", "").split(":")[0]
        self.counts[f"{pending.event['RequestType']} {answer['Status']} {code}".strip()] += 1
        assert code != "NotConfirmed", "a request that CloudFormation waits for was not confirmed"
        if answer["Status"] == "FAILED":
            # The deadline is counted from a date in whole seconds.
            margin_s = MARGIN_S + (RESTART_MARGIN_S if "fleet" in answer["Reason"] else 0)
            early = waited_s < SERVICE_TIMEOUT_S - margin_s - 1
            assert code != "DeadlineExceeded" or not early, f"after {waited_s} s: {answer['Reason']}"
            assert code != "EngineFailed" or self._engine_lost(pending) > 0, answer["Reason"]
        if pending.event["RequestType"] == "Create" and answer["Status"] == "SUCCESS":
            answered = answer["PhysicalResourceId"]
            wanted_id = pending.event["ResourceProperties"].get(resource.id_property, answered)
            assert answer["PhysicalResourceId"] == wanted_id, f"a Create of {wanted_id} answers {answer}"
        if pending.event["RequestType"] == "Delete" and answer["Status"] == "SUCCESS":
            self.check_deleted(resource, pending)
        self._hold_up(resource, pending, answer)

    def _hold_up(self, resource: Resource, pending: Pending, answer: dict[str, Any]) -> None:
        """A handle that is new to the stack has a new wait condition; it begins when the resource is done."""
        self.conditions = [each for each in self.conditions if each.resource is not resource]
        handle = self.fresh_handles.get(pending.request_id)
        if handle is not None and answer["Status"] == "SUCCESS":
            self.conditions.append(Condition(resource, handle))

    def check_deleted(self, resource: Resource, pending: Pending) -> None:
        """Nothing is left of what was deleted, and nothing that could still make it."""
        deleted_id = pending.event["PhysicalResourceId"]
        whole = pending.goal == "deleting"
        retain = pending.event["ResourceProperties"].get("DeletionPolicy") == "Retain"
        was_complete = any(entry[:2] == ("Create", "SUCCESS") for entry in resource.history[resource.born :])
        for thing_id, name in self.made_by(resource.owner).items():
            if not whole and name != deleted_id:
                continue
            assert retain, f"{name} is left after its Delete succeeded"
            assert was_complete, f"{name} of a Create that never succeeded was retained"
            assert name == deleted_id, f"{name} is left after Delete {deleted_id}"
            self.retained.add(thing_id)
        for _, call in self.world.engines.calls:
            makes = call["operation"] in {"create", "build-image"}
            own = Owner(**call["owner"]) == resource.owner and makes
            if own and (whole or call["cluster_name"] == deleted_id):
                known = any(call["call_id"] in fact.tokens for fact in self.world.stacks.facts.values())
                refused = is_fenced(call, self.world.clock.now()) or not self.world.is_in_progress(
                    resource.owner
                )
                assert known or refused, "an engine can still make a cluster"

    def _engine_lost(self, pending: Pending) -> int:
        """How often an engine, or who called it, was lost or refused; an absent service is no cause."""
        now = self.world.clock.now()
        late = [call for _, call in self.world.engines.calls if call["request_id"] == pending.request_id]
        return self.causes.get(pending.request_id, 0) + sum(is_fenced(call, now) for call in late)

    def _gave_up(self, resource: Resource, pending: Pending) -> None:
        """Only what was never recorded, or was troubled to the last, goes without an answer."""
        now = self.world.clock.now()
        known = self.known_since(resource, pending)
        late = known is None or known < timedelta(seconds=RECORDED_BEFORE_S)
        troubled = now - self.troubled_at < timedelta(seconds=UNTROUBLED_S)
        self.counts[f"{pending.event['RequestType']} without an answer"] += 1
        assert late or troubled, f"{pending.event['RequestType']} was not answered in time"

    def known_since(self, resource: Resource, pending: Pending) -> timedelta | None:
        """For how long the provider has known of a request; None if it does not know it."""
        operation = self.world.tables.load_operation(resource.owner, pending.request_id)
        return self.world.clock.now() - operation.progress.accepted_at if operation is not None else None

    def _clusters_of(self, owner: Owner) -> list[ClusterStack]:
        return [
            stack
            for stack in self.world.clusters()
            if stack.tagged_owner == owner and stack.stack_id not in self.retained
        ]

    def _check_call(self, call: dict[str, Any]) -> None:
        if call["stack_id"] in self.world.adoptable:
            if call["operation"] == "delete":
                assert call["request_id"] in self.allowed, "what was taken over is to be deleted"
                self.deletable.add(call["stack_id"])
        elif call["stack_id"] is not None:
            stack = self.world.stacks.facts[call["stack_id"]].stack
            assert stack.tagged_owner == Owner(**call["owner"]), "another owner's cluster"

    def made_by(self, owner: Owner) -> dict[str, str]:
        """The names of all that an owner made and that is not retained, by what identifies it."""
        return {stack.stack_id: stack.name for stack in self._clusters_of(owner)}

    @invariant()
    def strangers_are_never_touched(self) -> None:
        self.counts["steps"] += 1
        for stack_id, stranger in self.strangers.items():
            assert self.world.stacks.facts[stack_id].stack == stranger
        for _, call in self.world.engines.calls:
            assert call["stack_id"] not in self.strangers
        for arn in self.world.adoptable - self.deletable:
            status = self.world.stacks.facts[arn].stack.status
            assert not status.startswith("DELETE_"), "what was taken over is being deleted"

    @invariant()
    def no_answer_broke_a_rule(self) -> None:
        """The provider may have survived the error in which such an answer ended."""
        for violation in self.world.listening.violations:
            raise violation

    @invariant()
    def every_cluster_has_somebody_who_knows_it(self) -> None:
        for resource in self.resources:
            for name in self.made_by(resource.owner).values():
                record = self.world.tables.load(resource.owner)
                assert record is not None
                known = name in record.clusters or self._keeps(record, resource.owner, name)
                assert known, f"no record has {name}"

    def _keeps(self, record: OwnerRecord, owner: Owner, name: str) -> bool:
        """Whether a Delete whose answer was not acknowledged keeps the cluster."""
        operation = self.world.tables.load_operation(owner, record.newest_request_id)
        assert operation is not None
        request = operation.request
        return (request.physical_id, request.deletion_policy) == (name, DeletionPolicy.RETAIN)

    def teardown(self) -> None:
        """Peace: everything comes to its end, then everything is deleted."""
        if sys.exc_info()[0] is not None:
            return
        self.make_peace()
        self.world.until_answered()
        self.world.run(1800)
        self._check_complete()
        self._check_conditions()
        self.at_rest()
        for _ in range(8):
            for resource in self.resources:
                if resource.phase != "absent":
                    self.go_on_with(resource, back=True)
            self.world.until_answered()
        self.world.run(900)
        self.check_end()

    def make_peace(self) -> None:
        """From now on nothing goes wrong any more."""
        self.world.hook = lambda _: None

    def at_rest(self) -> None:
        """What the last requests asked for is done, and nothing is deleted yet."""

    def _check_complete(self) -> None:
        for resource in self.resources:
            self.strangers_are_never_touched()
            names = self.made_by(resource.owner).values()
            if resource.phase == "complete":
                lost = self.is_lost(resource.physical_id)
                adopted = resource.physical_id == OLD
                assert lost or adopted or resource.physical_id in names, f"{resource.physical_id} is gone"
            if resource.phase in {"complete", "updated", "update failed"}:
                self._check_fleet(resource)

    def is_lost(self, name: str) -> bool:
        """Whether what had this name was deleted from outside."""
        return any(self.world.stacks.facts[each].stack.name == name for each in self.disturbed)

    def _check_fleet(self, resource: Resource) -> None:
        """What was stopped for an update runs again once the stack is at rest."""
        for stack in self._clusters_of(resource.owner):
            if stack.works and stack.name == resource.physical_id:
                assert self.world.fleet(stack.name) == "RUNNING", (
                    f"{stack.name}: {self.world.fleet(stack.name)}"
                )

    def _check_conditions(self) -> None:
        """Every wait condition that holds a stack up was signalled how the work ended, truthfully."""
        for resource in self._in_phase("complete", "updated"):
            status = self._condition(resource)
            # An AMI that is gone before it was ever seen is waited for until the signal's deadline.
            waits = resource.type != CLUSTER_TYPE and self.is_lost(resource.physical_id)
            assert status != "nothing" or waits, (
                f"the wait condition of {resource.logical_id} is not signalled"
            )
            stacks = [
                stack for stack in self._clusters_of(resource.owner) if stack.name == resource.physical_id
            ]
            if status == "SUCCESS" and stacks and not self.disturbed and resource.type == CLUSTER_TYPE:
                assert stacks[0].works, f"{resource.physical_id} is {stacks[0].status} after a success"

    def check_end(self) -> None:
        """What holds once everything is over."""
        self.strangers_are_never_touched()
        for resource in self.resources:
            assert resource.phase == "absent", f"{resource.logical_id} is {resource.phase}"
            assert self.made_by(resource.owner) == {}
        waiting = {item.owner for item in self.world.tables.waiting()}
        assert waiting <= self.hostile, "something is still waited for"
        for request_id in self.world.sink.bodies:
            self.world.listening.check_repeated(request_id)
