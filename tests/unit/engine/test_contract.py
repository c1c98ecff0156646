from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import pytest
from jsonschema import Draft202012Validator

from cluster_engine import contract
from cluster_engine.contract import Call, CallMalformedError, Code, EngineAction, EngineError, schema
from cluster_engine.gate import Gate

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
BOUND = {"limit": "3", "set_by": "provider"}
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/hpc/2"


def test_the_types_name_every_action_and_every_code_of_the_contract():
    parts = schema()["$defs"]
    actions = parts["call"]["properties"]["operation"]["enum"]
    codes = parts["result"]["properties"]["error"]["properties"]["code"]["enum"]
    assert (list(get_args(EngineAction)), list(get_args(Code))) == (actions, codes)


def test_an_engine_of_a_release_without_bounds_refuses_a_call_with_one():
    definitions = schema()["$defs"]
    del definitions["call"]["properties"]["arguments"]["properties"]["budget"]
    earlier = Draft202012Validator({"$defs": definitions, "$ref": "#/$defs/call"})
    event = EVENT | {"arguments": {"budget": {"max_nodes": BOUND}}}
    assert Call.parse(event).arguments == event["arguments"]
    assert [error.json_path for error in earlier.iter_errors(event)] == ["$.arguments"]


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
        ({"arguments": {"budget": {}}}, "$.arguments.budget"),
        ({"arguments": {"refuse_advisories": "None"}}, "$.arguments.refuse_advisories"),
        (
            {"arguments": {"refuse_advisories": "high"}, "operation": "update", "stack_id": STACK},
            "$.operation",
        ),
        ({"arguments": {"budget": {"max_cores": BOUND}}}, "$.arguments.budget"),
        (
            {"arguments": {"budget": {"max_nodes": {**BOUND, "limit": 3}}}},
            "$.arguments.budget.max_nodes.limit",
        ),
        ({"arguments": {"budget": {"max_nodes": {"limit": "3"}}}}, "$.arguments.budget.max_nodes"),
        ({"arguments": {"budget": {"max_nodes": BOUND}}, "operation": "build-image"}, "$.operation"),
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


RESULT = Draft202012Validator({"$defs": contract.schema()["$defs"], "$ref": "#/$defs/result"})
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CALL = Call(
    owner={"stack_id": "arn", "logical_id": "Cluster"},
    call_id="call",
    action="update",
    request_id="request",
    region="us-east-1",
    cluster_name="hpc",
    stack_id="arn",
    not_after=NOW,
    configuration="",
    configuration_tags={},
    stack_tags={},
    arguments={},
)


def gate():
    return Gate(token="call", stack_id="arn", stack_tags={}, not_after=NOW, give_up_at=NOW, now=lambda: NOW)


def messages(count, length=100):
    return [
        {"level": "WARNING", "type": f"Validator{number}", "message": "x" * length} for number in range(count)
    ]


def test_a_failure_says_what_it_knows_of_the_stack():
    accepted = gate()
    accepted.accepted = True
    failed = contract.failed(CALL, "3.16.1", accepted, EngineError("Throttled", "slower"))
    RESULT.validate(failed)
    assert failed == {
        "contract": 1,
        "call_id": "call",
        "operation": "update",
        "status": "failed",
        "version": "3.16.1",
        "stack_id": "arn",
        "sent": True,
        "error": {"code": "Throttled", "message": "slower"},
    }


def test_describe_says_nothing_about_sending():
    described = contract.succeeded(replace(CALL, action="describe"), "3.16.1", gate(), {"head_node": "none"})
    RESULT.validate(described)
    assert "sent" not in described


@pytest.mark.parametrize("count", [1000, 5000])
def test_a_long_list_is_cut_at_whole_items_and_says_how_many_are_missing(count):
    whole = messages(count)
    cut = contract.succeeded(CALL, "3.16.1", gate(), {"validation_messages": messages(count)})
    RESULT.validate(cut)
    *kept, note = cut["validation_messages"]
    assert kept == whole[: len(kept)]
    assert note["message"] == f"{count - len(kept)} more not shown: the list is too long"
    assert contract.RESULT_MAX_BYTES - 500 < contract.size_bytes(cut) <= contract.RESULT_MAX_BYTES


def test_of_several_long_lists_no_more_is_cut_than_needed():
    changes = [{"parameter": "p", "currentValue": "1", "requestedValue": "2"}] * 10
    error = EngineError("UpdateRejected", "no", details=messages(3000), change_set=changes)
    cut = contract.failed(CALL, "3.16.1", gate(), error)
    assert cut["change_set"] == changes
    assert contract.size_bytes(cut) <= contract.RESULT_MAX_BYTES


def test_several_lists_that_are_each_too_long_are_all_cut():
    error = EngineError(
        "ClusterRejected",
        "no",
        details=messages(2000),
        validation_messages=messages(2000),
        change_set=messages(2000),
    )
    cut = contract.failed(CALL, "3.16.1", gate(), error)
    RESULT.validate(cut)
    assert contract.size_bytes(cut) <= contract.RESULT_MAX_BYTES


def test_one_item_that_alone_is_too_long_is_counted_as_missing():
    cut = contract.succeeded(CALL, "3.16.1", gate(), {"validation_messages": messages(1, length=200_000)})
    assert [item["type"] for item in cut["validation_messages"]] == ["Shortened"]


def test_characters_outside_ascii_count_with_all_their_bytes():
    whole = [{"level": "INFO", "type": "T", "message": "é" * 50_000}]
    cut = contract.succeeded(CALL, "3.16.1", gate(), {"validation_messages": whole})
    assert contract.size_bytes(cut) <= contract.RESULT_MAX_BYTES


def test_an_endless_message_is_cut():
    failed = contract.failed(CALL, "3.16.1", gate(), EngineError("Internal", "x" * 100_000))
    assert len(failed["error"]["message"]) == contract.MESSAGE_MAX_CHARACTERS


def test_an_error_without_a_message_still_says_something():
    failed = contract.failed(CALL, "3.16.1", gate(), EngineError("Internal", ""))
    RESULT.validate(failed)
