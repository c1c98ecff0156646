"""Subscribers are notified of the end of each request, after its answer and at least once."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cluster_provider.core.errors import Undeliverable
from cluster_provider.core.notifications import Notification
from tests.scenario import test_image
from tests.scenario.test_compute_fleet import updating_until
from tests.scenario.test_wait_condition import FIRST, with_handle
from tests.support.faults import Killed
from tests.support.world import PARENT, VERSION, World, properties

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "reference" / "request-ended.schema.json").read_text())


def details(world: World) -> list[dict[str, Any]]:
    """The details of all notifications, each checked against the published schema."""
    found = [json.loads(item.to_message())["detail"] for item in world.notifications.published]
    for detail in found:
        Draft202012Validator(SCHEMA).validate(detail)
    return found


def made(world: World) -> str:
    request = world.create()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    return request


def test_a_success_is_notified_once_with_its_facts() -> None:
    world = World()
    request = made(world)
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    world.pass_time(3600)
    (detail,) = details(world)
    assert detail.pop("durationSeconds") >= 0
    assert detail == {
        "version": "1",
        "providerVersion": VERSION,
        "requestId": request,
        "requestType": "Create",
        "resourceType": "Custom::PclusterCluster",
        "clusterName": "hpc",
        "imageName": "",
        "outcome": "SUCCESS",
        "errorCode": "",
        "reason": "",
        "stackId": PARENT,
        "stackName": "parent",
        "logicalResourceId": "Cluster",
        "physicalResourceId": "hpc",
    }
    (notification,) = world.notifications.published
    assert notification.detail_type == "PclusterCluster Request Ended"
    assert notification.subject == "Create of hpc: SUCCESS"


def test_a_failure_is_notified_with_the_code_and_the_reason_that_were_answered() -> None:
    world = World()
    request = world.create(ResourceProperties=properties(ClusterNme="x"))
    world.pass_time(120)
    answer = world.sink.answer(request)
    (detail,) = details(world)
    assert (detail["outcome"], detail["errorCode"]) == ("FAILED", "InvalidProperty")
    assert detail["reason"] == answer["Reason"]
    assert world.notifications.published[0].subject == "Create of Cluster: FAILED (InvalidProperty)"


def test_every_request_of_a_life_is_notified() -> None:
    world = World()
    made(world)
    world.delete()
    world.run_engine()
    world.settle("hpc", "DELETE_COMPLETE")
    world.pass_time(120)
    ended = [(detail["requestType"], detail["outcome"]) for detail in details(world)]
    assert ended == [("Create", "SUCCESS"), ("Delete", "SUCCESS")]


def test_a_followed_cluster_is_notified_when_its_end_is_signalled_and_not_before() -> None:
    world = World()
    request = world.create(ResourceProperties=with_handle())
    world.run_engine()
    world.pass_time(3600)
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert details(world) == []
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    world.pass_time(120)
    assert world.sink.signal(FIRST)["Status"] == "SUCCESS"
    (detail,) = details(world)
    assert detail["outcome"] == "SUCCESS"
    assert detail["durationSeconds"] >= 3600


def test_the_answer_has_arrived_when_its_notification_is_sent() -> None:
    world = World()
    answered: list[int] = []

    class Watching:
        def publish(self, notification: Notification) -> None:
            answered.append(len(world.sink.answers(notification.detail["requestId"])))

    world.notifications = Watching()  # type: ignore[assignment]
    world.choose("Allow")
    made(world)
    assert answered == [1]


def test_an_invocation_that_dies_after_a_notification_sends_it_again_and_changes_no_answer() -> None:
    world = World()
    noted = world.notifications
    deaths = [True]

    class Mortal:
        def publish(self, notification: Notification) -> None:
            noted.publish(notification)
            if deaths:
                deaths.clear()
                raise Killed

    world.notifications = Mortal()  # type: ignore[assignment]
    world.choose("Allow")
    with pytest.raises(Killed):
        made(world)
    request = noted.published[0].detail["requestId"]
    world.pass_time(300)
    world.notifications = noted
    first, second = details(world)
    assert first["requestId"] == second["requestId"] == request
    assert (first["outcome"], second["outcome"]) == ("SUCCESS", "SUCCESS")
    sent = world.sink.answers(request)
    assert len(sent) == 2
    assert sent[0] == sent[1]


def test_an_answer_that_can_never_arrive_is_notified_as_dropped() -> None:
    world = World()
    world.sink.refuse_next(Undeliverable("403"))
    made(world)
    (detail,) = details(world)
    assert detail["outcome"] == "DROPPED"


def test_an_event_that_cloudformation_does_not_confirm_notifies_nobody() -> None:
    world = World()
    world.deliver_until_handled(world.forge("Create", StackId=PARENT.replace("parent/0", "other/9")))
    world.pass_time(3600)
    assert details(world) == []


def test_a_request_for_an_image_has_its_name_and_a_detail_type_of_its_own() -> None:
    world = World()
    test_image.made(world)
    (detail,) = details(world)
    assert (detail["clusterName"], detail["imageName"]) == ("", "image")
    assert world.notifications.published[0].detail_type == "PclusterImage Request Ended"


def test_an_update_whose_fleet_is_started_after_its_answer_is_notified_once() -> None:
    world = World()
    request = updating_until(world, before_s=45)
    world.settle("hpc", "UPDATE_COMPLETE")
    world.pass_time(60)
    assert world.run_engine()["operation"] == "start-fleet"
    world.pass_time(7200)
    updates = [detail for detail in details(world) if detail["requestId"] == request]
    assert [detail["outcome"] for detail in updates] == ["SUCCESS"]
