"""What an answer leaves behind in the owner's record."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cluster_provider.core.actions import Fail, Succeed
from cluster_provider.core.engine import EngineAction, EngineCall, EngineResult
from cluster_provider.core.errors import ClusterFailed, Superseded
from cluster_provider.core.identity import Kind, marker_id
from cluster_provider.core.observed import Cluster, LastApplied
from cluster_provider.core.request import Request, RequestType
from cluster_provider.core.state import OperationRecord, OwnerRecord, Phase, Undo
from cluster_provider.core.transitions import conclusion
from tests.support.cases import FIRST, OWNER, THIS, VERSION, at, call, known, progress, request, stack
from tests.support.fakes import HANDLES, START
from tests.support.world import CONFIGURATION, IMAGE_TYPE, TOKEN, image_properties, properties

HOUR = timedelta(hours=1)
ARN = stack().stack_id
HANDLE = {"WaitConditionHandle": f"{HANDLES}1"}
ERROR = ClusterFailed("cluster hpc", "it failed.")
FAILED, DONE = Fail(ERROR, "hpc"), Succeed("hpc", stack())
CREATE, UPDATE = request("Create"), request("Update", ClusterConfiguration={**CONFIGURATION, "Tags": []})
DELETE = request("Delete")
TAKEN = known(adopted_at=at(0), reported=False, last_applied=None)
STARTED = {"fleet_calls": {EngineAction.START_FLEET: call(EngineAction.START_FLEET, fleet_status="RUNNING")}}


def record(*clusters: Cluster, **facts: Any) -> OwnerRecord:
    by_name = {cluster.name: cluster for cluster in clusters}
    base = {
        "requeue_at": START,
        "watching": ARN,
        "half_time_at": START,
        "clusters": by_name,
        "following": "hpc",
    }
    return OwnerRecord(THIS, START, RequestType.CREATE, **{**base, **facts})


def work(asked: Request, **facts: Any) -> OperationRecord:
    return OperationRecord(asked, progress(**facts))


def concluded(before: OwnerRecord, operation: OperationRecord, action: Succeed | Fail) -> OwnerRecord:
    """The record with the answer; its sending is armed."""
    after = conclusion.conclude(before, operation, action, at(88), at(90))
    assert (after.requeue_at, after.watching, after.is_answering) == (at(90), None, True)
    return after


# What was taken over


def test_a_create_that_fails_disowns_what_it_took_over() -> None:
    assert conclusion.disowns(record(TAKEN), work(CREATE), FAILED)
    assert not conclusion.disowns(record(TAKEN), work(CREATE), DONE)
    assert not conclusion.disowns(record(TAKEN), work(UPDATE), FAILED)


def test_a_delete_that_succeeds_disowns_what_was_taken_over() -> None:
    assert conclusion.disowns(record(TAKEN), work(DELETE), DONE)
    assert not conclusion.disowns(record(TAKEN), work(DELETE), FAILED)


@pytest.mark.parametrize(
    "clusters", [[], [known()], [replace(TAKEN, stack_id=None)], [replace(TAKEN, name="lab")]]
)
def test_what_was_not_taken_over_is_not_disowned(clusters: list[Cluster]) -> None:
    assert not conclusion.disowns(record(*clusters), work(CREATE), FAILED)
    assert not conclusion.disowns(record(*clusters), work(DELETE), DONE)


@pytest.mark.parametrize("phase", [Phase.FOLLOWING, Phase.SIGNALLING])
def test_a_reported_cluster_is_kept_though_its_wait_condition_is_signalled_a_failure(
    phase: Phase,
) -> None:
    assert not conclusion.disowns(record(TAKEN), work(CREATE, phase=phase), FAILED)


def test_what_was_taken_over_is_kept_until_its_fleet_is_started() -> None:
    pending = replace(TAKEN, fleet_status_before="RUNNING")
    assert not conclusion.disowns(record(pending), work(CREATE), FAILED)
    assert conclusion.disowns(record(pending), work(CREATE, **STARTED), FAILED)
    assert conclusion.disowns(record(pending), work(DELETE), DONE)


def test_a_disowned_cluster_is_forgotten_and_never_touched_again() -> None:
    lab = known("lab")
    after = concluded(record(TAKEN, lab, disowned=["arn:other"]), work(CREATE), FAILED)
    assert after.disowned == ["arn:other", ARN]
    assert after.clusters == {"lab": lab}
    assert concluded(record(known()), work(CREATE), FAILED).disowned == []


# Compute fleets


def test_a_request_restarts_its_own_clusters_fleet_first_and_then_that_of_another_reported_one() -> None:
    own, other = known(fleet_status_before="RUNNING"), known("lab", fleet_status_before="RUNNING")
    assert conclusion.pending_fleet_restart(record(other, own), work(UPDATE)) == "hpc"
    assert conclusion.pending_fleet_restart(record(other, own), work(UPDATE, **STARTED)) == "lab"
    assert conclusion.pending_fleet_restart(record(own), work(UPDATE, **STARTED)) == ""
    assert conclusion.pending_fleet_restart(record(replace(other, reported=False)), work(UPDATE)) == ""
    assert (
        conclusion.pending_fleet_restart(record(replace(other, fleet_status_before="STOPPED")), work(UPDATE))
        == ""
    )
    assert conclusion.pending_fleet_restart(record(), work(UPDATE)) == ""


def test_no_restart_is_pending_for_a_fleet_that_is_as_it_was_found() -> None:
    stopped = known(fleet_status_before="RUNNING")
    assert concluded(record(stopped), work(UPDATE), FAILED).clusters["hpc"].fleet_status_before == "RUNNING"
    assert (
        concluded(record(stopped), work(UPDATE, **STARTED), FAILED).clusters["hpc"].fleet_status_before == ""
    )
    others = record(stopped, known("lab", fleet_status_before="RUNNING"))
    assert concluded(others, work(UPDATE, **STARTED), FAILED).clusters["lab"].fleet_status_before == "RUNNING"


# An answer that is written down


def test_a_request_that_is_no_longer_the_newest_concludes_nothing() -> None:
    newer = replace(record(), newest_request_id="request-2")
    with pytest.raises(Superseded, match=THIS):
        concluded(newer, work(CREATE), DONE)


def test_a_success_records_what_is_true_of_the_cluster_now() -> None:
    unseen = Cluster("hpc", THIS, touched=True)
    before = record(unseen, undo=Undo("a", "b"), login_pools=1)
    described = EngineResult("succeeded", cluster={"loginNodes": [{}, {}, {}]})
    after = concluded(before, work(CREATE, tags={"team": "hpc"}), Succeed("hpc", stack(), described))
    assert CREATE.properties is not None
    last_applied = LastApplied(CREATE.properties.configuration_digest, "v1", {"team": "hpc"})
    assert after.clusters == {
        "hpc": Cluster(
            "hpc", THIS, ARN, VERSION, reported=True, last_applied=last_applied, reported_at=at(88)
        )
    }
    assert (after.undo, after.login_pools) == (None, 3)
    again = conclusion.conclude(after, work(CREATE), DONE, at(95), at(97))
    assert again.clusters["hpc"].reported_at == at(88)
    fewer = concluded(replace(before, login_pools=5), work(CREATE), DONE)
    assert fewer.login_pools == 5
    assert fewer.clusters["hpc"].last_applied == replace(last_applied, tags={})


def test_a_success_of_a_cluster_that_no_record_has_makes_one() -> None:
    after = concluded(record(), work(CREATE), DONE)
    assert after.clusters["hpc"].request_id == THIS
    assert after.clusters["hpc"].stack_id == ARN
    assert after.clusters["hpc"].kind is Kind.CLUSTER


def test_a_success_when_the_work_begins_records_nothing_as_applied_yet() -> None:
    touched = known(touched=True)
    after = concluded(record(touched), work(UPDATE), Succeed("hpc", stack(), begun=True))
    assert after.clusters == {"hpc": touched}


def test_a_success_without_a_cluster_records_nothing_of_one() -> None:
    assert concluded(record(), work(UPDATE), Succeed("hpc")).clusters == {}
    refused = request("Update", Nonsense="1")
    assert refused.properties is None
    after = concluded(record(known(touched=True)), work(refused), DONE)
    assert after.clusters == {"hpc": known(touched=True)}


def test_an_image_that_was_built_is_reported_though_its_stack_was_never_seen() -> None:
    asked = request("Create", ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())
    built = Cluster("image", THIS, kind=Kind.IMAGE)
    before = record(built)
    after = concluded(before, work(asked, cluster_name="image"), Succeed("image"))
    assert after.clusters["image"].reported
    last_applied = after.clusters["image"].last_applied
    assert last_applied is not None
    assert (last_applied.config_version, last_applied.tags) == ("", {})


def test_an_image_that_no_record_has_is_recorded_as_one() -> None:
    asked = request("Create", ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())
    after = concluded(record(), work(asked, cluster_name="image"), Succeed("image", stack(name="image")))
    assert after.clusters["image"].kind is Kind.IMAGE


def test_an_answer_to_a_question_leaves_clusters_as_they_are() -> None:
    asked = request(
        "Create",
        ResourceType="Custom::PclusterOfficialImage",
        ResourceProperties={"ServiceToken": TOKEN, "Os": "alinux2023"},
    )
    before = record(known("lab", reported=False), undo=Undo("a", "b"))
    after = concluded(before, work(asked, cluster_name=""), Succeed("id"))
    assert (after.clusters, after.undo) == (before.clusters, None)


def test_a_delete_forgets_its_cluster_and_all_unreported_ones() -> None:
    kept = [
        known("reported"),
        known("pending", adopted_at=at(0), reported=False, fleet_status_before="RUNNING"),
    ]
    gone = [known(), known("lab", reported=False), known("adopted", adopted_at=at(0), reported=False)]
    pending_but_made = known("made", reported=False, fleet_status_before="RUNNING")
    undo = Undo("a", "b")
    after = concluded(record(*gone, *kept, pending_but_made, undo=undo), work(DELETE), Succeed("hpc"))
    assert list(after.clusters) == ["reported", "pending"]
    assert after.undo == undo


def test_a_success_keeps_what_it_could_not_delete() -> None:
    lab = known("lab", reported=False)
    tried = {"attempts": {"delete lab": 3}}
    assert list(concluded(record(known(), lab), work(UPDATE, **tried), DONE).clusters) == ["hpc", "lab"]
    assert list(concluded(record(known(), lab), work(UPDATE), DONE).clusters) == ["hpc"]


# A failure


def undo_after(before: OwnerRecord, operation: OperationRecord, action: Fail = FAILED) -> Undo | None:
    return concluded(before, operation, action).undo


def test_an_update_that_failed_without_effect_is_undone_by_its_swap() -> None:
    undo = undo_after(record(known()), work(UPDATE))
    assert undo == Undo(UPDATE.digest, UPDATE.old_digest or "-")
    assert undo_after(record(known(), undo=Undo("a", "b")), work(UPDATE)) == undo


def test_an_update_that_had_an_effect_is_not_undone_by_a_formality() -> None:
    assert undo_after(record(known(), undo=Undo("a", "b")), work(UPDATE, effect_seen=True)) is None
    acted = call(EngineAction.UPDATE, "Internal", sent=True)
    assert undo_after(record(known(), call=acted), work(UPDATE)) is None


def test_a_swap_that_failed_itself_undoes_the_same_when_it_is_repeated() -> None:
    swap = request("Update", old=properties(ClusterConfiguration="a: b"))
    undo = Undo(swap.old_digest or "", swap.digest)
    assert undo_after(record(known(), undo=undo), work(swap)) == undo


@pytest.mark.parametrize(
    ("last", "unseen", "may_have_acted"),
    [
        (call(EngineAction.UPDATE), False, True),
        (call(EngineAction.UPDATE, "ClusterRejected"), False, False),
        (call(EngineAction.UPDATE, "ClusterRejected"), True, False),
        (call(EngineAction.UPDATE, "Internal"), True, True),
        (call(EngineAction.UPDATE, "Internal"), False, False),
        (call(EngineAction.UPDATE, ended_s=None), True, True),
        (call(EngineAction.UPDATE, ended_s=None), False, False),
        (call(EngineAction.UPDATE, request_id=FIRST), False, False),
        (call(EngineAction.DELETE), False, False),
        (None, True, False),
    ],
)
def test_an_update_that_may_have_acted_is_no_formality_to_undo(
    last: EngineCall | None, unseen: bool, may_have_acted: bool
) -> None:
    undo = undo_after(record(known(), call=last), work(UPDATE), replace(FAILED, unseen=unseen))
    assert (undo is None) == may_have_acted


def is_kept(made: Cluster, last: EngineCall | None = None, *, unseen: bool = False, **facts: Any) -> bool:
    """Whether a Create that failed with a marker, and an Update, keep what they may have made."""
    marker = Fail(ERROR, marker_id(OWNER), unseen=unseen)
    before = record(made, known("lab"), call=last)
    created = concluded(before, work(CREATE, **facts), marker)
    updated = concluded(before, work(UPDATE, **facts), replace(FAILED, unseen=unseen))
    assert set(created.clusters) == set(updated.clusters)
    assert "lab" in created.clusters
    return "hpc" in created.clusters


def test_an_image_that_was_not_made_after_all_is_forgotten() -> None:
    unmade = Cluster("hpc", THIS, kind=Kind.IMAGE)
    assert not is_kept(unmade)
    assert not is_kept(unmade, call(EngineAction.BUILD_IMAGE, "ClusterRejected"))
    assert not is_kept(unmade, call(EngineAction.BUILD_IMAGE, name="lab"))
    assert not is_kept(unmade, call(EngineAction.DESCRIBE_IMAGE))


def test_a_cluster_whose_create_was_refused_is_kept_for_the_next_request_to_look_for() -> None:
    unmade = Cluster("hpc", THIS)
    assert is_kept(unmade)
    assert is_kept(unmade, call(EngineAction.CREATE, "ClusterRejected"))
    assert is_kept(unmade, call(EngineAction.DESCRIBE))


def test_what_was_made_or_may_have_been_is_kept() -> None:
    unmade = Cluster("hpc", THIS, kind=Kind.IMAGE)
    assert is_kept(replace(unmade, reported=True))
    assert is_kept(replace(unmade, stack_id=ARN))
    assert is_kept(unmade, stack_id=ARN)
    assert is_kept(unmade, call(EngineAction.CREATE))
    assert is_kept(unmade, call(EngineAction.BUILD_IMAGE))
    assert is_kept(unmade, call(EngineAction.CREATE, "Internal"), unseen=True)
    assert not is_kept(unmade, call(EngineAction.CREATE, "Internal"))


def test_a_create_that_leaves_a_half_made_cluster_behind_keeps_it() -> None:
    unmade = Cluster("hpc", THIS)
    after = concluded(record(unmade), work(CREATE), FAILED)
    assert (after.clusters, after.undo) == ({"hpc": unmade}, None)


def test_a_failed_delete_and_a_failed_update_of_which_nothing_is_known_change_nothing() -> None:
    before = record(known(), undo=Undo("a", "b"))
    after = concluded(before, work(DELETE), FAILED)
    assert (after.clusters, after.undo, after.disowned) == (before.clusters, before.undo, before.disowned)
    unmade = record(Cluster("hpc", THIS))
    assert concluded(unmade, work(DELETE), FAILED).clusters == unmade.clusters


# After the answer


def test_a_cluster_is_followed_after_the_answer_and_late_once_half_of_the_signals_time_has_passed() -> None:
    before = record(is_answering=True)
    asked = request("Create", **HANDLE)
    followed = conclusion.follow(before, asked, at(90))
    half_time_at = followed.half_time_at
    assert half_time_at is not None
    assert START + 5 * HOUR < half_time_at < START + 6 * HOUR
    assert followed == replace(
        before,
        requeue_at=at(90),
        watching=None,
        deadline_at=asked.signal_deadline_at,
        half_time_at=half_time_at,
        is_answering=False,
    )


def test_nothing_is_followed_after_a_newer_request_or_for_no_wait_condition() -> None:
    newer = replace(record(), newest_request_id="request-2")
    assert conclusion.follow(newer, request("Create", **HANDLE), at(90)) == newer
    assert conclusion.follow(record(), request("Create"), at(90)) == record()


LEFT = work(UPDATE, phase=Phase.RESTARTING, cluster_name="lab")


def test_a_request_that_is_over_but_for_a_fleet_goes_on_with_that_alone() -> None:
    before = record(known(fleet_status_before="RUNNING"), is_answering=True)
    after = conclusion.await_fleet_restart(before, work(UPDATE, **STARTED), LEFT, at(90))
    assert after == replace(
        before,
        clusters={"hpc": known()},
        is_open=False,
        is_answering=False,
        restarts=True,
        following="lab",
        requeue_at=at(90),
        watching=None,
        deadline_at=LEFT.deadline_at,
        half_time_at=at(90) + (LEFT.deadline_at - at(90)) / 2,
    )


def test_a_request_that_is_over_waits_for_nothing_and_disowns_its_failed_adoptions() -> None:
    pending = replace(TAKEN, fleet_status_before="RUNNING")
    before = record(pending, known("lab"), restarts=True, is_answering=True)
    after = conclusion.close(before, work(UPDATE, **STARTED))
    assert after == replace(
        before,
        clusters={"lab": known("lab")},
        disowned=[ARN],
        is_open=False,
        is_answering=False,
        restarts=False,
        following="",
        requeue_at=None,
        watching=None,
    )


def test_what_a_newer_request_is_at_work_on_is_left_to_it() -> None:
    newer = replace(record(TAKEN), newest_request_id="request-2")
    assert conclusion.close(newer, work(UPDATE)) == newer
    assert conclusion.await_fleet_restart(newer, work(UPDATE), LEFT, at(90)) == newer
