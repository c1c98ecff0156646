"""The work queue: an owner whose passes fail, hang or die costs its own time and no other owner's."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from cluster_provider.core.deadline import MARGIN_S, WAIT_CONDITION_MAX_S
from cluster_provider.core.errors import DeliveryFailed, Unavailable
from cluster_provider.queue import BACKOFF_MAX_S, BACKOFF_MIN_S, Queue, next_attempt_at
from tests.support.fakes import HANDLES, START, MovedClock
from tests.support.faults import Killed
from tests.support.world import World, properties

SWEEP = {"detail-type": "Scheduled Event", "source": "aws.events"}
LAMBDA_LIMIT_S = 60
HANGS_FOR_S = 10


@dataclass
class Limited:
    """An invocation that Lambda ends after a minute."""

    clock: MovedClock
    aws_request_id: str

    def __post_init__(self) -> None:
        self.ends_at = self.clock.now() + timedelta(seconds=LAMBDA_LIMIT_S)

    def get_remaining_time_in_millis(self) -> int:
        return int((self.ends_at - self.clock.now()).total_seconds() * 1000)


class Busy(World):
    """A world in which every invocation has a limit, and Lambda repeats nothing."""

    def __init__(self, hangs: Callable[["Busy"], None]) -> None:
        super().__init__()
        self._hangs = hangs
        self._number = 0
        send = self.sink.send

        def sending(url: str, body: str) -> None:
            if "hangs" in url:
                self._hangs(self)
            send(url, body)

        self.sink.send = sending

    def deliver(self, event: dict[str, Any]) -> str:
        self._number += 1
        # What an invocation ends with is Lambda's concern; nothing is repeated here.
        with suppress(DeliveryFailed, Unavailable, Killed, ExceptionGroup):
            self.provider.handle(event, Limited(self.clock, f"limited-{self._number}"))
        return str(event.get("RequestId", ""))

    def work(self) -> None:
        while self.engines.calls:
            self.run_engine()

    def sweep_every_minute(self) -> None:
        before = self.clock.now()
        self.deliver(SWEEP)
        self.work()
        spent_s = (self.clock.now() - before).total_seconds()
        self.clock.advance(max(0, 60 - spent_s))

    def trouble(self, count: int) -> None:
        """Clusters that are complete, and whose signals to wait conditions fail."""
        names = [f"Hangs{number}" for number in range(count)]
        for name in names:
            handle = f"{HANDLES}hangs/{name}"
            wanted = properties(ClusterName=name, WaitConditionHandle=handle)
            self.create(logical_id=name, ResourceProperties=wanted)
            self.work()
        for name in names:
            self.settle(name, "CREATE_COMPLETE")
            self.work()


def _times_out(world: Busy) -> None:
    world.clock.advance(HANGS_FOR_S)
    raise DeliveryFailed("TimeoutError")


def _dies(world: Busy) -> None:
    """Whatever bounds a delivery failed, and Lambda ends the invocation."""
    world.clock.advance(LAMBDA_LIMIT_S)
    raise Killed


@pytest.mark.parametrize("hangs", [_times_out, _dies])
@pytest.mark.parametrize(("count", "sweeps"), [(1, 2), (3, 2), (100, 5)])
def test_owners_that_hang_do_not_hold_up_a_create_whose_events_are_lost(
    hangs: Callable[[Busy], None], count: int, sweeps: int
) -> None:
    world = Busy(hangs)
    world.trouble(count)
    request = world.create()
    world.work()
    world.clock.advance(300)
    world.settle("hpc", "CREATE_COMPLETE", tell=False)
    for _ in range(sweeps):
        world.sweep_every_minute()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


@pytest.mark.parametrize("hangs", [_times_out, _dies])
@pytest.mark.parametrize("count", [3, 100])
def test_owners_that_hang_do_not_hold_up_an_event_that_could_not_be_handled(
    hangs: Callable[[Busy], None], count: int
) -> None:
    world = Busy(hangs)
    world.trouble(count)
    event = world.event("Create")
    world.letters.put(event)
    for _ in range(6):
        world.sweep_every_minute()
    assert world.store.load_operation(world.owner(), event["RequestId"]) is not None


def test_an_owner_that_failed_once_does_not_wait_for_a_hundred_that_always_hang() -> None:
    world = Busy(_times_out)
    world.trouble(100)
    for _ in range(30):
        world.sweep_every_minute()
    request = world.create()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE", tell=False)
    until = world.clock.now() + timedelta(seconds=30)
    world.store.acquire(world.owner(), "died", until, until)
    for _ in range(3):
        world.sweep_every_minute()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_a_request_is_answered_at_its_deadline_though_the_table_cannot_be_read() -> None:
    world = World()
    event = world.event("Create")
    world.letters.put(event)
    world.store.load = world.store.waiting = _away
    world.clock.advance(_too_late(world) + 60)
    with pytest.raises(Unavailable):
        world.sweep()
    assert world.sink.answer(event["RequestId"])["Reason"].startswith("DeadlineExceeded: provider")


def test_owners_that_failed_have_a_share_of_every_sweep() -> None:
    """However many others are due, and however long each takes."""
    world = Busy(lambda _: None)
    failed = world.create()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE", tell=False)
    owner, now = world.owner(), world.clock.now()
    world.store.acquire(owner, "died", now + timedelta(seconds=30), now + timedelta(seconds=30))
    others = []
    for number in range(50):
        wanted = properties(ClusterName=f"c{number}")
        others.append(world.create(logical_id=f"C{number}", ResourceProperties=wanted))
        world.run_engine()
        world.settle(f"c{number}", "CREATE_COMPLETE", tell=False)
    world.clock.advance(120)
    describe = world.stacks.describe

    def slow(name_or_arn: str) -> Any:
        world.clock.advance(5)
        return describe(name_or_arn)

    world.stacks.describe = slow
    assert world.store.failed_passes([owner]) == {owner: 1}
    world.sweep_every_minute()
    world.stacks.describe = describe
    world.work()
    assert world.sink.answers(failed)
    assert 0 < sum(bool(world.sink.answers(request)) for request in others) < 50


def test_a_pass_that_fails_moves_its_owner_back_ever_further_and_one_that_ends_well_forgets_it() -> None:
    world = Busy(_times_out)
    world.trouble(1)
    (owner,) = [item.owner for item in world.store.waiting()]
    delays = []
    for _ in range(6):
        (item,) = world.store.waiting()
        world.clock.advance(max(0, (item.requeue_at - world.clock.now()).total_seconds()))
        began = world.clock.now()
        world.deliver(SWEEP)
        (item,) = world.store.waiting()
        delays.append((item.requeue_at - began).total_seconds())
    assert delays == sorted(delays)
    assert delays[0] >= BACKOFF_MIN_S
    assert delays[-1] == BACKOFF_MAX_S
    world._hangs = lambda _: None  # noqa: SLF001 - its own
    world.clock.advance(BACKOFF_MAX_S)
    world.deliver(SWEEP)
    assert world.store.waiting() == []
    assert world.store.failed_passes([owner]) == {}


@pytest.mark.parametrize("failed_passes", [0, 1, 5, 50])
def test_an_owner_is_requeued_no_later_than_its_deadline_and_no_earlier_than_the_end_of_its_lease(
    failed_passes: int,
) -> None:
    deadline_at, lease_until = START + timedelta(seconds=90), START + timedelta(seconds=45)
    at = next_attempt_at(START, lease_until, failed_passes, deadline_at)
    assert lease_until <= at <= deadline_at
    after = next_attempt_at(deadline_at, deadline_at + timedelta(seconds=20), failed_passes, deadline_at)
    assert after == deadline_at + timedelta(seconds=BACKOFF_MIN_S)
    assert after < deadline_at + timedelta(seconds=MARGIN_S)
    assert next_attempt_at(START, START + timedelta(hours=2), failed_passes) == START + timedelta(hours=2)


def test_a_failed_pass_does_not_make_a_request_wait_that_came_meanwhile() -> None:
    """The lease is released in spite of the dirty flag, and the newer request is begun at once."""
    world = World()
    world.made()
    change, meanwhile = world.store.change, []

    def interrupted(owner: Any, apply: Any, operations: Any = (), holder: str = "") -> Any:
        if holder and not meanwhile:
            world.clock.advance(5)
            meanwhile.append(world.event("Delete", PhysicalResourceId="hpc"))
            world.deliver(meanwhile[0])
            raise Unavailable("ProvisionedThroughputExceededException")
        return change(owner, apply, operations, holder)

    world.store.change = interrupted
    world.update(ClusterConfiguration={"Region": "us-east-1", "Scheduling": {"SlurmQueues": []}})
    while world.engines.calls:
        world.run_engine()
    assert meanwhile
    assert world.record().newest_request_id == meanwhile[0]["RequestId"]
    assert world.cluster().status == "DELETE_IN_PROGRESS"


def test_a_request_is_carried_out_though_the_table_was_away_for_longer_than_lambda_tries() -> None:
    world = World()
    load = world.store.load

    def away(_: Any) -> Any:
        raise Unavailable("connection refused")

    world.store.load = away
    event = world.event("Create")
    world.deliver_until_handled(event)
    assert [letter.event["RequestId"] for letter in world.letters.waiting] == [event["RequestId"]]
    world.pass_time(300)
    assert world.engines.calls == []
    world.store.load = load
    world.pass_time(120)
    assert world.letters.waiting == []
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(event["RequestId"])["Status"] == "SUCCESS"


def test_a_request_that_could_not_be_recorded_until_its_deadline_is_answered_then() -> None:
    world = World()

    def away(_: Any) -> Any:
        raise Unavailable("connection refused")

    world.store.load = away
    event = world.event("Create")
    world.deliver_until_handled(event)
    world.pass_time(3600 - MARGIN_S - 400)
    assert world.sink.bodies == {}
    world.pass_time(300)
    answer = world.sink.answer(event["RequestId"])
    assert answer["Reason"].startswith("DeadlineExceeded: provider: the request could not be recorded")
    assert "connection refused" in answer["Reason"]
    assert world.letters.waiting == []


def test_a_sweep_that_could_not_be_handled_is_not_repeated_and_any_other_event_is() -> None:
    world = World()
    request = world.create()
    _, call = world.engines.calls[0]
    world.letters.put(dict(SWEEP))
    result = {"contract": 1, "status": "failed", "error": {"code": "ClusterRejected", "message": "No."}}
    world.letters.put({"requestPayload": call, "requestContext": {}, "responsePayload": result})
    world.letters.put({"what": "is this"})
    world.sweep()
    assert world.sink.answer(request)["Reason"].startswith("ClusterRejected")
    assert [letter.event for letter in world.letters.waiting] == [{"what": "is this"}]


def _away(*_: Any) -> Any:
    raise Unavailable("connection refused")


def _too_late(world: World) -> float:
    """Seconds from now to the deadline of a request that was just issued."""
    return 3600 - MARGIN_S - (world.clock.now() - START).total_seconds()


def test_a_delivery_after_the_answer_is_not_answered_though_the_table_is_away() -> None:
    world = World()
    event = world.event("Create", ResourceProperties=properties(ClusterName="parent"))
    world.deliver(event)
    before = world.sink.answer(event["RequestId"])
    world.store.load = world.store.load_operation = _away
    for late_s in (30, 600):
        world.clock.advance(_too_late(world) + late_s)
        with pytest.raises(Unavailable):
            world.deliver(event)
    assert world.sink.answer(event["RequestId"]) == before


def test_what_a_create_made_is_deleted_though_its_answer_was_overtaken_by_one_without_its_record() -> None:
    """The success was written down and not sent when the table went away, until after the deadline."""
    world = World()
    event = world.event("Create")
    world.deliver(event)
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.sink.refuse_next(DeliveryFailed("the read operation timed out"))
    world.clock.advance(_too_late(world) - 20)
    with pytest.raises(DeliveryFailed):
        world.run_engine()
    load, load_operation = world.store.load, world.store.load_operation
    world.store.load = world.store.load_operation = _away
    world.clock.advance(100)
    world.deliver(event)
    answer = world.sink.answer(event["RequestId"])
    assert answer["Reason"].startswith("DeadlineExceeded: provider: the request could not be recorded")
    world.store.load, world.store.load_operation = load, load_operation
    world.stacks.listed[world.owner()] = answer["PhysicalResourceId"]
    deletion = world.delete(answer["PhysicalResourceId"])
    assert world.run_engine()["operation"] == "delete"
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(deletion)["Status"] == "SUCCESS"


@pytest.mark.parametrize("denied", ["describe", "requested_since"])
def test_a_request_whose_every_pass_fails_is_answered_at_its_deadline(denied: str) -> None:
    """However far it was moved back: it is due again when its time is over."""
    world = Busy(lambda _: None)
    event = world.event("Create")
    if denied == "requested_since":
        world.letters.put(event)

    def deny(*_: Any) -> None:
        raise PermissionError("AccessDenied")

    setattr(world.stacks, denied, deny)
    with pytest.raises(PermissionError):
        world.deliver(event)
    while world.clock.now() < START + timedelta(seconds=3600):
        world.sweep_every_minute()
    assert world.sink.answer(event["RequestId"])["Reason"].startswith("DeadlineExceeded")


@pytest.mark.parametrize("minute", range(4))
def test_an_owner_that_failed_is_answered_at_its_deadline_before_events_that_end_every_invocation(
    minute: int,
) -> None:
    world = Busy(lambda _: None)
    world.create()
    now = world.clock.now()
    world.store.acquire(world.owner(), "died", now + timedelta(seconds=30), now + timedelta(seconds=30))
    world.clock.advance(_too_late(world) + 60 * minute)
    woken = []

    def die() -> None:
        raise Killed

    with pytest.raises(Killed):
        Queue(world.ports).sweep(lambda owner, _: woken.append(owner), die, lambda: float(LAMBDA_LIMIT_S))
    assert woken == [world.owner()]


def test_a_signal_is_due_at_its_deadline_though_every_pass_fails() -> None:
    """Its own: that of the answer before it is long over."""
    world = Busy(_times_out)
    world.trouble(1)
    (owner,) = [item.owner for item in world.store.waiting()]
    record = world.store.load(owner)
    assert record is not None
    assert record.deadline_at == START + timedelta(seconds=WAIT_CONDITION_MAX_S - MARGIN_S)
