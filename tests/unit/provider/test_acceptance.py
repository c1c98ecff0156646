"""What a request changes about its owner's record when it is accepted."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from cluster_provider.core.errors import Superseded
from cluster_provider.core.identity import marker_id
from cluster_provider.core.observed import Cluster
from cluster_provider.core.properties import digest
from cluster_provider.core.request import Request, RequestType
from cluster_provider.core.state import OwnerRecord
from cluster_provider.core.transitions import acceptance
from tests.support.cases import FIRST, OWNER, at, known, request, stack
from tests.support.fakes import HANDLES, START
from tests.support.world import IMAGE_TYPE, TOKEN, image_properties, properties

HANDLE = f"{HANDLES}1"
MADE_UP = "parent-Cluster-1ABCDEF"
MILLISECOND = timedelta(milliseconds=1)


def record(*clusters: Cluster, **facts: Any) -> OwnerRecord:
    by_name = {cluster.name: cluster for cluster in clusters}
    base = OwnerRecord(
        FIRST, at(-60), RequestType.CREATE, is_open=False, clusters=by_name, confirmed_since=at(-60)
    )
    return replace(base, **facts)


def accepted(before: OwnerRecord | None, asked: Request, since: datetime = START) -> OwnerRecord:
    return acceptance.accept(before, asked, at(60), since)


# The first request, and a newer one


def test_the_first_request_of_an_owner_makes_its_record() -> None:
    asked = request("Create", WaitConditionHandle=HANDLE)
    assert accepted(None, asked) == OwnerRecord(
        asked.request_id,
        START,
        RequestType.CREATE,
        following="hpc",
        requeue_at=at(60),
        deadline_at=at(3390),
        half_time_at=at(3390 / 2),
        confirmed_since=START,
        handles=[digest(HANDLE)],
    )


def test_a_newer_request_is_the_owners_newest_and_what_waits_for_the_older_one_ends() -> None:
    before = record(
        known(),
        restarts=True,
        is_answering=True,
        watching="arn",
        deadline_at=at(5),
        login_pools=2,
        disowned=["arn"],
    )
    update = request("Update")
    assert accepted(before, update) == replace(
        before,
        newest_request_id=update.request_id,
        newest_issued_at=START,
        newest_type=RequestType.UPDATE,
        is_open=True,
        restarts=False,
        is_answering=False,
        confirmed_since=START,
        following="hpc",
        requeue_at=at(60),
        watching=None,
        deadline_at=at(3390),
        half_time_at=at(3390 / 2),
        acknowledged=["hpc"],
    )


def test_a_request_is_accepted_once() -> None:
    asked = request("Update")
    with pytest.raises(Superseded, match=asked.request_id):
        accepted(record(newest_request_id=asked.request_id), asked)
    with pytest.raises(Superseded, match=asked.request_id):
        accepted(record(confirmed_since=at(1)), asked)


def test_only_the_latest_handles_and_released_clusters_are_remembered() -> None:
    before = record(handles=[str(number) for number in range(200)], disowned=[str(n) for n in range(501)])
    after = accepted(before, request("Create", WaitConditionHandle=HANDLE))
    assert after.handles == [*(str(number) for number in range(1, 200)), digest(HANDLE)]
    assert after.disowned == [str(number) for number in range(1, 501)]


# Which request CloudFormation waits for


@pytest.mark.parametrize(("since_s", "is_current"), [(0, True), (10, True), (10.001, False), (10.0009, True)])
def test_a_url_is_signed_within_ten_seconds_of_the_state_it_is_about(
    since_s: float, is_current: bool
) -> None:
    assert acceptance.is_current(None, request("Create"), at(since_s)) is is_current


@pytest.mark.parametrize(
    ("since_s", "newest_type", "is_current"),
    [
        (-59, RequestType.UPDATE, True),
        (-60, RequestType.CREATE, True),
        (-60, RequestType.UPDATE, False),
        (-61, RequestType.CREATE, False),
    ],
)
def test_each_state_has_one_request_of_a_kind(
    since_s: float, newest_type: RequestType, is_current: bool
) -> None:
    before = record(newest_type=newest_type)
    assert acceptance.is_current(before, request("Update"), at(since_s)) is is_current
    repeated = replace(before, newest_request_id="request-1")
    assert acceptance.is_current(repeated, request("Update"), at(since_s))


@pytest.mark.parametrize(("newest_s", "is_current"), [(0, True), (2, True), (3, False)])
def test_an_older_record_goes_by_the_dates_of_urls_but_for_a_delete(
    newest_s: float, is_current: bool
) -> None:
    before = record(confirmed_since=None, newest_issued_at=at(newest_s))
    assert acceptance.is_current(before, request("Update"), START) is is_current
    assert acceptance.is_current(before, request("Delete"), START)


def test_instants_are_kept_in_whole_milliseconds() -> None:
    assert acceptance.in_milliseconds(START + timedelta(microseconds=1999)) == START + MILLISECOND


# Wait conditions


def test_a_handle_is_signalled_once() -> None:
    asked = request("Create", WaitConditionHandle=HANDLE)
    assert acceptance.will_signal(None, asked)
    assert acceptance.will_signal(record(), asked)
    assert not acceptance.will_signal(record(handles=[digest(HANDLE)]), asked)
    assert not acceptance.will_signal(None, request("Create"))
    assert accepted(record(handles=[digest(HANDLE)]), asked).handles == [digest(HANDLE)]


# What CloudFormation says that it knows

LAB = known("lab")


def test_a_create_disowns_all_clusters_that_were_reported() -> None:
    adopted = known("adopted", adopted_at=at(-9), reported=False)
    made = known("made", reported=False)
    after = accepted(record(known(), made, adopted, acknowledged=["hpc", "made"]), request("Create"))
    assert (after.clusters, after.acknowledged, after.disowned) == (
        {"made": made},
        ["made"],
        [adopted.stack_id],
    )


def test_a_create_makes_a_leftover_of_what_was_reported_after_it_had_begun() -> None:
    late, early = known("late", reported_at=at(1)), known("early", reported_at=at(-1))
    at_once, adopted = (
        known("at-once", reported_at=START),
        known("adopted", adopted_at=at(-9), reported_at=at(1)),
    )
    after = accepted(record(late, early, at_once, adopted), request("Create"))
    assert after.clusters == {"late": known("late", reported=False)}
    assert after.disowned == [adopted.stack_id]


def test_an_update_shows_that_the_clusters_it_does_not_name_were_not_acknowledged() -> None:
    after = accepted(record(known(), LAB), request("Update", physical_id="lab", ClusterName="lab"))
    assert after.clusters == {"hpc": known(reported=False), "lab": LAB}
    assert after.acknowledged == ["lab"]
    one_more = accepted(record(known(), LAB, acknowledged=["hpc"]), request("Update", physical_id="lab"))
    assert one_more.acknowledged == ["hpc", "lab"]
    both = accepted(record(known(), LAB), request("Update", physical_id="lab"))
    assert both.clusters == {"hpc": known(), "lab": LAB}
    acknowledged = accepted(
        record(known(), LAB, acknowledged=["hpc", "lab"]), request("Update", ClusterName="lab")
    )
    assert (acknowledged.clusters, acknowledged.acknowledged) == (
        {"hpc": known(), "lab": LAB},
        ["hpc", "lab"],
    )


def test_an_update_that_is_refused_wants_no_cluster() -> None:
    reported = record(known(reported_at=at(-1)), LAB)
    after = accepted(reported, request("Update", physical_id="lab", Nonsense="1"))
    assert after.clusters == {"hpc": known(reported=False), "lab": LAB}


def test_a_delete_with_a_made_up_id_shows_that_no_answer_was_acknowledged() -> None:
    after = accepted(record(known(), LAB, acknowledged=["lab"]), request("Delete", physical_id=MADE_UP))
    assert after.clusters == {"hpc": known(reported=False), "lab": LAB}
    own = accepted(record(known(), LAB), request("Delete", physical_id="hpc"))
    assert (own.clusters, own.acknowledged) == ({"hpc": known(), "lab": LAB}, ["hpc"])
    named = accepted(record(known(MADE_UP), LAB), request("Delete", physical_id=MADE_UP))
    assert named.clusters == {MADE_UP: known(MADE_UP), "lab": LAB}
    foreign = accepted(record(known()), request("Delete", physical_id="other"))
    assert (foreign.clusters, foreign.acknowledged) == ({"hpc": known()}, [])


# Which cluster a request is about


def about(asked: Request, *clusters: Cluster) -> str:
    return acceptance.target_of(record(*clusters), asked)


def test_a_create_is_about_the_cluster_that_it_names() -> None:
    assert about(request("Create")) == "hpc"
    assert about(request("Create", Nonsense="1")) == ""


def test_an_update_is_about_the_name_it_wants_if_that_may_be_another() -> None:
    renamed = request("Update", ClusterName="lab")
    assert about(renamed) == "hpc"
    assert about(renamed, known("lab", reported=False)) == "hpc"
    assert about(renamed, LAB) == "lab"
    assert about(request("Update", ClusterName="lab", ClusterNameUpdatePolicy="Replace")) == "lab"
    refused = request("Update", Nonsense="1", ClusterNameUpdatePolicy="Replace")
    assert about(refused) == "hpc"


def test_a_delete_is_about_the_cluster_of_its_id_or_an_unreported_one() -> None:
    delete = request("Delete")
    assert about(delete) == "hpc"
    assert about(delete, known(), known("lab", reported=False)) == "hpc"
    made_up = request("Delete", physical_id=MADE_UP)
    unreported = [known("first", reported=False), known("last", reported=False)]
    assert about(made_up, *unreported, LAB) == "last"
    assert about(made_up, LAB) == MADE_UP
    marker = request("Delete", physical_id=marker_id(OWNER))
    assert about(marker) == ""
    assert about(marker, *unreported) == "last"


def test_a_question_is_about_no_cluster() -> None:
    asked = {"ServiceToken": TOKEN, "ClusterName": "hpc"}
    question = request("Create", ResourceType="Custom::PclusterClusterInfo", ResourceProperties=asked)
    assert about(question, known()) == ""
    delete = request("Delete", ResourceType="Custom::PclusterClusterInfo", ResourceProperties=asked)
    assert about(delete, known()) == ""
    image = request("Create", ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())
    assert about(image) == "image"


# What a request says


def test_a_request_is_parsed_field_by_field() -> None:
    asked = request(
        "Update",
        old=properties(ClusterNameUpdatePolicy="Replace", ComputeFleetUpdatePolicy="StopAndRestart"),
        ServiceTimeout="400",
        DeletionPolicy="Retain",
        PclusterVersion="3.14.0",
    )
    assert (asked.type, asked.physical_id, asked.owner) == (RequestType.UPDATE, "hpc", OWNER)
    assert (asked.deadline, asked.version) == (at(300), "3.14.0")
    assert (asked.may_replace, asked.may_stop_fleet, asked.configuration_changes) == (True, True, False)
    assert (asked.deletion_policy, asked.deletion_is_explicit) == ("Retain", False)
    assert (asked.signal_url, asked.signal_deadline_at, asked.question) == (None, None, None)
    assert asked.failure_id == "hpc"


def test_policies_count_in_either_set_of_properties_and_are_off_by_default() -> None:
    for policy, field in (
        ({"ClusterNameUpdatePolicy": "Replace"}, "may_replace"),
        ({"ComputeFleetUpdatePolicy": "StopAndRestart"}, "may_stop_fleet"),
    ):
        assert getattr(request("Update", **policy), field)
        assert getattr(request("Update", old=properties(**policy)), field)
        assert not getattr(request("Update"), field)
    image = request("Update", ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())
    assert image.may_replace


def test_only_a_deletion_policy_of_delete_is_explicit() -> None:
    policies = {}
    for policy in ("Delete", "Retain", "Nonsense"):
        asked = request("Delete", ResourceProperties=properties(DeletionPolicy=policy))
        policies[policy] = (asked.deletion_policy.value, asked.deletion_is_explicit)
    assert policies == {
        "Delete": ("Delete", True),
        "Retain": ("Retain", False),
        "Nonsense": ("Delete", False),
    }
    assert (request("Delete").deletion_is_explicit, request("Delete").properties) == (False, None)


def test_a_wait_condition_is_signalled_for_a_handle_that_is_new() -> None:
    new = request("Update", WaitConditionHandle=HANDLE)
    assert (new.signal_url, new.signal_deadline_at) == (HANDLE, at(43_200 - 210))
    same = request("Update", old=properties(WaitConditionHandle=HANDLE), WaitConditionHandle=HANDLE)
    assert (same.signal_url, same.signal_deadline_at) == (None, None)
    other = request("Update", old=properties(WaitConditionHandle=f"{HANDLES}2"), WaitConditionHandle=HANDLE)
    assert other.signal_url == HANDLE
    assert request("Create", WaitConditionHandle=HANDLE, Nonsense="1").signal_url is None


def test_a_create_that_made_nothing_has_a_marker_for_its_id() -> None:
    assert request("Create").failure_id == marker_id(OWNER)
    assert request("Create").configuration_changes
    assert request("Create").old_digest is None


def test_an_update_wants_another_configuration_if_the_property_is_another() -> None:
    assert request("Update", ClusterConfiguration="a: b").configuration_changes
    assert not request("Update").configuration_changes
    assert request("Update").digest == request("Update").old_digest


def test_the_stack_of_a_cluster_is_not_its_owners() -> None:
    assert stack().name != "parent"
    refused = request("Create", ClusterName="parent")
    assert refused.refusal is not None
    assert refused.refusal.where == "ClusterName"
