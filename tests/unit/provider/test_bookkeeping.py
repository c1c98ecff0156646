"""How an owner's record changes while a request is under way."""

from dataclasses import replace
from typing import Any

import pytest

from cluster_provider.core.actions import Start
from cluster_provider.core.engine import EngineAction, EngineResult
from cluster_provider.core.errors import StillHeld, Superseded
from cluster_provider.core.identity import Kind
from cluster_provider.core.observed import Cluster
from cluster_provider.core.request import RequestType
from cluster_provider.core.state import OperationRecord, OwnerRecord
from cluster_provider.core.transitions import work
from cluster_provider.core.transitions.disowning import disown_failed_adoptions
from tests.support.cases import OWNER, THIS, VERSION, at, call, known, progress, request, stack
from tests.support.fakes import START

ARN = stack().stack_id
LAB = known("lab", reported=False)


def record(*clusters: Cluster, **facts: Any) -> OwnerRecord:
    by_name = {cluster.name: cluster for cluster in clusters}
    base = {"requeue_at": START, "watching": ARN, "clusters": by_name}
    return OwnerRecord(THIS, START, RequestType.UPDATE, **{**base, **facts})


# Waiting


def test_a_waiting_owner_is_looked_at_at_the_instant_and_for_the_reason_of_its_wait() -> None:
    before = record(known())
    after = work.requeue(before, progress(), at(60), ARN, at(90))
    assert after == replace(before, requeue_at=at(60), watching=ARN, deadline_at=at(90))
    assert work.requeue(after, progress(), at(120)) == replace(
        before, requeue_at=at(120), watching=None, deadline_at=None
    )


def test_a_clusters_stack_is_recorded_once_it_was_seen() -> None:
    before = record(known(stack_id=None), LAB)
    seen = work.requeue(before, progress(stack_id=ARN), at(60))
    assert seen.clusters == {"hpc": known(stack_id=ARN), "lab": LAB}
    assert work.requeue(before, progress(), at(60)).clusters == before.clusters
    assert work.requeue(record(LAB), progress(stack_id=ARN), at(60)).clusters == {"lab": LAB}


# A call that is started


def started(before: OwnerRecord, start: Start, operation: EngineAction | None = None) -> OwnerRecord:
    made = call(operation or start.action, name=start.cluster_name, ended_s=None)
    after = work.start_call(before, made, start, VERSION, at(60))
    assert (after.call, after.requeue_at, after.watching) == (made, at(60), None)
    return after


@pytest.mark.parametrize(
    ("operation", "kind"), [(EngineAction.CREATE, Kind.CLUSTER), (EngineAction.BUILD_IMAGE, Kind.IMAGE)]
)
def test_what_a_call_may_make_is_known_before_it_is_sent(operation: EngineAction, kind: Kind) -> None:
    before = record(LAB, acknowledged=["lab", "hpc"])
    after = started(before, Start(operation, "hpc"))
    assert after.clusters == {"lab": LAB, "hpc": Cluster("hpc", THIS, version=VERSION, kind=kind)}
    assert after.acknowledged == ["lab"], "CloudFormation has not named the new one"


def test_a_cluster_that_is_updated_is_touched_and_stays_acknowledged() -> None:
    after = started(record(known(), LAB, acknowledged=["hpc"]), Start(EngineAction.UPDATE, "hpc"))
    assert after.clusters == {"hpc": known(touched=True), "lab": LAB}
    assert after.acknowledged == ["hpc"]
    assert started(record(LAB), Start(EngineAction.UPDATE, "hpc")).clusters == {"lab": LAB}


@pytest.mark.parametrize("operation", [EngineAction.DELETE, EngineAction.DESCRIBE, EngineAction.START_FLEET])
def test_other_calls_leave_what_is_known_as_it_is(operation: EngineAction) -> None:
    assert started(record(known()), Start(operation, "hpc")).clusters == {"hpc": known()}


def test_a_fleets_status_is_recorded_before_it_is_stopped_and_the_first_one_counts() -> None:
    stop = Start(EngineAction.STOP_FLEET, "hpc", ARN, version=VERSION, fleet_status_before="RUNNING")
    first = started(record(known()), stop)
    assert first.clusters == {"hpc": known(fleet_status_before="RUNNING")}
    second = started(first, replace(stop, fleet_status_before="STOPPING"))
    assert second.clusters == {"hpc": known(fleet_status_before="RUNNING")}
    unknown = started(record(), stop)
    assert unknown.clusters == {
        "hpc": Cluster("hpc", THIS, ARN, VERSION, reported=True, fleet_status_before="RUNNING")
    }


def test_no_call_is_started_for_a_request_that_is_no_longer_the_newest() -> None:
    newer = replace(record(), newest_request_id="request-2")
    with pytest.raises(Superseded, match=THIS):
        started(newer, Start(EngineAction.CREATE, "hpc"))


# A call that ended

RUNNING = call(EngineAction.UPDATE, ended_s=None)
RESULT = EngineResult("succeeded", sent=True)


@pytest.mark.parametrize(
    ("facts", "requeue_at"),
    [
        ({}, at(30)),
        ({"is_open": False}, None),
        ({"is_open": False, "restarts": True}, at(30)),
    ],
)
def test_the_end_of_a_call_requeues_an_owner_that_is_at_work(facts: dict[str, Any], requeue_at: Any) -> None:
    before = record(call=RUNNING, **facts)
    after = work.end_call(before, RUNNING.call_id, RESULT, at(30))
    ended = replace(RUNNING, ended_at=at(30), result=RESULT)
    assert after == replace(before, call=ended, requeue_at=requeue_at, watching=None)


def test_the_end_of_another_call_or_a_second_report_changes_nothing() -> None:
    for before, call_id in (
        (record(), RUNNING.call_id),
        (record(call=RUNNING), "another"),
        (record(call=call(EngineAction.UPDATE)), RUNNING.call_id),
    ):
        assert work.end_call(before, call_id, RESULT, at(30)) == before


# Clusters that change hands


def test_a_cluster_that_is_taken_over_is_the_owners_and_no_longer_disowned_or_acknowledged() -> None:
    before = record(LAB, acknowledged=["hpc", "lab"], disowned=[ARN, "arn:other"])
    after = work.adopt(before, stack(), THIS, at(30))
    taken = Cluster("hpc", THIS, ARN, VERSION, adopted_at=at(30))
    assert after == replace(
        before,
        clusters={"lab": LAB, "hpc": taken},
        acknowledged=["lab"],
        disowned=["arn:other"],
        requeue_at=at(30),
    )


@pytest.mark.parametrize(("arn", "found"), [(ARN, "RUNNING"), ("arn:other", "")])
def test_a_pending_fleet_restart_passes_to_the_owner_that_takes_the_same_cluster_over(
    arn: str, found: str
) -> None:
    before = record(known(stack_id=arn, fleet_status_before="RUNNING"))
    after = work.adopt(before, stack(), THIS, at(30))
    assert after.clusters["hpc"].fleet_status_before == found


def test_a_cluster_that_another_takes_over_is_forgotten_and_released() -> None:
    before = record(known(), LAB, is_open=False, disowned=["arn:other"])
    after = work.disown_for_another(before, stack())
    assert after == replace(before, clusters={"lab": LAB}, disowned=["arn:other", ARN])


@pytest.mark.parametrize(
    "facts", [{}, {"is_open": False, "restarts": True}, {"clusters": {}, "following": "hpc"}]
)
def test_a_cluster_that_a_request_may_be_at_work_on_is_held(facts: dict[str, Any]) -> None:
    with pytest.raises(StillHeld, match="hpc"):
        work.disown_for_another(record(known(), **facts), stack())


@pytest.mark.parametrize(
    "before",
    [
        record(LAB),
        record(LAB, following="lab"),
        record(is_open=False, following="hpc"),
        record(known(stack_id="arn:other"), is_open=False),
    ],
)
def test_a_cluster_that_the_owner_does_not_have_cannot_be_given_up(before: OwnerRecord) -> None:
    assert work.disown_for_another(before, stack()) == before


def test_failed_adoptions_are_disowned_unless_a_fleet_restart_is_pending() -> None:
    failed_adoption = known("failed_adoption", adopted_at=at(0), reported=False)
    unseen = known("unseen", adopted_at=at(0), reported=False, stack_id=None)
    stopped = known("stopped", adopted_at=at(0), reported=False, fleet_status_before="STOPPED")
    kept = [
        known("made", reported=False),
        known("reported", adopted_at=at(0)),
        known("pending", adopted_at=at(0), reported=False, fleet_status_before="RUNNING"),
    ]
    before = record(failed_adoption, unseen, stopped, *kept, disowned=["arn:other"])
    after = disown_failed_adoptions(before)
    assert list(after.clusters) == ["made", "reported", "pending"]
    assert after.disowned == ["arn:other", failed_adoption.stack_id, stopped.stack_id]


def test_an_adoption_adds_no_tags_and_is_reported() -> None:
    note = {"level": "INFO", "type": "Other", "message": "earlier"}
    before = OperationRecord(request("Create"), progress(tags={"team": "hpc"}, notes=[note]))
    after = work.note_adoption(before, stack())
    assert after.progress.tags == {}
    assert after.progress.notes[0] == note
    added = after.progress.notes[1]
    assert (added["level"], added["type"]) == ("INFO", "AdoptExisting")
    assert added["message"].startswith("Cluster hpc existed already and was taken over.")


def test_an_owner_that_a_mark_names_has_the_cluster_or_gave_it_up() -> None:
    met = call(EngineAction.UPDATE, "OtherOwner")
    tried = progress(attempts={"update": 2, "delete lab": 1}, call=met)
    before = OperationRecord(request("Update"), tried)
    has_it = work.record_examination(before, OWNER, gave_up=False)
    assert has_it == replace(before, progress=replace(before.progress, current_owner=OWNER.key))
    gave_up = work.record_examination(before, OWNER, gave_up=True)
    again = progress(attempts={"update": 0, "delete lab": 1}, call=met).calls
    again = {key: replace(history, failures=tried.calls[key].failures) for key, history in again.items()}
    assert gave_up.progress == replace(before.progress, previous_owner=OWNER.key, calls=again)
    refused = replace(
        before, progress=progress(attempts={"update": 2}, call=call(EngineAction.UPDATE, "Internal"))
    )
    assert work.record_examination(refused, OWNER, gave_up=True).progress.calls == refused.progress.calls
