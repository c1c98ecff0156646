import json
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest

from cluster_engine.call import Call, CallMalformedError

EVENT = {
    "contract": 1,
    "call_id": "4f2c-1",
    "operation": "create",
    "owner": {
        "stack_id": "arn:aws:cloudformation:us-east-1:123456789012:stack/parent/1",
        "logical_id": "Cluster",
    },
    "request_id": "request",
    "region": "us-east-1",
    "cluster_name": "hpc",
    "stack_id": None,
    "not_after": "2026-01-01T00:00:00.500Z",
    "configuration": "",
    "configuration_tags": {},
    "stack_tags": {"owner": "us"},
    "arguments": {"suppress_validators": ["ALL"], "rollback_on_failure": False},
}
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/hpc/2"


def test_the_schema_inside_the_package_is_the_published_one():
    published = Path(__file__).parents[3] / "docs" / "engine.schema.json"
    packaged = resources.files("cluster_engine") / "contract.schema.json"
    assert json.loads(packaged.read_text(encoding="utf-8")) == json.loads(
        published.read_text(encoding="utf-8")
    )


def test_not_after_is_an_instant_in_utc():
    assert Call.parse(EVENT).not_after == datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"contract": 2}, "$.contract"),
        ({"call_id": "-starts-with-a-hyphen"}, "$.call_id"),
        ({"call_id": "x" * 65}, "$.call_id"),
        ({"operation": "list"}, "$.operation"),
        ({"not_after": "2026-01-01T00:00:00Z"}, "$.not_after"),
        ({"configuration": None}, "$.configuration"),
        ({"operation": "update", "stack_id": None}, "$.stack_id"),
        ({"operation": "delete", "stack_id": None}, "$.stack_id"),
        ({"arguments": {"dryrun": True}}, "$.arguments"),
        ({"arguments": {"suppress_validators": "ALL"}}, "$.arguments.suppress_validators"),
    ],
)
def test_an_event_that_breaks_the_contract_is_refused_at_its_place(change, place):
    with pytest.raises(CallMalformedError) as caught:
        Call.parse(EVENT | change)
    assert str(caught.value).endswith(f"at {place}")


def test_a_refusal_never_repeats_a_value():
    with pytest.raises(CallMalformedError) as caught:
        Call.parse(EVENT | {"region": "secret"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("event", [None, [], "text", {}])
def test_an_event_that_is_no_call_at_all_is_refused(event):
    with pytest.raises(CallMalformedError):
        Call.parse(event)


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_what_changes_a_cluster_names_its_stack(operation):
    assert Call.parse(EVENT | {"operation": operation, "stack_id": STACK}).stack_id == STACK
