"""An event is a claim: what CloudFormation does not confirm changes nothing, regardless of its sender."""

from datetime import timedelta
from typing import Any

import pytest

from cluster_provider.admission import ASK_AGAIN_AFTER_S, CONFIRMED_WITHIN_S
from cluster_provider.core.errors import Unavailable
from cluster_provider.core.transitions.acceptance import SIGNED_BEFORE_MAX_S
from tests.support.fakes import HANDLES
from tests.support.world import CONFIGURATION, PARENT, World, properties

NEW = {**CONFIGURATION, "Tags": []}


def forged(world: World, kind: str, **fields: Any) -> dict[str, Any]:
    more: dict[str, Any] = {} if kind == "Create" else {"PhysicalResourceId": "hpc"}
    if kind == "Update":
        more["OldResourceProperties"] = properties()
    return world.forge(kind, **more) | fields


def rested(world: World) -> None:
    """The resource is complete: CloudFormation asks for nothing."""
    world.stacks.requested.clear()


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_an_event_that_cloudformation_does_not_confirm_is_answered_and_changes_nothing(kind: str) -> None:
    world = World()
    world.made()
    rested(world)
    before, cluster = world.record(), world.cluster()
    event = forged(world, kind, ResourceProperties=properties(ClusterConfiguration=NEW))
    world.deliver_until_handled(event)
    answer = world.sink.answer(event["RequestId"])
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(
        f"NotConfirmed: resource Cluster: CloudFormation does not report this {kind}"
    )
    assert (world.record(), world.cluster(), world.engines.calls) == (before, cluster, [])


def test_a_forged_delete_does_not_delete_a_cluster_that_the_template_retains() -> None:
    world = World()
    world.create(ResourceProperties=properties(DeletionPolicy="Retain"))
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    rested(world)
    world.deliver_until_handled(forged(world, "Delete"))
    world.pass_time(600)
    assert world.engines.calls == []
    assert world.cluster().status == "CREATE_COMPLETE"


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_a_forged_event_does_not_silence_an_open_create(kind: str) -> None:
    world = World()
    request = world.create()
    world.run_engine()
    world.deliver_until_handled(forged(world, kind))
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_a_forged_update_does_not_take_the_place_of_the_one_that_cloudformation_waits_for() -> None:
    world = World()
    world.made()
    request = world.update(ClusterConfiguration=NEW)
    event = forged(world, "Update", ResourceProperties=properties(ClusterConfiguration={"Region": "evil"}))
    world.deliver_until_handled(event)
    assert world.sink.answer(event["RequestId"])["Reason"].startswith("NotConfirmed")
    assert world.record().newest_request_id == request


def test_one_event_of_the_far_future_does_not_make_later_requests_late() -> None:
    world = World()
    request = world.create()
    event = forged(world, "Update")
    far = event["ResponseURL"].replace("X-Amz-Date=2026", "X-Amz-Date=2099")
    world.deliver_until_handled(event | {"ResponseURL": far})
    # The same date in a request that is CloudFormation's counts as its receipt.
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    update = world.event(
        "Update",
        PhysicalResourceId="hpc",
        ResourceProperties=properties(ClusterConfiguration=NEW),
        OldResourceProperties=properties(),
    )
    world.deliver(
        update | {"ResponseURL": update["ResponseURL"].replace("X-Amz-Date=2026", "X-Amz-Date=2099")}
    )
    assert world.record().newest_issued_at == world.clock.now()
    world.clock.advance(30)
    deletion = world.delete()
    assert world.record().newest_request_id == deletion


def test_a_forged_event_without_a_date_is_answered_too() -> None:
    """It is as old as its first receipt is known to be: the queue of retries knows."""
    world = World()
    event = forged(world, "Create")
    undated = event["ResponseURL"].replace("X-Amz-Date=2026", "X-Amz-Date=2099")
    world.deliver_until_handled(event | {"ResponseURL": undated})
    assert world.sink.bodies == {}
    world.pass_time(240)
    assert world.sink.answer(event["RequestId"])["Reason"].startswith("NotConfirmed")
    assert world.letters.waiting == []


def test_what_only_the_provider_puts_into_an_event_is_taken_out_of_what_arrives() -> None:
    world = World()
    request = world.deliver(
        world.event("Create") | {"CrHelperPoll": True, "ReceivedAt": "soon", "RequeueAt": "never"}
    )
    assert [call["request_id"] for _, call in world.engines.calls] == [request]


def test_a_read_that_is_late_by_a_second_costs_no_delivery() -> None:
    world = World()
    event = world.event("Create")
    state, asked = world.stacks.requested.pop(world.owner()), world.clock.now()

    def sleep(seconds: float) -> None:
        type(world.clock).sleep(world.clock, seconds)
        world.stacks.requested[world.owner()] = state

    world.clock.sleep = sleep
    world.deliver(event)
    assert len(world.engines.calls) == 1
    assert world.clock.now() == asked + timedelta(seconds=ASK_AGAIN_AFTER_S)


def test_a_no_is_not_an_answer_before_cloudformations_reads_can_be_late_no_more() -> None:
    world = World()
    event = forged(world, "Create")
    with pytest.raises(Unavailable):
        world.deliver(event)
    assert world.sink.bodies == {}
    world.clock.advance(CONFIRMED_WITHIN_S)
    world.deliver(event)
    assert world.sink.answer(event["RequestId"])["Reason"].startswith("NotConfirmed")


def test_a_delivery_that_is_overtaken_by_another_of_its_request_answers_nothing_else() -> None:
    """The other one was accepted, and its answer used, between two looks of this one."""
    world = World()
    event = world.event("Create", ResourceProperties=properties(ClusterName="parent"))
    world.clock.advance(CONFIRMED_WITHIN_S)
    confirm = world.stacks.requested_since

    def overtaken(*_: Any) -> None:
        world.stacks.requested_since = confirm
        world.deliver(event)
        world.stacks.requested.clear()

    world.stacks.requested_since = overtaken
    world.deliver(event)
    assert world.sink.answer(event["RequestId"])["Reason"].startswith("InvalidProperty: ClusterName")


def test_a_request_waits_for_a_cloudformation_that_cannot_be_asked() -> None:
    world = World()
    event, confirm = world.event("Create"), world.stacks.requested_since

    def throttled(*_: Any) -> None:
        raise Unavailable("Throttling: Rate exceeded")

    world.stacks.requested_since = throttled
    world.clock.advance(CONFIRMED_WITHIN_S)
    with pytest.raises(Unavailable):
        world.deliver(event)
    assert (world.sink.bodies, world.store.records()) == ({}, [])
    world.stacks.requested_since = confirm
    world.deliver(event)
    assert len(world.engines.calls) == 1


def test_an_update_that_was_never_recorded_does_not_take_the_place_of_its_rollback() -> None:
    """All its deliveries failed until the rollback was accepted: only its date distinguishes it."""
    world = World()
    world.made()
    stale = world.event(
        "Update",
        PhysicalResourceId="hpc",
        ResourceProperties=properties(ClusterConfiguration=NEW),
        OldResourceProperties=properties(),
    )
    world.clock.advance(SIGNED_BEFORE_MAX_S + 1)
    undo = world.event(
        "Update",
        PhysicalResourceId="hpc",
        ResourceProperties=properties(),
        OldResourceProperties=properties(ClusterConfiguration=NEW),
    )
    world.deliver_until_handled(stale)
    world.deliver(undo)
    assert world.record().newest_request_id == undo["RequestId"]


def test_a_clean_up_is_confirmed_for_what_it_deletes_and_for_nothing_else() -> None:
    world = World()
    world.made()
    world.event("Delete", PhysicalResourceId="old")
    world.deliver_until_handled(forged(world, "Delete"))
    assert world.engines.calls == []
    assert world.cluster().status == "CREATE_COMPLETE"


def test_a_request_of_a_nested_stack_is_confirmed_by_that_stack() -> None:
    world = World()
    nested = PARENT.replace("/parent/", "/parent-Nested-1ABC/")
    event = world.event("Create", StackId=nested)
    world.deliver_until_handled(world.forge("Create"))
    assert world.engines.calls == []
    world.deliver(event)
    assert len(world.engines.calls) == 1


@pytest.mark.parametrize(
    "handle",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://attacker.test/handle",
        HANDLES.replace("us-east-1", "eu-west-1") + "1",
        HANDLES.replace("https", "http") + "1",
        HANDLES.replace("amazonaws.com/", "amazonaws.com.attacker.test/") + "1",
        HANDLES.replace("https://", "https://attacker.test@") + "1",
        HANDLES.replace(".com/", ".com:8443/") + "1",
        f"{HANDLES}1\r\nX-Injected: yes",
        f"{HANDLES}\ud800",
        HANDLES + "1" * 5000,
        ["https://attacker.test/"],
        None,
    ],
)
def test_a_handle_that_is_not_cloudformations_is_refused_and_never_sent_to(handle: Any) -> None:
    world = World()
    request = world.create(ResourceProperties=properties(WaitConditionHandle=handle))
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("InvalidProperty: WaitConditionHandle: ")
    assert (world.sink.signals, world.engines.calls) == ({}, [])
