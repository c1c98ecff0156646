"""A stack that keeps its failures is retried, updated or rolled back, in whichever order CloudFormation asks.

Source: AWS CloudFormation user guide, "Choose how to handle failures when provisioning resources". It does
not say whether what failed is deleted before or after what takes its place is created.
"""

from typing import Any

import pytest

from tests.support.adoption import OTHER
from tests.support.fakes import HANDLES
from tests.support.world import (
    IMAGE_TYPE,
    PARENT,
    World,
    failed_id,
    image_properties,
    properties,
)

FAILED = failed_id("request-1")


def failed_create(world: World, status: str = "ROLLBACK_COMPLETE") -> str:
    """The first Create fails, and its cluster's stack stays; returns the physical id of its answer."""
    request = world.create()
    world.run_engine()
    world.fail("hpc", status, ("HeadNode", "You have exceeded your vCPU limit"))
    world.run_engine()
    world.clock.advance(60)
    physical_id = world.sink.answer(request)["PhysicalResourceId"]
    assert physical_id == FAILED
    return str(physical_id)


def operations(world: World, *, until_s: int = 600) -> list[str]:
    """Runs every engine call as it comes, and lets every stack finish; returns the calls."""
    called = []
    for _ in range(until_s // 60):
        while world.engines.calls:
            call = world.run_engine()
            called.append(f"{call['operation']} {call['cluster_name']}")
            stack = world.stacks.living(call["cluster_name"])
            if stack is not None and stack.in_progress:
                verb = stack.status.removesuffix("_IN_PROGRESS")
                world.settle(stack.name, f"{verb}_COMPLETE")
        world.pass_time(60)
    return called


@pytest.mark.parametrize(
    "status", ["ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED", "CREATE_COMPLETE"]
)
def test_a_create_deletes_what_the_failed_one_left_and_then_makes_the_cluster(status: str) -> None:
    world = World()
    failed_create(world)
    world.settle("hpc", status, tell=False)
    broken = world.cluster().stack_id
    retry = world.create()
    assert operations(world) == ["delete hpc", "create hpc", "describe hpc"]
    answer = world.sink.answer(retry)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "hpc")
    assert world.cluster().stack_id != broken


def test_a_late_delete_of_what_failed_leaves_the_cluster_alone_that_took_its_place() -> None:
    world = World()
    failed_create(world)
    world.create()
    operations(world)
    clean_up = world.delete(FAILED)
    assert operations(world) == []
    answer = world.sink.answer(clean_up)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", FAILED)
    assert world.cluster().works
    changed = world.update(ClusterConfiguration={**properties()["ClusterConfiguration"], "Tags": []})
    assert operations(world) == ["update hpc", "describe hpc"]
    assert world.sink.answer(changed)["Status"] == "SUCCESS"


def test_a_late_delete_without_a_record_goes_by_the_request_in_the_clusters_tags() -> None:
    world = World()
    failed_create(world)
    world.create()
    operations(world)
    world.store.lose()
    clean_up = world.delete(FAILED)
    assert operations(world) == []
    assert world.sink.answer(clean_up)["Status"] == "SUCCESS"
    assert world.cluster().works


def test_a_delete_of_what_failed_finds_it_by_its_tags_though_nothing_is_recorded() -> None:
    world = World()
    failed_create(world)
    world.store.lose()
    gone = world.delete(FAILED, ResourceProperties=properties(DeletionPolicy="Retain"))
    assert operations(world) == ["delete hpc"]
    assert world.sink.answer(gone)["Status"] == "SUCCESS"
    assert world.stacks.living("hpc") is None


def test_what_failed_is_deleted_first_and_then_made_anew() -> None:
    world = World()
    failed_create(world)
    gone = world.delete(FAILED)
    assert operations(world) == ["delete hpc"]
    assert world.sink.answer(gone)["Status"] == "SUCCESS"
    retry = world.create()
    assert operations(world) == ["create hpc", "describe hpc"]
    assert world.sink.answer(retry)["Status"] == "SUCCESS"


def test_a_second_failure_has_an_id_of_its_own_and_each_is_cleaned_up_once() -> None:
    world = World()
    failed_create(world)
    retry = world.create()
    world.run_engine()
    world.settle("hpc", "DELETE_COMPLETE")
    world.pass_time(60)
    world.run_engine()
    world.fail("hpc", "ROLLBACK_COMPLETE", ("HeadNode", "no capacity"))
    world.run_engine()
    world.clock.advance(60)
    again = world.sink.answer(retry)
    assert (again["Status"], again["PhysicalResourceId"]) == ("FAILED", failed_id(retry))
    for physical_id, expected in ((failed_id(retry), ["delete hpc"]), (FAILED, [])):
        gone = world.delete(physical_id)
        assert operations(world) == expected
        assert world.sink.answer(gone)["Status"] == "SUCCESS"
    assert world.stacks.living("hpc") is None


def test_an_update_of_what_was_never_made_makes_it() -> None:
    world = World()
    failed_create(world)
    update = world.update(physical_id=FAILED)
    assert operations(world) == ["delete hpc", "create hpc", "describe hpc"]
    answer = world.sink.answer(update)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "hpc")
    clean_up = world.delete(FAILED)
    assert operations(world) == []
    assert world.sink.answer(clean_up)["Status"] == "SUCCESS"
    assert world.cluster().works


def test_an_update_of_what_was_refused_at_first_makes_it() -> None:
    world = World()
    refused = world.create(ResourceProperties=properties(ClusterNam="hpc"))
    marker = world.sink.answer(refused)["PhysicalResourceId"]
    world.clock.advance(60)
    update = world.update(properties(ClusterNam="hpc"), marker)
    assert operations(world) == ["create hpc", "describe hpc"]
    assert world.sink.answer(update)["PhysicalResourceId"] == "hpc"


def test_what_cannot_be_deleted_is_named_by_the_create_that_was_to_take_its_place() -> None:
    world = World()
    failed_create(world)
    retry = world.create()
    for _ in range(3):
        world.run_engine()
        world.fail("hpc", "DELETE_FAILED", ("HeadNodeVpc", "it has a dependent object"))
        world.pass_time(60)
    reason = world.sink.answer(retry)["Reason"]
    assert reason.startswith(
        "ClusterFailed: cluster hpc: an earlier request left it, and it could not be deleted"
    )
    assert "it has a dependent object" in reason
    assert world.engines.calls == []


def test_a_create_that_is_answered_when_it_begins_takes_the_place_of_a_failed_one() -> None:
    world = World()
    failed_create(world)
    handle = f"{HANDLES}retry"
    retry = world.create(ResourceProperties=properties(WaitConditionHandle=handle))
    assert world.run_engine()["operation"] == "delete"
    assert not world.sink.answers(retry)
    world.settle("hpc", "DELETE_COMPLETE")
    world.pass_time(60)
    assert world.run_engine()["operation"] == "create"
    assert world.sink.answer(retry)["PhysicalResourceId"] == "hpc"
    world.settle("hpc", "CREATE_COMPLETE")
    operations(world)
    assert world.sink.signal(handle)["Status"] == "SUCCESS"


@pytest.mark.parametrize("physical_id", ["parent-Cluster-1ABCDEFGHIJKL", "par-Clust-1ABC", "anything"])
def test_an_id_of_any_form_that_cloudformation_made_up_ends_a_create_whose_success_it_did_not_use(
    physical_id: str,
) -> None:
    world = World()
    create = world.create()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(create)["Status"] == "SUCCESS"
    world.clock.advance(60)
    world.stacks.listed[world.owner()] = physical_id
    gone = world.delete(physical_id)
    assert operations(world) == ["delete hpc"]
    assert world.sink.answer(gone)["PhysicalResourceId"] == physical_id
    assert world.stacks.living("hpc") is None


def test_an_image_takes_the_place_of_one_whose_build_failed() -> None:
    world = World()
    image = {"ResourceType": IMAGE_TYPE, "ResourceProperties": image_properties()}
    first = world.create(**image)
    world.run_engine()
    world.fail("image", "CREATE_FAILED", ("ParallelClusterImage", "the build ended with status FAILED"))
    world.run_engine()
    world.clock.advance(60)
    failed = world.sink.answer(first)["PhysicalResourceId"]
    assert failed == failed_id(first, "image")

    retry = world.create(**image)
    assert world.run_engine()["operation"] == "delete-image"
    world.settle("image", "DELETE_COMPLETE")
    world.pass_time(60)
    while world.engines.calls:
        called = world.run_engine()["operation"]
        if called == "build-image":
            break
        world.pass_time(60)
    assert called == "build-image"
    world.amis["image"] = dict(world.cluster("image").tags)
    world.settle("image", "DELETE_COMPLETE")
    operations(world)
    assert world.sink.answer(retry)["PhysicalResourceId"] == "image"
    clean_up = world.delete(failed, **image)
    operations(world)
    assert world.sink.answer(clean_up)["Status"] == "SUCCESS"
    assert "image" in world.amis


REPLACE = {"ClusterNameUpdatePolicy": "Replace"}


def replaced(world: World) -> None:
    """The cluster was replaced by lab, and the provider's success was sent."""
    world.made()
    update = world.update(ClusterName="lab", **REPLACE)
    operations(world)
    assert world.sink.answer(update)["PhysicalResourceId"] == "lab"
    world.clock.advance(60)


def test_a_delete_of_the_old_cluster_ends_a_replacement_too_whose_success_was_not_used() -> None:
    """The rollback in between was answered though it could not be recorded."""
    world = World()
    replaced(world)
    world.stacks.listed[world.owner()] = "hpc"
    gone = world.delete("hpc")
    assert sorted(operations(world)) == ["delete hpc", "delete lab"]
    assert world.sink.answer(gone)["Status"] == "SUCCESS"
    assert world.stacks.living("lab") is None


def test_the_clean_up_of_a_replacement_leaves_the_new_cluster_alone() -> None:
    world = World()
    replaced(world)
    world.stacks.listed[world.owner()] = "lab"
    clean_up = world.delete("hpc")
    assert operations(world) == ["delete hpc"]
    assert world.sink.answer(clean_up)["Status"] == "SUCCESS"
    assert world.cluster("lab").works


HANDLE = f"{HANDLES}retry"
KEPT = {"WaitConditionHandle": HANDLE, "DeletionPolicy": "Retain"}


def unwatched(world: World, **event: Any) -> None:
    """A Create is answered when it begins, and the clean-up of a failed one comes before it ends."""
    request = world.create(**event)
    world.run_engine()
    answer = world.sink.answer(request)
    assert answer["Status"] == "SUCCESS"
    world.clock.advance(60)
    world.stacks.listed[world.owner()] = answer["PhysicalResourceId"]
    clean_up = world.delete("parent-Cluster-1ABCDEFGHIJKL", **event)
    operations(world)
    assert world.sink.answer(clean_up)["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("status", "expected"), [("CREATE_COMPLETE", []), ("ROLLBACK_COMPLETE", ["delete hpc"])]
)
def test_a_cluster_whose_end_was_never_signalled_is_retained_if_it_works(
    status: str, expected: list[str]
) -> None:
    world = World()
    unwatched(world, ResourceProperties=properties(**KEPT))
    world.settle("hpc", status)
    gone = world.delete(ResourceProperties=properties(**KEPT))
    assert operations(world) == expected
    assert world.sink.answer(gone)["Status"] == "SUCCESS"


def test_an_image_whose_end_was_never_signalled_is_retained_once_its_stack_deleted_itself() -> None:
    world = World()
    image = {"ResourceType": IMAGE_TYPE, "ResourceProperties": image_properties(**KEPT)}
    unwatched(world, **image)
    world.amis["image"] = dict(world.cluster("image").tags)
    world.settle("image", "DELETE_COMPLETE")
    gone = world.delete("image", **image)
    assert operations(world) == []
    assert world.sink.answer(gone)["Status"] == "SUCCESS"
    assert "image" in world.amis


@pytest.mark.parametrize(
    ("status", "expected"), [("UPDATE_COMPLETE", ["delete hpc"]), ("UPDATE_ROLLBACK_COMPLETE", [])]
)
def test_a_takeover_whose_end_was_never_signalled_counts_if_its_update_succeeded(
    status: str, expected: list[str]
) -> None:
    world = World()
    world.foreign()
    wanted = properties(
        AdoptExisting="true",
        DeletionPolicy="Delete",
        WaitConditionHandle=HANDLE,
        ClusterConfiguration=OTHER,
    )
    unwatched(world, ResourceProperties=wanted)
    world.settle("hpc", status)
    world.stacks.completed_at[PARENT] = world.clock.now()
    world.clock.advance(60)
    gone = world.delete(ResourceProperties=wanted)
    assert operations(world) == expected
    assert world.sink.answer(gone)["Status"] == "SUCCESS"
