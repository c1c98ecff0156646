"""Answers and signals to the byte, and the bounds of what an event may hold."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from cluster_provider.core import bounds, response
from cluster_provider.core.errors import ClusterFailed
from cluster_provider.core.identity import Owner
from cluster_provider.core.state import Outcome
from tests.support.cases import OWNER
from tests.support.fakes import HANDLES

DATA = {"clusterName": "hpc", "loginNodes.0.address": "a", "loginNodes.1.address": "b", "headNode.state": "c"}
INFO = {"level": "INFO", "type": "A", "message": "less"}
ERROR = {"level": "ERROR", "type": "B", "message": "worse"}
FAULT = ClusterFailed("cluster hpc", "it failed.", "Repair it.")


@dataclass(frozen=True)
class Addressee:
    owner: Owner = OWNER
    request_id: str = "request-1"


FIELDS = {
    "PhysicalResourceId": "hpc",
    "StackId": OWNER.stack_id,
    "RequestId": "request-1",
    "LogicalResourceId": "Cluster",
}


def body(outcome: Outcome) -> dict[str, Any]:
    """What is sent, which is compact and at most 4,096 bytes."""
    assert len(outcome.body.encode()) <= 4096
    sent: dict[str, Any] = json.loads(outcome.body)
    assert outcome.body == json.dumps(sent, separators=(",", ":"), ensure_ascii=False)
    return sent


def success(data: dict[str, str], messages: Any = ()) -> dict[str, Any]:
    outcome = response.success(Addressee(), "hpc", data, messages, "/log")
    assert (outcome.status, outcome.physical_id, outcome.code) == ("SUCCESS", "hpc", "")
    return body(outcome)


def test_a_success_has_its_values_and_its_messages_the_worst_first() -> None:
    sent = success(DATA, [INFO, ERROR])
    sent_messages = json.dumps([ERROR, INFO], separators=(",", ":"))
    assert sent == {"Status": "SUCCESS", **FIELDS, "Data": {**DATA, "validationMessages": sent_messages}}
    assert success(DATA, None) == {"Status": "SUCCESS", **FIELDS, "Data": DATA}


def test_a_success_without_values_has_no_data() -> None:
    assert success({}, [INFO]) == {"Status": "SUCCESS", **FIELDS}


def test_a_failure_has_a_reason_and_its_code() -> None:
    outcome = response.failure(Addressee(), "hpc", FAULT, "/log")
    reason = "ClusterFailed: cluster hpc: it failed. Repair it."
    assert body(outcome) == {"Status": "FAILED", **FIELDS, "Reason": reason}
    assert (outcome.status, outcome.code, outcome.reason) == ("FAILED", "ClusterFailed", reason)


def test_a_signal_has_its_unique_id_and_its_values_as_text() -> None:
    outcome = response.signal_success("hpc", {"a": "ä"}, [], "/log")
    text = '{"a":"ä","validationMessages":"[]"}'
    assert body(outcome) == {"Status": "SUCCESS", "UniqueId": "hpc", "Data": text}
    assert (outcome.status, outcome.physical_id) == ("SUCCESS", "hpc")


def test_a_signal_of_a_failure_has_its_reason() -> None:
    outcome = response.signal_failure("hpc", FAULT, "/log")
    assert body(outcome) == {"Status": "FAILURE", "UniqueId": "hpc", "Reason": str(FAULT)}
    assert (outcome.status, outcome.physical_id, outcome.code) == ("FAILURE", "hpc", "ClusterFailed")
    assert outcome.reason == str(FAULT)


def test_messages_that_have_no_room_are_counted() -> None:
    many = [{**INFO, "message": f"{number:03}{'a' * 200}"} for number in range(40)]
    earlier = {"level": "INFO", "type": "LeftOut", "message": "5 more left out.", "count": "5"}
    sent = success(DATA, [*many, earlier])
    sent_messages = json.loads(sent["Data"]["validationMessages"])
    shown, left_out = sent_messages[:-1], sent_messages[-1]
    assert shown == many[: len(shown)]
    text = f"{45 - len(shown)} more left out; all are in log group /log."
    assert left_out == {"level": "INFO", "type": "LeftOut", "message": text}
    assert len(json.dumps(sent)) + 300 > 4096, "one more would have had no room"


def test_values_that_have_no_room_are_emptied_the_last_login_pool_first() -> None:
    wide = {"clusterName": "hpc", "headNode.state": "c"}
    wide |= {f"loginNodes.{number}.address": str(number) * 1500 for number in range(4)}
    sent = success(wide)["Data"]
    assert (sent["loginNodes.2.address"], sent["loginNodes.3.address"]) == ("", "")
    for number in (0, 1):
        assert sent[f"loginNodes.{number}.address"] == wide[f"loginNodes.{number}.address"]
    (note,) = json.loads(sent["validationMessages"])
    text = "The values of loginNodes.3, loginNodes.2 have no room in 4096 bytes."
    assert note == {"level": "WARNING", "type": "LeftOut", "message": text}


def test_values_of_a_cluster_that_have_no_room_are_emptied_last_and_named() -> None:
    sent = success({"clusterName": "x" * 4000, "loginNodes.0.address": "a", "headNode.state": "c"})["Data"]
    assert sent["clusterName"] == ""
    (note,) = json.loads(sent["validationMessages"])
    assert note["message"].startswith("The values of loginNodes.0, headNode, the cluster have no room")


def test_an_answer_to_a_question_says_whether_it_is_shortened() -> None:
    assert success({"a.b": "c", "isShortened": "false"}, None)["Data"]["isShortened"] == "false"
    sent = success({"isShortened": "false", "a.b": "x" * 5000}, None)["Data"]
    assert sent == {"isShortened": "true", "a.b": ""}


def reason_of(length: int) -> str:
    fault = ClusterFailed("a", "x" * length)
    return str(body(response.failure(Addressee(), "hpc", fault, "/log"))["Reason"])


def test_a_reason_is_cut_only_if_it_has_to_be_and_as_little_as_possible() -> None:
    room = 4096 - len(response.failure(Addressee(), "hpc", ClusterFailed("a", ""), "/log").body.encode())
    assert not reason_of(room).endswith("…")
    cut = reason_of(room + 1)
    assert cut.endswith("x…")
    assert len(cut.encode()) > room


def test_a_reason_that_fits_keeps_all_its_causes_to_the_last_byte() -> None:
    empty = ClusterFailed("a", "b.", "", ["First.", ""])
    room = 4096 - len(response.failure(Addressee(), "hpc", empty, "/log").body.encode()) - 1
    for more, others in ((0, 2), (1, 1)):
        fault = ClusterFailed("a", "b.", "", ["First.", "x" * (room + more)])
        reason = response.failure(Addressee(), "hpc", fault, "/log").reason
        assert reason == list(fault.texts("/log"))[2 - others]


def test_a_long_reason_is_cut_to_what_there_is_room_for_in_answers_and_in_signals() -> None:
    fault = ClusterFailed("a", "x" * 9000)
    for outcome in (
        response.failure(Addressee(), "hpc", fault, "/log"),
        response.signal_failure("hpc", fault, "/log"),
    ):
        assert body(outcome)["Reason"].endswith("x…")
        assert len(outcome.body.encode()) > 4090


def test_names_of_values_are_kept_though_nothing_has_any_room() -> None:
    name = "n" * 5000
    for messages, data in (([INFO], {name: "", "validationMessages": "[]"}), (None, {name: ""})):
        outcome = response.success(Addressee(), "hpc", {name: "x"}, messages, "/log")
        assert json.loads(outcome.body)["Data"] == data


# Bounds


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (bounds.is_request_id, ["a", "!", "~", "{", "a" * 128], ["", "a" * 129, "a b", "a|b", "ä", 1]),
        (bounds.is_logical_id, ["a", "1", "a" * 255], ["", "a" * 256, "a-b", "a_b", 1]),
        (bounds.is_resource_type, ["", "Custom::A_b@c-1", "a" * 128], ["a b", "a" * 129, None]),
        (bounds.is_short_arn, ["a", "a" * 512], ["", "a" * 513, "ä", "a\n", None]),
        (
            bounds.is_physical_id,
            ["a", "a" * 1024, "ä" * 512, '"' * 512],
            ["", "a" * 1025, "ä" * 513, "a" * 1023 + "ä", '"' * 513, "\ud800", "\udfff", 1],
        ),
    ],
)
def test_a_field_of_an_event_has_a_form_and_a_length(check: Any, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not check(value)] == []
    assert [value for value in bad if check(value)] == []


def test_a_handle_is_no_longer_than_a_url_that_is_kept() -> None:
    room = 4096 - len(HANDLES)
    assert bounds.is_wait_condition_handle(HANDLES + "a" * room, OWNER.stack_id)
    assert not bounds.is_wait_condition_handle(HANDLES + "a" * (room + 1), OWNER.stack_id)


def test_half_of_a_surrogate_pair_is_no_text_and_its_neighbours_are() -> None:
    assert bounds.is_text("\ud7ff\ue000")
    assert not bounds.is_text("\ud800")
    assert not bounds.is_text("\udfff")
    assert not bounds.is_text("a\ud800")


def test_a_claim_is_shown_clipped() -> None:
    assert bounds.clip("a" * 100) == "a" * 100
    assert bounds.clip("a" * 101) == "a" * 99 + "…"
    assert bounds.clip({"a": 1}) == '{"a": 1}'
    assert bounds.clip("abcd", 3) == "ab…"
    loop: list[Any] = []
    loop.append(loop)
    assert bounds.clip(loop) == "a list"
    assert bounds.clip({"a": {1}}).startswith('{"a": "{1}')
    assert bounds.shown("für") == "für"
    assert bounds.shown("a\nb\ud800") == r"a\nb\ud800"


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = {"a": value}
    return value


def test_properties_are_nested_a_hundred_levels_at_most() -> None:
    assert bounds.find_fault(nested(100)) is None
    assert bounds.find_fault(nested(101)) == (["a"], "it is nested deeper than 100 levels.")
    assert bounds.find_fault([nested(100)]) == (["0"], "it is nested deeper than 100 levels.")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"a": [1, 1.5, None, True, "x"]}, None),
        ({"a": ("\ud800",)}, (["a", "0"], "it has half of a surrogate pair, which is no character.")),
        ({"a": float("inf")}, (["a"], "it is not a finite number.")),
        (
            {"a": {"\ud800": 1}},
            (["a"], "the name of a property has half of a surrogate pair, which is no character."),
        ),
        ({1: "a"}, ([], "the name of a property has half of a surrogate pair, which is no character.")),
    ],
)
def test_what_cannot_be_kept_is_found_with_its_place(value: Any, found: Any) -> None:
    assert bounds.find_fault(value) == found


def test_what_is_nested_deeper_than_counts_is_cut() -> None:
    assert bounds.cut_to_depth({"a": {"b": 1}, 2: [3, (4,)]}, 2) == {"a": {"b": 1}, "2": [3, "tuple"]}
    assert bounds.cut_to_depth("a", 0) == "a"
    assert bounds.cut_to_depth({"a": 1}, 0) == "dict"
    assert bounds.cut_to_depth([1], 0) == "list"
    assert bounds.cut_to_depth((1, [2]), 5) == [1, [2]]
    assert bounds.cut_to_depth(nested(100)) == nested(100)
    assert bounds.cut_to_depth(nested(101)) != nested(101)
