"""What a superseded or failed request left and cannot be deleted is reported, and delays nothing else."""

import json

import pytest

from cluster_provider.core.identity import is_marker
from tests.support.fakes import HANDLES
from tests.support.world import (
    CONFIGURATION,
    IMAGE_TYPE,
    TOKEN,
    World,
    failed,
    image_properties,
    properties,
)

REPLACE = {"ClusterNameUpdatePolicy": "Replace"}
LAB = properties(ClusterName="lab", **REPLACE)
CAUSE = "HeadNodeVpc (AWS::EC2::Instance) CREATE_FAILED: it has a dependent object."


def half_made(world: World) -> None:
    """A replacement by lab failed, and its stack is still there."""
    world.made()
    request = world.update(ClusterName="lab", **REPLACE)
    world.run_engine()
    world.settle("lab", "CREATE_FAILED")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "FAILED"
    world.clock.advance(60)


def rollback(world: World) -> str:
    return world.update(LAB, **REPLACE)


def go_on(world: World, request: str, *, lab: str = "DELETE_FAILED", until_s: int = 3600) -> list[str]:
    """A request goes on until it is answered; what engines were called for."""
    called = []
    ends = {"hpc": {"DELETE_IN_PROGRESS": "DELETE_COMPLETE", "UPDATE_IN_PROGRESS": "UPDATE_COMPLETE"}}
    ends["lab"] = {"DELETE_IN_PROGRESS": lab, "CREATE_IN_PROGRESS": "CREATE_COMPLETE"}
    for _ in range(until_s // 60):
        while world.engines.calls:
            call = world.run_engine()
            called.append(f"{call['operation']} {call['cluster_name']}")
        for name, end in ends.items():
            stack = world.stacks.living(name)
            if stack is not None and stack.in_progress and end[stack.status] == "DELETE_FAILED":
                world.fail(name, "DELETE_FAILED", ("HeadNodeVpc", "it has a dependent object"))
            elif stack is not None and stack.in_progress:
                world.settle(name, end[stack.status])
        world.pass_time(60)
        if world.sink.answers(request):
            break
    return called


def notes(world: World, request: str) -> list[dict[str, str]]:
    messages = json.loads(world.sink.answer(request)["Data"]["validationMessages"])
    return [message for message in messages if message["type"] == "NotDeleted"]


def test_a_rollback_succeeds_in_spite_of_a_leftover_that_cannot_be_deleted_and_reports_it() -> None:
    world = World()
    half_made(world)
    request = rollback(world)
    assert go_on(world, request) == ["delete lab"] * 3 + ["describe hpc"]
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    (note,) = notes(world, request)
    assert note["level"] == "WARNING"
    assert "cluster lab: an earlier request left it, and it could not be deleted" in note["message"]
    assert CAUSE in note["message"]
    assert "lab" in world.record().clusters


def test_a_leftover_that_could_not_be_deleted_is_deleted_by_the_resources_delete() -> None:
    world = World()
    half_made(world)
    go_on(world, rollback(world))
    request = world.delete()
    assert go_on(world, request, lab="DELETE_COMPLETE") == ["delete lab", "delete hpc"]
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.record().clusters == {}


def test_a_delete_deletes_its_own_cluster_and_fails_with_the_cause_of_a_leftover() -> None:
    world = World()
    half_made(world)
    request = world.delete()
    assert go_on(world, request) == ["delete lab"] * 3 + ["delete hpc"]
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("ClusterFailed: cluster lab: an earlier request left it")
    assert CAUSE in reason
    assert world.stacks.living("hpc") is None
    again = world.delete()
    assert go_on(world, again, lab="DELETE_COMPLETE") == ["delete lab"]
    assert world.sink.answer(again)["Status"] == "SUCCESS"
    assert world.record().clusters == {}


def test_a_delete_that_keeps_its_cluster_keeps_it_and_fails_with_the_cause_of_a_leftover() -> None:
    world = World()
    half_made(world)
    retained = properties(DeletionPolicy="Retain")
    request = world.delete(ResourceProperties=retained)
    go_on(world, request)
    assert world.sink.answer(request)["Reason"].startswith("ClusterFailed: cluster lab: ")
    go_on(world, again := world.delete(ResourceProperties=retained), lab="DELETE_COMPLETE")
    assert world.sink.answer(again)["Status"] == "SUCCESS"
    assert world.cluster("hpc").works


def test_an_update_changes_its_own_cluster_in_spite_of_a_leftover() -> None:
    world = World()
    half_made(world)
    go_on(world, rollback(world))
    new = {**CONFIGURATION, "Tags": []}
    request = world.update(properties(**REPLACE), ClusterConfiguration=new, **REPLACE)
    assert go_on(world, request) == ["delete lab"] * 3 + ["update hpc", "describe hpc"]
    assert len(notes(world, request)) == 1
    later = world.update(properties(ClusterConfiguration=new), **REPLACE)
    go_on(world, later, lab="DELETE_COMPLETE")
    assert world.sink.answer(later)["Status"] == "SUCCESS"
    assert notes(world, later) == []
    assert list(world.record().clusters) == ["hpc"]


def test_no_other_cluster_is_made_beside_a_leftover_that_cannot_be_deleted() -> None:
    world = World()
    half_made(world)
    go_on(world, rollback(world))
    request = world.update(ClusterName="new", **REPLACE)
    assert go_on(world, request) == ["delete lab"] * 3
    answer = world.sink.answer(request)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", "hpc")
    assert answer["Reason"].startswith("ClusterFailed: cluster lab: an earlier request left it")
    assert world.stacks.living("new") is None


def test_a_create_beside_a_leftover_that_cannot_be_deleted_fails_and_makes_nothing() -> None:
    world = World()
    world.create(ResourceProperties=LAB)
    world.run_engine()
    world.clock.advance(60)
    request = world.create()
    world.settle("lab", "CREATE_COMPLETE")
    assert go_on(world, request) == ["delete lab"] * 3
    answer = world.sink.answer(request)
    assert is_marker(answer["PhysicalResourceId"])
    assert answer["Reason"].startswith("ClusterFailed: cluster lab: an earlier request left it")
    gone = world.delete(answer["PhysicalResourceId"])
    assert go_on(world, gone, lab="DELETE_COMPLETE") == ["delete lab"]
    assert world.sink.answer(gone)["Status"] == "SUCCESS"
    assert world.record().clusters == {}


def test_the_refusal_of_an_engine_to_delete_a_leftover_is_reported_in_its_words() -> None:
    world = World()
    half_made(world)
    request = world.delete()
    for _ in range(3):
        assert world.run_engine(failed("Internal", "it is protected"))["cluster_name"] == "lab"
        world.pass_time(60)
    world.engines.calls.clear()
    world.settle("hpc", "DELETE_COMPLETE")
    world.pass_time(600)
    reason = world.sink.answer(request)["Reason"]
    assert "cluster lab: " in reason
    assert "it is protected." in reason


def test_a_deletion_of_a_leftover_that_aws_throttled_is_no_try() -> None:
    world = World()
    half_made(world)
    request = rollback(world)
    for _ in range(5):
        assert world.run_engine(failed("Throttled", "slow down"))["operation"] == "delete"
        world.pass_time(120)
    assert go_on(world, request, lab="DELETE_COMPLETE") == ["delete lab", "describe hpc"]
    assert notes(world, request) == []


def test_a_leftover_that_is_about_to_be_deleted_at_the_deadline_is_named() -> None:
    world = World()
    half_made(world)
    request = rollback(world)
    world.run_engine(failed("Throttled", "slow down"))
    operation = world.store.load_operation(world.owner(), request)
    assert operation is not None
    world.clock.advance((operation.deadline_at - world.clock.now()).total_seconds())
    world.sweep()
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("DeadlineExceeded: cluster lab: ")


def test_a_wait_condition_is_signalled_the_end_of_an_update_in_spite_of_a_leftover() -> None:
    world = World()
    half_made(world)
    go_on(world, rollback(world))
    handle = f"{HANDLES}1"
    new = {**CONFIGURATION, "Tags": []}
    request = world.update(
        properties(**REPLACE), ClusterConfiguration=new, WaitConditionHandle=handle, **REPLACE
    )
    for _ in range(3):
        world.run_engine(failed("Internal", "it is protected"))
        world.pass_time(60)
    assert world.run_engine()["operation"] == "update"
    assert len(notes(world, request)) == 1
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.sink.signal(handle)["Status"] == "SUCCESS"
    assert "lab" in world.record().clusters


def image_update(world: World, old: str, new: str) -> str:
    event = world.event(
        "Update",
        ResourceType=IMAGE_TYPE,
        PhysicalResourceId="image",
        ResourceProperties=image_properties(ImageId=new),
        OldResourceProperties=image_properties(ImageId=old),
    )
    return world.deliver(event)


def test_an_image_that_cannot_be_deleted_is_reported_by_the_rollback_and_blocks_another() -> None:
    world = World()
    world.create(ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())
    world.run_engine()
    world.amis["image"] = dict(world.cluster("image").tags)
    world.settle("image", "DELETE_COMPLETE")
    world.run_engine()
    image_update(world, "image", "second")
    world.run_engine()
    world.clock.advance(60)
    request = image_update(world, "second", "image")
    world.amis["second"] = dict(world.cluster("second").tags)
    world.settle("second", "DELETE_COMPLETE")
    refused = failed("BadRequest", "the image is in use")
    for _ in range(3):
        world.pass_time(60)
        assert world.run_engine(refused)["operation"] == "delete-image"
    world.pass_time(60)
    world.run_engine()
    (note,) = notes(world, request)
    assert "image second: an earlier request left it" in note["message"]
    assert "the image is in use." in note["message"]
    third = image_update(world, "image", "third")
    for _ in range(3):
        world.run_engine(refused)
        world.pass_time(60)
    assert world.sink.answer(third)["Reason"].startswith("ImageFailed: image second: ")
    gone = world.delete("image", ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())
    for _ in range(3):
        world.run_engine(refused)
        world.pass_time(60)
    world.run_engine()
    assert world.sink.answer(gone)["Reason"].startswith("ImageFailed: image second: ")
    assert set(world.amis) == {"second"}


def test_a_resource_that_only_asks_goes_on_in_spite_of_a_leftover_and_fails_its_delete() -> None:
    world = World()
    world.create()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE", tell=False)
    world.clock.advance(3600)
    asked = {"ServiceToken": TOKEN, "Os": "alinux2023"}
    asking = {"ResourceType": "Custom::PclusterOfficialImage", "ResourceProperties": asked}
    request = world.create(**asking)
    for _ in range(3):
        world.run_engine(failed("Internal", "it is protected"))
        world.pass_time(60)
    assert world.run_engine()["operation"] == "list-official-images"
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    gone = world.delete(world.sink.answer(request)["PhysicalResourceId"], **asking)
    for _ in range(3):
        world.run_engine(failed("Internal", "it is protected"))
        world.pass_time(60)
    assert world.sink.answer(gone)["Reason"].startswith("ClusterFailed: cluster hpc: ")
    assert world.cluster().status == "CREATE_COMPLETE"


@pytest.mark.parametrize("is_image", [False, True])
def test_what_a_later_create_made_stays_when_the_id_of_an_earlier_one_is_cleaned_up(
    *, is_image: bool
) -> None:
    """In a stack that keeps its failures a Create was given up, and got an id that CloudFormation made up."""
    world = World()
    kind = {"ResourceType": IMAGE_TYPE} if is_image else {}
    wanted = [image_properties(ImageId=name) for name in ("first", "second")]
    if not is_image:
        wanted = [properties(ClusterName=name) for name in ("first", "second")]
    world.create(ResourceProperties=wanted[0], **kind)
    world.run_engine()
    world.settle("first", "CREATE_FAILED")
    world.clock.advance(60)
    request = world.create(ResourceProperties=wanted[1], **kind)
    _work(world)
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    world.stacks.listed[world.owner()] = "second"
    world.clock.advance(60)
    deletion = world.delete("parent-Cluster-1ABCDEF", ResourceProperties=wanted[1], **kind)
    _work(world)
    assert world.sink.answer(deletion)["Status"] == "SUCCESS"
    second = world.stacks.living("second")
    assert "second" in world.amis if is_image else second is not None and second.works


def _work(world: World) -> None:
    """Engines and stacks do what they are asked, until an hour's sweeps find nothing to do."""
    for _ in range(12):
        while world.engines.calls:
            world.run_engine()
        for name in ("first", "second"):
            stack = world.stacks.living(name)
            if stack is None or not stack.in_progress:
                continue
            if stack.stack_id in world.builds and stack.status == "CREATE_IN_PROGRESS":
                world.amis[name] = dict(stack.tags)
                world.settle(name, "DELETE_COMPLETE")
            else:
                world.settle(name, stack.status.replace("IN_PROGRESS", "COMPLETE"))
        world.pass_time(60)
