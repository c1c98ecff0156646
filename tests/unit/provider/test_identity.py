"""Who owns what: owners, stacks, ids, tags, and what a stack shows."""

from dataclasses import replace
from typing import Any

import pytest

from cluster_provider.core.engine import EngineAction, EngineCall
from cluster_provider.core.identity import (
    FailedCreate,
    Owner,
    StackArn,
    is_marker,
    is_unmade,
    marker_id,
    may_be_cluster,
    read_only_id,
)
from cluster_provider.core.observed import Cluster, LastApplied, Leftover, ParentStack
from cluster_provider.core.request import RequestType
from cluster_provider.core.state import OperationRecord, OwnerRecord, Undo, newly_disowned
from tests.support.cases import FIRST, OWNER, THIS, at, call, known, progress, request, stack
from tests.support.fakes import START, stack_of

ARN = "arn:aws-us-gov:cloudformation:us-gov-west-1:123456789012:stack/parent/0/1"


def owner(arn: str = OWNER.stack_id, logical_id: str = "Cluster") -> Owner:
    return Owner(arn, logical_id)


def test_a_stacks_arn_is_taken_apart() -> None:
    parts = ("aws-us-gov", "us-gov-west-1", "123456789012", "parent", "0/1")
    assert StackArn.parse(ARN) == StackArn(*parts)


@pytest.mark.parametrize("arn", ["", "parent", ARN.replace("cloudformation", "s3"), f"x{ARN}", ARN[:-4]])
def test_another_text_is_no_arn_of_a_stack(arn: str) -> None:
    with pytest.raises(ValueError, match="not a stack ARN"):
        StackArn.parse(arn)


def test_an_owner_comes_back_from_its_key() -> None:
    assert OWNER.key == f"{OWNER.stack_id}|Cluster"
    assert Owner.from_key(OWNER.key) == OWNER


def test_stacks_of_one_account_and_region_are_beside_each_other() -> None:
    assert OWNER.is_beside(owner(OWNER.stack_id.replace("parent", "other"), "Other"))
    for mine, theirs in (("aws:", "aws-cn:"), ("us-east-1", "eu-west-1"), ("123456789012", "210987654321")):
        assert not OWNER.is_beside(owner(OWNER.stack_id.replace(mine, theirs, 1)))
    assert not OWNER.is_beside(owner("parent"))
    assert not owner("parent").is_beside(OWNER)


def test_an_owner_has_the_stacks_whose_tag_names_it_and_their_own_name() -> None:
    tags = OWNER.tag("hpc", THIS)
    assert tags == {"pcluster-cfn:owner": f"parent/0 Cluster hpc {THIS}"}
    assert OWNER.owns(tags, "hpc")
    assert OWNER.made(tags, "hpc", THIS)
    assert not OWNER.made(tags, "hpc", FIRST)
    assert not OWNER.made(tags, "lab", THIS)
    others = (owner(OWNER.stack_id.replace("/0", "/1")), owner(logical_id="Other"))
    assert not any(other.owns(tags, "hpc") for other in others)
    for text in ("", "parent/0 Cluster hpc", f"parent/0 Cluster hpc {THIS} x", f"x Cluster hpc {THIS}"):
        assert not OWNER.owns({"pcluster-cfn:owner": text}, "hpc")


def test_one_tag_counts_more_than_the_four_of_earlier_versions() -> None:
    both = {**OWNER.tags("hpc", THIS), **owner(logical_id="Other").tag("hpc", THIS)}
    assert not OWNER.owns(both, "hpc")
    assert not OWNER.owns({**both, "pcluster-cfn:owner": "nobody"}, "hpc")


@pytest.mark.parametrize("length", [20, 400])
def test_an_owner_tag_is_never_longer_than_a_tag_may_be(length: int) -> None:
    long = owner(logical_id="L" * min(length, 255))
    tags = long.tag("c" * 60, "r" * 36)
    assert all(len(value) <= 256 for value in tags.values())
    assert (len(tags) == 1) is (length == 20)
    assert long.made(tags, "c" * 60, "r" * 36)


def test_an_owner_has_the_stacks_with_all_three_tags_of_earlier_versions() -> None:
    tags = OWNER.tags("hpc", THIS)
    assert tags == {
        "pcluster-cfn:stack-id": OWNER.stack_id,
        "pcluster-cfn:logical-id": "Cluster",
        "pcluster-cfn:cluster-name": "hpc",
        "pcluster-cfn:request-id": THIS,
    }
    assert OWNER.owns(tags, "hpc")
    assert not OWNER.owns(tags, "lab")
    for name in ("stack-id", "logical-id", "cluster-name"):
        assert not OWNER.owns({**tags, f"pcluster-cfn:{name}": "x"}, "hpc")


def test_an_id_that_cloudformation_made_up_has_the_stacks_and_the_resources_name() -> None:
    assert OWNER.is_made_up("parent-Cluster-1ABC")
    for other in ("parent-Cluster", "hpc", "other-Cluster-1ABC", "xparent-Cluster-1ABC"):
        assert not OWNER.is_made_up(other)


@pytest.mark.parametrize(("name", "may"), [("a", True), ("a" * 60, True), ("a" * 61, False), ("1a", False)])
def test_a_stack_may_be_a_cluster_by_its_name(name: str, may: bool) -> None:
    assert may_be_cluster(name) is may


def test_a_failed_create_is_read_from_its_own_physical_id_and_from_no_other() -> None:
    failed = FailedCreate("a:b", "hpc")
    assert failed.physical_id == "pcluster-cfn:failed:a:b:hpc"
    assert FailedCreate.parse(failed.physical_id) == failed
    for other in (None, "hpc", marker_id(OWNER), read_only_id(OWNER), "pcluster-cfn:failed"):
        assert FailedCreate.parse(other) is None


def test_an_id_of_a_create_that_failed_stands_for_nothing_that_was_made() -> None:
    assert is_unmade(marker_id(OWNER))
    assert is_unmade(FailedCreate("r", "hpc").physical_id)
    assert not is_unmade("hpc")
    assert not is_unmade(read_only_id(OWNER))
    assert not is_unmade(None)


def test_markers_and_ids_of_questions_are_an_owners_for_life() -> None:
    assert marker_id(OWNER).startswith("pcluster-cfn:not-created:")
    assert read_only_id(OWNER).startswith("pcluster-cfn:read-only:")
    fingerprint = marker_id(OWNER).rpartition(":")[2]
    assert (len(fingerprint), read_only_id(OWNER).rpartition(":")[2]) == (16, fingerprint)
    assert marker_id(owner(logical_id="Other")) != marker_id(OWNER)
    assert is_marker(marker_id(OWNER))
    assert not is_marker(read_only_id(OWNER))
    assert not is_marker(None)


# What a stack shows


def test_a_stack_shows_its_version_its_configuration_and_its_log_group() -> None:
    parameters = {"ConfigVersion": "v1", "ClusterCWLogGroup": "/aws/hpc"}
    seen = stack_of("hpc", "CREATE_COMPLETE", {"parallelcluster:version": "3.16.1"}, parameters=parameters)
    assert (seen.version, seen.config_version, seen.log_group) == ("3.16.1", "v1", "/aws/hpc")
    bare = stack_of("hpc", "CREATE_COMPLETE")
    assert (bare.version, bare.config_version, bare.log_group) == (None, "", "")
    assert stack_of("hpc", "X", parameters={"ClusterCWLogGroup": "NONE"}).log_group == ""


STATES = {
    "CREATE_IN_PROGRESS": {"in_progress"},
    "CREATE_COMPLETE": {"works"},
    "CREATE_FAILED": set(),
    "ROLLBACK_IN_PROGRESS": {"in_progress"},
    "UPDATE_IN_PROGRESS": {"in_progress", "updating"},
    "UPDATE_COMPLETE": {"works"},
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": {"in_progress", "updating"},
    "UPDATE_ROLLBACK_IN_PROGRESS": {"in_progress", "updating"},
    "UPDATE_ROLLBACK_COMPLETE": {"works"},
    "UPDATE_FAILED": set(),
    "DELETE_IN_PROGRESS": {"in_progress", "deleting"},
    "DELETE_COMPLETE": {"gone"},
    "DELETE_FAILED": set(),
}


@pytest.mark.parametrize("status", STATES)
def test_a_stacks_status_shows_what_it_does(status: str) -> None:
    seen = stack(status)
    names = ("in_progress", "updating", "deleting", "gone", "works")
    assert {name for name in names if getattr(seen, name)} == STATES[status]


def test_a_stacks_tags_say_whose_it_is_if_they_are_about_this_very_cluster() -> None:
    seen = stack()
    assert seen.tagged_owner == OWNER
    assert seen.owner_tags == OWNER.tag("hpc", FIRST)
    seen = replace(seen, tags=OWNER.tags("hpc", FIRST))
    assert seen.tagged_owner == OWNER
    assert replace(seen, name="lab").tagged_owner is None
    assert stack(owner=None).tagged_owner is None
    without = {key: value for key, value in seen.tags.items() if key != "pcluster-cfn:stack-id"}
    assert replace(seen, tags=without).tagged_owner is None
    without = {key: value for key, value in seen.tags.items() if key != "pcluster-cfn:logical-id"}
    assert replace(seen, tags=without).tagged_owner == owner(logical_id="")


STRANGER = owner(OWNER.stack_id.replace("parent", "other"))


@pytest.mark.parametrize(
    ("seen", "recorded", "is_owners"),
    [
        (stack(), None, True),
        (stack(owner=STRANGER), None, False),
        (stack(owner=None), None, False),
        (stack(), known(), True),
        (stack(owner=None), known(), True),
        (stack(owner=STRANGER), known(), False),
        (stack(owner=STRANGER), known(adopted_at=START), True),
        (stack(owner=None), known(stack_id="arn:other"), False),
        (stack(owner=STRANGER), known(stack_id="arn:other", adopted_at=START), False),
    ],
)
def test_a_cluster_is_its_owners_by_its_tags_or_its_recorded_arn(
    seen: Any, recorded: Cluster | None, is_owners: bool
) -> None:
    assert seen.belongs_to(OWNER, recorded) is is_owners


@pytest.mark.parametrize(
    ("status", "rolls_back"),
    [
        ("ROLLBACK_IN_PROGRESS", True),
        ("UPDATE_ROLLBACK_IN_PROGRESS", True),
        ("CREATE_FAILED", True),
        ("UPDATE_FAILED", False),
        ("UPDATE_IN_PROGRESS", False),
        ("DELETE_IN_PROGRESS", False),
    ],
)
def test_a_parent_rolls_back_in_these_states(status: str, rolls_back: bool) -> None:
    assert ParentStack(status, completed=True).rolls_back is rolls_back


def test_a_cluster_is_compared_with_what_was_last_applied() -> None:
    last_applied = LastApplied("digest", "v1")
    cluster = known(last_applied=last_applied)
    assert cluster.was_applied("digest")
    assert not cluster.was_applied("other")
    assert not replace(cluster, touched=True).was_applied("digest")
    assert not replace(cluster, last_applied=None).was_applied("digest")
    changed = stack(config_version="v2")
    assert cluster.changed_outside(changed)
    assert not cluster.changed_outside(stack())
    assert not replace(cluster, touched=True).changed_outside(changed)
    assert not replace(cluster, last_applied=None).changed_outside(changed)


def test_a_leftover_is_in_progress_as_its_stack_is() -> None:
    assert Leftover(known(), stack("DELETE_IN_PROGRESS")).in_progress
    assert not Leftover(known(), stack()).in_progress
    assert not Leftover(known(), None).in_progress


# What a call and a record show


@pytest.mark.parametrize(
    ("made", "acted", "reported"),
    [
        (call(EngineAction.UPDATE), True, True),
        (call(EngineAction.UPDATE, "BadRequest"), False, True),
        (call(EngineAction.UPDATE, "BadRequest", sent=True), True, True),
        (call(EngineAction.UPDATE, "Internal"), False, False),
        (call(EngineAction.UPDATE, "Internal", sent=True), True, False),
        (call(EngineAction.UPDATE, ended_s=None), False, False),
    ],
)
def test_a_calls_end_says_whether_it_acted(made: EngineCall, acted: bool, reported: bool) -> None:
    assert (made.has_acted, made.has_reported) == (acted, reported)


def test_a_call_may_act_until_a_minute_after_its_fence_or_its_end() -> None:
    running = call(EngineAction.UPDATE, ended_s=None)
    assert running.may_act(at(359))
    assert not running.may_act(at(360))
    assert not call(EngineAction.UPDATE).may_act(at(1))


def record(**facts: Any) -> OwnerRecord:
    return OwnerRecord(THIS, START, RequestType.CREATE, **facts)


def test_an_owner_has_a_cluster_by_its_arn_once_that_is_known() -> None:
    assert record(clusters={"hpc": known()}).has(stack())
    assert record(clusters={"hpc": known(stack_id=None)}).has(stack())
    assert not record(clusters={"hpc": known(stack_id="arn:other")}).has(stack())
    assert not record(clusters={"lab": known("lab")}).has(stack())


@pytest.mark.parametrize(
    ("facts", "at_work", "lasts"),
    [
        ({}, True, True),
        ({"is_open": False}, False, False),
        ({"is_open": False, "restarts": True}, True, True),
        ({"is_open": False, "clusters": {"hpc": known()}}, False, True),
        ({"is_open": False, "disowned": ["arn"]}, False, True),
        ({"is_open": False, "acknowledged": ["hpc"], "handles": ["x"]}, False, False),
    ],
)
def test_a_record_lasts_while_there_is_work_or_a_cluster(facts: Any, at_work: bool, lasts: bool) -> None:
    assert (record(**facts).at_work, record(**facts).lasts) == (at_work, lasts)


def test_a_change_newly_disowns_what_was_not_disowned_before() -> None:
    after = record(disowned=["a", "b"])
    assert newly_disowned(record(disowned=["a"]), after) == ["b"]
    assert newly_disowned(None, after) == ["a", "b"]


def test_a_swap_undoes_the_update_whose_digests_it_exchanges() -> None:
    update = request("Update", ClusterConfiguration="a: b")
    assert Undo(update.old_digest or "-", update.digest).is_by(update)
    assert not Undo(update.digest, update.old_digest or "-").is_by(update)
    assert not Undo(update.old_digest or "-", "other").is_by(update)
    assert not Undo("other", update.digest).is_by(update)


def test_log_lines_name_the_request_its_owner_and_its_cluster() -> None:
    operation = OperationRecord(request("Create"), progress())
    assert operation.names == {
        "request_id": THIS,
        "request_type": "Create",
        "stack_id": OWNER.stack_id,
        "logical_id": "Cluster",
        "cluster_name": "hpc",
    }
