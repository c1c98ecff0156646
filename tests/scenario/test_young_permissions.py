"""A role or policy that was made seconds ago may not be in effect yet: what AWS denies then is no answer."""

from typing import Any

import pytest

from cluster_provider.core.engine import PERMISSIONS_SETTLE_S
from tests.support.world import IMAGE_TYPE, World, failed, image_properties, properties

DENIED = ["ec2:DescribeInstanceTypes"]
MESSAGE = {"level": "ERROR", "type": "HeadNodeImdsValidator", "message": "You are not authorized."}


def denial(code: str = "ClusterRejected", **more: Any) -> dict[str, Any]:
    """An engine's end after AWS denied it something."""
    result = failed(code, "it was refused")
    result["error"]["denied"] = DENIED
    return result | more


@pytest.mark.parametrize("code", ["ClusterRejected", "BadRequest", "Internal", "ConfigurationInvalid"])
def test_a_create_that_aws_denied_at_first_is_tried_again_until_it_is_made(code: str) -> None:
    world = World()
    request = world.create()
    for _ in range(2):
        assert world.run_engine(denial(code, validation_messages=[MESSAGE]))["operation"] == "create"
        assert not world.sink.answers(request)
        world.pass_time(60)
    assert world.run_engine()["operation"] == "create"
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_what_aws_still_denies_after_some_minutes_is_answered_with_the_calls_it_denied() -> None:
    world = World()
    request = world.create()
    began_at = world.clock.now()
    while not world.sink.answers(request):
        if world.engines.calls:
            world.run_engine(denial(validation_messages=[MESSAGE]))
        world.pass_time(30)
    waited_s = (world.clock.now() - began_at).total_seconds()
    assert PERMISSIONS_SETTLE_S <= waited_s < PERMISSIONS_SETTLE_S + 120
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("ClusterRejected: ClusterConfiguration: ERROR HeadNodeImdsValidator: You are")
    assert "AWS denied the engine ec2:DescribeInstanceTypes; its role may lack the permission." in reason


def test_an_update_that_aws_denied_at_first_is_no_refusal() -> None:
    world = World()
    world.made()
    update = world.update(ClusterConfiguration={**properties()["ClusterConfiguration"], "Tags": []})
    world.run_engine(denial("UpdateRejected"))
    assert not world.sink.answers(update)
    world.pass_time(60)
    assert world.run_engine()["operation"] == "update"
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(update)["Status"] == "SUCCESS"


def test_a_delete_that_aws_denied_at_first_is_tried_again_without_counting() -> None:
    world = World()
    world.made()
    gone = world.delete()
    for _ in range(2):
        assert world.run_engine(denial("Internal"))["operation"] == "delete"
        world.pass_time(60)
    assert world.run_engine()["operation"] == "delete"
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(gone)["Status"] == "SUCCESS"


def test_a_short_timeout_names_what_was_denied_when_it_ends() -> None:
    world = World()
    request = world.create(ResourceProperties=properties(ServiceTimeout="120"))
    world.run_engine(denial(validation_messages=[MESSAGE]))
    world.pass_time(60)
    world.run_engine(denial(validation_messages=[MESSAGE]))
    world.pass_time(40)
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("DeadlineExceeded: cluster hpc")
    assert "AWS denied ec2:DescribeInstanceTypes" in reason


def test_an_image_that_aws_denied_at_first_is_built() -> None:
    world = World()
    request = world.create(ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())
    world.run_engine(denial("BadRequest"))
    assert not world.sink.answers(request)
    world.pass_time(60)
    assert world.run_engine()["operation"] == "build-image"
