"""Custom images: built once, judged by their AMI, deleted with it, and never another owner's."""

import json
from typing import Any

import pytest

from cluster_provider.core.identity import is_marker
from tests.support.fakes import HANDLES, stack_of
from tests.support.world import IMAGE_TYPE, World, failed, failed_id
from tests.support.world import image_properties as properties

HOUR_S = 3600


def create(world: World, **changed: Any) -> str:
    return world.create(ResourceType=IMAGE_TYPE, ResourceProperties=properties(**changed))


def update(
    world: World, old: dict[str, Any] | None = None, physical_id: str = "image", **changed: Any
) -> str:
    event = world.event(
        "Update",
        ResourceType=IMAGE_TYPE,
        PhysicalResourceId=physical_id,
        ResourceProperties=properties(**changed),
        OldResourceProperties=old or properties(),
    )
    return world.deliver(event)


def delete(world: World, physical_id: str = "image", **changed: Any) -> str:
    return world.delete(physical_id, ResourceType=IMAGE_TYPE, ResourceProperties=properties(**changed))


def finish(world: World, name: str = "image", status: str = "DELETE_COMPLETE") -> None:
    """A build succeeds: the AMI is there, and the stack deletes itself."""
    world.amis[name] = dict(world.cluster(name).tags)
    world.settle(name, status)


def made(world: World, name: str = "image", **changed: Any) -> str:
    request = create(world, ImageId=name, **changed)
    world.run_engine()
    finish(world, name)
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    world.clock.advance(60)
    return request


def test_an_image_is_answered_with_its_ami_once_its_stack_has_deleted_itself() -> None:
    world = World()
    request = create(world)
    call = world.run_engine()
    assert (call["operation"], call["configuration_tags"]) == ("build-image", {"team": "hpc"})
    assert world.cluster("image").belongs_to(world.owner())
    finish(world)
    world.run_engine()
    answer = world.sink.answer(request)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "image")
    assert answer["Data"]["amiId"] == "ami-image"
    assert answer["Data"]["imageBuildStatus"] == "BUILD_COMPLETE"
    assert answer["Data"]["validationMessages"] == "[]"


def test_an_image_whose_stack_cannot_delete_itself_is_judged_by_its_ami() -> None:
    world = World()
    request = create(world)
    world.run_engine()
    finish(world, status="DELETE_FAILED")
    world.run_engine()
    assert world.sink.answer(request)["Data"]["amiId"] == "ami-image"


def test_an_ami_that_is_marked_late_is_waited_for() -> None:
    world = World()
    request = create(world)
    world.run_engine()
    world.settle("image", "CREATE_COMPLETE")
    world.run_engine()
    assert not world.sink.answers(request)
    finish(world)
    world.pass_time(60)
    world.run_engine()
    assert world.sink.answer(request)["Data"]["amiId"] == "ami-image"


def test_an_image_whose_description_never_arrives_is_described_again_before_the_deadline() -> None:
    world = World()
    request = create(world)
    world.run_engine()
    world.clock.advance(3390 - 200)
    finish(world)
    assert world.run_engine(report=False)["operation"] == "describe-image"
    world.pass_time(180)
    assert world.run_engine()["operation"] == "describe-image"
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_a_build_that_fails_is_answered_with_its_root_cause_and_then_deleted() -> None:
    world = World()
    request = create(world)
    world.run_engine()
    world.fail("image", "CREATE_FAILED", ("ParallelClusterImage", "the build ended with status FAILED"))
    world.run_engine()
    answer = world.sink.answer(request)
    assert answer["PhysicalResourceId"] == failed_id(request, "image")
    assert answer["Reason"].startswith("ImageFailed: image image: ParallelClusterImage (AWS::EC2::Instance)")
    assert "the build ended with status FAILED" in answer["Reason"]
    world.clock.advance(60)
    gone = delete(world, failed_id(request, "image"), DeletionPolicy="Retain")
    assert world.run_engine()["operation"] == "delete-image"
    world.settle("image", "DELETE_COMPLETE")
    assert world.sink.answer(gone)["Status"] == "SUCCESS"


def test_an_image_that_vanishes_without_an_ami_is_reported_as_failed() -> None:
    world = World()
    request = create(world)
    world.run_engine()
    world.settle("image", "DELETE_COMPLETE")
    for _ in range(3):
        assert not world.sink.answers(request)
        world.run_engine()
        world.pass_time(60)
    assert world.sink.answer(request)["Reason"].startswith("ImageFailed: image image: there is no AMI of it")


def test_a_long_build_is_answered_when_it_begins_and_signalled_when_it_ends() -> None:
    world = World()
    handle = f"{HANDLES}1"
    request = create(world, WaitConditionHandle=handle)
    world.run_engine()
    begun = world.sink.answer(request)
    assert (begun["Status"], begun["Data"]["imageBuildStatus"]) == ("SUCCESS", "BUILD_IN_PROGRESS")
    world.pass_time(3 * HOUR_S)
    finish(world)
    world.run_engine()
    signal = world.sink.signal(handle)
    assert (signal["Status"], signal["UniqueId"]) == ("SUCCESS", "image")
    assert json.loads(signal["Data"])["amiId"] == "ami-image"
    assert set(begun["Data"]) == set(json.loads(signal["Data"]))


def test_an_image_or_a_stack_of_that_id_is_never_taken_over() -> None:
    world = World()
    world.stacks.declare(stack_of("image", "CREATE_COMPLETE", {"parallelcluster:version": "3.16.1"}))
    by_stack = create(world)
    answer = world.sink.answer(by_stack)
    assert answer["Reason"].startswith("NotOwner: ImageId image: an image or a stack of this name exists")
    assert is_marker(answer["PhysicalResourceId"])
    world.clock.advance(60)
    gone = delete(world, answer["PhysicalResourceId"])
    assert world.sink.answer(gone)["Status"] == "SUCCESS"
    by_ami = World()
    request = create(by_ami)
    by_ami.run_engine(failed("AlreadyExists", "ParallelCluster image image already exists."))
    assert by_ami.sink.answer(request)["Reason"].startswith("NotOwner: ImageId image")


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (failed("BadRequest", "no such role"), "ImageRejected: image image: no such role."),
        (
            failed("ConfigurationInvalid", "a map is expected"),
            "InvalidProperty: ImageConfiguration: a map is",
        ),
        (
            failed("ClusterRejected", "Configuration is invalid")
            | {"validation_messages": [{"level": "ERROR", "type": "InstanceTypeValidator", "message": "no"}]},
            "ImageRejected: ImageConfiguration: ERROR InstanceTypeValidator: no.",
        ),
    ],
)
def test_an_image_that_the_library_refuses_is_answered_at_once(result: dict[str, Any], reason: str) -> None:
    world = World()
    request = create(world)
    world.run_engine(result)
    answer = world.sink.answer(request)
    assert answer["Reason"].startswith(reason)
    assert is_marker(answer["PhysicalResourceId"])
    world.clock.advance(60)
    gone = delete(world, answer["PhysicalResourceId"])
    assert world.sink.answer(gone)["Status"] == "SUCCESS"
    assert not world.engines.calls


def test_an_engine_that_dies_before_it_builds_is_called_again_three_times_at_most() -> None:
    world = World()
    request = create(world)
    for _ in range(3):
        assert not world.sink.answers(request)
        assert world.crash_engine()["operation"] == "build-image"
        world.pass_time(60)
    for _ in range(3):
        assert world.run_engine()["operation"] == "describe-image"
        world.pass_time(60)
    assert world.sink.answer(request)["Reason"].startswith("EngineFailed: image image")


def _lose(world: World) -> None:
    """The engine dies before it does anything, and counts as running until its fence has passed."""
    world.engines.calls.pop(0)
    world.pass_time(420)


def test_an_image_that_the_last_of_three_engines_built_without_a_report_is_found() -> None:
    """Its stack has deleted itself by the next pass."""
    world = World()
    request = create(world)
    _lose(world)
    _lose(world)
    world.run_engine(report=False)
    world.amis["image"] = dict(world.cluster("image").tags)
    world.settle("image", "DELETE_COMPLETE", tell=False)
    world.pass_time(420)
    assert world.run_engine()["operation"] == "describe-image"
    assert world.sink.answer(request)["Data"]["amiId"] == "ami-image"


def test_an_image_that_an_engine_built_without_a_report_is_found_though_the_next_one_refuses() -> None:
    world = World()
    request = create(world)
    world.run_engine(report=False)
    world.amis["image"] = dict(world.cluster("image").tags)
    world.settle("image", "DELETE_COMPLETE", tell=False)
    world.pass_time(420)
    assert world.run_engine(failed("ClusterRejected", "no"))["operation"] == "build-image"
    assert world.run_engine()["operation"] == "describe-image"
    assert world.sink.answer(request)["Data"]["amiId"] == "ami-image"


def test_three_engines_without_a_report_are_a_failure_once_it_is_known_that_they_built_nothing() -> None:
    world = World()
    request = create(world)
    for _ in range(3):
        _lose(world)
    for _ in range(3):
        assert world.run_engine()["operation"] == "describe-image"
        world.pass_time(60)
    assert world.sink.answer(request)["Reason"].startswith("EngineFailed: image image: the engine was called")


def test_an_image_of_a_version_without_an_engine_is_refused() -> None:
    world = World()
    request = create(world, PclusterVersion="3.1.0")
    assert world.sink.answer(request)["Reason"].startswith(
        "VersionMismatch: ImageId image: it needs an engine"
    )


def test_a_wrong_property_of_an_image_is_refused_by_name() -> None:
    for changed, reason in (
        ({"ImageId": "1"}, "InvalidProperty: ImageId: '1' is not valid"),
        ({"ImageId": "parent"}, "InvalidProperty: ImageId: 'parent' is this stack's name"),
        ({"ClusterName": "x"}, "InvalidProperty: ClusterName: there is no such property."),
    ):
        world = World()
        assert world.sink.answer(create(world, **changed))["Reason"].startswith(reason)


def test_an_update_without_a_difference_for_the_image_leaves_it_as_it_is() -> None:
    world = World()
    made(world)
    request = update(world, DeletionPolicy="Retain")
    assert world.run_engine()["operation"] == "describe-image"
    assert world.sink.answer(request)["Data"]["amiId"] == "ami-image"
    assert not world.engines.calls


def test_a_built_image_cannot_be_changed_and_the_rollback_succeeds() -> None:
    world = World()
    made(world)
    changed = properties(ImageConfiguration={"Build": {}})
    request = update(world, ImageConfiguration={"Build": {}})
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("InvalidProperty: ImageConfiguration: image image is built")
    world.clock.advance(60)
    rollback = update(world, old=changed)
    world.run_engine()
    assert world.sink.answer(rollback)["Data"]["amiId"] == "ami-image"


def test_an_image_deleted_outside_is_reported_by_an_update() -> None:
    world = World()
    made(world)
    world.amis.clear()
    request = update(world, DeletionPolicy="Retain")
    for _ in range(3):
        world.run_engine()
        world.pass_time(60)
    assert world.sink.answer(request)["Reason"].startswith("ImageFailed: image image: there is no AMI of it")


def test_another_id_builds_another_image_and_the_old_one_is_deleted() -> None:
    world = World()
    made(world)
    request = update(world, ImageId="image-2")
    world.run_engine()
    finish(world, "image-2")
    world.run_engine()
    assert world.sink.answer(request)["PhysicalResourceId"] == "image-2"
    world.clock.advance(60)
    gone = delete(world)
    assert world.run_engine()["cluster_name"] == "image"
    assert world.sink.answer(gone)["Status"] == "SUCCESS"
    assert set(world.amis) == {"image-2"}


def test_a_replacement_that_is_rolled_back_goes_back_to_the_old_image_and_deletes_the_new_one() -> None:
    world = World()
    made(world)
    world.clock.advance(60)
    request = update(world, ImageId="image-2")
    world.run_engine()
    finish(world, "image-2")
    world.run_engine()
    new = world.sink.answer(request)["PhysicalResourceId"]
    world.clock.advance(60)
    rollback = update(world, old=properties(ImageId="image-2"), physical_id=new)
    world.run_engine()
    assert world.sink.answer(rollback)["PhysicalResourceId"] == "image"
    world.clock.advance(60)
    gone = delete(world, new)
    world.run_engine()
    assert world.sink.answer(gone)["Status"] == "SUCCESS"
    assert set(world.amis) == {"image"}


def test_an_image_of_a_superseded_replacement_is_deleted_before_the_rollback_is_answered() -> None:
    world = World()
    made(world)
    update(world, ImageId="image-2")
    world.run_engine()
    world.clock.advance(60)
    rollback = update(world, old=properties(ImageId="image-2"))
    assert not world.sink.answers(rollback)
    finish(world, "image-2")
    world.pass_time(60)
    assert world.run_engine()["operation"] == "delete-image"
    world.run_engine()
    assert world.sink.answer(rollback)["Data"]["amiId"] == "ami-image"
    assert set(world.amis) == {"image"}


def test_a_delete_takes_the_ami_along_though_the_stack_is_long_gone() -> None:
    world = World()
    made(world)
    tags = world.owner().tags("image", "request-1")
    request = delete(world)
    call = world.run_engine()
    assert (call["operation"], call["stack_tags"]) == ("delete-image", tags)
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.amis == {}
    assert [record.clusters for _, record in world.store.records()] == [{}]


def test_a_delete_leaves_an_ami_that_belongs_to_another_owner_by_now() -> None:
    world = World()
    made(world)
    world.amis["image"] = {"owner": "another"}
    request = delete(world)
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert "image" in world.amis


def test_a_retained_image_survives_its_delete() -> None:
    world = World()
    made(world)
    request = delete(world, DeletionPolicy="Retain")
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert (world.engines.calls, "image" in world.amis) == ([], True)


def test_a_delete_waits_for_a_build_that_cannot_be_stopped() -> None:
    world = World()
    create(world)
    world.run_engine()
    request = delete(world, "image")
    world.pass_time(600)
    assert not world.sink.answers(request)
    finish(world)
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.amis == {}


def test_an_image_in_use_is_reported_and_stays() -> None:
    world = World()
    made(world)
    request = delete(world)
    world.run_engine(failed("BadRequest", "Image image is used by instances ['i-1']"))
    answer = world.sink.answer(request)
    assert answer["Reason"].startswith("ImageRejected: image image: Image image is used by instances")
    world.clock.advance(60)
    again = delete(world)
    world.run_engine()
    assert world.sink.answer(again)["Status"] == "SUCCESS"


def test_an_image_stack_that_cannot_be_deleted_is_tried_three_times_and_then_reported() -> None:
    world = World()
    made(world)
    other = create(world, ImageId="stuck", WaitConditionHandle=f"{HANDLES}2")
    world.run_engine()
    assert world.sink.answer(other)["Status"] == "SUCCESS"
    world.settle("stuck", "CREATE_FAILED", "no")
    world.run_engine()
    world.clock.advance(60)
    request = delete(world, "stuck")
    for _ in range(3):
        world.run_engine()
        world.settle("stuck", "DELETE_FAILED", "a topic is left")
        world.pass_time(60)
    assert world.sink.answer(request)["Reason"].startswith(
        "ImageFailed: image stuck: the stack is DELETE_FAILED"
    )


def test_a_build_that_takes_too_long_is_answered_before_cloudformation_stops_listening() -> None:
    world = World()
    request = create(world)
    world.run_engine()
    world.pass_time(HOUR_S)
    answer = world.sink.answer(request)
    assert answer["Reason"].startswith("DeadlineExceeded: image image: not done in the time")
    assert answer["PhysicalResourceId"] == failed_id(request, "image")
    assert "WaitConditionHandle" in answer["Reason"]


def test_an_image_is_deleted_though_its_stack_came_and_went_unseen() -> None:
    world = World()
    create(world)
    world.run_engine(report=False)
    finish(world)
    world.clock.advance(HOUR_S)
    request = delete(world, "parent-Cluster-1ABCDEF")
    call = world.run_engine()
    assert (call["operation"], call["stack_id"]) == ("delete-image", None)
    assert call["stack_tags"] == world.owner().tags("image", "request-1")
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.amis == {}


def test_an_image_that_was_built_without_a_report_is_the_request_s_own_when_the_build_is_repeated() -> None:
    world = World()
    request = create(world)
    world.run_engine(report=False)
    finish(world)
    while not world.engines.calls:
        world.pass_time(60)
    again = world.run_engine()
    assert again["operation"] == "build-image"
    world.run_engine()
    assert world.sink.answer(request)["Data"]["amiId"] == "ami-image"
    world.clock.advance(60)
    update(world, DeletionPolicy="Delete")
    assert [call["operation"] for _, call in world.engines.calls] == ["describe-image"]


def test_a_refused_image_is_reported_after_what_an_earlier_request_left_was_deleted() -> None:
    world = World()
    made(world)
    update(world, ImageId="image-2")
    world.run_engine(report=False)
    finish(world, "image-2")
    world.clock.advance(HOUR_S)
    request = update(world, ImageId="image-3")
    assert world.run_engine()["cluster_name"] == "image-2"
    assert set(world.amis) == {"image"}
    assert world.run_engine(failed("BadRequest", "no such role"))["cluster_name"] == "image-3"
    assert world.sink.answer(request)["Reason"] == "ImageRejected: image image-3: no such role."


def test_throttled_questions_for_an_image_are_no_sign_that_it_is_gone() -> None:
    world = World()
    request = create(world)
    world.run_engine()
    world.settle("image", "DELETE_COMPLETE")
    for _ in range(3):
        world.run_engine(failed("Throttled", "slow down"))
        world.pass_time(60)
    world.run_engine()
    assert not world.sink.answers(request)
    world.amis["image"] = dict(world.owner().tags("image", request))
    world.pass_time(60)
    world.run_engine()
    assert world.sink.answer(request)["Data"]["amiId"] == "ami-image"


def test_the_rollback_of_an_update_that_found_no_image_succeeds() -> None:
    world = World()
    made(world)
    world.amis.clear()
    request = update(world, ValidationFailureLevel="WARNING")
    for _ in range(3):
        world.run_engine()
        world.pass_time(60)
    assert world.sink.answer(request)["Status"] == "FAILED"
    rollback = update(world, old=properties(ValidationFailureLevel="WARNING"))
    for _ in range(3):
        world.run_engine()
        world.pass_time(60)
    answer = world.sink.answer(rollback)
    assert (answer["Status"], answer["PhysicalResourceId"], answer["Data"]["amiId"]) == (
        "SUCCESS",
        "image",
        "",
    )


def test_what_is_left_of_an_image_is_deleted_as_an_image_by_a_resource_that_is_a_cluster_now() -> None:
    world = World()
    create(world)
    world.run_engine()
    world.amis["image"] = dict(world.cluster("image").tags)
    world.settle("image", "DELETE_FAILED", tell=False)
    world.clock.advance(HOUR_S)
    world.create()
    assert world.run_engine()["operation"] == "delete-image"
    assert world.amis == {}
