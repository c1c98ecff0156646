"""Rows of the decision table about clusters: facts in, one action out."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cluster_provider.core.actions import Action, Adopt, Examine, Fail, Start, Succeed, Wait
from cluster_provider.core.consent import ALLOW, FORBID, Consent
from cluster_provider.core.decision.case import Case
from cluster_provider.core.engine import EngineAction, EngineResult
from cluster_provider.core.errors import (
    ClusterFailed,
    ClusterRejected,
    EngineFailed,
    InvalidProperty,
    NotOwner,
    ProviderError,
    VersionMismatch,
)
from cluster_provider.core.identity import Owner, marker_id
from cluster_provider.core.observed import ClusterStack, LastApplied, Observed, ParentStack
from cluster_provider.core.properties import digest
from cluster_provider.core.state import Progress
from tests.support.cases import (
    FIRST,
    OWNER,
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
from tests.support.world import CONFIGURATION, OTHER_NODES, PARENT, failed_id, properties

NEW = {**CONFIGURATION, "Tags": []}
STRANGER = Owner(PARENT.replace("parent", "other"), "Cluster")
MADE_BY_THIS = stack(made_by=THIS)
UPDATE = Start(
    EngineAction.UPDATE,
    "hpc",
    stack().stack_id,
    OWNER.tag("hpc", FIRST),
    VERSION,
)


def description(status: str, **more: Any) -> EngineResult:
    """How the engine describes a cluster with this status."""
    return EngineResult("succeeded", cluster={"cloudFormationStackStatus": status, **more})


def described_then(asked: Any, seen: ClusterStack, so_far: Progress | None = None, **facts: Any) -> Action:
    """What is decided once the cluster is described as it is."""
    so_far = with_description(so_far or progress(), description(seen.status))
    return decided(asked, so_far, cluster=seen, **facts)


def success(seen: ClusterStack) -> Succeed:
    """The answer with the values of a cluster as it is."""
    return Succeed("hpc", seen, description(seen.status))


def failure(action: Action, kind: type[ProviderError], physical_id: str = "hpc") -> str:
    """The text of a failure of this kind with this physical id."""
    assert isinstance(action, Fail), action
    assert type(action.error) is kind, action
    assert action.physical_id == physical_id
    return str(action.error)


# A Create


def test_a_cluster_that_is_not_there_is_made_with_its_owners_tags() -> None:
    assert decided(request("Create")) == Start(
        EngineAction.CREATE, "hpc", stack_tags=OWNER.tag("hpc", "request-1")
    )


def test_a_cluster_whose_stack_was_seen_is_not_made_again_while_it_cannot_be_seen() -> None:
    action = decided(request("Create"), progress(stack_id=stack().stack_id))
    assert action == Wait(f"stack {stack().stack_id} cannot be seen yet")


def test_a_cluster_is_not_made_without_an_engine_of_its_version() -> None:
    text = failure(
        decided(request("Create"), engines=frozenset({"3.0.0"})), VersionMismatch, marker_id(OWNER)
    )
    assert "it needs an engine for ParallelCluster 3.16.1; the provider has 3.0.0." in text


def test_a_cluster_in_progress_is_waited_for() -> None:
    seen = stack("CREATE_IN_PROGRESS", made_by=THIS)
    action = decided(request("Create"), cluster=seen)
    assert action == Wait("cluster hpc is CREATE_IN_PROGRESS", watching=seen.stack_id)


def test_a_cluster_that_works_is_described_and_then_reported() -> None:
    asked = decided(request("Create"), cluster=MADE_BY_THIS)
    assert asked == Start(EngineAction.DESCRIBE, "hpc", MADE_BY_THIS.stack_id, version=VERSION)
    assert described_then(request("Create"), MADE_BY_THIS) == success(MADE_BY_THIS)


def test_a_cluster_that_failed_is_described_once_for_its_own_failure_codes() -> None:
    failed_stack = stack("CREATE_FAILED", made_by=THIS)
    asked = decided(request("Create"), cluster=failed_stack)
    assert asked == Start(EngineAction.DESCRIBE, "hpc", failed_stack.stack_id, version=VERSION)
    codes = [{"failureCode": "HeadNodeBootstrapFailure", "failureReason": "it broke"}]
    described = EngineResult("succeeded", cluster={"failures": codes})
    answer = decided(
        request("Create"),
        progress(attempts={"describe": 1}, description=described),
        cluster=failed_stack,
    )
    assert "HeadNodeBootstrapFailure: it broke." in failure(answer, ClusterFailed, failed_id(THIS))
    undescribed = decided(request("Create"), progress(attempts={"describe": 1}), cluster=failed_stack)
    assert "the stack is CREATE_FAILED" in failure(undescribed, ClusterFailed, failed_id(THIS))


def test_a_cluster_that_was_deleted_while_it_was_made_is_a_failure() -> None:
    action = decided(request("Create"), cluster=stack("DELETE_COMPLETE", made_by=THIS))
    assert "it was deleted while it was being created." in failure(action, ClusterFailed, failed_id(THIS))


@pytest.mark.parametrize(
    ("seen", "what"),
    [
        (stack(), "an earlier request of this resource made a cluster of this name, and it still exists."),
        (stack(owner=STRANGER), "a cluster of this name exists and does not belong to this resource"),
        (stack(owner=None, version=None), "a stack of this name exists and is no cluster"),
    ],
)
def test_a_name_that_is_taken_is_refused_and_nothing_is_touched(seen: Any, what: str) -> None:
    text = failure(decided(request("Create"), cluster=seen), NotOwner, marker_id(OWNER))
    assert what in text
    assert ("take it over with AdoptExisting: true" in text) == (seen.version is not None)


def test_a_disowned_cluster_counts_as_another_owners() -> None:
    text = failure(decided(request("Create"), cluster=stack(), disowned=True), NotOwner, marker_id(OWNER))
    assert "does not belong to this resource" in text


# What an engine refused


@pytest.mark.parametrize(
    ("code", "kind", "what"),
    [
        ("ClusterRejected", ClusterRejected, "ClusterConfiguration: no."),
        ("BadRequest", ClusterRejected, "cluster hpc: no."),
        ("ConfigurationInvalid", InvalidProperty, "ClusterConfiguration: no."),
        ("VersionMismatch", VersionMismatch, "cluster hpc: no."),
        ("NotFound", ClusterFailed, "cluster hpc: it does not exist any more."),
        ("Unheard", EngineFailed, "cluster hpc: no. Nothing was changed."),
    ],
)
def test_a_final_refusal_is_reported_in_its_own_words(
    code: str, kind: type[ProviderError], what: str
) -> None:
    action = decided(request("Create"), progress(call=call(EngineAction.CREATE, code)))
    assert what in failure(action, kind, marker_id(OWNER))


@pytest.mark.parametrize("code", ["Internal", "AlreadyExists"])
def test_an_error_that_may_pass_is_final_after_three_tries(code: str) -> None:
    ended = call(EngineAction.CREATE, code)
    create = Start(EngineAction.CREATE, "hpc", stack_tags=OWNER.tag("hpc", "request-1"))
    assert decided(request("Create"), progress(call=ended, attempts={"create": 2})) == create
    action = decided(request("Create"), progress(call=ended, attempts={"create": 3}))
    assert "no. Nothing was changed." in failure(action, EngineFailed, marker_id(OWNER))


@pytest.mark.parametrize("code", ["Throttled", "ClusterBusy", "Fenced"])
def test_an_error_that_passes_is_never_final_and_spread_over_half_a_minute_more(code: str) -> None:
    ended = progress(call=call(EngineAction.CREATE, code), attempts={"create": 9})
    waits = decided(request("Create"), ended, at_s=40)
    assert isinstance(waits, Wait)
    assert waits.until is not None
    assert at(40) < waits.until < at(70)
    assert waits.why == "create was tried: no"
    assert isinstance(decided(request("Create"), ended, at_s=70), Start)


@pytest.mark.parametrize("error", ["Internal", ""])
def test_a_call_is_repeated_half_a_minute_after_its_end(error: str) -> None:
    ended = progress(call=call(EngineAction.CREATE, error), attempts={"create": 1})
    why = "no" if error else "its effect does not show yet"
    assert decided(request("Create"), ended, at_s=39) == Wait(f"create was tried: {why}", at(40))
    assert isinstance(decided(request("Create"), ended, at_s=40), Start)


def test_three_calls_of_which_nothing_came_are_a_failure() -> None:
    ended = progress(call=call(EngineAction.CREATE), attempts={"create": 3})
    text = failure(decided(request("Create"), ended), EngineFailed, marker_id(OWNER))
    assert "the engine was called 3 times and nothing came of it. Its log group says why." in text


def test_a_call_whose_end_was_not_reported_is_no_reason_to_pause() -> None:
    running = progress(call=call(EngineAction.CREATE, ended_s=None))
    assert isinstance(decided(request("Create"), running, at_s=1), Start)


def test_a_call_that_ended_without_a_result_is_repeated_like_any_other() -> None:
    ended = progress(call=replace(call(EngineAction.CREATE), result=None))
    why = "create was tried: its effect does not show yet"
    assert decided(request("Create"), ended, at_s=39) == Wait(why, at(40))
    assert isinstance(decided(request("Create"), ended, at_s=40), Start)


def test_a_failure_is_reported_though_the_cluster_could_not_be_described() -> None:
    so_far = progress(attempts={"describe": 1}, description=EngineResult("succeeded"))
    action = decided(request("Create"), so_far, cluster=stack("CREATE_FAILED", made_by=THIS))
    assert "the stack is CREATE_FAILED" in failure(action, ClusterFailed, failed_id(THIS))


def test_a_request_without_properties_wants_nothing() -> None:
    case = Case(request("Delete"), Observed(), progress(), at(0))
    with pytest.raises(LookupError, match="request-1 has no properties to act on"):
        _ = case.wanted


# Taking a cluster over

ADOPTS = request("Create", AdoptExisting="true")
FOREIGN = stack(owner=None)
ADOPTED = known(adopted_at=at(-100), reported=False, last_applied=None, request_id=THIS)


def test_a_living_cluster_is_taken_over_where_the_template_says_so() -> None:
    assert decided(ADOPTS, cluster=FOREIGN) == Adopt(FOREIGN)
    assert isinstance(decided(request("Create"), cluster=FOREIGN), Fail)


def test_a_replacement_takes_nothing_over() -> None:
    asked = request("Update", ClusterName="lab", ClusterNameUpdatePolicy="Replace", AdoptExisting="true")
    action = decided(asked, progress(cluster_name="lab"), cluster=stack(name="lab", owner=None))
    assert "ClusterName lab" in failure(action, NotOwner)


def test_a_stack_that_is_no_cluster_is_not_taken_over() -> None:
    action = decided(ADOPTS, cluster=stack(owner=None, version=None))
    assert "is no cluster" in failure(action, NotOwner, marker_id(OWNER))


def test_a_cluster_that_has_an_owner_is_not_taken_over() -> None:
    for action in (
        decided(ADOPTS, cluster=FOREIGN, current_owner=STRANGER),
        decided(ADOPTS, progress(current_owner=STRANGER.key), cluster=FOREIGN),
    ):
        assert f"of stack {STRANGER.stack_id}" in failure(action, NotOwner, marker_id(OWNER))


def test_a_cluster_that_does_not_settle_or_work_is_not_taken_over() -> None:
    busy = stack("UPDATE_IN_PROGRESS", owner=None)
    why = "cluster hpc is UPDATE_IN_PROGRESS and cannot be taken over until it settles"
    assert decided(ADOPTS, cluster=busy) == Wait(why, watching=busy.stack_id)
    broken = decided(ADOPTS, cluster=stack("CREATE_FAILED", owner=None))
    assert "it exists and is CREATE_FAILED" in failure(broken, ClusterFailed, marker_id(OWNER))


def test_a_cluster_of_another_version_is_not_taken_over() -> None:
    action = decided(ADOPTS, cluster=stack(owner=None, version="3.0.0"))
    assert "it needs an engine for ParallelCluster 3.0.0" in failure(
        action, VersionMismatch, marker_id(OWNER)
    )


def test_what_was_taken_over_is_updated_in_its_stored_form_and_without_a_loss() -> None:
    assert decided(ADOPTS, cluster=FOREIGN, known=ADOPTED) == Start(
        EngineAction.UPDATE,
        "hpc",
        FOREIGN.stack_id,
        {},
        VERSION,
        arguments={"refuse_removals": True},
        as_stored=True,
        marks=True,
    )


def test_a_later_update_of_what_was_taken_over_may_take_something_away() -> None:
    taken = known(adopted_at=at(-100))
    action = decided(request("Update", ClusterConfiguration=NEW), cluster=FOREIGN, known=taken)
    assert action == Start(
        EngineAction.UPDATE, "hpc", FOREIGN.stack_id, {}, VERSION, as_stored=True, marks=True
    )


@pytest.mark.parametrize(
    ("choice", "may"),
    [
        (Consent(ALLOW), True),
        (Consent(FORBID), False),
        (Consent("adopt=yes"), True),
        (Consent("adopt=no"), False),
        (Consent("other=yes"), False),
    ],
)
def test_a_cluster_is_taken_over_only_with_the_operators_consent(choice: Consent, may: bool) -> None:
    tagged = replace(FOREIGN, tags={**FOREIGN.tags, "adopt": "yes"})
    action = decided(ADOPTS, cluster=tagged, consent=choice)
    assert isinstance(action, Adopt if may else Fail)
    own = stack()
    assert decided(ADOPTS, cluster=own, consent=Consent(FORBID)) == Adopt(own)


# A cluster whose mark names another owner

HOLDER = [{"stack_id": STRANGER.stack_id, "logical_id": "Cluster"}]
MARKED_UPDATE = replace(UPDATE, marks=True)


def met_mark(operation: EngineAction = EngineAction.UPDATE, details: Any = HOLDER, **facts: Any) -> Action:
    """What is decided after a call met the mark of another owner."""
    so_far = progress(**{"call": call(operation, "OtherOwner", details=details), **facts})
    asked = delete() if operation is EngineAction.DELETE else request("Update", ClusterConfiguration=NEW)
    return decided(asked, so_far, cluster=stack(owner=None), known=known())


def test_the_owner_that_a_mark_names_is_looked_at() -> None:
    assert met_mark() == Examine(stack(owner=None), STRANGER)
    assert met_mark(previous_owner=OWNER.key) == Examine(stack(owner=None), STRANGER)


def test_a_cluster_that_the_marks_owner_has_is_not_touched() -> None:
    assert "the cluster belongs to resource Cluster" in failure(
        met_mark(current_owner=STRANGER.key), NotOwner
    )
    assert met_mark(EngineAction.DELETE, current_owner=STRANGER.key) == Succeed("hpc", gone=True)


def test_the_mark_of_an_owner_that_gave_the_cluster_up_is_replaced_three_times_at_most() -> None:
    gave_up = {"previous_owner": STRANGER.key}
    assert met_mark(**gave_up) == replace(MARKED_UPDATE, instead_of=STRANGER)
    two = met_mark(attempts={"update": 2}, **gave_up)
    assert two == replace(MARKED_UPDATE, instead_of=STRANGER)
    assert isinstance(met_mark(attempts={"update": 3}, **gave_up), Fail)
    deleted = met_mark(EngineAction.DELETE, **gave_up)
    assert deleted == Start(
        EngineAction.DELETE, "hpc", stack().stack_id, version=VERSION, marks=True, instead_of=STRANGER
    )


def test_a_mark_that_names_no_owner_is_reported() -> None:
    assert isinstance(met_mark(details=[]), Fail)
    assert isinstance(met_mark(EngineAction.DELETE, details=[]), Fail)


# An Update


def test_an_update_gives_the_cluster_its_tags_again() -> None:
    asked = request("Update", ClusterConfiguration=NEW)
    assert decided(asked, cluster=stack(), known=known()) == UPDATE
    untagged = decided(asked, cluster=stack(owner=None), known=known())
    assert untagged == replace(UPDATE, marks=True)


def test_an_update_of_what_is_not_there_or_anothers_fails() -> None:
    asked = request("Update", ClusterConfiguration=NEW)
    assert "it was deleted outside of this stack." in failure(decided(asked), ClusterFailed)
    gone = decided(asked, cluster=stack("DELETE_COMPLETE"), known=known())
    assert "it was deleted outside of this stack." in failure(gone, ClusterFailed)
    strange = decided(asked, cluster=stack(owner=STRANGER))
    assert "it does not belong to this resource" in failure(strange, NotOwner)


def test_an_update_keeps_the_clusters_version() -> None:
    newer = request("Update", PclusterVersion="3.17.0")
    text = failure(decided(newer, cluster=stack(), known=known()), VersionMismatch)
    assert "PclusterVersion: cluster hpc was made with 3.16.1, and 3.17.0 is asked for." in text
    same = request("Update", PclusterVersion=VERSION, ClusterConfiguration=NEW)
    assert decided(same, cluster=stack(), known=known()) == UPDATE
    unknown = decided(request("Update"), cluster=stack(version=None), known=known())
    assert "an engine for ParallelCluster an unknown version" in failure(unknown, VersionMismatch)


def test_an_update_waits_for_another_change_of_the_cluster() -> None:
    busy = stack("UPDATE_IN_PROGRESS")
    action = decided(request("Update", ClusterConfiguration=NEW), cluster=busy, known=known())
    assert action == Wait("cluster hpc is UPDATE_IN_PROGRESS", watching=busy.stack_id)


def test_an_update_of_a_cluster_that_does_not_work_fails() -> None:
    action = decided(
        request("Update", ClusterConfiguration=NEW), cluster=stack("UPDATE_FAILED"), known=known()
    )
    assert "the stack is UPDATE_FAILED" in failure(action, ClusterFailed)


def test_an_update_to_what_is_in_force_changes_nothing() -> None:
    assert described_then(request("Update"), stack(), known=known()) == success(stack())


@pytest.mark.parametrize(
    ("facts", "seen"),
    [
        ({"known": known(last_applied=None)}, {}),
        ({"known": None}, {}),
        ({"known": known(last_applied=LastApplied(digest(NEW), "v1"))}, {}),
        ({"known": known(touched=True)}, {"config_version": "v2"}),
        ({"tags": {"team": "hpc"}}, {}),
    ],
)
def test_an_update_is_made_unless_configuration_version_and_tags_are_as_they_were_left(
    facts: dict[str, Any], seen: dict[str, Any]
) -> None:
    action = decided(request("Update"), **{"cluster": stack(**seen), "known": known(), **facts})
    assert isinstance(action, Start)
    assert action.action is EngineAction.UPDATE


def test_a_change_from_outside_stays_until_the_template_asks_for_something_else() -> None:
    changed = stack(config_version="v2")
    same = request("Update", old=properties(ClusterConfiguration=NEW), ClusterConfiguration=NEW)
    assert described_then(same, changed, known=known()) == success(changed)
    asked = request("Update", ClusterConfiguration=NEW)
    assert decided(asked, cluster=changed, known=known()) == UPDATE
    back = request("Update", old=properties(ClusterConfiguration=NEW))
    assert described_then(back, changed, known=known()) == success(changed)


def test_an_update_that_the_library_finds_without_a_change_succeeds() -> None:
    asked = request("Update", ClusterConfiguration=NEW)
    so_far = progress(call=call(EngineAction.UPDATE, "NoChanges"))
    assert described_then(asked, stack(), so_far, known=known()) == success(stack())


def test_an_accepted_update_is_judged_by_its_stack() -> None:
    asked = request("Update", ClusterConfiguration=NEW)
    done = stack("UPDATE_COMPLETE")
    assert described_then(asked, done, progress(effect_seen=True), known=known()) == success(done)
    undone = described_then(
        asked, stack("UPDATE_ROLLBACK_COMPLETE"), progress(effect_seen=True), known=known()
    )
    assert "the stack is UPDATE_ROLLBACK_COMPLETE" in failure(undone, ClusterFailed)


@pytest.mark.parametrize(
    ("seen", "shows"),
    [
        (stack("CREATE_COMPLETE"), False),
        (stack("UPDATE_COMPLETE", updated_at=at(69)), False),
        (stack("UPDATE_COMPLETE", updated_at=at(70)), True),
        (stack("UPDATE_COMPLETE"), True),
    ],
)
def test_the_end_of_an_earlier_update_is_not_taken_for_this_ones(seen: Any, shows: bool) -> None:
    so_far = progress(call=call(EngineAction.UPDATE, sent_s=100, ended_s=110), effect_seen=True)
    action = described_then(
        request("Update", ClusterConfiguration=NEW), seen, so_far, known=known(), at_s=200
    )
    assert action == (success(seen) if shows else Wait("the accepted update cannot be seen yet"))


@pytest.mark.parametrize("last", [None, call(EngineAction.DELETE, name="lab", sent_s=100, ended_s=110)])
def test_the_end_of_an_update_whose_call_is_not_known_counts(last: Any) -> None:
    seen = stack("UPDATE_COMPLETE", updated_at=at(0))
    so_far = progress(call=last, effect_seen=True)
    asked = request("Update", ClusterConfiguration=NEW)
    assert described_then(asked, seen, so_far, known=known(), at_s=200) == success(seen)


def test_another_name_is_refused_unless_a_replacement_is_allowed() -> None:
    refused = decided(request("Update", ClusterName="lab"), progress(cluster_name="lab"))
    assert "a cluster cannot be renamed from 'hpc' to 'lab'." in failure(refused, InvalidProperty)
    allowed = request("Update", ClusterName="lab", ClusterNameUpdatePolicy="Replace")
    assert decided(allowed, progress(cluster_name="lab")) == Start(
        EngineAction.CREATE, "lab", stack_tags=OWNER.tag("lab", "request-1")
    )


def test_a_replacement_that_failed_answers_with_the_old_id() -> None:
    asked = request("Update", ClusterName="lab", ClusterNameUpdatePolicy="Replace")
    so_far = progress(cluster_name="lab", attempts={"describe": 1})
    failed_stack = stack("CREATE_FAILED", name="lab", made_by=THIS)
    assert "the stack is CREATE_FAILED" in failure(
        decided(asked, so_far, cluster=failed_stack), ClusterFailed
    )


def test_an_update_back_to_a_reported_cluster_is_allowed() -> None:
    back = request("Update", physical_id="lab", old=properties(ClusterName="lab"))
    assert described_then(back, stack(), known=known()) == success(stack())
    for other in (known(reported=False), known(name="other"), known(request_id=THIS), None):
        refused = decided(back, cluster=stack(), known=other)
        assert "cannot be renamed" in failure(refused, InvalidProperty, "lab")


def test_the_swap_of_an_update_without_effect_succeeds_once_the_cluster_rests() -> None:
    asked = request("Update", ClusterConfiguration=NEW)
    seen = stack("UPDATE_FAILED")
    assert described_then(asked, seen, known=known(), undoes=True) == success(seen)
    busy = stack("UPDATE_IN_PROGRESS")
    assert isinstance(described_then(asked, busy, known=known(), undoes=True), Wait)
    assert decided(asked, undoes=True) == Succeed("hpc")


# A Delete


def delete(**changed: Any) -> Any:
    return request("Delete", ResourceProperties=properties(**changed))


def test_a_marker_is_deleted_without_a_look() -> None:
    asked = request("Delete", physical_id=marker_id(OWNER))
    assert decided(asked, cluster=stack()) == Succeed(marker_id(OWNER))
    assert isinstance(decided(asked, cluster=stack(), known=known(reported=False)), Start)


def test_what_is_not_there_or_anothers_is_deleted_already() -> None:
    gone = Succeed("hpc", gone=True)
    assert decided(delete()) == gone
    assert decided(delete(), cluster=stack("DELETE_COMPLETE"), known=known()) == gone
    assert decided(delete(), cluster=stack(owner=STRANGER)) == gone


def test_a_cluster_is_deleted_by_its_arn_and_its_version() -> None:
    action = decided(delete(), cluster=stack(), known=known())
    assert action == Start(EngineAction.DELETE, "hpc", stack().stack_id, version=VERSION)


def test_a_cluster_on_its_way_out_or_being_updated_is_waited_for() -> None:
    busy = stack("DELETE_IN_PROGRESS")
    assert decided(delete(), cluster=busy, known=known()) == Wait(
        "cluster hpc is DELETE_IN_PROGRESS", watching=busy.stack_id
    )
    updating = stack("UPDATE_ROLLBACK_IN_PROGRESS")
    assert decided(delete(), cluster=updating, known=known()) == Wait(
        "cluster hpc is UPDATE_ROLLBACK_IN_PROGRESS and cannot be deleted until it settles",
        watching=updating.stack_id,
    )
    creating = stack("CREATE_IN_PROGRESS")
    assert isinstance(decided(delete(), cluster=creating, known=known()), Start)


def test_a_cluster_that_is_retained_stays_if_it_was_ever_whole() -> None:
    kept = Succeed("hpc", gone=True)
    asked = delete(DeletionPolicy="Retain")
    assert decided(asked, cluster=stack(), known=known()) == kept
    assert decided(asked, cluster=stack()) == kept
    assert isinstance(decided(asked, cluster=stack(), known=known(reported=False)), Start)
    assert decided(asked, cluster=stack(), known=known(last_applied=None)) == kept
    broken = stack("UPDATE_ROLLBACK_COMPLETE")
    assert decided(asked, cluster=broken, known=known()) == kept
    assert isinstance(decided(asked, cluster=broken, known=known(last_applied=None)), Start)


def test_a_cluster_that_three_calls_did_not_delete_is_reported_with_the_cause() -> None:
    three = {"attempts": {"delete": 3}}
    refused = decided(
        delete(),
        progress(call=call(EngineAction.DELETE, "BadRequest"), **three),
        cluster=stack(),
        known=known(),
    )
    assert "cluster hpc: no." in failure(refused, ClusterRejected)
    stuck = decided(
        delete(),
        progress(call=call(EngineAction.DELETE, "BadRequest"), **three),
        cluster=stack("DELETE_FAILED"),
        known=known(),
    )
    assert "the stack is DELETE_FAILED" in failure(stuck, ClusterFailed)
    unexplained = decided(delete(), progress(**three), cluster=stack(), known=known())
    assert "the stack is CREATE_COMPLETE" in failure(unexplained, ClusterFailed)
    assert isinstance(
        decided(delete(), progress(attempts={"delete": 2}), cluster=stack(), known=known()), Start
    )


def test_a_deletion_is_repeated_half_a_minute_later() -> None:
    so_far = progress(call=call(EngineAction.DELETE), attempts={"delete": 1})
    why = "delete was tried: its effect does not show yet"
    assert decided(delete(), so_far, cluster=stack(), known=known(), at_s=39) == Wait(why, at(40))
    assert isinstance(decided(delete(), so_far, cluster=stack(), known=known(), at_s=40), Start)


# A Delete of what was taken over

TAKEN = known(adopted_at=at(0))
EXPLICIT = delete(DeletionPolicy="Delete")
DONE = ParentStack("DELETE_IN_PROGRESS", completed=True)
DAYS_S = 86_400


def is_deleted(*parents: ParentStack, at_s: float = 60, **facts: Any) -> bool:
    facts = {"cluster": stack(), "known": TAKEN, "parents": parents, **facts}
    action = decided(EXPLICIT, **facts, at_s=at_s)
    if isinstance(action, Start):
        return True
    assert action == Succeed("hpc", gone=True)
    return False


def test_what_was_taken_over_is_deleted_only_if_the_template_says_so_and_enclosing_stacks_are_done() -> None:
    assert is_deleted(DONE)
    assert is_deleted(DONE, DONE)
    assert not is_deleted()
    assert not is_deleted(DONE, ParentStack("UPDATE_IN_PROGRESS", completed=False))
    assert decided(delete(), cluster=stack(), known=TAKEN, parents=(DONE,)) == Succeed("hpc", gone=True)


def test_what_was_taken_over_is_not_deleted_by_a_rollback_or_before_it_was_reported() -> None:
    for status in ("ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "CREATE_FAILED"):
        assert not is_deleted(ParentStack(status, completed=True))
    assert not is_deleted(DONE, known=known(adopted_at=at(0), reported=False))
    assert not is_deleted(DONE, disowned=True)
    assert not is_deleted(DONE, known=known(), disowned=True)


def test_an_adoption_without_a_signalled_end_is_deleted_if_its_stack_shows_a_success() -> None:
    begun = known(adopted_at=at(0), last_applied=None)
    for status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_FAILED"):
        assert is_deleted(DONE, known=begun, cluster=stack(status))
    for status in ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED"):
        assert not is_deleted(DONE, known=begun, cluster=stack(status))
    for status in ("UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"):
        undecided = decided(EXPLICIT, cluster=stack(status), known=begun, parents=(DONE,))
        assert isinstance(undecided, Wait)


def test_events_that_cloudformation_forgot_count_after_sixty_days_unless_failures_are_kept() -> None:
    forgotten = ParentStack("DELETE_IN_PROGRESS", completed=None)
    assert not is_deleted(forgotten, at_s=60 * DAYS_S)
    # Its own deadline is long over by then; the answer would only name what was to be done.
    keeps = ParentStack("DELETE_IN_PROGRESS", completed=None, rollback_disabled=True)
    late = known(adopted_at=at(60) - timedelta(days=61))
    assert is_deleted(forgotten, known=late)
    assert not is_deleted(keeps, known=late)
    just = known(adopted_at=at(60) - timedelta(days=60))
    assert not is_deleted(forgotten, known=just)


def test_a_fleet_that_needs_a_running_node_is_none_of_a_creates_business() -> None:
    action = decided(request("Create", ClusterConfiguration=OTHER_NODES), cluster=MADE_BY_THIS)
    assert isinstance(action, Start)
    assert action.action is EngineAction.DESCRIBE
