"""Two provider stacks of one account know nothing of each other: a cluster has one owner all the same."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cluster_provider.core.consent import Consent
from cluster_provider.core.guardrails import Guardrails
from cluster_provider.core.identity import Owner
from cluster_provider.handler import Provider
from tests.support.fakes import FactStacks, MovedClock, stack_of
from tests.support.faults import FaultyPorts, Killed, Seam
from tests.support.world import CONFIGURATION, LOG_GROUP, PARENT, World, failed, properties

SECOND = "arn:aws:cloudformation:us-east-1:123456789012:stack/second/0"
ROOT = "arn:aws:cloudformation:us-east-1:123456789012:stack/root/0"
FIRST_OWNER, SECOND_OWNER = Owner(PARENT, "Cluster"), Owner(SECOND, "Cluster")
ADOPT = {"AdoptExisting": "true"}
DELETE = properties(**ADOPT, DeletionPolicy="Delete")
CHANGED = {**CONFIGURATION, "Tags": []}


class Account:
    """CloudFormation and S3 of one account, with two provider stacks that see both and not each other."""

    def __init__(self) -> None:
        self.stacks, self.clock = FactStacks(), MovedClock()
        self.first, self.second = (World(stacks=self.stacks, clock=self.clock) for _ in range(2))
        self.stand(SECOND, "CREATE_IN_PROGRESS")

    def stand(self, stack_id: str, status: str, **facts: Any) -> None:
        """A stack of a user's has a status."""
        name = stack_id.split("/")[1]
        self.stacks.declare(replace(stack_of(name, status, unique="0"), **facts))

    def run(self) -> None:
        """Engines run, and clusters' stacks come to their ends, until nothing is left to do."""
        for world in (self.first, self.second):
            while world.engines.calls:
                world.run_engine()
                stack = self.stacks.living("hpc")
                if stack is not None and stack.in_progress:
                    world.settle("hpc", f"{stack.status.removesuffix('IN_PROGRESS')}COMPLETE")

    def adopt(self, world: World, stack_id: str, **changed: Any) -> dict[str, Any]:
        """A stack takes the cluster over with a provider, or is refused."""
        request = world.create(StackId=stack_id, ResourceProperties=properties(**ADOPT, **changed))
        self.run()
        answer = world.sink.answer(request)
        if answer["Status"] == "SUCCESS":
            self.complete(stack_id)
        return answer

    def complete(self, stack_id: str) -> None:
        self.stacks.listed[Owner(stack_id, "Cluster")] = "hpc"
        self.clock.advance(60)
        self.stacks.completed_at[stack_id] = self.clock.now()
        self.stand(stack_id, "CREATE_COMPLETE")
        self.clock.advance(60)

    @property
    def holder(self) -> Owner:
        """Whose the cluster is by its mark."""
        return self.stacks.marks[self.first.cluster().stack_id]


@pytest.fixture
def account() -> Account:
    return Account()


def is_had_by(answer: dict[str, Any], owner: Owner) -> bool:
    resource = f"resource {owner.logical_id} of stack {owner.stack_id}"
    words = f"NotOwner: ClusterName hpc: the cluster belongs to {resource}; it was not touched."
    return answer["Status"] == "FAILED" and answer["Reason"].startswith(words)


@pytest.mark.parametrize("changed", [{}, {"ClusterConfiguration": CHANGED}])
def test_a_cluster_that_a_stack_of_one_provider_took_over_is_not_taken_over_with_another(
    account: Account, changed: dict[str, Any]
) -> None:
    account.first.foreign()
    assert account.adopt(account.first, PARENT, **changed)["Status"] == "SUCCESS"
    had = account.first.cluster()
    assert is_had_by(account.adopt(account.second, SECOND, **changed), FIRST_OWNER)
    assert (account.first.cluster(), account.holder) == (had, FIRST_OWNER)
    assert account.second.claims.holders == {}


def test_of_two_that_take_a_cluster_over_at_once_one_gets_it(account: Account) -> None:
    account.first.foreign()
    wanted = properties(**ADOPT)
    first = account.first.create(ResourceProperties=wanted)
    second = account.second.create(StackId=SECOND, ResourceProperties=wanted)
    for world in (account.second, account.first, account.second, account.first):
        if world.engines.calls:
            world.run_engine()
    account.run()
    assert account.second.sink.answer(second)["Status"] == "SUCCESS"
    assert is_had_by(account.first.sink.answer(first), SECOND_OWNER)
    assert account.holder == SECOND_OWNER


def test_the_delete_after_such_a_refusal_leaves_the_cluster_alone(account: Account) -> None:
    account.first.foreign()
    account.adopt(account.first, PARENT)
    refused = account.adopt(account.second, SECOND)
    account.stand(SECOND, "ROLLBACK_IN_PROGRESS")
    account.second.delete(refused["PhysicalResourceId"], StackId=SECOND, ResourceProperties=DELETE)
    assert account.second.engines.calls == []
    assert account.first.cluster().status == "CREATE_COMPLETE"


@pytest.mark.parametrize("policy", [{}, {"DeletionPolicy": "Delete"}])
def test_what_a_rolled_back_stack_took_over_can_be_taken_over_with_another_provider(
    account: Account, policy: dict[str, str]
) -> None:
    account.first.foreign()
    request = account.first.create(ResourceProperties=properties(**ADOPT, **policy))
    account.run()
    assert account.first.sink.answer(request)["Status"] == "SUCCESS"
    account.stacks.listed[FIRST_OWNER] = "hpc"
    account.stand(PARENT, "ROLLBACK_IN_PROGRESS")
    account.clock.advance(60)
    account.first.delete(ResourceProperties=properties(**ADOPT, **policy))
    account.run()
    del account.stacks.listed[FIRST_OWNER]
    # As long as the rollback goes on, something of the first provider's may be on its way.
    assert is_had_by(account.adopt(account.second, SECOND), FIRST_OWNER)
    account.stand(PARENT, "ROLLBACK_COMPLETE")
    account.clock.advance(60)
    assert account.adopt(account.second, SECOND)["Status"] == "SUCCESS"
    assert account.holder == SECOND_OWNER


@pytest.mark.parametrize("status", ["DELETE_COMPLETE", None])
def test_the_mark_of_a_stack_that_is_gone_is_replaced_by_the_next_owner(
    account: Account, status: str | None
) -> None:
    account.first.foreign()
    account.adopt(account.first, PARENT)
    del account.stacks.listed[FIRST_OWNER]
    if status is None:
        del account.stacks.facts[PARENT]
    else:
        account.stand(PARENT, status)
    assert account.adopt(account.second, SECOND)["Status"] == "SUCCESS"
    assert account.holder == SECOND_OWNER


@pytest.mark.parametrize(
    ("own", "root"),
    [
        ("UPDATE_IN_PROGRESS", None),
        ("UPDATE_ROLLBACK_FAILED", None),
        ("UPDATE_FAILED", None),
        ("DELETE_IN_PROGRESS", None),
        ("UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"),
        ("CREATE_COMPLETE", "ROLLBACK_IN_PROGRESS"),
    ],
)
def test_a_stack_that_may_go_back_to_the_cluster_keeps_it_from_another_provider(
    account: Account, own: str, root: str | None
) -> None:
    account.first.foreign()
    account.adopt(account.first, PARENT)
    account.stacks.listed[FIRST_OWNER] = "lab"
    account.stand(PARENT, own, parent_id=ROOT if root else None)
    if root:
        account.stand(ROOT, root)
    assert is_had_by(account.adopt(account.second, SECOND), FIRST_OWNER)
    assert account.holder == FIRST_OWNER


@pytest.mark.parametrize(
    ("own", "listed"),
    [("CREATE_COMPLETE", "hpc"), ("UPDATE_IN_PROGRESS", "lab"), ("CREATE_IN_PROGRESS", None)],
)
def test_a_cluster_that_a_stack_of_one_provider_made_is_not_taken_over_with_another(
    account: Account, own: str, listed: str | None
) -> None:
    account.first.made()
    if listed is not None:
        account.stacks.listed[FIRST_OWNER] = listed
    account.stand(PARENT, own)
    assert is_had_by(account.adopt(account.second, SECOND), FIRST_OWNER)
    assert account.stacks.marks == {}


def test_a_cluster_that_a_stack_of_one_provider_made_and_kept_is_taken_over_with_another(
    account: Account,
) -> None:
    account.first.made()
    account.first.delete(ResourceProperties=properties(DeletionPolicy="Retain"))
    account.stand(PARENT, "DELETE_COMPLETE")
    assert account.adopt(account.second, SECOND)["Status"] == "SUCCESS"
    # Its tags name the first still, so only the mark keeps it from being taken back.
    account.stand(PARENT, "CREATE_IN_PROGRESS")
    account.clock.advance(60)
    assert is_had_by(account.adopt(account.first, PARENT), SECOND_OWNER)
    assert account.holder == SECOND_OWNER


@pytest.fixture
def both(account: Account) -> Account:
    """Each provider took the cluster over before there were marks; then the first one updated it."""
    account.first.foreign()
    account.adopt(account.first, PARENT)
    account.stacks.marks.clear()
    del account.stacks.listed[FIRST_OWNER]
    account.adopt(account.second, SECOND)
    account.stacks.listed[FIRST_OWNER] = "hpc"
    account.stacks.marks[account.first.cluster().stack_id] = FIRST_OWNER
    return account


def test_of_two_owners_from_before_marks_the_one_without_it_changes_nothing(both: Account) -> None:
    had = both.first.cluster()
    old = properties(**ADOPT)
    changing = both.second.event(
        "Update",
        StackId=SECOND,
        PhysicalResourceId="hpc",
        ResourceProperties=properties(**ADOPT, ClusterConfiguration=CHANGED),
        OldResourceProperties=old,
    )
    request = both.second.deliver(changing)
    both.run()
    assert is_had_by(both.second.sink.answer(request), FIRST_OWNER)
    both.clock.advance(60)
    deleted = both.second.delete(StackId=SECOND, ResourceProperties=DELETE)
    both.run()
    assert both.second.sink.answer(deleted)["Status"] == "SUCCESS"
    assert (both.first.cluster(), both.holder) == (had, FIRST_OWNER)
    assert both.second.claims.holders == {}


@pytest.mark.parametrize("request_type", ["Update", "Delete"])
def test_an_owner_replaces_the_mark_of_another_that_is_gone_with_its_own(
    account: Account, request_type: str
) -> None:
    account.first.foreign()
    account.adopt(account.first, PARENT)
    account.stacks.marks[account.first.cluster().stack_id] = SECOND_OWNER
    account.stand(SECOND, "DELETE_COMPLETE")
    wanted = {**DELETE, "ClusterConfiguration": CHANGED} if request_type == "Update" else DELETE
    event = account.first.event(
        request_type,
        PhysicalResourceId="hpc",
        ResourceProperties=wanted,
        OldResourceProperties=properties(**ADOPT),
    )
    request = account.first.deliver(event)
    cluster = account.first.cluster().stack_id
    account.run()
    assert account.first.sink.answer(request)["Status"] == "SUCCESS"
    assert account.stacks.marks[cluster] == FIRST_OWNER
    done = {"Update": "UPDATE_COMPLETE", "Delete": "DELETE_COMPLETE"}
    assert account.stacks.facts[cluster].stack.status == done[request_type]


def test_a_mark_that_cannot_be_read_is_reported_with_its_place(account: Account) -> None:
    account.first.foreign()
    request = account.first.create(ResourceProperties=properties(**ADOPT))
    place = "s3://bucket/folder/pcluster-cfn/owner.json does not name the cluster's owner"
    account.first.run_engine(failed("OtherOwner", f"{place}."))
    reason = account.first.sink.answer(request)["Reason"]
    assert reason == (
        f"NotOwner: cluster hpc: {place}. The cluster was not touched. "
        "Delete that object if no stack has the cluster; then try again."
    )
    assert account.first.claims.holders == {}


def without_tags(account: Account) -> None:
    """An update with ParallelCluster's own tools takes every tag of ours away."""
    cluster = account.first.cluster()
    kept = {key: value for key, value in cluster.tags.items() if not key.startswith("pcluster-cfn:")}
    account.stacks.declare(replace(cluster, tags=kept))


def test_a_made_cluster_whose_tags_are_gone_is_not_changed_once_another_provider_has_it(
    account: Account,
) -> None:
    account.first.made()
    account.complete(PARENT)
    without_tags(account)
    assert account.adopt(account.second, SECOND)["Status"] == "SUCCESS"
    had = account.first.cluster()
    request = account.first.update(ClusterConfiguration=CHANGED)
    account.run()
    assert is_had_by(account.first.sink.answer(request), SECOND_OWNER)
    account.clock.advance(60)
    deleted = account.first.delete()
    account.run()
    assert account.first.sink.answer(deleted)["Status"] == "SUCCESS"
    assert account.first.cluster() == had


def test_a_made_cluster_whose_tags_are_gone_gets_a_mark_with_its_next_update(account: Account) -> None:
    account.first.made()
    account.complete(PARENT)
    without_tags(account)
    account.first.update(ClusterConfiguration=CHANGED)
    account.run()
    assert account.holder == FIRST_OWNER
    assert account.first.cluster().tagged_owner == FIRST_OWNER


def test_a_made_cluster_that_has_its_tags_is_changed_without_a_mark(account: Account) -> None:
    account.first.made()
    account.first.update(ClusterConfiguration=CHANGED)
    assert "mark" not in account.first.engines.calls[0][1]
    account.run()
    account.clock.advance(60)
    account.first.delete()
    assert "mark" not in account.first.engines.calls[0][1]


def test_the_calls_that_ask_for_a_mark_keep_the_engines_contract(account: Account) -> None:
    contract = json.loads(Path("provider/engine/cluster_engine/contract.schema.json").read_text())
    validator = Draft202012Validator({"$defs": contract["$defs"], "$ref": "#/$defs/call"})
    account.first.foreign()
    account.stacks.marks[account.first.cluster().stack_id] = Owner(f"{PARENT}/gone", "Cluster")
    account.first.create(ResourceProperties=properties(**ADOPT))
    calls = [account.first.run_engine() for _ in range(2)]
    previous_owner = {"stack_id": f"{PARENT}/gone", "logical_id": "Cluster"}
    assert [call["mark"] for call in calls] == [{}, {"instead_of": previous_owner}]
    assert [list(validator.iter_errors(call)) for call in calls] == [[], []]
    assert validator.is_valid(calls[0] | {"operation": "delete"})
    assert not validator.is_valid(calls[0] | {"operation": "describe"})


# Deaths


def test_an_engine_that_dies_behind_the_mark_is_called_again_and_finds_its_own(account: Account) -> None:
    account.first.foreign()
    request = account.first.create(ResourceProperties=properties(**ADOPT))
    account.stacks.marks[account.first.cluster().stack_id] = FIRST_OWNER
    account.first.crash_engine()
    account.first.pass_time(120)
    account.run()
    assert account.first.sink.answer(request)["Status"] == "SUCCESS"
    assert account.holder == FIRST_OWNER


def test_a_mark_behind_which_an_engine_died_counts_while_its_create_is_open(account: Account) -> None:
    account.first.foreign()
    account.first.create(ResourceProperties=properties(**ADOPT))
    account.stacks.marks[account.first.cluster().stack_id] = FIRST_OWNER
    account.first.crash_engine()
    assert is_had_by(account.adopt(account.second, SECOND), FIRST_OWNER)


def taken_from_the_dead(account: Account, die_at: int) -> int:
    """The second provider replaces the mark of an owner that is gone, and dies at a seam.

    Returns how many seams there were.
    """
    account.first.foreign()
    account.stacks.marks[account.first.cluster().stack_id] = Owner(f"{PARENT}/gone", "Cluster")
    passed: list[Seam] = []

    def die(seam: Seam) -> None:
        passed.append(seam)
        if len(passed) >= die_at and account.second.provider is mortal:
            raise Killed

    immortal = account.second.provider
    mortal = account.second.provider = Provider(
        FaultyPorts(account.second.ports, die).ports(), LOG_GROUP, Guardrails(Consent("Allow"))
    )
    event = account.second.event("Create", StackId=SECOND, ResourceProperties=properties(**ADOPT))
    try:
        account.second.deliver(event)
        account.run()
    except Killed:
        account.second.provider = immortal
        account.second.deliver(event)
    seams = len(passed)
    account.second.provider = immortal
    for _ in range(15):
        account.second.pass_time(60)
        account.run()
    assert account.second.sink.answer(event["RequestId"])["Status"] == "SUCCESS"
    assert account.holder == SECOND_OWNER
    assert list(account.second.claims.holders.values()) == [SECOND_OWNER]
    return seams


def test_a_death_at_any_seam_while_a_mark_is_replaced_leaves_one_owner() -> None:
    seams = taken_from_the_dead(Account(), die_at=10_000)
    assert seams > 30
    for number in range(1, seams + 1):
        taken_from_the_dead(Account(), die_at=number)


def test_a_mark_that_cannot_be_judged_until_the_deadline_is_answered_then(account: Account) -> None:
    account.first.foreign()
    account.adopt(account.first, PARENT)
    request = account.second.create(StackId=SECOND, ResourceProperties=properties(**ADOPT))

    def deny(*_: Any) -> Any:
        raise PermissionError("AccessDenied")

    account.stacks.lists = deny
    with pytest.raises(PermissionError):
        account.run()
    account.clock.advance(3600)
    account.second.sweep()
    reason = account.second.sink.answer(request)["Reason"]
    assert reason.startswith("DeadlineExceeded: cluster hpc: ")
    assert "last seen: its mark names another resource, which was to be looked at" in reason
    assert account.holder == FIRST_OWNER
