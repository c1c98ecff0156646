"""A head node that does not start: the answer has its log's decisive lines, and goes out without them too."""

from datetime import timedelta
from typing import Any

import pytest

from cluster_provider.core.document import format_instant
from tests.scenario.test_deadline import deadline_of
from tests.support.fakes import HANDLES
from tests.support.world import CONFIGURATION, World, failed, failed_id, properties

NEW = {**CONFIGURATION, "Tags": []}
TIMED_OUT = (
    "HeadNodeWaitCondition20260302",
    "WaitCondition timed out. Received 0 conditions when expecting 1",
)
GROUP = "/aws/parallelcluster/hpc"
LINE = "install-licence.sh: line 41: /shared/licence.dat: No such file or directory"
LOGS = {
    "lines": [
        {"log": "cfn-init", "text": LINE},
        {"log": "cfn-init", "text": "Failed to execute OnNodeConfigured script 1, return code: 1."},
    ]
}
CAUSE = "ClusterFailed: cluster hpc: HeadNodeWaitCondition20260302 (AWS::CloudFormation::WaitCondition) "
SHOWN = f"The head node's cfn-init: {LINE} | Failed to execute OnNodeConfigured script 1, return code: 1."
WHERE = (
    f"Logs of the nodes: CloudWatch log group {GROUP}; read them with pcluster-cfn logs hpc, or "
    f"aws logs tail {GROUP} --since 1d."
)


def creating(world: World, **fields: Any) -> str:
    """A cluster is being made."""
    request = world.create(**fields)
    world.run_engine()
    return request


def rolling_back(logs: dict[str, Any] | None = None) -> tuple[World, str]:
    """A cluster's head node has not started, and its stack begins to roll back."""
    world = World()
    world.head_node_logs = logs or LOGS
    request = creating(world)
    world.fail("hpc", "ROLLBACK_IN_PROGRESS", TIMED_OUT)
    return world, request


def test_a_head_node_that_does_not_start_is_answered_with_the_decisive_lines_of_its_log() -> None:
    world, request = rolling_back()
    call = world.run_engine()
    assert (call["operation"], call["arguments"]) == ("describe", {"head_node_logs": {"log_group": GROUP}})
    assert not world.sink.answers(request)
    world.settle("hpc", "ROLLBACK_COMPLETE")
    answer = world.sink.answer(request)
    assert answer["Reason"].startswith(CAUSE)
    assert answer["Reason"].endswith(f"{SHOWN} {WHERE}")
    assert answer["PhysicalResourceId"] == failed_id(request)


def test_the_logs_are_read_once_and_before_the_rollback_ends_the_head_node() -> None:
    world, request = rolling_back()
    world.run_engine()
    for status in ("ROLLBACK_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"):
        world.settle("hpc", status)
        assert world.engines.calls == []
    assert world.sink.answer(request)["Status"] == "FAILED"


def test_a_stack_that_keeps_what_failed_has_the_logs_read_before_the_answer() -> None:
    world = World()
    world.head_node_logs = LOGS
    request = creating(world)
    world.fail("hpc", "CREATE_FAILED", TIMED_OUT)
    assert "head_node_logs" in world.run_engine()["arguments"]
    assert SHOWN in world.sink.answer(request)["Reason"]


def test_no_logs_are_read_for_a_cluster_that_failed_because_of_anything_else() -> None:
    world = World()
    request = creating(world)
    world.fail("hpc", "ROLLBACK_IN_PROGRESS", ("HeadNode", "no capacity"))
    assert world.engines.calls == []
    world.settle("hpc", "ROLLBACK_COMPLETE")
    assert world.run_engine()["arguments"] == {}
    assert "The head node's" not in world.sink.answer(request)["Reason"]


def test_an_update_that_the_head_node_fails_is_answered_with_what_its_log_says_since_then() -> None:
    world = World()
    world.made()
    world.head_node_logs = LOGS
    request = world.update(ClusterConfiguration=NEW)
    sent_at = world.clock.now()
    world.run_engine()
    world.clock.advance(100)
    world.fail("hpc", "UPDATE_ROLLBACK_IN_PROGRESS", TIMED_OUT)
    wanted = world.run_engine()["arguments"]["head_node_logs"]
    assert wanted == {"log_group": GROUP, "since": format_instant(sent_at)}
    world.settle("hpc", "UPDATE_ROLLBACK_COMPLETE")
    assert SHOWN in world.sink.answer(request)["Reason"]


def test_an_update_whose_rollback_was_not_seen_has_the_logs_read_once_it_is_over() -> None:
    world = World()
    world.made()
    world.head_node_logs = LOGS
    request = world.update(ClusterConfiguration=NEW)
    world.run_engine()
    world.clock.advance(100)
    world.fail("hpc", "UPDATE_ROLLBACK_COMPLETE", TIMED_OUT)
    assert not world.sink.answers(request)
    assert world.run_engine()["operation"] == "describe"
    assert SHOWN in world.sink.answer(request)["Reason"]


def test_logs_that_could_not_be_read_are_reported_and_the_answer_goes_out() -> None:
    unread = f"log group {GROUP}: DescribeLogStreams: AccessDeniedException; the console output: it is empty"
    world, request = rolling_back({"lines": [], "unread": unread})
    world.run_engine()
    world.settle("hpc", "ROLLBACK_COMPLETE")
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith(CAUSE)
    assert f"The head node's logs could not be read: {unread}. {WHERE}" in reason


@pytest.mark.parametrize("code", ["Throttled", "Internal", "NotFound"])
def test_an_engine_that_cannot_read_delays_no_answer(code: str) -> None:
    world, request = rolling_back()
    world.run_engine(failed(code, "it went wrong"))
    world.settle("hpc", "ROLLBACK_COMPLETE")
    assert world.engines.calls == []
    assert world.sink.answer(request)["Reason"].startswith(CAUSE)


def test_an_engine_that_dies_while_it_reads_delays_the_answer_to_its_fence_at_most() -> None:
    world, request = rolling_back()
    call = world.run_engine(report=False)
    world.settle("hpc", "ROLLBACK_COMPLETE")
    fence = world.clock.now() + timedelta(minutes=8)
    while not world.sink.answers(request) and world.clock.now() < fence:
        world.pass_time(60)
    assert call["operation"] == "describe"
    assert world.sink.answer(request)["Reason"].startswith(CAUSE)


def test_lines_that_were_read_are_in_an_answer_at_the_deadline_too() -> None:
    world, request = rolling_back()
    world.run_engine()
    while world.clock.now() < deadline_of(world, request):
        world.pass_time(60)
    reason = world.sink.answer(request)["Reason"]
    assert "The stack is ROLLBACK_IN_PROGRESS" in reason
    assert SHOWN in reason


def test_a_signal_has_the_decisive_lines_as_well() -> None:
    world = World()
    world.head_node_logs = LOGS
    creating(world, ResourceProperties=properties(WaitConditionHandle=f"{HANDLES}1"))
    world.pass_time(7200)
    world.fail("hpc", "ROLLBACK_IN_PROGRESS", TIMED_OUT)
    world.run_engine()
    world.settle("hpc", "ROLLBACK_COMPLETE")
    assert SHOWN in world.sink.signal(f"{HANDLES}1")["Reason"]


def test_credentials_in_a_line_are_neither_answered_nor_kept() -> None:
    url = "https://s3.amazonaws.com/b/k?X-Amz-Signature=c0ffee"
    line = f"curl -u x --password hunter2 {url} AKIAABCDEFGHIJKLMNOP"
    world, request = rolling_back({"lines": [{"log": "cfn-init", "text": line}]})
    world.run_engine()
    kept = "".join(world.store.texts().values())
    world.settle("hpc", "ROLLBACK_COMPLETE")
    reason = world.sink.answer(request)["Reason"]
    assert "curl -u x --password *** https://s3.amazonaws.com/b/k?X-Amz-Signature=*** ***" in reason
    assert [secret for secret in ("hunter2", "c0ffee", "AKIAABCD") if secret in reason + kept] == []


def test_an_answer_without_room_leaves_whole_lines_out_and_says_how_many() -> None:
    lines = [{"log": "chef-client", "text": f"{number}: {'ä' * 290}"} for number in range(8)]
    world, request = rolling_back({"lines": lines})
    world.run_engine()
    world.settle("hpc", "ROLLBACK_COMPLETE")
    reason = world.sink.answer(request)["Reason"]
    shown = [line["text"] for line in lines if line["text"] in reason]
    assert 0 < len(shown) < 8
    assert f"{8 - len(shown)} more left out; all are in log group" in reason
    assert reason.count("ä") == 290 * len(shown)
    assert reason.endswith(WHERE)
