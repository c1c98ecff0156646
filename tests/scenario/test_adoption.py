"""Clusters that others made: taken over without being touched, disowned rather than deleted."""

import json
from dataclasses import replace
from typing import Any

import pytest

from cluster_provider.core.deadline import MARGIN_S
from cluster_provider.core.errors import Unavailable
from cluster_provider.core.identity import Owner
from tests.support.fakes import stack_of
from tests.support.world import CONFIGURATION, OTHER_NODES, PARENT, World, failed, properties

ADOPT = {"AdoptExisting": "true"}
NEW = {**CONFIGURATION, "Tags": []}
SECOND = "arn:aws:cloudformation:us-east-1:123456789012:stack/second/0"
NO_CHANGES = failed("NoChanges", "No changes found in your cluster configuration.")


def adopting(**changed: Any) -> dict[str, Any]:
    return properties(**ADOPT, **changed)


def adopted(world: World, **changed: Any) -> str:
    """A cluster that exists is taken over, and its stack completes."""
    request = world.create(ResourceProperties=adopting(**changed))
    world.run_engine()
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    world.clock.advance(60)
    world.stacks.completed_at[PARENT] = world.clock.now()
    world.stacks.declare(stack_of("parent", "CREATE_COMPLETE", unique="0"))
    world.clock.advance(60)
    return request


def run_engines(world: World) -> None:
    """Engines do what they are asked for, and what that leads to."""
    while world.engines.calls:
        world.run_engine()


def test_a_living_cluster_is_taken_over_as_it_is() -> None:
    world = World()
    made = world.foreign()
    request = world.create(ResourceProperties=adopting())
    call = world.run_engine()
    assert (call["operation"], call["stack_id"]) == ("update", made.stack_id)
    assert call["arguments"] == {"refuse_removals": True, "resemble_stored": True}
    assert call["mark"] == {}
    assert (call["stack_tags"], call["configuration_tags"]) == ({}, {})
    assert world.run_engine()["operation"] == "describe"
    answer = world.sink.answer(request)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "hpc")
    assert answer["Data"]["headNode.publicIpAddress"] == "203.0.113.7"
    assert "was taken over" in answer["Data"]["validationMessages"]
    assert world.cluster() == made


def test_a_cluster_that_is_taken_over_gets_the_template_s_configuration() -> None:
    world = World()
    world.foreign()
    request = world.create(ResourceProperties=adopting(ClusterConfiguration=NEW))
    world.run_engine()
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    answer = world.sink.answer(request)
    assert (answer["Status"], answer["Data"]["clusterStatus"]) == ("SUCCESS", "UPDATE_COMPLETE")
    assert world.cluster().owner_tags == {}


@pytest.mark.parametrize(
    "stack_id", ["nonsense", "arn:aws:cloudformation:eu-west-1:210987654321:stack/theirs/1"]
)
def test_tags_that_name_a_stack_of_another_account_keep_no_cluster_from_being_taken_over(
    stack_id: str,
) -> None:
    world = World()
    tags = {"pcluster-cfn:stack-id": stack_id, "pcluster-cfn:logical-id": "Cluster"}
    cluster = world.foreign()
    named = {**cluster.tags, **tags, "pcluster-cfn:cluster-name": "hpc"}
    world.stacks.declare(replace(cluster, tags=named))
    request = world.create(ResourceProperties=adopting())
    world.run_engine()
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_without_the_property_the_refusal_names_it() -> None:
    world = World()
    made = world.foreign()
    request = world.create()
    assert "take it over with AdoptExisting: true" in world.sink.answer(request)["Reason"]
    assert world.cluster() == made


def test_where_there_is_no_cluster_one_is_made_and_belongs_to_the_resource() -> None:
    world = World()
    request = world.create(ResourceProperties=adopting())
    assert world.run_engine()["operation"] == "create"
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    world.clock.advance(60)
    world.delete()
    assert world.run_engine()["operation"] == "delete"


def test_what_would_take_something_away_is_refused_and_the_delete_touches_nothing() -> None:
    world = World()
    made = world.foreign()
    request = world.create(ResourceProperties=adopting(ClusterConfiguration=NEW))
    item = {"parameter": "Scheduling.SlurmQueues[q2]", "currentValue": "q2", "requestedValue": "-"}
    refused = {**item, "message": "Taking over a cluster removes nothing", "cure": ""}
    world.run_engine(failed("UpdateRejected", "Update failure", details=[refused]))
    answer = world.sink.answer(request)
    assert answer["Reason"].startswith("ClusterRejected: ClusterConfiguration: Scheduling.SlurmQueues[q2]")
    world.clock.advance(60)
    deleted = world.delete(answer["PhysicalResourceId"], ResourceProperties=adopting(DeletionPolicy="Delete"))
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert world.cluster() == made
    assert world.engines.calls == []
    assert world.claims.holders == {}


@pytest.mark.parametrize(
    "status", ["CREATE_FAILED", "ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED"]
)
def test_a_cluster_that_does_not_work_is_not_taken_over(status: str) -> None:
    world = World()
    world.foreign(status=status)
    request = world.create(ResourceProperties=adopting())
    assert f"it exists and is {status}, so it cannot be taken over" in world.sink.answer(request)["Reason"]


def test_a_stack_that_is_no_cluster_is_not_taken_over() -> None:
    world = World()
    world.stacks.declare(stack_of("hpc", "CREATE_COMPLETE", unique="web"))
    request = world.create(ResourceProperties=adopting())
    assert "is no cluster" in world.sink.answer(request)["Reason"]


def test_a_cluster_of_a_version_without_an_engine_is_not_taken_over() -> None:
    world = World()
    world.foreign(tags={"parallelcluster:version": "3.9.0"})
    request = world.create(ResourceProperties=adopting())
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("VersionMismatch")
    assert "3.9.0" in reason
    assert world.claims.holders == {}


def test_a_cluster_that_is_being_changed_is_waited_for() -> None:
    world = World()
    world.foreign(status="UPDATE_IN_PROGRESS")
    request = world.create(ResourceProperties=adopting())
    assert world.engines.calls == []
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_a_cluster_of_another_stack_is_taken_over_only_once_that_stack_gave_it_up() -> None:
    world = World()
    owner = Owner(SECOND, "Cluster")
    world.foreign(tags=owner.tags("hpc", "r"))
    world.stacks.listed[owner] = "hpc"
    request = world.create(ResourceProperties=adopting())
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("NotOwner: ClusterName hpc: the cluster belongs to resource Cluster of stack")
    del world.stacks.listed[owner]
    world.clock.advance(60)
    again = world.create(ResourceProperties=adopting())
    world.run_engine()
    world.run_engine()
    assert world.sink.answer(again)["Status"] == "SUCCESS"


def test_of_two_stacks_that_want_a_cluster_one_gets_it() -> None:
    world = World()
    world.foreign()
    world.stacks.declare(stack_of("second", "CREATE_IN_PROGRESS", unique="0"))
    world.create(ResourceProperties=adopting())
    other = world.create(StackId=SECOND, ResourceProperties=adopting())
    assert world.sink.answer(other)["Reason"].startswith("NotOwner")


def test_what_was_taken_over_and_is_no_more_listed_can_be_taken_over_by_another_stack() -> None:
    world = World()
    world.foreign()
    adopted(world)
    world.stacks.declare(stack_of("second", "CREATE_IN_PROGRESS", unique="0"))
    world.stacks.listed[world.owner()] = "hpc"
    refused = world.create(StackId=SECOND, ResourceProperties=adopting())
    assert world.sink.answer(refused)["Reason"].startswith("NotOwner")
    del world.stacks.listed[world.owner()]
    world.clock.advance(60)
    other = world.create(StackId=SECOND, ResourceProperties=adopting())
    run_engines(world)
    assert world.sink.answer(other)["Status"] == "SUCCESS"


@pytest.mark.parametrize("policy", [{}, {"DeletionPolicy": "Delete"}])
def test_the_rollback_of_the_stack_that_takes_a_cluster_over_disowns_it(policy: dict[str, str]) -> None:
    _takes_over_and_rolls_back(policy)


def test_the_rollback_of_the_stack_that_takes_a_cluster_over_retains_it() -> None:
    _takes_over_and_rolls_back({"DeletionPolicy": "Retain"})


def _takes_over_and_rolls_back(policy: dict[str, str]) -> None:
    world = World()
    made = world.foreign()
    world.create(ResourceProperties=adopting(**policy))
    world.run_engine()
    world.run_engine()
    world.clock.advance(60)
    world.stacks.declare(stack_of("parent", "ROLLBACK_IN_PROGRESS", unique="0"))
    deleted = world.delete(ResourceProperties=adopting(**policy))
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert world.cluster() == made
    assert world.engines.calls == []
    assert world.claims.holders == {}


def test_a_stack_that_is_deleted_because_it_failed_disowns_the_cluster() -> None:
    world = World()
    made = world.foreign()
    world.create(ResourceProperties=adopting(DeletionPolicy="Delete"))
    world.run_engine()
    world.run_engine()
    world.clock.advance(60)
    world.stacks.declare(stack_of("parent", "DELETE_IN_PROGRESS", unique="0"))
    world.delete(ResourceProperties=adopting(DeletionPolicy="Delete"))
    assert world.cluster() == made


def test_what_was_taken_over_is_deleted_if_the_template_says_so_and_the_stack_was_complete() -> None:
    world = World()
    world.foreign()
    adopted(world)
    world.stacks.declare(stack_of("parent", "DELETE_IN_PROGRESS", unique="0"))
    deleted = world.delete(ResourceProperties=adopting(DeletionPolicy="Delete"))
    assert world.run_engine()["operation"] == "delete"
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert world.claims.holders == {}


def test_years_later_cloudformation_s_events_are_not_needed_for_that() -> None:
    world = World()
    world.foreign()
    adopted(world)
    world.clock.advance(91 * 86_400)
    world.stacks.forget_events(before=world.clock.now())
    world.delete(ResourceProperties=adopting(DeletionPolicy="Delete"))
    assert world.run_engine()["operation"] == "delete"


def test_a_cluster_that_was_taken_over_is_disowned_if_the_template_has_no_deletion_policy() -> None:
    world = World()
    made = world.foreign()
    adopted(world)
    deleted = world.delete(ResourceProperties=adopting())
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert world.cluster() == made


def test_a_cluster_that_the_templates_attribute_retained_is_not_the_resources_when_it_comes_back() -> None:
    world = World()
    world.foreign()
    adopted(world)
    second = Owner(SECOND, "Cluster")
    world.stacks.declare(stack_of("second", "CREATE_IN_PROGRESS", unique="0"))
    # The attribute DeletionPolicy: Retain: no request. Another stack takes the cluster over.
    world.create(StackId=SECOND, ResourceProperties=adopting())
    run_engines(world)
    world.stacks.listed[second] = "hpc"
    had = world.cluster()

    for again in (properties(ClusterConfiguration=NEW), adopting(ClusterConfiguration=NEW)):
        world.clock.advance(60)
        answer = world.sink.answer(world.create(ResourceProperties=again))
        assert answer["Reason"].startswith("NotOwner: ClusterName hpc")
        world.clock.advance(60)
        world.delete(answer["PhysicalResourceId"], ResourceProperties=again)
        assert (world.cluster(), world.engines.calls) == (had, [])
    assert world.claims.holders[had.stack_id] == second


def test_a_repeated_delete_disowns_the_cluster_again_whatever_its_tags_are() -> None:
    world = World()
    world.made()
    world.delete(ResourceProperties=properties(DeletionPolicy="Retain"))
    world.clock.advance(60)
    adopted(world)
    kept = world.cluster()
    assert kept.owner_tags
    for _ in range(2):
        deleted = world.delete(ResourceProperties=adopting())
        assert world.sink.answer(deleted)["Status"] == "SUCCESS"
        world.clock.advance(1000 * 86_400)
    assert world.engines.calls == []
    assert world.cluster() == kept


def test_a_retained_cluster_is_taken_over_by_the_resource_that_made_it() -> None:
    world = World()
    world.made()
    world.delete(ResourceProperties=properties(DeletionPolicy="Retain"))
    world.clock.advance(60)
    request = world.create(ResourceProperties=adopting(ClusterConfiguration=NEW))
    assert world.run_engine()["arguments"]["refuse_removals"]
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_later_updates_keep_the_stored_form_and_may_remove() -> None:
    world = World()
    world.foreign()
    adopted(world)
    request = world.update(old=adopting(), **ADOPT, ClusterConfiguration=NEW)
    call = world.run_engine()
    assert call["arguments"] == {"resemble_stored": True}
    assert (call["stack_tags"], call["configuration_tags"]) == ({}, {})
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_an_update_that_fails_while_a_cluster_is_taken_over_disowns_it() -> None:
    world = World()
    before = world.foreign()
    request = world.create(ResourceProperties=adopting(ClusterConfiguration=NEW))
    world.run_engine()
    world.fail("hpc", "UPDATE_ROLLBACK_IN_PROGRESS", ("HeadNodeWaitCondition", "it did not start"))
    assert world.run_engine()["operation"] == "describe"  # with the head node's logs
    world.settle("hpc", "UPDATE_ROLLBACK_COMPLETE", parameters=before.parameters, outputs=before.outputs)
    answer = world.sink.answer(request)
    assert "it did not start" in answer["Reason"]
    assert answer["PhysicalResourceId"].startswith("pcluster-cfn:not-created:")
    world.clock.advance(60)
    world.delete(answer["PhysicalResourceId"], ResourceProperties=adopting(DeletionPolicy="Delete"))
    assert world.engines.calls == []
    assert world.cluster().status == "UPDATE_ROLLBACK_COMPLETE"


def test_a_cancelled_create_that_was_taking_a_cluster_over_disowns_it() -> None:
    world = World()
    world.foreign()
    world.create(ResourceProperties=adopting(ClusterConfiguration=NEW))
    world.run_engine()
    world.clock.advance(60)
    deleted = world.delete("parent-Cluster-1ABCDEF", ResourceProperties=adopting(DeletionPolicy="Delete"))
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert world.engines.calls == []
    assert world.cluster().status == "UPDATE_IN_PROGRESS"


def test_a_fleet_stopped_during_an_adoption_is_started_before_the_cluster_is_disowned() -> None:
    world = World()
    world.foreign()
    stopping = {"ClusterConfiguration": OTHER_NODES, "ComputeFleetUpdatePolicy": "StopAndRestart"}
    world.create(ResourceProperties=adopting(**stopping))
    world.run_engine()
    assert world.run_engine()["operation"] == "stop-fleet"
    world.fleets["hpc"] = "STOPPED"
    world.clock.advance(60)
    deleted = world.delete("parent-Cluster-1ABCDEF", ResourceProperties=adopting(**stopping))
    assert world.run_engine()["operation"] == "start-fleet"
    world.fleets["hpc"] = "RUNNING"
    world.pass_time(60)
    world.run_engine()
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert world.cluster().status == "CREATE_COMPLETE"


def test_a_cluster_that_disappears_while_it_is_taken_over_is_not_made_anew() -> None:
    world = World()
    world.foreign()
    request = world.create(ResourceProperties=adopting(ClusterConfiguration=NEW))
    world.settle("hpc", "DELETE_COMPLETE", tell=False)
    world.run_engine()
    assert "does not exist any more" in world.sink.answer(request)["Reason"]
    assert [call["operation"] for _, call in world.engines.calls] == []


def test_no_cluster_is_taken_over_for_a_stack_that_no_longer_wants_it() -> None:
    world = World()
    world.foreign()
    world.stacks.requested[world.owner()] = ("Delete", None, world.clock.now())
    world.deliver_until_handled(world.forge("Create", ResourceProperties=adopting()))
    assert world.claims.holders == {}
    assert world.engines.calls == []


def test_an_adopted_cluster_is_not_deleted_as_a_leftover_of_a_superseded_request() -> None:
    world = World()
    world.foreign()
    world.create(ResourceProperties=adopting(ClusterConfiguration=NEW))
    world.run_engine()
    world.settle("hpc", "UPDATE_COMPLETE", tell=False)
    world.clock.advance(4000)
    other = world.create(ResourceProperties=properties(ClusterName="lab"))
    world.pass_time(60)
    assert [call["operation"] for _, call in world.engines.calls] == ["create"]
    assert world.cluster().status == "UPDATE_COMPLETE"
    assert not world.sink.answers(other)


def test_what_was_done_is_reported_in_the_provider_s_own_messages() -> None:
    world = World()
    world.foreign()
    request = adopted(world)
    messages = json.loads(world.sink.answer(request)["Data"]["validationMessages"])
    assert [message["type"] for message in messages] == ["AdoptExisting"]


@pytest.mark.parametrize("error", [Unavailable("connection refused"), PermissionError("AccessDenied")])
def test_a_takeover_that_cannot_be_recorded_is_answered_at_the_deadline(error: Exception) -> None:
    world = World()
    before = world.foreign()
    event = world.event("Create", ResourceProperties=properties(AdoptExisting="true"))

    def refuse(*_: Any) -> Any:
        raise error

    world.claims.claim = refuse
    with pytest.raises(type(error)):
        world.deliver(event)
    world.clock.advance(3600 - MARGIN_S)
    world.deliver(event)
    reason = world.sink.answer(event["RequestId"])["Reason"]
    assert reason.startswith("DeadlineExceeded: cluster hpc: ")
    assert "last seen: it exists and was to be taken over" in reason
    assert (world.cluster(), world.engines.calls) == (before, [])
