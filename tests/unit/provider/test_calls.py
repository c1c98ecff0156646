"""The engine's contract from the provider's side."""

from dataclasses import replace
from typing import Any

import pytest

from cluster_provider.core import deadline, engine_protocol
from cluster_provider.core.actions import Start
from cluster_provider.core.engine import EngineAction, EngineCall, EngineError, EngineResult
from cluster_provider.core.errors import NotAccepted
from cluster_provider.core.state import OperationRecord
from tests.support.cases import OWNER, THIS, VERSION, at, progress, request
from tests.support.fakes import START
from tests.support.world import IMAGE_TYPE, image_properties

CREATE = Start(EngineAction.CREATE, "hpc", stack_tags={"a": "b"})
SENT = EngineCall(f"{THIS}-3", THIS, EngineAction.CREATE, "hpc", at(60), at(360), VERSION)


def work(asked: Any = None, **facts: Any) -> OperationRecord:
    return OperationRecord(asked or request("Create"), progress(**facts))


def test_a_call_is_counted_and_named_after_its_request_and_its_number() -> None:
    before = work(calls_made=2, attempts={"create": 1, "delete lab": 1})
    after, made = engine_protocol.next_call(before, CREATE, VERSION, at(60))
    assert made == SENT
    twice = work(attempts={"create": 2, "delete lab": 1}).progress.calls
    assert after.progress == replace(before.progress, calls_made=3, calls=twice)
    other, _ = engine_protocol.next_call(before, Start(EngineAction.DELETE, "lab"), VERSION, at(60))
    assert other.progress.calls == work(attempts={"create": 1, "delete lab": 2}).progress.calls
    first, _ = engine_protocol.next_call(work(), CREATE, VERSION, at(60))
    assert first.progress.calls == work(attempts={"create": 1}).progress.calls


def test_a_calls_fence_is_within_the_deadline() -> None:
    _, late = engine_protocol.next_call(work(), CREATE, VERSION, at(3300))
    assert late.not_after == at(3390)


def test_the_id_of_a_strange_request_becomes_one_that_cloudformation_takes_as_a_token() -> None:
    strange = replace(request("Create"), request_id="a_b" * 30)
    _, made = engine_protocol.next_call(work(strange), CREATE, VERSION, at(60))
    assert (made.request_id, len(made.call_id), made.call_id[-2:]) == (strange.request_id, 34, "-1")
    assert engine_protocol.may_be_ours(made.call_id)
    _, again = engine_protocol.next_call(work(strange), CREATE, VERSION, at(90))
    assert again.call_id == made.call_id


def test_the_payload_of_a_create_has_all_that_its_engine_needs() -> None:
    asked = request("Create", ForceUpdate="true")
    assert asked.properties is not None
    assert engine_protocol.payload(work(asked, tags={"team": "hpc"}), CREATE, SENT) == {
        "contract": 1,
        "call_id": f"{THIS}-3",
        "operation": "create",
        "owner": {"stack_id": OWNER.stack_id, "logical_id": "Cluster"},
        "request_id": THIS,
        "version": VERSION,
        "region": "us-east-1",
        "cluster_name": "hpc",
        "stack_id": None,
        "not_after": "2026-11-02T08:06:00.000Z",
        "configuration": asked.properties.configuration,
        "configuration_tags": {"team": "hpc", "parallelcluster:custom_resource": "cluster"},
        "stack_tags": {"a": "b"},
        "arguments": {"force_update": True},
    }


def payload(start: Start, asked: Any = None, **facts: Any) -> dict[str, Any]:
    return engine_protocol.payload(work(asked or request("Update", ForceUpdate="true"), **facts), start, SENT)


@pytest.mark.parametrize(
    "operation",
    [EngineAction.DELETE, EngineAction.DESCRIBE, EngineAction.STOP_FLEET, EngineAction.DELETE_IMAGE],
)
def test_an_engine_that_changes_no_configuration_gets_none(operation: EngineAction) -> None:
    sent = payload(Start(operation, "hpc", "arn"), tags={"team": "hpc"})
    assert (sent["configuration"], sent["configuration_tags"], sent["arguments"]) == (None, {}, {})
    assert sent["stack_id"] == "arn"


def test_a_delete_has_no_configuration_to_hand_on() -> None:
    sent = payload(Start(EngineAction.UPDATE, "hpc"), request("Delete"))
    assert (sent["configuration"], sent["configuration_tags"], sent["arguments"]) == (None, {}, {})


def test_an_update_in_the_stored_form_adds_no_tags_and_says_so() -> None:
    arguments = {"refuse_removals": True}
    sent = payload(
        Start(EngineAction.UPDATE, "hpc", arguments=arguments, as_stored=True), tags={"team": "hpc"}
    )
    assert sent["configuration_tags"] == {}
    assert sent["arguments"] == {"force_update": True, "refuse_removals": True, "resemble_stored": True}


def test_a_question_hands_on_what_it_asks() -> None:
    sent = payload(Start(EngineAction.LIST_CLUSTERS, "", arguments={"name_prefix": "a"}))
    assert sent["arguments"] == {"name_prefix": "a"}


def test_an_image_has_none_of_parallelclusters_own_tags() -> None:
    image = request("Create", ResourceType=IMAGE_TYPE, ResourceProperties=image_properties())
    sent = payload(Start(EngineAction.BUILD_IMAGE, "image"), image, tags={"team": "hpc"})
    assert sent["configuration_tags"] == {"team": "hpc"}
    assert image.properties is not None
    assert sent["configuration"] == image.properties.configuration


@pytest.mark.parametrize(
    ("token", "may"),
    [
        (None, True),
        ("", True),
        ("a-1", True),
        ("A9-b-12", True),
        ("a", False),
        ("a_b-1", False),
        ("-1", False),
    ],
)
def test_a_stack_event_may_be_about_a_call_by_its_token(token: str | None, may: bool) -> None:
    assert engine_protocol.may_be_ours(token) is may


def end(response: Any, condition: str = "Success", **call: Any) -> dict[str, Any]:
    made = {"contract": 1, "call_id": "call", "owner": {"stack_id": OWNER.stack_id, "logical_id": "Cluster"}}
    return {
        "requestPayload": {**made, **call},
        "requestContext": {"condition": condition},
        "responsePayload": response,
    }


def test_an_engines_end_names_the_call_its_owner_and_the_result() -> None:
    result = {"contract": 1, "status": "succeeded", "stack_id": "arn", "sent": True}
    assert engine_protocol.parse_end(end(result)) == (
        OWNER,
        "call",
        EngineResult("succeeded", "arn", sent=True),
    )


@pytest.mark.parametrize(
    ("response", "condition", "code", "message"),
    [
        (
            None,
            "RetriesExhausted",
            "Internal",
            "the engine ended without a result (RetriesExhausted): no message",
        ),
        ({"errorMessage": "exit"}, "X", "Internal", "the engine ended without a result (X): exit"),
        ({"contract": 2}, "X", "Internal", "the engine ended without a result (X): no message"),
        (
            None,
            "EventAgeExceeded",
            "Throttled",
            "the engine ended without a result (EventAgeExceeded): no message",
        ),
    ],
)
def test_an_engine_that_died_or_never_ran_has_a_result_all_the_same(
    response: Any, condition: str, code: str, message: str
) -> None:
    _, _, result = engine_protocol.parse_end(end(response, condition))
    assert result == EngineResult("failed", error=EngineError(code, message))


def test_a_record_without_a_context_is_that_of_an_engine_that_died() -> None:
    event = end(None)
    del event["requestContext"]
    _, _, result = engine_protocol.parse_end(event)
    assert result.error == EngineError("Internal", "the engine ended without a result (unknown): no message")


@pytest.mark.parametrize("event", [{}, {"requestPayload": "a"}, end({}, contract=2)])
def test_the_end_of_another_function_is_none_of_ours(event: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not an engine call"):
        engine_protocol.parse_end(event)


@pytest.mark.parametrize(("passing", "code"), [(True, "Throttled"), (False, "Internal")])
def test_a_call_that_lambda_refused_may_pass_or_not(passing: bool, code: str) -> None:
    result = engine_protocol.not_started(NotAccepted("no", passing=passing))
    assert result == EngineResult("failed", error=EngineError(code, "the engine was not started: no"))


def test_the_newest_version_is_the_largest_by_its_numbers() -> None:
    assert engine_protocol.newest(frozenset({"3.9.0", "3.16.1", "3.16.0"})) == "3.16.1"


# Time


def test_limits_are_those_of_cloudformation_and_of_the_template() -> None:
    assert (deadline.SERVICE_TIMEOUT_MAX_S, deadline.MARGIN_S, deadline.MARGIN_SHARE) == (3600, 210, 0.25)
    assert (deadline.ENGINE_LIMIT_S, deadline.FENCE_GRACE_S) == (300, 60)
    assert (deadline.WAIT_CONDITION_MAX_S, deadline.RESTART_MAX_S) == (43_200, 43_200)
    assert (deadline.REQUEST_AGE_MAX_S, deadline.ORDER_TOLERANCE_S) == (7200, 2)


@pytest.mark.parametrize(
    ("timeout_s", "deadline_s"), [(3600, 3390), (840, 630), (400, 300), (4, 3), (43_200, 42_990)]
)
def test_an_answer_goes_out_well_before_cloudformation_stops_listening(
    timeout_s: int, deadline_s: float
) -> None:
    assert deadline.deadline(START, timeout_s) == at(deadline_s)


def test_an_old_request_is_looked_at_every_ten_minutes_from_two_hours_on() -> None:
    assert deadline.next_poll_at(START, at(7200)) == at(7800)


def test_half_of_a_requests_time_has_passed_in_the_middle() -> None:
    assert deadline.half_way(at(100), at(300)) == at(200)


def test_a_request_is_too_old_to_be_answered_after_two_hours() -> None:
    assert not deadline.is_too_old(START, at(7200))
    assert deadline.is_too_old(START, at(7200.001))


@pytest.mark.parametrize(
    ("query", "issued_s"),
    [
        ("?X-Amz-Date=20261102T080010Z", 10),
        ("?a=b&x-amz-date=20261102T080010Z&c=d", 10),
        ("?X-Amz-Date=20261102T090000Z", 100),
        ("?X-Amz-Date=20261399T080010Z", 100),
        ("?X-Amz-Date=20261102T080010Zx", 100),
        ("?xX-Amz-Date=20261102T080010Z", 100),
        ("", 100),
    ],
)
def test_a_request_is_issued_when_its_url_was_signed_and_never_after_its_receipt(
    query: str, issued_s: float
) -> None:
    assert deadline.issued_at(f"https://host/{query}", at(100)) == at(issued_s)
