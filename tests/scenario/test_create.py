import json

import pytest

from cluster_provider.core.document import to_document
from cluster_provider.core.errors import Unavailable
from cluster_provider.core.identity import StackArn, may_be_cluster
from cluster_provider.core.observed import ClusterStack
from tests.support.fakes import FactStacks
from tests.support.world import LOG_GROUP, World, failed, failed_id, properties


def test_a_create_is_answered_with_the_head_nodes_address_once_the_cluster_is_complete() -> None:
    world = World()
    request = world.create()
    world.run_engine()
    assert not world.sink.answers(request)

    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()

    answer = world.sink.answer(request)
    assert answer["Status"] == "SUCCESS"
    assert answer["PhysicalResourceId"] == "hpc"
    assert answer["Data"]["headNode.publicIpAddress"] == "203.0.113.7"
    assert answer["Data"]["clusterStatus"] == "CREATE_COMPLETE"
    assert answer["Data"]["logGroupName"] == "/aws/parallelcluster/hpc"
    assert answer["Data"]["validationMessages"] == "[]"


def test_the_sweep_finds_a_complete_cluster_though_every_event_was_lost() -> None:
    world = World()
    request = world.create()
    world.run_engine(report=False)
    world.settle("hpc", "CREATE_COMPLETE", tell=False)
    world.pass_time(600)
    world.run_engine(report=False)
    world.pass_time(600)
    while world.engines.calls:
        world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_the_parent_stacks_tags_and_the_owner_tags_go_to_the_engine_apart() -> None:
    world = World()
    world.create()
    call = world.run_engine()
    assert call["configuration_tags"] == {"team": "hpc", "parallelcluster:custom_resource": "cluster"}
    assert world.cluster().belongs_to(world.owner())


def test_the_same_create_twice_makes_one_cluster_and_one_answer() -> None:
    world = World()
    event = world.event("Create")
    world.deliver(event)
    world.deliver(event)
    world.run_engine()
    world.deliver(event)
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    world.deliver(event)
    assert world.engines.calls == []
    assert len(world.sink.answers(event["RequestId"])) == 1


def test_a_refused_configuration_is_answered_at_once_and_its_delete_touches_nothing() -> None:
    world = World()
    request = world.create()
    fault = {
        "path": "/Scheduling/SlurmQueues/0/Nam",
        "value": '"q1"',
        "expected": "no such key",
        "suggestion": "Name",
    }
    world.run_engine(failed("ConfigurationInvalid", "1 error", details=[fault]))

    answer = world.sink.answer(request)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(
        'InvalidProperty: ClusterConfiguration/Scheduling/SlurmQueues/0/Nam: "q1"'
    )
    assert "Did you mean Name?" in answer["Reason"]

    gone = world.delete(answer["PhysicalResourceId"])
    assert world.sink.answer(gone)["Status"] == "SUCCESS"
    assert world.engines.calls == []


class StrictStacks(FactStacks):
    """CloudFormation without the check that keeps an impossible stack name from being asked for."""

    def describe(self, name_or_arn: str) -> ClusterStack | None:
        assert StackArn.parse(name_or_arn) if ":" in name_or_arn else may_be_cluster(name_or_arn)
        return super().describe(name_or_arn)


@pytest.mark.parametrize("changed", [{"ClusterNam": "hpc"}, {"ClusterName": "hpc\n"}])
def test_the_delete_after_a_refused_create_asks_for_no_stack_of_an_impossible_name(
    changed: dict[str, str],
) -> None:
    world = World(stacks=StrictStacks())
    answer = world.sink.answer(world.create(ResourceProperties=properties(**changed)))
    assert answer["Reason"].startswith("InvalidProperty: ClusterNam")
    gone = world.delete(answer["PhysicalResourceId"])
    assert world.sink.answer(gone)["Status"] == "SUCCESS"


def test_a_foreign_cluster_of_the_same_name_is_refused_and_survives_the_rollback() -> None:
    world = World()
    world.made(logical_id="Other")
    foreign = world.cluster()

    request = world.create()
    answer = world.sink.answer(request)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("NotOwner: ClusterName hpc")
    deleted = world.delete(answer["PhysicalResourceId"])

    assert world.sink.answer(deleted)["Status"] == "SUCCESS"
    assert world.cluster() == foreign
    assert world.engines.calls == []


def test_a_cluster_that_fails_is_answered_with_its_root_cause_and_then_deleted() -> None:
    world = World()
    request = world.create()
    world.run_engine()
    world.fail(
        "hpc", "ROLLBACK_COMPLETE", ("HeadNode", "You have exceeded your vCPU limit"), ("Net", "cancelled")
    )
    world.run_engine()

    answer = world.sink.answer(request)
    assert answer["Status"] == "FAILED"
    assert answer["PhysicalResourceId"] == failed_id(request)
    assert (
        "HeadNode (AWS::EC2::Instance) CREATE_FAILED: You have exceeded your vCPU limit." in answer["Reason"]
    )
    assert "/aws/parallelcluster/hpc" in answer["Reason"]

    deleted = world.delete(failed_id(request))
    world.run_engine()
    world.settle("hpc", "DELETE_COMPLETE")
    assert world.sink.answer(deleted)["Status"] == "SUCCESS"


def test_an_engine_that_dies_after_its_work_makes_no_second_cluster() -> None:
    world = World()
    request = world.create()
    world.run_engine(report=False)
    world.pass_time(900)
    assert world.engines.calls == []
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_an_engine_that_dies_before_its_work_is_called_again_three_times_at_most() -> None:
    world = World()
    request = world.create()
    for _ in range(3):
        world.crash_engine()
        world.pass_time(120)
    assert world.engines.calls == []
    answer = world.sink.answer(request)
    assert answer["Reason"].startswith("EngineFailed: cluster hpc")
    assert "exit status 1" in answer["Reason"]


def test_throttling_is_waited_out_and_never_counted_as_a_failure() -> None:
    world = World()
    request = world.create()
    for _ in range(6):
        world.run_engine(failed("Throttled", "Rate exceeded"))
        world.pass_time(120)
    assert not world.sink.answers(request)
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_a_create_that_takes_too_long_is_answered_before_cloudformation_stops_listening() -> None:
    world = World()
    request = world.create()
    issued_at = world.clock.now()
    world.run_engine()
    world.pass_time(3540)
    answer = world.sink.answer(request)
    assert answer["Reason"].startswith("DeadlineExceeded: cluster hpc")
    assert "CREATE_IN_PROGRESS" in answer["Reason"]
    assert answer["PhysicalResourceId"] == failed_id(request)
    assert (world.clock.now() - issued_at).total_seconds() < 3600


def test_success_waits_for_the_values_that_ec2_could_not_give() -> None:
    world = World()
    request = world.create()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    cluster = {"clusterName": "hpc", "cloudFormationStackStatus": "CREATE_COMPLETE"}
    world.run_engine({"status": "succeeded", "cluster": cluster, "head_node": "unknown"})
    assert not world.sink.answers(request)
    world.pass_time(120)
    world.run_engine()
    assert world.sink.answer(request)["Data"]["headNode.publicIpAddress"] == "203.0.113.7"


def test_a_create_succeeds_though_the_description_of_its_cluster_never_arrives() -> None:
    world = World()
    request = world.create()
    world.run_engine()
    world.clock.advance(3390 - 200)
    world.settle("hpc", "CREATE_COMPLETE")
    assert world.run_engine(report=False)["operation"] == "describe"
    world.pass_time(240)
    answer = world.sink.answer(request)
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"]["cloudFormationStackStatus"] == "CREATE_COMPLETE"
    assert answer["Data"]["headNode.publicIpAddress"] == ""
    assert world.engines.calls == []


def test_a_failed_cluster_is_answered_with_its_root_cause_though_its_description_never_arrives() -> None:
    world = World()
    request = world.create()
    world.run_engine()
    world.clock.advance(3390 - 40)
    world.fail("hpc", "ROLLBACK_COMPLETE", ("HeadNode", "no capacity"))
    assert world.run_engine(report=False)["operation"] == "describe"
    world.pass_time(120)
    assert "no capacity" in world.sink.answer(request)["Reason"]


def test_a_wrong_property_is_answered_once_and_leaves_nothing_open() -> None:
    world = World()
    request = world.create(ResourceProperties=properties(ClusterName="no spaces please"))
    assert "'no spaces please'" in world.sink.answer(request)["Reason"]
    assert world.engines.calls == []
    assert [record.is_open for _, record in world.store.records()] == [False]


def test_a_version_without_an_engine_is_refused_with_the_versions_there_are() -> None:
    world = World(versions=("3.16.1", "3.14.0"))
    request = world.create(ResourceProperties=properties(PclusterVersion="3.11.0"))
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("VersionMismatch")
    assert "3.11.0" in reason
    assert "3.14.0, 3.16.1" in reason


def test_a_cluster_deleted_while_it_is_being_made_is_reported_as_failed() -> None:
    world = World()
    request = world.create()
    world.run_engine()
    world.settle("hpc", "DELETE_COMPLETE")
    answer = world.sink.answer(request)
    assert answer["Reason"] == "ClusterFailed: cluster hpc: it was deleted while it was being created."
    assert answer["PhysicalResourceId"] == failed_id(request)


def test_invocations_that_may_have_failed_are_waited_out_and_never_counted_as_tries() -> None:
    world = World()
    world.engines.refuse_next(*[Unavailable("Read timeout")] * 5)
    request = world.create()
    world.pass_time(5 * 420)
    assert not world.sink.answers(request)
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_ten_login_pools_are_answered_and_values_without_room_are_named() -> None:
    world = World()
    request = world.create()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE")
    address = f"{'a' * 100}-0123456789abcdef.elb.ap-southeast-1.amazonaws.com"
    common = {"address": address, "scheme": "internet-facing", "status": "active", "healthyNodes": 1}
    pools = [{"poolName": f"login-research-{number:02}", **common} for number in range(10)]
    described = {"cloudFormationStackStatus": "CREATE_COMPLETE", "loginNodes": pools}
    world.run_engine({"status": "succeeded", "cluster": described, "head_node": "none"})
    answer = world.sink.answer(request)
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"]["loginNodes.0.address"] == answer["Data"]["loginNodes.address"] == address
    assert answer["Data"]["loginNodes.9.address"] == ""
    assert "The values of loginNodes.9" in answer["Data"]["validationMessages"]


def test_of_many_messages_the_worst_are_kept_and_all_of_them_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    world = World()
    request = world.create()
    said = [{"level": "INFO", "type": "A", "message": f"{number} {'x' * 400}"} for number in range(250)]
    said.append({"level": "WARNING", "type": "B", "message": "careful"})
    call = world.run_engine(report=False)
    result = {"status": "succeeded", "stack_id": world.cluster().stack_id, "sent": True}
    world.report(call, {"contract": 1, "call_id": call["call_id"], **result, "validation_messages": said})
    operation = world.store.load_operation(world.owner(), request)
    assert operation is not None
    assert len(json.dumps(to_document(operation))) < 40_000
    assert said in [getattr(record, "validation_messages", None) for record in caplog.records]

    world.settle("hpc", "CREATE_COMPLETE")
    world.run_engine()
    messages = json.loads(world.sink.answer(request)["Data"]["validationMessages"])
    assert messages[0]["message"] == "careful"
    assert (
        messages[-1]["message"]
        == f"{251 - len(messages) + 1} more left out; all are in log group {LOG_GROUP}."
    )
