"""A stack that fails: when its events are read, what is kept of them, and the answer at the deadline."""

from dataclasses import replace
from typing import Any

import pytest

from cluster_provider.core.actions import Fail, Start, Wait
from cluster_provider.core.consent import ALLOW, FORBID, Consent
from cluster_provider.core.decision import failing
from cluster_provider.core.document import format_instant
from cluster_provider.core.engine import EngineAction, EngineResult, HeadNodeLogs
from cluster_provider.core.errors import ClusterFailed, DeadlineExceeded, ImageFailed
from cluster_provider.core.observed import ClusterStack, StackFailure
from cluster_provider.core.request import Request
from cluster_provider.core.state import Failing
from tests.support.cases import (
    DEADLINE_S,
    FIRST,
    THIS,
    VERSION,
    at,
    call,
    decided,
    known,
    progress,
    request,
    stack,
    with_description,
)
from tests.support.world import IMAGE_TYPE, WAIT_CONDITION, image_properties

CREATE, UPDATE, DELETE = request("Create"), request("Update", ClusterConfiguration="a: b"), request("Delete")
IMAGE = request("Create", ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())
SEEN = progress(effect_seen=True)
TRIED = progress(attempts={"delete": 1})
CAUSE = StackFailure("HeadNode", "AWS::EC2::Instance", "CREATE_FAILED", "no capacity", at(5))


@pytest.mark.parametrize(
    ("asked", "so_far", "status", "fails"),
    [
        (CREATE, SEEN, "CREATE_FAILED", True),
        (CREATE, SEEN, "ROLLBACK_IN_PROGRESS", True),
        (CREATE, SEEN, "CREATE_IN_PROGRESS", False),
        (CREATE, SEEN, "UPDATE_COMPLETE", False),
        (CREATE, SEEN, "CREATE_COMPLETE", False),
        (CREATE, SEEN, "DELETE_COMPLETE", False),
        (CREATE, progress(), "CREATE_FAILED", False),
        (UPDATE, SEEN, "UPDATE_ROLLBACK_COMPLETE", True),
        (UPDATE, SEEN, "UPDATE_ROLLBACK_IN_PROGRESS", True),
        (UPDATE, SEEN, "DELETE_FAILED", True),
        (IMAGE, SEEN, "DELETE_FAILED", False),
        (IMAGE, SEEN, "CREATE_FAILED", True),
        (DELETE, TRIED, "DELETE_FAILED", True),
        (DELETE, progress(attempts={"delete-image": 1}), "DELETE_FAILED", True),
        (DELETE, progress(), "DELETE_FAILED", False),
        (DELETE, TRIED, "CREATE_FAILED", False),
    ],
)
def test_a_stack_fails_once_what_the_request_did_to_it_has(
    asked: Request, so_far: Any, status: str, fails: bool
) -> None:
    assert failing.is_failing(asked, so_far, stack(status)) is fails


def test_the_end_of_an_earlier_update_is_no_failure_of_this_one() -> None:
    so_far = progress(effect_seen=True, call=call(EngineAction.UPDATE, sent_s=100, ended_s=110))
    earlier = stack("UPDATE_ROLLBACK_COMPLETE", updated_at=at(69))
    assert not failing.is_failing(UPDATE, so_far, earlier)
    assert failing.is_failing(UPDATE, so_far, replace(earlier, updated_at=at(70)))


def reads(asked: Request, so_far: Any, status: str, *, is_late: bool = False) -> bool:
    return failing.reads_events(asked, so_far, stack(status), is_late=is_late)


def test_events_are_read_once_as_soon_as_a_stack_fails() -> None:
    assert reads(CREATE, SEEN, "CREATE_FAILED")
    assert not reads(CREATE, SEEN, "CREATE_IN_PROGRESS")
    known_cause = replace(SEEN, failing=Failing("ROLLBACK_IN_PROGRESS", 0, CAUSE))
    assert not reads(CREATE, known_cause, "CREATE_FAILED")


def test_events_that_named_no_cause_are_read_again_once_something_has_happened() -> None:
    unnamed = replace(SEEN, failing=Failing("CREATE_FAILED", 0))
    assert not reads(CREATE, unnamed, "CREATE_FAILED")
    assert reads(CREATE, unnamed, "ROLLBACK_IN_PROGRESS")
    assert reads(CREATE, replace(unnamed, calls_made=1), "CREATE_FAILED")


@pytest.mark.parametrize(
    ("asked", "so_far", "status"),
    [
        (CREATE, SEEN, "CREATE_IN_PROGRESS"),
        (UPDATE, SEEN, "UPDATE_IN_PROGRESS"),
        (DELETE, TRIED, "DELETE_IN_PROGRESS"),
    ],
)
def test_events_are_read_at_the_deadline_though_nothing_shows_yet(
    asked: Request, so_far: Any, status: str
) -> None:
    assert reads(asked, so_far, status, is_late=True)
    assert not reads(asked, so_far, status)


def test_events_of_what_a_request_did_not_begin_or_that_cannot_fail_are_not_read() -> None:
    assert not reads(CREATE, progress(), "CREATE_IN_PROGRESS", is_late=True)
    assert not reads(UPDATE, SEEN, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", is_late=True)
    assert not reads(DELETE, TRIED, "CREATE_IN_PROGRESS", is_late=True)


def test_a_failure_is_the_requests_from_its_own_call_on() -> None:
    so_far = progress(accepted_at=at(50))
    assert failing.failed_since(CREATE, so_far, adopted=False) is None
    assert failing.failed_since(CREATE, so_far, adopted=True) == at(50)
    assert failing.failed_since(UPDATE, so_far, adopted=False) == at(50)
    seen = {"accepted_at": at(50), "effect_seen": True}
    late = call(EngineAction.UPDATE, sent_s=100, ended_s=110)
    updated = progress(**seen, call=late)
    assert failing.failed_since(UPDATE, updated, adopted=False) == at(70)
    early = progress(**seen, call=call(EngineAction.UPDATE, sent_s=60))
    assert failing.failed_since(UPDATE, early, adopted=False) == at(50)
    for other in (
        replace(updated, effect_seen=False),
        progress(**seen, call=call(EngineAction.DELETE, sent_s=100)),
    ):
        assert failing.failed_since(UPDATE, other, adopted=False) == at(50)


def test_the_oldest_cause_is_kept_with_what_was_seen() -> None:
    seen = stack("CREATE_FAILED")
    so_far = replace(SEEN, calls_made=2)
    kept = failing.noticed(CREATE, so_far, seen, (CAUSE, replace(CAUSE, logical_id="Later")))
    assert kept == replace(so_far, failing=Failing("CREATE_FAILED", 2, CAUSE))
    unnamed = failing.noticed(CREATE, so_far, seen, ())
    assert unnamed == replace(so_far, failing=Failing("CREATE_FAILED", 2))
    assert failing.noticed(CREATE, so_far, stack("CREATE_IN_PROGRESS"), ()) == so_far
    early = failing.noticed(CREATE, so_far, stack("CREATE_IN_PROGRESS"), (CAUSE,))
    assert early.failing == Failing("CREATE_IN_PROGRESS", 2, CAUSE)


# The head node's logs

SILENT = replace(CAUSE, logical_id="HeadNodeWaitCondition1", resource_type=WAIT_CONDITION)
UNREADY = replace(SEEN, failing=Failing("ROLLBACK_IN_PROGRESS", 0, SILENT))
GROUP = {"ConfigVersion": "v1", "ClusterCWLogGroup": "/aws/parallelcluster/hpc-1"}


def with_group(status: str, made_by: str = THIS) -> ClusterStack:
    return replace(stack(status, made_by=made_by), parameters=GROUP)


@pytest.mark.parametrize("status", ["ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE", "CREATE_FAILED"])
def test_the_logs_of_a_head_node_that_did_not_start_are_asked_for_with_its_description(status: str) -> None:
    cluster = with_group(status)
    arguments = {"head_node_logs": {"log_group": "/aws/parallelcluster/hpc-1"}}
    assert decided(CREATE, UNREADY, cluster=cluster) == Start(
        EngineAction.DESCRIBE, "hpc", cluster.stack_id, version=VERSION, arguments=arguments
    )


def test_without_a_log_group_the_console_is_asked_for() -> None:
    start = decided(CREATE, UNREADY, cluster=stack("ROLLBACK_IN_PROGRESS", made_by=THIS))
    assert isinstance(start, Start)
    assert start.arguments == {"head_node_logs": {"log_group": ""}}


def test_of_an_updated_cluster_only_what_it_logged_since_then_is_asked_for() -> None:
    updating = replace(
        progress(effect_seen=True, call=call(EngineAction.UPDATE, sent_s=20, ended_s=30)),
        failing=UNREADY.failing,
    )
    for status in ("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"):
        start = decided(UPDATE, updating, cluster=with_group(status, FIRST), known=known())
        assert isinstance(start, Start)
        wanted = {"log_group": "/aws/parallelcluster/hpc-1", "since": format_instant(at(20))}
        assert (start.action, start.arguments) == (EngineAction.DESCRIBE, {"head_node_logs": wanted})


def test_logs_are_asked_for_once_and_of_no_other_failure() -> None:
    cluster = with_group("ROLLBACK_IN_PROGRESS")
    described = with_description(UNREADY, EngineResult("succeeded", cluster={}))
    assert isinstance(decided(CREATE, described, cluster=cluster), Wait)
    other = replace(SEEN, failing=Failing("ROLLBACK_IN_PROGRESS", 0, CAUSE))
    assert isinstance(decided(CREATE, other, cluster=cluster), Wait)
    unnamed = replace(SEEN, failing=Failing("ROLLBACK_IN_PROGRESS", 0))
    assert isinstance(decided(CREATE, unnamed, cluster=cluster), Wait)
    assert isinstance(decided(CREATE, SEEN, cluster=cluster), Wait)


# At the deadline


def late(asked: Request, so_far: Any, **seen: Any) -> str:
    action = decided(asked, so_far, at_s=DEADLINE_S, **seen)
    assert isinstance(action, Fail)
    return str(action.error)


BUSY = stack("ROLLBACK_IN_PROGRESS", made_by=THIS)
FAILED = replace(SEEN, failing=Failing("ROLLBACK_IN_PROGRESS", 0, CAUSE))


def test_a_cluster_that_fails_is_answered_with_its_cause_and_no_word_about_time() -> None:
    text = late(CREATE, FAILED, cluster=BUSY, failures=(CAUSE,))
    assert text == (
        "ClusterFailed: cluster hpc: HeadNode (AWS::EC2::Instance) CREATE_FAILED: no capacity. "
        "The stack is ROLLBACK_IN_PROGRESS, and CloudFormation waits no longer for its end. "
        "Fix the cause; more time would not help."
    )


def test_a_cluster_that_cannot_be_seen_any_more_is_answered_with_what_was_seen() -> None:
    text = late(CREATE, FAILED, pending="AWS could not be asked")
    assert text.startswith(f"{ClusterFailed.__name__}: cluster hpc: HeadNode ")
    assert "The stack was ROLLBACK_IN_PROGRESS when it was last seen." in text
    unnamed = replace(SEEN, failing=Failing("ROLLBACK_IN_PROGRESS", 0))
    assert "its stack failed. The stack was" in late(CREATE, unnamed, pending="AWS could not be asked")
    image = replace(FAILED, cluster_name="image")
    assert late(IMAGE, image, pending="AWS could not be asked").startswith(
        f"{ImageFailed.__name__}: image image: HeadNode "
    )


def test_a_delete_that_failed_says_how_to_go_on() -> None:
    seen = stack("DELETE_IN_PROGRESS")
    text = late(
        DELETE, replace(TRIED, failing=Failing("DELETE_FAILED", 0, CAUSE)), cluster=seen, known=known()
    )
    assert "Remove what keeps it, then delete it again." in text


def test_a_stack_that_did_not_fail_after_all_is_late() -> None:
    unnamed = replace(SEEN, failing=Failing("ROLLBACK_IN_PROGRESS", 0))
    busy = stack("CREATE_IN_PROGRESS", made_by=THIS)
    assert late(CREATE, unnamed, cluster=busy).startswith(DeadlineExceeded.__name__)
    assert late(CREATE, SEEN, cluster=BUSY).startswith(DeadlineExceeded.__name__)
    assert late(CREATE, unnamed, cluster=BUSY).startswith(ClusterFailed.__name__)


def test_an_image_that_fails_is_answered_as_one() -> None:
    busy = stack("ROLLBACK_IN_PROGRESS", name="image", made_by=THIS)
    text = late(IMAGE, replace(FAILED, cluster_name="image"), cluster=busy, failures=(CAUSE,))
    assert text.startswith(f"{ImageFailed.__name__}: image image: HeadNode ")


def test_a_description_with_parallelclusters_own_codes_is_reported_at_the_deadline_too() -> None:
    codes = [{"failureCode": "HeadNodeBootstrapFailure", "failureReason": "it broke"}]
    described = with_description(FAILED, EngineResult("succeeded", cluster={"failures": codes}))
    assert "HeadNodeBootstrapFailure: it broke." in late(CREATE, described, cluster=BUSY)


# The operator's choice


@pytest.mark.parametrize("text", ["", "allow", "=yes", "tag"])
def test_a_choice_is_one_of_two_words_or_a_tag(text: str) -> None:
    with pytest.raises(ValueError, match="ClusterAdoption is "):
        Consent.parse(text)


def test_a_choice_covers_clusters_by_word_or_by_tag() -> None:
    assert Consent().text == FORBID
    assert Consent.parse(ALLOW).covers({})
    assert not Consent.parse(FORBID).covers({"Forbid": ""})
    assert (Consent.parse(ALLOW).tag, Consent.parse(FORBID).tag) == (None, None)
    tagged = Consent.parse("a=b=c")
    assert tagged.tag == ("a", "b=c")
    assert tagged.covers({"a": "b=c"})
    assert not tagged.covers({"a": "b"})
    assert Consent.parse("a=").covers({"a": ""})
    assert not Consent.parse("a=").covers({})


def test_the_lines_of_the_head_nodes_log_are_reported_at_the_deadline_too() -> None:
    logs = HeadNodeLogs([{"log": "chef-client", "text": "STDERR: no such host"}])
    described = with_description(UNREADY, EngineResult("succeeded", cluster={}, head_node_logs=logs))
    assert "The head node's chef-client: STDERR: no such host Fix the cause;" in late(
        CREATE, described, cluster=BUSY
    )
