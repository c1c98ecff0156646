import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from cluster_engine import result
from cluster_engine.call import Call
from cluster_engine.errors import EngineError
from cluster_engine.gate import Gate

CONTRACT = json.loads((Path(__file__).parents[3] / "docs" / "engine.schema.json").read_text(encoding="utf-8"))
RESULT = Draft202012Validator({"$defs": CONTRACT["$defs"], "$ref": "#/$defs/result"})
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CALL = Call(
    owner={"stack_id": "arn", "logical_id": "Cluster"},
    call_id="call",
    operation="update",
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
    failed = result.failed(CALL, "3.16.1", accepted, EngineError("Throttled", "slower"))
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
    described = result.succeeded(replace(CALL, operation="describe"), "3.16.1", gate(), {"head_node": "none"})
    RESULT.validate(described)
    assert "sent" not in described


@pytest.mark.parametrize("count", [1000, 5000])
def test_a_long_list_is_cut_at_whole_items_and_says_how_many_are_missing(count):
    whole = messages(count)
    cut = result.succeeded(CALL, "3.16.1", gate(), {"validation_messages": messages(count)})
    RESULT.validate(cut)
    *kept, note = cut["validation_messages"]
    assert kept == whole[: len(kept)]
    assert note["message"] == f"{count - len(kept)} more not shown: the list is too long"
    assert result.RESULT_MAX_BYTES - 500 < result.size_bytes(cut) <= result.RESULT_MAX_BYTES


def test_of_several_long_lists_no_more_is_cut_than_needed():
    changes = [{"parameter": "p", "currentValue": "1", "requestedValue": "2"}] * 10
    error = EngineError("UpdateRejected", "no", details=messages(3000), change_set=changes)
    cut = result.failed(CALL, "3.16.1", gate(), error)
    assert cut["change_set"] == changes
    assert result.size_bytes(cut) <= result.RESULT_MAX_BYTES


def test_several_lists_that_are_each_too_long_are_all_cut():
    error = EngineError(
        "ClusterRejected",
        "no",
        details=messages(2000),
        validation_messages=messages(2000),
        change_set=messages(2000),
    )
    cut = result.failed(CALL, "3.16.1", gate(), error)
    RESULT.validate(cut)
    assert result.size_bytes(cut) <= result.RESULT_MAX_BYTES


def test_one_item_that_alone_is_too_long_is_counted_as_missing():
    cut = result.succeeded(CALL, "3.16.1", gate(), {"validation_messages": messages(1, length=200_000)})
    assert [item["type"] for item in cut["validation_messages"]] == ["Shortened"]


def test_characters_outside_ascii_count_with_all_their_bytes():
    whole = [{"level": "INFO", "type": "T", "message": "é" * 50_000}]
    cut = result.succeeded(CALL, "3.16.1", gate(), {"validation_messages": whole})
    assert result.size_bytes(cut) <= result.RESULT_MAX_BYTES


def test_an_endless_message_is_cut():
    failed = result.failed(CALL, "3.16.1", gate(), EngineError("Internal", "x" * 100_000))
    assert len(failed["error"]["message"]) == result.MESSAGE_MAX_CHARACTERS


def test_an_error_without_a_message_still_says_something():
    failed = result.failed(CALL, "3.16.1", gate(), EngineError("Internal", ""))
    RESULT.validate(failed)
