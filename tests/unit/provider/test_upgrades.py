"""Requests in progress keep what was known of their calls when a release without a ledger is upgraded."""

from typing import Any

import pytest

from cluster_provider.core.upgrades import upgrade_progress

ACCEPTED = "2026-11-01T10:00:00Z"
DESCRIBED = "2026-11-01T10:05:00Z"


def upgraded(**fields: Any) -> dict[str, Any]:
    document = {"accepted_at": ACCEPTED, "cluster_name": "hpc", **fields}
    return dict(upgrade_progress(document))


def sent(operation: str, name: str) -> dict[str, Any]:
    return {"operation": operation, "cluster_name": name, "call_id": "1"}


@pytest.mark.parametrize(
    "fields", [{}, {"calls": 4}, {"ledger": {"create hpc": {"tries": 1}}, "attempts": {"create": 2}}]
)
def test_a_document_with_a_ledger_or_without_calls_stays_as_it_is(fields: dict[str, Any]) -> None:
    assert upgraded(**fields) == {"accepted_at": ACCEPTED, "cluster_name": "hpc", **fields}


@pytest.mark.parametrize(
    "field",
    [
        {"attempts": None},
        {"call": None},
        {"fleet_calls": None},
        {"deleted": None},
        {"description": None},
        {"described_at": None},
        {"described_by": None},
        {"not_described": None},
        {"describe_failures": 0},
    ],
)
def test_an_empty_field_of_old_leaves_an_empty_ledger(field: dict[str, Any]) -> None:
    assert upgraded(**field) == {"accepted_at": ACCEPTED, "cluster_name": "hpc", "ledger": {}}


def test_attempts_are_counted_for_their_own_subject() -> None:
    document = upgraded(attempts={"create": 2, "stop-fleet other": 1, "describe": 3})
    assert document["ledger"] == {
        "create hpc": {"tries": 2},
        "stop-fleet other": {"tries": 1},
        "describe": {"tries": 3},
    }


def test_a_request_without_a_name_keeps_its_attempts() -> None:
    assert upgrade_progress({"accepted_at": ACCEPTED, "attempts": {"create": 1}})["ledger"] == {
        "create ": {"tries": 1}
    }


def test_the_last_calls_are_kept_beside_their_attempts() -> None:
    stop, start = sent("stop-fleet", "hpc"), sent("start-fleet", "hpc")
    document = upgraded(
        attempts={"update": 1}, call=sent("update", "hpc"), fleet_calls={"stop": stop, "start": start}
    )
    assert document["ledger"] == {
        "update hpc": {"tries": 1, "last": sent("update", "hpc")},
        "stop-fleet hpc": {"last": stop},
        "start-fleet hpc": {"last": start},
    }


def test_an_image_that_was_deleted_counts_as_a_call_that_succeeded() -> None:
    (entry,) = upgraded(deleted=["old-image"])["ledger"].items()
    assert entry == (
        "delete-image old-image",
        {
            "last": {
                "operation": "delete-image",
                "cluster_name": "old-image",
                "call_id": "",
                "request_id": "",
                "sent_at": ACCEPTED,
                "not_after": ACCEPTED,
                "ended_at": ACCEPTED,
                "result": {"status": "succeeded"},
            }
        },
    )


def test_what_was_described_is_found_again() -> None:
    description = {"clusterStatus": "CREATE_COMPLETE"}
    document = upgraded(
        description=description, described_at=DESCRIBED, described_by="call-7", describe_failures=2
    )
    described = document["ledger"]["describe"]
    assert described["found"] == description
    assert described["failures"] == 2
    assert described["last"] == {
        "operation": "describe",
        "cluster_name": "hpc",
        "call_id": "call-7",
        "request_id": "",
        "sent_at": ACCEPTED,
        "not_after": ACCEPTED,
        "ended_at": DESCRIBED,
        "result": {"status": "succeeded", "error": None},
    }


def test_a_read_that_failed_is_still_a_failure() -> None:
    error = {"code": "Throttled", "message": "slow down"}
    described = upgraded(described_at=DESCRIBED, not_described=error)["ledger"]["describe"]
    assert described["last"]["result"] == {"status": "failed", "error": error}
    assert (described["found"], described["failures"]) == (None, 0)


@pytest.mark.parametrize("action", ["describe", "describe-image", "list-clusters", "list-official-images"])
def test_what_was_read_belongs_to_the_kind_of_read_that_was_counted(action: str) -> None:
    document = upgraded(attempts={"create": 1, action: 2}, described_at=DESCRIBED)
    assert document["ledger"][action]["tries"] == 2
    assert document["ledger"][action]["last"]["operation"] == action
