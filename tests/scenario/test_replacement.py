"""Clusters without a name in the template, and the changes that replace them."""

from typing import Any

import pytest

from tests.support.world import (
    CONFIGURATION,
    FLEET_RUNS,
    NOT_IN_PLACE,
    OTHER_NODES,
    World,
    failed,
    properties,
)

REPLACE = {"ReplacementPolicy": "Replace"}
NEW = {**CONFIGURATION, "Tags": []}
OLD_VERSION, VERSION = "3.15.1", "3.16.1"


def unnamed(**changed: Any) -> dict[str, Any]:
    """Properties without ClusterName."""
    return {key: value for key, value in properties(**changed).items() if key != "ClusterName"}


def made(world: World, wanted: dict[str, Any]) -> str:
    """A cluster is created and answered; answers its name."""
    request = world.create(ResourceProperties=wanted)
    name = world.run_engine()["cluster_name"]
    world.settle(name, "CREATE_COMPLETE")
    world.run_engine()
    answer = world.sink.answer(request)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", name)
    world.clock.advance(60)
    return str(name)


def change(world: World, physical_id: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    return world.deliver(
        world.event(
            "Update", PhysicalResourceId=physical_id, ResourceProperties=new, OldResourceProperties=old
        )
    )


def refuse(world: World, *details: dict[str, Any]) -> None:
    """The engine refuses the update that waits."""
    assert (
        world.run_engine(failed("UpdateRejected", "Update failure", details=[*details]))["operation"]
        == "update"
    )


def roll_back(world: World) -> None:
    """The parent stack begins to roll back."""
    world.clock.advance(60)
    parent = world.cluster("parent")
    world.stacks.declare(type(parent)(**{**vars(parent), "status": "UPDATE_ROLLBACK_IN_PROGRESS"}))


def replaced(world: World, name: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    """An update that ParallelCluster refuses replaces the cluster; answers the new one's name."""
    request = change(world, name, old, new)
    refuse(world, NOT_IN_PLACE)
    call = world.run_engine()
    assert call["operation"] == "create"
    world.settle(call["cluster_name"], "CREATE_COMPLETE")
    world.run_engine()
    answer = world.sink.answer(request)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", call["cluster_name"])
    return str(call["cluster_name"])


def assert_back_without(world: World, other: str, undone: str, name: str) -> None:
    """The rollback deletes the new cluster first, and is then answered with the old one."""
    call = world.run_engine()
    assert (call["operation"], call["cluster_name"]) == ("delete", other)
    world.settle(other, "DELETE_COMPLETE")
    world.pass_time(60)
    world.run_engine()
    assert world.sink.answer(undone)["PhysicalResourceId"] == name


def test_a_cluster_without_a_name_gets_one_from_its_stack_and_its_logical_id() -> None:
    world = World()
    name = made(world, unnamed())
    assert name.startswith("parent-Cluster-")
    assert world.cluster(name).belongs_to(world.owner())


def test_every_delivery_of_a_create_makes_the_same_cluster() -> None:
    world = World()
    event = world.event("Create", ResourceProperties=unnamed())
    world.deliver(event)
    world.deliver(event)
    (call,) = [call for _, call in world.engines.calls]
    world.run_engine(report=False)
    world.deliver(event)
    assert [fact.stack.name for fact in world.stacks.facts.values()] == ["parent", call["cluster_name"]]


def test_an_update_keeps_the_generated_name() -> None:
    world = World()
    name = made(world, unnamed())
    request = change(world, name, unnamed(), unnamed(ClusterConfiguration=NEW))
    call = world.run_engine()
    assert (call["operation"], call["cluster_name"]) == ("update", name)
    world.settle(name, "UPDATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["PhysicalResourceId"] == name


def test_a_name_that_is_taken_out_of_the_template_or_put_into_it_changes_nothing() -> None:
    world = World()
    name = made(world, properties())
    for old, new in ((properties(), unnamed()), (unnamed(), properties(ClusterName=name))):
        request = change(world, name, old, new)
        world.run_engine()
        answer = world.sink.answer(request)
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", name)
        world.clock.advance(60)
    assert world.cluster(name).status == "CREATE_COMPLETE"


def test_the_create_after_a_failed_one_has_a_name_of_its_own() -> None:
    world = World()
    world.create(ResourceProperties=unnamed())
    first = world.run_engine(failed("ClusterRejected", "no"))["cluster_name"]
    world.clock.advance(60)
    world.create(ResourceProperties=unnamed())
    assert world.run_engine()["cluster_name"] != first


def test_a_cluster_to_take_over_must_be_named() -> None:
    world = World()
    request = world.create(ResourceProperties=unnamed(AdoptExisting="true"))
    assert world.sink.answer(request)["Reason"].startswith(
        "MissingProperty: ClusterName: AdoptExisting needs"
    )


@pytest.mark.parametrize("policy", [{}, {"ReplacementPolicy": "Refuse"}])
def test_a_change_that_cannot_be_made_in_place_is_refused_unless_the_template_permits_a_replacement(
    policy: dict[str, str],
) -> None:
    world = World()
    name = made(world, unnamed())
    request = change(world, name, unnamed(), unnamed(ClusterConfiguration=NEW, **policy))
    refuse(world, NOT_IN_PLACE)
    answer = world.sink.answer(request)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", name)
    assert answer["Reason"].startswith("ClusterRejected: ClusterConfiguration: HeadNode.Networking.SubnetId")
    assert world.engines.calls == []


def test_a_change_that_cannot_be_made_in_place_makes_a_new_cluster_and_then_deletes_the_old_one() -> None:
    world = World()
    old, new = unnamed(), unnamed(ClusterConfiguration=NEW, **REPLACE)
    name = made(world, old)
    other = replaced(world, name, old, new)
    assert {name, other} == {stack.name for stack in _clusters(world)}
    world.clock.advance(60)
    cleaned = world.delete(name, ResourceProperties=old)
    assert world.run_engine()["cluster_name"] == name
    world.settle(name, "DELETE_COMPLETE")
    assert world.sink.answer(cleaned)["Status"] == "SUCCESS"
    assert [stack.name for stack in _clusters(world)] == [other]


def test_the_answer_of_a_replacement_says_why_it_was_needed() -> None:
    world = World()
    old, new = unnamed(), unnamed(ClusterConfiguration=NEW, **REPLACE)
    name = made(world, old)
    request = change(world, name, old, new)
    refuse(world, NOT_IN_PLACE)
    other = world.run_engine()["cluster_name"]
    world.settle(other, "CREATE_COMPLETE")
    world.run_engine()
    said = world.sink.answer(request)["Data"]["validationMessages"]
    assert f"Cluster {name} cannot be changed in place: HeadNode.Networking.SubnetId" in said
    assert f"Cluster {other} was made in its place." in said


def test_another_version_is_a_change_that_replaces() -> None:
    world = World(versions=(VERSION, OLD_VERSION))
    old, new = unnamed(PclusterVersion=OLD_VERSION), unnamed(PclusterVersion=VERSION, **REPLACE)
    name = made(world, old)
    request = change(world, name, old, new)
    ((version, call),) = world.engines.calls
    assert (version, call["operation"], call["cluster_name"] != name) == (VERSION, "create", True)
    world.run_engine()
    world.settle(call["cluster_name"], "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["PhysicalResourceId"] == call["cluster_name"]
    world.clock.advance(60)
    world.delete(name, ResourceProperties=old)
    assert [version for version, _ in world.engines.calls] == [OLD_VERSION]


def test_a_version_without_an_engine_replaces_nothing() -> None:
    world = World()
    name = made(world, unnamed())
    request = change(world, name, unnamed(), unnamed(PclusterVersion="3.99.0", **REPLACE))
    assert world.sink.answer(request)["Reason"].startswith("VersionMismatch: PclusterVersion")
    assert world.engines.calls == []


def test_a_cluster_with_a_fixed_name_is_not_replaced_under_it() -> None:
    world = World()
    name = made(world, properties())
    request = change(world, name, properties(), properties(ClusterConfiguration=NEW, **REPLACE))
    refuse(world, NOT_IN_PLACE)
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("ClusterRejected: ClusterConfiguration: HeadNode.Networking.SubnetId")
    assert reason.endswith("give another ClusterName, or leave it out.")
    assert [stack.name for stack in _clusters(world)] == [name]


def test_a_replacement_policy_permits_another_name_too() -> None:
    world = World()
    name = made(world, properties())
    request = change(world, name, properties(), properties(ClusterName="lab", **REPLACE))
    assert world.run_engine()["operation"] == "create"
    world.settle("lab", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["PhysicalResourceId"] == "lab"


def test_a_change_that_a_stopped_fleet_allows_replaces_nothing() -> None:
    world = World()
    name = made(world, unnamed())
    request = change(world, name, unnamed(), unnamed(ClusterConfiguration=OTHER_NODES, **REPLACE))
    refuse(world, FLEET_RUNS)
    assert "Set ComputeFleetUpdatePolicy" in world.sink.answer(request)["Reason"]
    assert world.engines.calls == []


def test_a_cluster_whose_fleet_was_stopped_for_the_update_is_not_replaced() -> None:
    world = World()
    name = made(world, unnamed())
    stopping = {"ComputeFleetUpdatePolicy": "StopAndRestart", **REPLACE}
    request = change(world, name, unnamed(), unnamed(ClusterConfiguration=OTHER_NODES, **stopping))
    world.run_engine()  # refused, because compute nodes run
    assert world.run_engine()["operation"] == "stop-fleet"
    world.fleets[name] = "STOPPED"
    world.pass_time(60)
    assert world.run_engine()["operation"] == "stop-fleet"  # which finds it stopped
    refuse(world, NOT_IN_PLACE)
    world.pass_time(60)
    while world.engines.calls:
        assert world.run_engine()["operation"] != "create"
        world.fleets[name] = world.fleet(name).replace("START_REQUESTED", "RUNNING")
        world.pass_time(60)
    assert world.sink.answer(request)["Reason"].startswith("ClusterRejected")
    assert world.fleets == {name: "RUNNING"}


def test_the_rollback_of_a_replacement_goes_back_to_the_cluster_that_was_there_before() -> None:
    world = World()
    old, new = unnamed(), unnamed(ClusterConfiguration=NEW, **REPLACE)
    name = made(world, old)
    other = replaced(world, name, old, new)
    roll_back(world)
    undone = change(world, other, new, old)
    world.run_engine()
    answer = world.sink.answer(undone)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", name)
    world.clock.advance(60)
    world.delete(other, ResourceProperties=new)
    assert world.run_engine()["cluster_name"] == other
    world.settle(other, "DELETE_COMPLETE")
    assert [stack.name for stack in _clusters(world)] == [name]
    assert world.cluster(name).status == "CREATE_COMPLETE"


def test_a_rollback_that_is_repeated_goes_back_to_the_same_cluster() -> None:
    world = World()
    old, new = unnamed(), unnamed(ClusterConfiguration=NEW, **REPLACE)
    name = made(world, old)
    other = replaced(world, name, old, new)
    roll_back(world)
    for _ in range(2):  # the first answer was not acknowledged
        undone = change(world, other, new, old)
        world.run_engine()
        assert world.sink.answer(undone)["PhysicalResourceId"] == name
        world.clock.advance(60)


def test_a_replacement_that_failed_leaves_the_old_cluster_as_it_was() -> None:
    world = World()
    old, new = unnamed(), unnamed(ClusterConfiguration=NEW, **REPLACE)
    name = made(world, old)
    before = world.cluster(name)
    request = change(world, name, old, new)
    refuse(world, NOT_IN_PLACE)
    other = world.run_engine()["cluster_name"]
    world.fail(other, "CREATE_FAILED", ("HeadNode", "no capacity"))
    world.run_engine()
    answer = world.sink.answer(request)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", name)
    roll_back(world)
    undone = change(world, name, new, old)
    assert_back_without(world, other, undone, name)
    assert _clusters(world) == [before]


def test_a_replacement_that_was_refused_is_undone_without_work() -> None:
    world = World()
    old, new = unnamed(), unnamed(ClusterConfiguration=NEW, **REPLACE)
    name = made(world, old)
    request = change(world, name, old, new)
    refuse(world, NOT_IN_PLACE)
    world.run_engine(failed("ClusterRejected", "the subnet does not exist"))
    answer = world.sink.answer(request)
    assert answer["Reason"].startswith("ClusterRejected: ClusterConfiguration: the subnet does not exist")
    roll_back(world)
    undone = change(world, name, new, old)
    world.run_engine()
    assert world.sink.answer(undone)["PhysicalResourceId"] == name
    assert [stack.name for stack in _clusters(world)] == [name]


def test_a_cancelled_replacement_is_deleted_before_the_rollback_is_answered() -> None:
    world = World()
    old, new = unnamed(), unnamed(ClusterConfiguration=NEW, **REPLACE)
    name = made(world, old)
    change(world, name, old, new)
    refuse(world, NOT_IN_PLACE)
    other = world.run_engine()["cluster_name"]
    roll_back(world)
    undone = change(world, name, new, old)
    assert_back_without(world, other, undone, name)
    assert [stack.name for stack in _clusters(world)] == [name]


def test_a_rollback_never_makes_a_new_cluster() -> None:
    """ParallelCluster refuses to take a change back; a second cluster would not be what was there before."""
    world = World()
    old, new = unnamed(**REPLACE), unnamed(ClusterConfiguration=NEW, **REPLACE)
    name = made(world, old)
    change(world, name, old, new)
    world.run_engine()
    world.settle(name, "UPDATE_COMPLETE")
    world.run_engine()
    roll_back(world)
    undone = change(world, name, new, old)
    refuse(world, NOT_IN_PLACE)
    answer = world.sink.answer(undone)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", name)
    assert [stack.name for stack in _clusters(world)] == [name]


def test_the_old_properties_asked_for_once_more_after_the_clean_up_replace_again() -> None:
    world = World(versions=(VERSION, OLD_VERSION))
    old = unnamed(PclusterVersion=OLD_VERSION, **REPLACE)
    new = unnamed(PclusterVersion=VERSION, **REPLACE)
    first = made(world, old)
    change(world, first, old, new)
    second = world.run_engine()["cluster_name"]
    world.settle(second, "CREATE_COMPLETE")
    world.run_engine()
    world.clock.advance(60)
    world.delete(first, ResourceProperties=old)
    world.run_engine(failed("Internal", "the deletion could not be begun"))
    world.clock.advance(600)
    change(world, second, new, old)
    while world.engines.calls[0][1]["operation"] == "delete":
        world.run_engine()
        world.pass_time(60)
    call = world.engines.calls[0][1]
    assert call["operation"] == "create"
    assert call["cluster_name"] not in {first, second}


def test_a_failed_cluster_with_a_wait_condition_goes_back_too() -> None:
    world = World()
    handle = "https://cloudformation-waitcondition-us-east-1.s3.amazonaws.com/handle"
    old, new = unnamed(), unnamed(ClusterConfiguration=NEW, WaitConditionHandle=handle, **REPLACE)
    name = made(world, old)
    request = change(world, name, old, new)
    refuse(world, NOT_IN_PLACE)
    other = world.run_engine()["cluster_name"]
    assert world.sink.answer(request)["PhysicalResourceId"] == other  # answered when it began
    world.fail(other, "CREATE_FAILED", ("HeadNode", "no capacity"))
    world.run_engine()
    roll_back(world)
    undone = change(world, other, new, old)
    world.run_engine()
    assert world.sink.answer(undone)["PhysicalResourceId"] == name


def _clusters(world: World) -> list[Any]:
    stacks = [fact.stack for fact in world.stacks.facts.values()]
    return [stack for stack in stacks if stack.version is not None and not stack.gone]
