"""Requests whose time is over while an engine is still at work for them, and what comes after."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from cluster_provider.core.errors import Unavailable
from cluster_provider.core.identity import is_marker
from cluster_provider.core.observed import ClusterStack
from tests.support.fakes import FactStacks
from tests.support.world import CONFIGURATION, IMAGE_TYPE, World, failed, image_properties, properties

NEW = {**CONFIGURATION, "Tags": []}
REPLACING = {"ClusterNameUpdatePolicy": "Replace"}


class SilentStacks(FactStacks):
    """CloudFormation, which throttles every read as long as it is silent."""

    silent = False

    def describe(self, name_or_arn: str) -> ClusterStack | None:
        if self.silent:
            raise Unavailable("Throttling: Rate exceeded")
        return super().describe(name_or_arn)


@pytest.fixture
def stacks() -> SilentStacks:
    return SilentStacks()


@pytest.fixture
def world(stacks: SilentStacks) -> Iterator[World]:
    return World(stacks=stacks)


def deadline_of(world: World, request: str) -> Any:
    operation = world.store.load_operation(world.owner(), request)
    assert operation is not None
    return operation.deadline_at


def out(world: World, request: str, *, before_s: float) -> tuple[str, dict[str, Any]]:
    """The engine call of a request that is out so long before its deadline; AWS throttled all before it."""
    until = deadline_of(world, request) - timedelta(seconds=before_s)
    while world.clock.now() < until or not world.engines.calls:
        if world.engines.calls:
            world.run_engine(failed("Throttled", "slow down"))
        world.clock.advance(20)
        world.sweep()
    return world.engines.calls.pop()


def accept(world: World, call: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """CloudFormation accepts what an engine asks of it, and the engine's report is lost."""
    world.engines.calls.append(call)
    return world.run_engine(report=False, on_its_way=True)


def pass_deadline(world: World, request: str) -> dict[str, Any]:
    world.clock.at = deadline_of(world, request)
    world.sweep()
    answer = world.sink.answer(request)
    assert answer["Reason"].startswith("DeadlineExceeded")
    return answer


def clean_up(world: World, name: str) -> None:
    """A cluster that no pass saw being made is found and deleted."""
    for _ in range(8):
        if not world.engines.calls:
            world.pass_time(60)
    call = world.run_engine()
    assert (call["operation"], call["cluster_name"]) == ("delete", name)
    world.settle(name, "DELETE_COMPLETE")
    world.pass_time(60)


def test_a_cluster_accepted_just_after_the_last_look_is_deleted_though_its_create_answered_with_a_marker(
    world: World,
) -> None:
    request = world.create()
    call = out(world, request, before_s=30)
    answer = pass_deadline(world, request)
    assert is_marker(answer["PhysicalResourceId"])
    accept(world, call)
    world.clock.advance(5)
    delete = world.delete(answer["PhysicalResourceId"])
    clean_up(world, "hpc")
    assert world.sink.answer(delete)["Status"] == "SUCCESS"
    assert world.store.load(world.owner()).clusters == {}


def test_a_cluster_that_could_not_be_seen_at_the_deadline_is_deleted_by_the_marker_it_left(
    world: World, stacks: SilentStacks
) -> None:
    request = world.create()
    call = out(world, request, before_s=280)
    accept(world, call)
    stacks.silent = True
    answer = pass_deadline(world, request)
    stacks.silent = False
    delete = world.delete(answer["PhysicalResourceId"])
    clean_up(world, "hpc")
    assert world.sink.answer(delete)["Status"] == "SUCCESS"


def test_a_create_that_made_nothing_until_its_fence_leaves_its_delete_nothing_to_do(world: World) -> None:
    request = world.create()
    out(world, request, before_s=30)
    answer = pass_deadline(world, request)
    delete = world.delete(answer["PhysicalResourceId"])
    assert not world.sink.answers(delete)
    world.pass_time(120)
    assert world.sink.answer(delete)["Status"] == "SUCCESS"
    assert world.engines.calls == []


def test_a_strangers_cluster_of_that_name_survives_the_delete_of_a_create_that_made_nothing(
    world: World,
) -> None:
    request = world.create()
    out(world, request, before_s=30)
    answer = pass_deadline(world, request)
    stranger = world.foreign()
    delete = world.delete(answer["PhysicalResourceId"])
    world.pass_time(120)
    assert world.sink.answer(delete)["Status"] == "SUCCESS"
    assert world.cluster() == stranger


def test_a_replacement_accepted_just_after_the_last_look_is_deleted_before_the_rollback_succeeds(
    world: World,
) -> None:
    world.made()
    request = world.update(ClusterName="other", **REPLACING)
    call = out(world, request, before_s=30)
    assert pass_deadline(world, request)["PhysicalResourceId"] == "hpc"
    accept(world, call)
    world.clock.advance(5)
    rollback = world.update(properties(ClusterName="other", **REPLACING))
    assert not world.sink.answers(rollback)
    clean_up(world, "other")
    world.run_engine()
    assert world.sink.answer(rollback)["Status"] == "SUCCESS"
    assert world.cluster("hpc").works


def test_a_replacement_reported_while_its_stack_could_not_be_seen_is_deleted_too(
    world: World, stacks: SilentStacks
) -> None:
    world.made()
    request = world.update(ClusterName="other", **REPLACING)
    call = out(world, request, before_s=30)
    stacks.silent = True
    world.engines.calls.append(call)
    world.run_engine()
    pass_deadline(world, request)
    stacks.silent = False
    rollback = world.update(properties(ClusterName="other", **REPLACING))
    clean_up(world, "other")
    world.run_engine()
    assert world.sink.answer(rollback)["Status"] == "SUCCESS"


def test_an_update_accepted_just_before_its_fence_is_undone_by_the_rollback(world: World) -> None:
    world.made()
    before = world.cluster().outputs
    request = world.update(ClusterConfiguration=NEW)
    call = out(world, request, before_s=30)
    pass_deadline(world, request)
    accept(world, call)
    rollback = world.update(properties(ClusterConfiguration=NEW))
    world.pass_time(120)
    world.settle("hpc", "UPDATE_COMPLETE")
    assert world.run_engine()["operation"] == "update"
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(rollback)["Status"] == "SUCCESS"
    assert world.cluster().outputs == before


def test_an_update_accepted_and_reported_while_its_stack_could_not_be_seen_is_undone_by_the_rollback(
    world: World, stacks: SilentStacks
) -> None:
    world.made()
    request = world.update(ClusterConfiguration=NEW)
    call = out(world, request, before_s=280)
    accept(world, call)
    stacks.silent = True
    world.report(call[1], {"errorType": "Runtime.ExitError"}, condition="RetriesExhausted")
    pass_deadline(world, request)
    stacks.silent = False
    world.settle("hpc", "UPDATE_COMPLETE")
    rollback = world.update(properties(ClusterConfiguration=NEW))
    assert world.run_engine()["operation"] == "update"
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(rollback)["Status"] == "SUCCESS"


def test_an_update_whose_late_change_fails_is_rolled_back_without_another_change(world: World) -> None:
    world.made()
    before = world.cluster()
    request = world.update(ClusterConfiguration=NEW)
    call = out(world, request, before_s=30)
    pass_deadline(world, request)
    accept(world, call)
    rollback = world.update(properties(ClusterConfiguration=NEW))
    world.pass_time(120)
    world.settle("hpc", "UPDATE_ROLLBACK_COMPLETE", parameters=before.parameters, outputs=before.outputs)
    assert world.run_engine()["operation"] == "describe"
    assert world.sink.answer(rollback)["Status"] == "SUCCESS"


def test_an_update_that_changed_nothing_until_its_fence_is_rolled_back_without_touching_the_cluster(
    world: World,
) -> None:
    world.made()
    before = world.cluster()
    request = world.update(ClusterConfiguration=NEW)
    out(world, request, before_s=30)
    pass_deadline(world, request)
    rollback = world.update(properties(ClusterConfiguration=NEW))
    assert not world.sink.answers(rollback)
    world.pass_time(120)
    assert world.run_engine()["operation"] == "describe"
    assert world.sink.answer(rollback)["Status"] == "SUCCESS"
    assert world.cluster() == before


def test_an_update_that_may_have_happened_is_rolled_back_though_the_library_finds_no_changes(
    world: World,
) -> None:
    world.made()
    request = world.update(ClusterConfiguration=NEW)
    call = out(world, request, before_s=30)
    pass_deadline(world, request)
    accept(world, call)
    rollback = world.update(properties(ClusterConfiguration=NEW))
    world.pass_time(120)
    world.settle("hpc", "UPDATE_COMPLETE")
    assert world.run_engine(failed("NoChanges", "No changes found."))["operation"] == "update"
    assert world.run_engine()["operation"] == "describe"
    assert world.sink.answer(rollback)["Status"] == "SUCCESS"


def test_an_image_accepted_just_after_the_last_look_is_deleted_though_its_create_answered_with_a_marker(
    world: World,
) -> None:
    request = world.create(ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())
    call = out(world, request, before_s=30)
    answer = pass_deadline(world, request)
    assert is_marker(answer["PhysicalResourceId"])
    accept(world, call)
    world.amis["image"] = dict(world.cluster("image").tags)
    world.settle("image", "DELETE_COMPLETE")
    delete = world.delete(
        answer["PhysicalResourceId"], ResourceType=IMAGE_TYPE, ResourceProperties=image_properties()
    )
    world.pass_time(120)
    assert world.run_engine()["operation"] == "delete-image"
    assert world.sink.answer(delete)["Status"] == "SUCCESS"
    assert world.amis == {}


def test_an_image_that_no_engine_could_build_leaves_its_delete_nothing_to_ask(world: World) -> None:
    request = world.create(ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())
    for _ in range(3):
        world.run_engine(failed("Internal", "AccessDenied"))
        world.pass_time(60)
    for _ in range(3):  # one of them may have built it
        assert world.run_engine()["operation"] == "describe-image"
        world.pass_time(60)
    answer = world.sink.answer(request)
    delete = world.delete(
        answer["PhysicalResourceId"], ResourceType=IMAGE_TYPE, ResourceProperties=image_properties()
    )
    assert world.sink.answer(delete)["Status"] == "SUCCESS"
    assert world.engines.calls == []
