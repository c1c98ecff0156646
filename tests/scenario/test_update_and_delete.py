from dataclasses import replace

import pytest

from cluster_provider.core.errors import DeliveryFailed, Unavailable, Undeliverable
from cluster_provider.core.identity import Owner
from cluster_provider.core.observed import ClusterStack, StackFailure
from cluster_provider.effects import RESEND_AFTER_S
from tests.support.fakes import FactStacks
from tests.support.faults import Killed
from tests.support.world import CONFIGURATION, World, failed, properties

NEW = {**CONFIGURATION, "Tags": []}


def test_an_update_is_answered_once_the_cluster_is_updated_and_names_the_same_attributes() -> None:
    world = World()
    created = world.made()
    request = world.update(ClusterConfiguration=NEW)
    world.run_engine()
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    answer = world.sink.answer(request)
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"].keys() == world.sink.answer(created)["Data"].keys()
    assert answer["Data"]["clusterStatus"] == "UPDATE_COMPLETE"


def test_an_update_without_a_difference_for_the_cluster_succeeds_without_touching_it() -> None:
    world = World()
    world.made()
    request = world.update(DeletionPolicy="Retain")
    call = world.run_engine()
    assert call["operation"] == "describe"
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.cluster().status == "CREATE_COMPLETE"


def test_an_update_that_the_library_finds_empty_succeeds() -> None:
    world = World()
    world.made()
    request = world.update(ClusterConfiguration=NEW)
    world.run_engine(failed("NoChanges", "No changes found in your cluster configuration."))
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_a_refused_update_names_each_parameter_and_its_rollback_succeeds_untouched() -> None:
    world = World()
    world.made()
    request = world.update(ClusterConfiguration=NEW)
    item = {
        "parameter": "HeadNode.InstanceType",
        "currentValue": "t3.small",
        "requestedValue": "t3.large",
        "message": "Update actions are not currently supported",
    }
    world.run_engine(failed("UpdateRejected", "Update failure", details=[item]))
    answer = world.sink.answer(request)
    assert answer["Reason"].startswith(
        "ClusterRejected: ClusterConfiguration: HeadNode.InstanceType from 't3.small'"
    )
    assert answer["PhysicalResourceId"] == "hpc"

    undone = world.update(old=properties(ClusterConfiguration=NEW))
    assert world.run_engine()["operation"] == "describe"
    assert world.sink.answer(undone)["Status"] == "SUCCESS"


def test_a_failed_update_is_answered_with_its_cause_and_its_rollback_succeeds() -> None:
    world = World()
    world.made()
    before = world.cluster()
    request = world.update(ClusterConfiguration=NEW)
    world.run_engine()
    world.fail("hpc", "UPDATE_ROLLBACK_IN_PROGRESS", ("HeadNodeWaitCondition", "it did not start"))
    assert not world.sink.answers(request)
    assert world.run_engine()["operation"] == "describe"
    world.settle("hpc", "UPDATE_ROLLBACK_COMPLETE", parameters=before.parameters, outputs=before.outputs)
    answer = world.sink.answer(request)
    assert "HeadNodeWaitCondition" in answer["Reason"]
    assert "it did not start" in answer["Reason"]

    undone = world.update(old=properties(ClusterConfiguration=NEW))
    assert world.run_engine()["operation"] == "describe"
    assert world.sink.answer(undone)["Status"] == "SUCCESS"


def test_the_failures_of_earlier_operations_are_not_blamed() -> None:
    world = World()
    world.made()
    old = StackFailure("Old", "AWS::EC2::Instance", "UPDATE_FAILED", "long ago", world.clock.now())
    world.stacks.declare_failure(world.cluster().stack_id, old)
    world.clock.advance(600)
    request = world.update(ClusterConfiguration=NEW)
    world.run_engine()
    world.fail("hpc", "UPDATE_ROLLBACK_COMPLETE", ("New", "just now"))
    assert "just now" in world.sink.answer(request)["Reason"]
    assert "long ago" not in world.sink.answer(request)["Reason"]


def test_a_rename_is_refused_and_the_rollback_to_the_old_name_succeeds() -> None:
    world = World()
    world.made()
    request = world.update(ClusterName="other")
    answer = world.sink.answer(request)
    assert answer["Reason"].startswith("InvalidProperty: ClusterName: a cluster cannot be renamed from 'hpc'")
    assert answer["PhysicalResourceId"] == "hpc"
    undone = world.update(old=properties(ClusterName="other"))
    world.run_engine()
    assert world.sink.answer(undone)["Status"] == "SUCCESS"


def test_another_version_is_refused_before_anything_is_touched() -> None:
    world = World(versions=("3.16.1", "3.14.0"))
    world.made()
    request = world.update(PclusterVersion="3.14.0")
    assert world.sink.answer(request)["Reason"].startswith("VersionMismatch: PclusterVersion")
    assert world.engines.calls == []


def test_a_cluster_is_updated_by_the_engine_of_its_own_version_after_the_default_moved_on() -> None:
    world = World(versions=("3.14.0",))
    world.made()
    world.engines.versions = frozenset({"3.14.0", "3.16.1"})
    world.engines.default_version = "3.16.1"
    world.update(ClusterConfiguration=NEW)
    assert world.engines.calls[0][0] == "3.14.0"


def test_without_an_engine_of_its_version_a_cluster_is_not_updated_and_the_way_out_is_named() -> None:
    world = World(versions=("3.14.0",))
    world.made()
    world.engines.versions, world.engines.default_version = frozenset({"3.16.1"}), "3.16.1"
    reason = world.sink.answer(world.update(ClusterConfiguration=NEW))["Reason"]
    assert reason.startswith("VersionMismatch")
    assert "AdditionalEngines" in reason
    assert world.engines.calls == []


def test_an_engine_that_dies_after_the_update_was_accepted_is_recognised_by_its_token() -> None:
    world = World()
    world.made()
    request = world.update(ClusterConfiguration=NEW)
    world.run_engine(report=False)
    world.pass_time(600)
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.engines.calls == []
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_a_delete_is_answered_once_the_cluster_stack_is_gone() -> None:
    world = World()
    world.made()
    request = world.delete()
    world.run_engine()
    assert not world.sink.answers(request)
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert [record.clusters for _, record in world.store.records()] == [{}]


def test_a_delete_of_a_cancelled_create_finds_the_cluster_by_its_owner() -> None:
    world = World()
    created = world.create()
    world.run_engine()
    deleted = world.delete("parent-Cluster-1ABCDEF")
    world.run_engine()
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert not world.sink.answers(created)


def test_a_delete_waits_for_an_engine_that_may_still_make_the_cluster() -> None:
    world = World()
    world.create()
    deleted = world.delete("parent-Cluster-1ABCDEF")
    assert not world.sink.answers(deleted)
    world.run_engine(on_its_way=True)
    call = world.run_engine()
    assert call["operation"] == "delete"
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"


def test_a_late_engine_makes_nothing_after_the_delete_was_answered() -> None:
    world = World()
    world.create()
    deleted = world.delete("parent-Cluster-1ABCDEF")
    world.pass_time(600)
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    world.run_engine()
    assert world.stacks.living("hpc") is None


def test_a_create_delivered_again_after_its_delete_makes_nothing() -> None:
    world = World()
    event = world.event("Create")
    world.clock.advance(5)
    deleted = world.delete("parent-Cluster-1ABCDEF")
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    world.deliver_until_handled(event)
    assert world.engines.calls == []


def test_a_retained_cluster_survives_its_delete() -> None:
    world = World()
    world.made()
    kept = world.cluster()
    request = world.delete(ResourceProperties=properties(DeletionPolicy="Retain"))
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.cluster() == kept


def test_a_failed_create_is_never_retained() -> None:
    world = World()
    world.create(ResourceProperties=properties(DeletionPolicy="Retain"))
    world.run_engine()
    world.fail("hpc", "ROLLBACK_COMPLETE", ("HeadNode", "no capacity"))
    world.run_engine()
    world.delete(ResourceProperties=properties(DeletionPolicy="Retain"))
    assert world.run_engine()["operation"] == "delete"


def test_a_failed_deletion_is_tried_three_times_and_then_reported() -> None:
    world = World()
    world.made()
    request = world.delete()
    for _ in range(3):
        assert world.run_engine()["operation"] == "delete"
        world.fail("hpc", "DELETE_FAILED", ("Vpc", "it has dependencies"))
        world.pass_time(60)
    assert world.engines.calls == []
    assert "it has dependencies" in world.sink.answer(request)["Reason"]


def test_a_delete_waits_for_an_update_to_settle() -> None:
    world = World()
    world.made()
    world.update(ClusterConfiguration=NEW)
    world.run_engine()
    world.clock.advance(60)
    world.delete()
    assert world.engines.calls == []
    world.settle("hpc", "UPDATE_COMPLETE")
    assert world.run_engine()["operation"] == "delete"


def test_a_cluster_deleted_out_of_band_and_its_name_taken_by_another_is_left_alone() -> None:
    world = World()
    world.made()
    world.settle("hpc", "DELETE_COMPLETE", tell=False)
    world.made(logical_id="Other")
    other = world.cluster()
    request = world.delete()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.cluster() == other


def test_an_answer_that_did_not_arrive_is_sent_again_byte_for_byte() -> None:
    world = World()
    world.sink.refuse_next(DeliveryFailed("CloudFormation's URL answered 503"))
    with pytest.raises(DeliveryFailed):
        world.create(ResourceProperties=properties(ClusterName=""))
    world.pass_time(60)
    ((request_id, bodies),) = world.sink.bodies.items()
    assert len(bodies) == 1
    assert world.sink.answer(request_id)["Status"] == "FAILED"


def nearly_answered(world: World) -> str:
    """A cluster is made, and about to be described for the answer."""
    request_id = world.create()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    return request_id


def test_events_that_come_while_an_answer_is_being_sent_do_not_send_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    request_id = nearly_answered(world)
    send = world.sink.send

    def sending(url: str, body: str) -> None:
        monkeypatch.setattr(world.sink, "send", send)
        world.settle("hpc", "CREATE_COMPLETE")
        world.sweep()
        assert world.sink.answers(request_id) == []
        send(url, body)

    monkeypatch.setattr(world.sink, "send", sending)
    world.run_engine()
    assert len(world.sink.answers(request_id)) == 1
    assert not world.record().is_open


def test_an_answer_whose_sender_died_is_sent_by_the_next_sweep_that_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    request_id = nearly_answered(world)

    def die(_url: str, _body: str) -> None:
        raise Killed

    monkeypatch.setattr(world.sink, "send", die)
    with pytest.raises(Killed):
        world.run_engine()
    monkeypatch.undo()
    world.settle("hpc", "CREATE_COMPLETE")
    assert world.sink.answers(request_id) == []
    world.clock.advance(RESEND_AFTER_S)
    world.sweep()
    assert world.sink.answer(request_id)["Status"] == "SUCCESS"


def test_an_answer_that_can_never_arrive_is_given_up() -> None:
    world = World()
    world.sink.refuse_next(Undeliverable("CloudFormation's URL answered 403"))
    world.create(ResourceProperties=properties(ClusterName=""))
    world.pass_time(300)
    assert world.sink.bodies == {}
    assert [record.is_open for _, record in world.store.records()] == [False]


def test_an_update_of_a_cluster_that_belongs_to_another_owner_by_now_is_refused() -> None:
    world = World()
    world.made()
    another = Owner(f"{world.owner().stack_id}-of-another", "Cluster")
    tags = {**world.cluster().tags, **another.tag("hpc", "request-9")}
    taken = world.stacks.declare(replace(world.cluster(), tags=tags))
    request = world.update(ClusterConfiguration=NEW)
    assert world.sink.answer(request)["Reason"].startswith("NotOwner: cluster hpc")
    assert world.cluster() == taken
    assert world.engines.calls == []


def test_an_update_of_a_broken_cluster_is_answered_with_what_broke_it() -> None:
    world = World()
    world.made()
    world.settle("hpc", "UPDATE_ROLLBACK_FAILED", reason="HeadNode could not be put back")
    request = world.update(ClusterConfiguration=NEW)
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("ClusterFailed: cluster hpc: the stack is UPDATE_ROLLBACK_FAILED")
    assert "HeadNode could not be put back" in reason
    assert world.engines.calls == []


def test_a_cancelled_create_whose_success_was_not_acknowledged_is_deleted_by_its_made_up_id() -> None:
    world = World()
    world.made()
    deleted = world.delete("parent-Cluster-1ABCDEF", ResourceProperties=properties(DeletionPolicy="Retain"))
    assert world.run_engine()["operation"] == "delete"
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"


def test_a_replacement_whose_success_was_not_acknowledged_is_deleted_before_the_rollback_succeeds() -> None:
    world = World()
    world.made()
    new = properties(ClusterName="other", ClusterNameUpdatePolicy="Replace")
    world.update(ClusterName="other", ClusterNameUpdatePolicy="Replace")
    world.run_engine()
    world.settle("other", "CREATE_COMPLETE")
    world.run_engine()
    world.clock.advance(60)
    undone = world.update(old=new)
    call = world.run_engine()
    assert (call["operation"], call["cluster_name"]) == ("delete", "other")
    world.settle("other", "DELETE_COMPLETE")
    world.pass_time(60)
    world.run_engine()
    assert world.sink.answer(undone)["PhysicalResourceId"] == "hpc"
    assert world.stacks.living("other") is None


def test_a_resource_moves_to_another_version_by_a_replacement() -> None:
    world = World(versions=("3.16.1", "3.15.1"))
    before = properties(PclusterVersion="3.15.1")
    world.create(ResourceProperties=before)
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE", tags={**world.cluster().tags, "parallelcluster:version": "3.15.1"})
    world.run_engine()
    world.clock.advance(60)
    request = world.update(old=before, ClusterName="newer", ClusterNameUpdatePolicy="Replace")
    assert [version for version, _ in world.engines.calls] == ["3.16.1"]
    assert world.run_engine()["operation"] == "create"
    world.settle("newer", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["PhysicalResourceId"] == "newer"
    world.clock.advance(60)
    cleaned = world.delete("hpc", ResourceProperties=before)
    assert [version for version, _ in world.engines.calls] == ["3.15.1"]
    world.run_engine()
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(cleaned)["Status"] == "SUCCESS"
    assert world.cluster("newer").status == "CREATE_COMPLETE"


def test_a_replacement_that_had_failed_before_anybody_saw_it_is_deleted_by_the_rollback() -> None:
    world = World()
    world.made()
    policy = {"ClusterNameUpdatePolicy": "Replace"}
    update = world.update(ClusterName="other", **policy)
    call = world.run_engine(report=False)
    world.settle("other", "CREATE_FAILED", tell=False)
    world.report(call, {"errorType": "Runtime.ExitError"}, condition="RetriesExhausted")
    assert world.run_engine()["operation"] == "describe"
    assert world.sink.answer(update)["Status"] == "FAILED"
    world.clock.advance(30)
    rollback = world.update(properties(ClusterName="other", **policy))
    call = world.run_engine()
    assert (call["operation"], call["cluster_name"]) == ("delete", "other")
    world.settle("other", "DELETE_COMPLETE")
    world.pass_time(60)
    world.run_engine()
    assert world.sink.answer(rollback)["Status"] == "SUCCESS"


def test_a_delete_repeated_under_a_name_that_is_gone_touches_no_other_cluster() -> None:
    world = World()
    world.made()
    world.update(ClusterName="other", ClusterNameUpdatePolicy="Replace")
    world.run_engine()
    world.settle("other", "CREATE_COMPLETE")
    world.run_engine()
    world.clock.advance(60)
    world.delete("hpc")
    world.run_engine()
    world.settle("hpc", "DELETE_COMPLETE")
    world.clock.advance(60)
    again = world.delete("hpc")
    assert world.sink.answer(again)["Status"] == "SUCCESS"
    assert world.cluster("other").status == "CREATE_COMPLETE"


def test_an_unacknowledged_cluster_is_deleted_though_an_earlier_one_of_its_name_was_acknowledged() -> None:
    world = World()
    world.made()
    world.delete()
    world.run_engine()
    world.settle("hpc", "DELETE_COMPLETE")
    world.clock.advance(60)
    world.made()
    world.delete("parent-Cluster-1ABCDEF")
    assert world.run_engine()["operation"] == "delete"


@pytest.mark.parametrize("days", [0, 3, 1000])
def test_a_retained_cluster_survives_a_second_delete_after_an_unacknowledged_first_one(days: int) -> None:
    world = World()
    world.made()
    kept = world.cluster()
    world.delete(ResourceProperties=properties(DeletionPolicy="Retain"))
    world.clock.advance(60 + days * 86_400)
    again = world.delete(ResourceProperties=properties(DeletionPolicy="Retain"))
    assert world.sink.answer(again)["Status"] == "SUCCESS"
    assert world.engines.calls == []
    assert world.cluster() == kept


def test_a_cluster_kept_by_the_templates_attribute_survives_the_updates_of_its_successor() -> None:
    world = World()
    world.made("old")
    kept = world.cluster("old")
    # Removed with the attribute DeletionPolicy: Retain, of which no request is sent, and added again.
    world.made("new")
    assert list(world.record().clusters) == ["new"]
    old = properties(ClusterName="new")
    world.update(old, "new", ClusterName="new", ValidationFailureLevel="WARNING")
    world.run_engine()
    assert world.delete("new", ResourceProperties=old)
    assert world.run_engine()["cluster_name"] == "new"
    assert world.cluster("old") == kept


def test_a_cluster_kept_by_the_templates_attribute_survives_the_cancelled_create_of_its_successor() -> None:
    world = World()
    world.made("old")
    kept = world.cluster("old")
    world.create(ResourceProperties=properties(ClusterName="new"))
    world.run_engine()
    world.clock.advance(30)
    world.delete("parent-Cluster-1ABCDEF", ResourceProperties=properties(ClusterName="new"))
    assert (world.run_engine()["operation"], world.engines.calls) == ("delete", [])
    assert world.cluster("new").deleting
    assert world.cluster("old") == kept


def test_a_create_that_is_delivered_again_forgets_nothing_of_what_it_made() -> None:
    world = World()
    event = world.event("Create")
    world.deliver(event)
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    known = world.record().clusters
    world.deliver(event)
    assert world.record().clusters == known != {}


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE"])
def test_the_end_of_an_earlier_update_is_not_taken_for_the_end_of_this_one(status: str) -> None:
    world = World()
    world.made()
    world.settle("hpc", status, tell=False, updated_at=world.clock.now())
    world.clock.advance(600)
    request = world.update(ClusterConfiguration=NEW)
    stale = world.cluster()
    call = world.run_engine(report=False)
    begun = world.cluster()
    world.stacks.declare(stale)  # CloudFormation's reads may be late
    outcome = {"status": "succeeded", "stack_id": begun.stack_id, "sent": True, "validation_messages": []}
    base = {"contract": 1, "call_id": call["call_id"], "operation": "update", "version": "3.16.1"}
    world.report(call, base | outcome)
    assert not world.sink.answers(request)
    assert not world.engines.calls
    world.stacks.declare(begun)
    world.settle("hpc", "UPDATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


class UnreachableStacks(FactStacks):
    """Stacks that cannot be asked for a while."""

    unreachable = False

    def describe(self, name_or_arn: str) -> ClusterStack | None:
        if self.unreachable:
            raise Unavailable("Throttling: Rate exceeded")
        return super().describe(name_or_arn)


def test_a_rollback_that_failed_itself_still_undoes_when_it_is_continued() -> None:
    stacks = UnreachableStacks()
    world = World(stacks=stacks)
    world.made()
    world.settle("hpc", "DELETE_COMPLETE", tell=False)
    changed = {**CONFIGURATION, "Tags": []}
    update = world.update(ClusterConfiguration=changed)
    assert world.sink.answer(update)["Reason"].startswith("ClusterFailed")
    world.clock.advance(60)
    stacks.unreachable = True
    rollback = world.update(properties(ClusterConfiguration=changed))
    world.pass_time(3600)
    assert world.sink.answer(rollback)["Reason"].startswith("DeadlineExceeded")
    stacks.unreachable = False
    continued = world.update(properties(ClusterConfiguration=changed))
    assert world.sink.answer(continued)["Status"] == "SUCCESS"


def test_the_rollback_of_a_replacement_leaves_a_change_from_outside_as_it_is() -> None:
    world = World()
    world.made()
    outside = {**world.cluster().parameters, "ConfigVersion": "by-somebody"}
    world.settle("hpc", "UPDATE_COMPLETE", tell=False, parameters=outside)
    replacing = {
        "ClusterName": "lab",
        "ClusterConfiguration": {**CONFIGURATION, "Tags": []},
        "ClusterNameUpdatePolicy": "Replace",
    }
    update = world.update(**replacing)
    world.run_engine()
    world.settle("lab", "CREATE_FAILED")
    world.run_engine()
    assert world.sink.answer(update)["Status"] == "FAILED"
    world.clock.advance(60)
    rollback = world.update(properties(**replacing))
    assert world.run_engine()["cluster_name"] == "lab"
    world.settle("lab", "DELETE_COMPLETE")
    world.pass_time(60)
    assert world.run_engine()["operation"] == "describe"
    answer = world.sink.answer(rollback)
    assert answer["Status"] == "SUCCESS"
    assert "was left as it is" in answer["Data"]["validationMessages"]
