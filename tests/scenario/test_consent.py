"""Clusters that others made are taken over as far as the provider's operator allows it."""

from dataclasses import replace

import pytest

from tests.support.world import CONFIGURATION, World, properties

ADOPTING = properties(AdoptExisting="true")
BY_NAME = "parallelcluster:cluster-name=hpc"


def taken_over(world: World) -> str:
    """A stack takes cluster hpc over; returns the answer's Reason, empty if it got it."""
    request = world.create(ResourceProperties=ADOPTING)
    while world.engines.calls:
        world.run_engine()
    answer = world.sink.answer(request)
    return "" if answer["Status"] == "SUCCESS" else str(answer["Reason"])


def with_tags(world: World, **tags: str) -> None:
    made = world.foreign()
    named = {"parallelcluster:cluster-name": "hpc"}
    world.stacks.declare(replace(made, tags={**made.tags, **named, **tags}))


def test_where_adoption_is_forbidden_the_refusal_names_the_parameter_and_the_value_to_give_it() -> None:
    world = World(consent="Forbid")
    with_tags(world)
    before = world.cluster()
    reason = taken_over(world)
    assert reason == (
        "NotOwner: ClusterName hpc: AdoptExisting is refused: the provider stack lets no cluster be taken "
        "over (ClusterAdoption: Forbid); it was not touched. Choose another name; or have the provider's "
        f"operator set ClusterAdoption of the provider stack to {BY_NAME}."
    )
    assert (world.cluster(), world.claims.holders, world.engines.calls) == (before, {}, [])


@pytest.mark.parametrize(
    ("tags", "found"), [({}, "it has no such tag"), ({"team": "web"}, "it has team=web")]
)
def test_a_cluster_without_the_operators_tag_is_refused_with_the_tag_that_is_missing(
    tags: dict[str, str], found: str
) -> None:
    world = World(consent="team=hpc")
    with_tags(world, **tags)
    reason = taken_over(world)
    assert f"the provider stack lets only clusters with tag team=hpc be taken over, and {found}" in reason
    assert "give the cluster that tag, or have the provider's operator" in reason
    assert world.claims.holders == {}


@pytest.mark.parametrize("consent", ["Allow", "team=hpc", BY_NAME])
def test_a_cluster_that_the_operator_allows_is_taken_over(consent: str) -> None:
    world = World(consent=consent)
    with_tags(world, team="hpc")
    assert taken_over(world) == ""


def test_the_delete_after_a_refusal_leaves_the_cluster_alone() -> None:
    world = World(consent="Forbid")
    with_tags(world)
    before = world.cluster()
    request = world.create(ResourceProperties=ADOPTING)
    physical_id = world.sink.answer(request)["PhysicalResourceId"]
    world.clock.advance(60)
    deleted = world.delete(
        physical_id, ResourceProperties=properties(AdoptExisting="true", DeletionPolicy="Delete")
    )
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert (world.cluster(), world.engines.calls) == (before, [])


def test_the_resource_that_made_a_cluster_may_have_it_back_whatever_the_operator_chose() -> None:
    world = World(consent="Forbid")
    world.made()
    world.delete(ResourceProperties=properties(DeletionPolicy="Retain"))
    world.clock.advance(60)
    assert taken_over(world) == ""


def test_a_cluster_that_was_taken_over_is_updated_after_the_operator_took_the_consent_back() -> None:
    world = World()
    with_tags(world)
    assert taken_over(world) == ""
    world.clock.advance(60)
    world.choose("Forbid")
    request = world.update(
        old=ADOPTING, AdoptExisting="true", ClusterConfiguration={**CONFIGURATION, "Tags": []}
    )
    world.run_engine()
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
