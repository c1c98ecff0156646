"""Thirty interleavings that would lose, orphan or hang a cluster; each test carries its number."""

import random
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cluster_provider.core.errors import DeliveryFailed, NotAccepted, Unavailable
from cluster_provider.core.observed import ClusterStack
from cluster_provider.core.properties import CONFIGURATION_MAX_BYTES
from tests.support.fakes import HANDLES, FactStacks, QueuedEngines, stack_of
from tests.support.world import CONFIGURATION, OTHER_NODES, World, failed, properties

NEW = {**CONFIGURATION, "Tags": []}
MADE_UP = "parent-Cluster-1ABCDEF"


def rollback(world: World, **undone: Any) -> str:
    """CloudFormation takes an Update back: the properties exchanged."""
    return world.update(old=properties(**undone))


def test_01_an_engine_that_was_overtaken_by_a_delete_makes_no_orphan() -> None:
    world = World()
    world.create()
    deleted = world.delete(MADE_UP)
    assert not world.sink.answers(deleted), "the engine may still act"
    world.pass_time(420)
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    world.run_engine(report=False)
    assert world.stacks.living("hpc") is None


def test_02_a_late_engine_does_not_change_a_cluster_whose_update_was_rolled_back() -> None:
    world = World()
    world.made()
    before = world.cluster()
    world.update(ClusterConfiguration=NEW)
    world.clock.advance(30)
    undone = rollback(world, ClusterConfiguration=NEW)
    assert not world.sink.answers(undone)
    late = world.engines.calls.pop()
    world.pass_time(420)
    world.run_engine()
    assert world.sink.answer(undone)["Status"] == "SUCCESS"
    world.engines.calls.append(late)
    world.run_engine()
    assert world.cluster() == before


class LostAnswerEngines(QueuedEngines):
    """Lambda accepts the invocation, and its answer is lost."""

    def invoke(self, version: str, call: Mapping[str, object]) -> None:
        super().invoke(version, call)
        raise Unavailable("Read timeout")


def test_03_an_invocation_whose_answer_was_lost_is_not_repeated_while_it_may_act() -> None:
    world = World(engines=LostAnswerEngines())
    world.create()
    world.pass_time(240)
    assert len(world.engines.calls) == 1
    world.run_engine()
    assert world.cluster().belongs_to(world.owner())


def test_03_an_invocation_that_lambda_refused_is_repeated_soon() -> None:
    class RefusingOnce(QueuedEngines):
        refused = False

        def invoke(self, version: str, call: Mapping[str, object]) -> None:
            if not self.refused:
                self.refused = True
                raise NotAccepted("Rate exceeded", passing=True)
            super().invoke(version, call)

    world = World(engines=RefusingOnce())
    world.create()
    assert world.engines.calls == []
    world.pass_time(60)
    assert len(world.engines.calls) == 1


def test_04_a_living_cluster_is_never_adopted_by_accident_and_never_destroyed_by_the_rollback() -> None:
    world = World()
    production = world.stacks.declare(
        stack_of("hpc", "UPDATE_COMPLETE", {"parallelcluster:version": "3.16.1"}, unique="prod")
    )
    request = world.create()
    refused = world.sink.answer(request)
    assert refused["Reason"].startswith("NotOwner")
    world.clock.advance(10)
    world.delete(refused["PhysicalResourceId"])
    assert world.cluster() == production
    assert world.engines.calls == []


def test_05_a_create_delivered_again_after_its_delete_makes_nothing() -> None:
    world = World()
    event = world.event("Create")
    world.deliver(event)
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    world.clock.advance(60)
    deleted = world.delete()
    world.run_engine()
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    world.deliver(event)
    assert world.engines.calls == []


def test_06_a_delete_that_overtook_its_create_leaves_a_tombstone() -> None:
    world = World()
    create = world.event("Create")
    world.clock.advance(5)
    deleted = world.delete(MADE_UP)
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    world.deliver_until_handled(create)
    assert world.engines.calls == []


def test_06_a_create_signed_in_the_same_second_is_stopped_by_the_parent_stack() -> None:
    world = World()
    create = world.event("Create")
    world.delete(MADE_UP)
    world.deliver_until_handled(create)
    assert world.engines.calls == []
    assert [record.is_open for _, record in world.store.records()] == [False]


@pytest.mark.parametrize("behind_s", [1, 5, 9])
def test_06_a_delete_signed_by_a_clock_that_is_behind_is_carried_out(behind_s: int) -> None:
    world = World()
    world.made()
    world.clock.advance(-behind_s)
    signed = world.forge("Delete", PhysicalResourceId="hpc")
    world.clock.advance(behind_s)
    deletion = world.event("Delete", PhysicalResourceId="hpc") | {"ResponseURL": signed["ResponseURL"]}
    world.deliver(deletion | {"RequestId": signed["RequestId"]})
    world.run_engine()
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(signed["RequestId"])["Status"] == "SUCCESS"


def test_06_a_create_that_comes_late_does_not_overtake_an_open_delete() -> None:
    world = World()
    world.create()
    world.run_engine()
    late = world.event("Create", logical_id="Cluster")
    world.clock.advance(1)
    deleted = world.delete(MADE_UP)
    world.deliver_until_handled(late)
    world.run_engine()
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert world.engines.calls == []


def test_06_a_parent_stack_whose_read_was_late_does_not_hang_the_create() -> None:
    world = World()
    event = world.event("Create")
    state = world.stacks.requested.pop(world.owner())
    with pytest.raises(Unavailable):
        world.deliver(event)
    world.stacks.requested[world.owner()] = state
    world.clock.advance(60)
    world.deliver(event)
    assert len(world.engines.calls) == 1


def test_07_an_update_delivered_again_after_its_rollback_changes_nothing() -> None:
    world = World()
    world.made()
    event = world.event(
        "Update",
        PhysicalResourceId="hpc",
        ResourceProperties=properties(ClusterConfiguration=NEW),
        OldResourceProperties=properties(),
    )
    world.clock.advance(5)
    undone = rollback(world, ClusterConfiguration=NEW)
    world.deliver_until_handled(event)
    world.run_engine()
    assert world.sink.answer(undone)["Status"] == "SUCCESS"
    assert world.engines.calls == []


def test_07_a_request_replayed_hours_later_is_dropped() -> None:
    world = World()
    event = world.event("Create")
    world.clock.advance(7201)
    world.deliver(event)
    assert world.engines.calls == []
    assert world.store.records() == []


def test_08_an_engine_that_dies_before_it_acts_is_started_again_and_nothing_has_vanished() -> None:
    world = World()
    request = world.create()
    world.crash_engine()
    world.pass_time(60)
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_09_an_older_rollback_is_not_taken_for_the_end_of_this_update() -> None:
    world = World()
    world.made()
    before = world.cluster()
    world.update(ClusterConfiguration=NEW)
    world.run_engine()
    world.settle("hpc", "UPDATE_ROLLBACK_COMPLETE", parameters=before.parameters, outputs=before.outputs)
    world.clock.advance(60)
    rollback(world, ClusterConfiguration=NEW)
    world.run_engine()
    world.clock.advance(60)

    again = world.update(ClusterConfiguration=NEW)
    world.crash_engine()
    assert not world.sink.answers(again), "UPDATE_ROLLBACK_COMPLETE is the earlier update's end"
    world.pass_time(60)
    world.run_engine()
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(again)["Status"] == "SUCCESS"


def test_10_an_engine_call_delivered_twice_makes_one_stack() -> None:
    world = World()
    request = world.create()
    twice = world.engines.calls[0]
    assert twice[1]["version"] == twice[0]
    world.run_engine(report=False)
    made = world.cluster()
    world.engines.calls.append(twice)
    world.run_engine()
    assert world.cluster() == made
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_11_a_cluster_of_a_superseded_replacement_is_deleted_before_the_rollback_is_answered() -> None:
    world = World()
    world.made()
    old = world.cluster()
    replacing = {"ClusterName": "hpc2", "ClusterNameUpdatePolicy": "Replace"}
    world.update(**replacing)
    world.run_engine()
    assert world.cluster("hpc2").status == "CREATE_IN_PROGRESS"

    world.clock.advance(60)
    undone = rollback(world, **replacing)
    assert world.run_engine()["operation"] == "delete"
    assert not world.sink.answers(undone)
    world.settle("hpc2", "DELETE_COMPLETE")
    world.pass_time(60)
    world.run_engine()
    answer = world.sink.answer(undone)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "hpc")
    assert world.cluster() == old
    assert world.stacks.living("hpc2") is None


def test_12_a_retained_cluster_is_not_taken_for_a_new_one() -> None:
    world = World()
    world.made()
    retained = properties(DeletionPolicy="Retain")
    world.delete(ResourceProperties=retained)
    kept = world.cluster()
    world.clock.advance(60)
    request = world.create(ResourceProperties=properties(ClusterConfiguration=NEW))
    assert "an earlier request of this resource" in world.sink.answer(request)["Reason"]
    assert world.cluster() == kept


def test_13_a_retained_cluster_of_a_stack_that_is_gone_is_refused_with_the_way_out() -> None:
    world = World()
    world.made()
    world.delete(ResourceProperties=properties(DeletionPolicy="Retain"))
    again = "arn:aws:cloudformation:us-east-1:123456789012:stack/parent/1"
    world.stacks.declare(stack_of("parent", "CREATE_IN_PROGRESS", unique="1"))
    request = world.create(StackId=again)
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("NotOwner")
    assert "take it over with AdoptExisting: true" in reason


def test_14_retain_never_keeps_what_a_failed_or_cancelled_create_left() -> None:
    world = World()
    retained = properties(DeletionPolicy="Retain")
    world.create(ResourceProperties=retained)
    world.run_engine()
    world.clock.advance(60)
    world.delete(MADE_UP, ResourceProperties=retained)
    assert world.run_engine()["operation"] == "delete"


def test_15_an_update_keeps_the_owner_tags_as_they_are() -> None:
    world = World()
    created = world.made()
    world.update(ClusterConfiguration=NEW)
    world.run_engine()
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.cluster().belongs_to(world.owner())
    assert world.cluster().owner_tags == world.owner().tag("hpc", created)


def test_15_a_configuration_that_was_used_again_carries_no_ownership_along() -> None:
    world = World()
    world.made()
    copied = world.stacks.declare(stack_of("copy", "CREATE_COMPLETE", world.cluster().tags, unique="x"))
    deleted = world.delete("copy")
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert world.cluster("copy") == copied


def without_owner_tags(world: World) -> dict[str, str]:
    """Updates the cluster as its operator would: the library puts its own tags and no others."""
    tags = world.cluster().tags
    kept = {key: value for key, value in tags.items() if not key.startswith("pcluster-cfn:")}
    world.settle("hpc", "UPDATE_COMPLETE", tags=kept, parameters={"ConfigVersion": "theirs"}, tell=False)
    return {key: value for key, value in tags.items() if key not in kept}


def test_15_a_cluster_that_lost_its_tags_to_an_update_from_outside_is_updated_and_gets_them_back() -> None:
    world = World()
    world.made()
    lost = without_owner_tags(world)
    request = world.update(ClusterConfiguration=NEW)
    assert world.run_engine()["stack_tags"] == lost
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_15_a_cluster_that_lost_its_tags_to_an_update_from_outside_is_deleted() -> None:
    world = World()
    world.made()
    without_owner_tags(world)
    request = world.delete()
    assert world.run_engine()["operation"] == "delete"
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_15_a_cluster_without_tags_under_a_name_that_was_ours_is_a_strangers() -> None:
    world = World()
    world.made()
    world.settle("hpc", "DELETE_COMPLETE", tell=False)
    world.stacks.declare(
        stack_of("hpc", "CREATE_COMPLETE", {"parallelcluster:version": "3.16.1"}, unique="s")
    )
    stranger = world.cluster()
    request = world.delete()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.cluster() == stranger


def test_16_an_unknown_configuration_version_is_a_change_from_outside_and_is_reported() -> None:
    world = World()
    world.made()
    world.settle("hpc", "UPDATE_COMPLETE", parameters={"ConfigVersion": "somebody's"}, tell=False)
    request = world.update(ClusterConfiguration=NEW)
    assert world.run_engine()["operation"] == "update"
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    messages = world.sink.answer(request)["Data"]["validationMessages"]
    assert "ChangedOutsideStack" in messages
    assert "was replaced by the template's" in messages


def test_16_a_change_from_outside_stays_as_long_as_the_template_asks_for_nothing_else() -> None:
    world = World()
    world.made()
    world.settle("hpc", "UPDATE_COMPLETE", parameters={"ConfigVersion": "somebody's"}, tell=False)
    request = world.update(DeletionPolicy="Retain")
    assert world.run_engine()["operation"] == "describe"
    assert "was left as it is" in world.sink.answer(request)["Data"]["validationMessages"]


@pytest.mark.parametrize(
    "refused",
    [
        {"ClusterName": "other"},
        {"ClusterName": "not possible"},
        {"PclusterVersion": "3.14.0"},
        {"DeletionPolicy": "Maybe"},
        {"ClusterConfiguration": {}},
    ],
)
def test_17_the_rollback_of_a_refused_update_succeeds(refused: dict[str, Any]) -> None:
    world = World()
    world.made()
    request = world.update(**refused)
    assert world.sink.answer(request)["Status"] == "FAILED"
    world.clock.advance(5)
    undone = rollback(world, **refused)
    world.run_engine()
    answer = world.sink.answer(undone)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "hpc")
    assert answer["Data"]["headNode.publicIpAddress"] == "203.0.113.7"


def test_17_the_rollback_of_an_update_of_a_cluster_that_is_gone_succeeds() -> None:
    world = World()
    world.made()
    world.settle("hpc", "DELETE_COMPLETE", tell=False)
    request = world.update(ClusterConfiguration=NEW)
    assert "does not exist any more" in world.sink.answer(request)["Reason"]
    world.clock.advance(5)
    undone = rollback(world, ClusterConfiguration=NEW)
    assert world.sink.answer(undone)["Status"] == "SUCCESS"


def test_18_a_fleet_stopped_for_an_update_that_fails_is_started_before_the_request_is_answered() -> None:
    world = World()
    world.made()
    request = world.update(ClusterConfiguration=OTHER_NODES, ComputeFleetUpdatePolicy="StopAndRestart")
    world.run_engine()
    assert world.run_engine()["operation"] == "stop-fleet"
    world.fleets["hpc"] = "STOPPED"
    world.pass_time(60)
    world.run_engine()
    world.run_engine(failed("BadRequest", "no such AMI"))
    assert not world.sink.answers(request)
    assert world.run_engine()["operation"] == "start-fleet"
    world.fleets["hpc"] = "RUNNING"
    world.pass_time(60)
    world.run_engine()
    assert "no such AMI" in world.sink.answer(request)["Reason"]


def test_19_a_delete_waits_while_the_cluster_is_being_updated() -> None:
    world = World()
    world.made()
    world.settle("hpc", "UPDATE_IN_PROGRESS")
    world.delete()
    world.pass_time(300)
    assert world.engines.calls == []
    world.settle("hpc", "UPDATE_COMPLETE")
    assert world.run_engine()["operation"] == "delete"


class SettlingWhileRead(FactStacks):
    """The cluster settles, and its event arrives, while a pass still holds what it read before."""

    world: World

    def describe(self, name_or_arn: str) -> ClusterStack | None:
        seen = super().describe(name_or_arn)
        if seen is not None and seen.name == "hpc" and seen.status == "CREATE_IN_PROGRESS":
            self.world.settle("hpc", "CREATE_COMPLETE")
        return seen


def test_20_an_event_that_finds_the_lease_held_is_not_lost() -> None:
    stacks = SettlingWhileRead()
    world = stacks.world = World(stacks=stacks)
    world.create()
    world.run_engine()
    assert world.engines.calls[0][1]["operation"] == "describe"


def test_21_the_deadline_counts_from_when_the_request_was_issued() -> None:
    world = World()
    event = world.event("Create")
    issued_at = world.clock.now()
    world.clock.advance(1500)
    request = world.deliver(event)
    world.run_engine()
    world.pass_time(3540 - 1500)
    assert world.sink.answer(request)["Reason"].startswith("DeadlineExceeded")
    assert world.clock.now() - issued_at < timedelta(hours=1)


def test_22_an_infrastructure_fault_is_raised_and_the_repeated_delivery_goes_on() -> None:
    world = World()
    event = world.event("Create")
    working = world.store.change

    def broken(*_: Any) -> Any:
        raise Unavailable("Throttled")

    world.store.change = broken  # type: ignore[method-assign]  # the fact that the table is down
    with pytest.raises(Unavailable):
        world.deliver(event)
    world.store.change = working  # type: ignore[method-assign]
    world.deliver(event)
    assert len(world.engines.calls) == 1
    assert world.sink.bodies == {}


def test_23_a_handle_of_an_earlier_operation_is_not_signalled_again() -> None:
    world = World()
    first, second = f"{HANDLES}1", f"{HANDLES}2"
    world.create(ResourceProperties=properties(WaitConditionHandle=first))
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    world.pass_time(60)
    world.update(properties(WaitConditionHandle=first), WaitConditionHandle=second)
    world.run_engine()
    world.pass_time(60)
    assert world.sink.signals.keys() == {first, second}

    bigger = {"ClusterConfiguration": {**CONFIGURATION, "Tags": []}}
    reused = world.update(properties(WaitConditionHandle=second), WaitConditionHandle=first, **bigger)
    world.run_engine()
    assert not world.sink.answers(reused)
    world.fail("hpc", "UPDATE_ROLLBACK_COMPLETE", ("HeadNode", "no capacity"))
    assert world.sink.answer(reused)["Status"] == "FAILED"
    assert [len(signals) for signals in world.sink.signals.values()] == [1, 1]


def test_24_a_cluster_without_a_head_node_is_answered_with_empty_values() -> None:
    world = World()
    request = world.create()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    cluster = {"clusterName": "hpc", "cloudFormationStackStatus": "CREATE_COMPLETE"}
    world.run_engine({"status": "succeeded", "cluster": cluster, "head_node": "none"})
    assert world.sink.answer(request)["Data"]["headNode.publicIpAddress"] == ""


def test_24_when_ec2_cannot_be_asked_until_the_end_the_stacks_outputs_stand_in() -> None:
    world = World()
    request = world.create()
    world.run_engine()
    outputs = {**world.cluster().outputs, "HeadNodePrivateIP": "10.0.0.4"}
    world.settle("hpc", "CREATE_COMPLETE", outputs=outputs)
    cluster = {"clusterName": "hpc", "cloudFormationStackStatus": "CREATE_COMPLETE"}
    for _ in range(60):
        if world.engines.calls:
            world.run_engine({"status": "succeeded", "cluster": cluster, "head_node": "unknown"})
        world.pass_time(60)
    answer = world.sink.answer(request)
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"]["headNode.privateIpAddress"] == "10.0.0.4"


def test_25_a_repeated_create_uses_the_engine_it_was_accepted_with() -> None:
    world = World(versions=("3.14.0",))
    world.create()
    world.crash_engine()
    world.engines.versions = frozenset({"3.14.0", "3.16.1"})
    world.engines.default_version = "3.16.1"
    world.pass_time(60)
    assert world.engines.calls[0][0] == "3.14.0"


def test_25_a_cluster_whose_engine_is_gone_can_still_be_deleted() -> None:
    world = World(versions=("3.14.0",))
    world.made()
    world.engines.versions, world.engines.default_version = frozenset({"3.16.1"}), "3.16.1"
    world.delete()
    assert world.engines.calls[0][0] == "3.16.1"
    world.run_engine()
    assert world.cluster().deleting


def test_26_a_request_that_no_record_can_hold_is_refused() -> None:
    world = World()
    noise = random.Random(26).randbytes(150_000).hex()  # noqa: S311 - incompressible, not secret
    request = world.create(ResourceProperties=properties(ClusterConfiguration={"Noise": noise}))
    reason = world.sink.answer(request)["Reason"]
    assert f"at most {CONFIGURATION_MAX_BYTES} can be kept" in reason
    assert [record.is_open for _, record in world.store.records()] == [False]


def test_27_an_answer_is_the_same_bytes_though_the_world_has_changed() -> None:
    world = World()
    world.create()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.sink.refuse_next(DeliveryFailed("503"))
    with pytest.raises(DeliveryFailed):
        world.run_engine()
    written = world.store.load_operation(world.owner(), "request-1")
    assert written is not None
    assert written.progress.outcome is not None
    world.settle("hpc", "UPDATE_COMPLETE", tell=False)
    world.pass_time(60)
    assert world.sink.bodies["request-1"] == [written.progress.outcome.body]


def test_28_queue_and_table_use_keys_that_their_services_may_use() -> None:
    template = Path("template.yaml").read_text()
    assert "SqsManagedSseEnabled: !If [HasKey, false, true]" in template
    assert 'KmsMasterKeyId: !If [HasKey, !Ref KmsKeyArn, !Ref "AWS::NoValue"]' in template
    # Lambda sends dead letters, and DynamoDB encrypts, in the name of the provider's role: no service needs
    # the key for them.
    (granted,) = re.findall(
        r"- !If\n +- HasKey\n +- PolicyName: key\n(.*?)- !Ref AWS::NoValue", template, re.DOTALL
    )
    assert {"kms:Decrypt", "kms:GenerateDataKey*"} <= set(re.findall(r"kms:[A-Z]\w+\*?", granted))
    assert re.findall(r'"(\w+)\.\$\{AWS::Region\}', granted) == ["dynamodb", "sqs"]


def test_29_a_delete_acts_on_its_physical_id_and_not_on_a_property() -> None:
    world = World()
    world.made()
    replacing = {"ClusterName": "hpc2", "ClusterNameUpdatePolicy": "Replace"}
    request = world.update(**replacing)
    world.run_engine()
    world.settle("hpc2", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["PhysicalResourceId"] == "hpc2"

    world.clock.advance(60)
    cleaned = world.delete("hpc", ResourceProperties=properties(**replacing))
    world.run_engine()
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(cleaned)["Status"] == "SUCCESS"
    assert world.cluster("hpc2").status == "CREATE_COMPLETE"


def test_29_a_replacement_that_is_rolled_back_goes_back_to_the_old_cluster_and_deletes_the_new_one() -> None:
    world = World()
    world.made()
    replacing = {"ClusterName": "hpc2", "ClusterNameUpdatePolicy": "Replace"}
    world.update(**replacing)
    world.run_engine()
    world.settle("hpc2", "CREATE_COMPLETE")
    world.run_engine()
    world.clock.advance(60)

    undone = world.update(old=properties(**replacing), physical_id="hpc2")
    world.run_engine()
    answer = world.sink.answer(undone)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "hpc")
    world.clock.advance(60)
    world.delete("hpc2", ResourceProperties=properties(**replacing))
    world.run_engine()
    world.settle("hpc2", "DELETE_COMPLETE")
    assert world.cluster("hpc").status == "CREATE_COMPLETE"


def test_30_of_two_stacks_that_race_for_a_name_one_gets_it_and_the_other_is_refused() -> None:
    world = World()
    first = world.create()
    second = world.create(logical_id="Rival")
    world.run_engine()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    while world.engines.calls:
        world.run_engine()
    assert world.sink.answer(first)["Status"] == "SUCCESS"
    assert world.sink.answer(second)["Reason"].startswith("NotOwner")
    assert world.cluster().belongs_to(world.owner())
