import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_provider.core import bounds
from cluster_provider.core.errors import ClusterFailed, MalformedRequest, Unanswerable
from cluster_provider.core.identity import Owner
from cluster_provider.core.properties import digest
from cluster_provider.core.request import parse_request
from cluster_provider.core.response import BODY_MAX_BYTES, failure
from cluster_provider.delivery import refuse
from tests.support.fakes import RESPONSES, START

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/parent/0a"

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=12,
)


def event(**changed: Any) -> dict[str, Any]:
    base = {
        "RequestType": "Create",
        "RequestId": "11111111-2222-3333-4444-555555555555",
        "ResponseURL": f"{RESPONSES}key",
        "StackId": STACK,
        "LogicalResourceId": "Cluster",
        "ResourceType": "Custom::PclusterCluster",
        "ResourceProperties": {"ClusterName": "hpc", "ClusterConfiguration": {"Region": "us-east-1"}},
    }
    return base | changed


def nested(depth: int) -> Any:
    value: Any = "leaf"
    for _ in range(depth):
        value = {"a": value}
    return value


@given(
    st.dictionaries(
        st.sampled_from([*event(), "PhysicalResourceId", "OldResourceProperties", "Else"]), anything
    )
)
def test_whatever_an_event_holds_it_is_a_request_a_refusal_or_cannot_be_answered(
    changed: dict[str, Any],
) -> None:
    claimed = event(**changed)
    try:
        parse_request(claimed, START)
    except MalformedRequest as error:
        try:
            answer = refuse(claimed, error)
        except Unanswerable:
            return
        assert len(answer.outcome.body.encode()) <= BODY_MAX_BYTES


@given(st.text(st.characters(), min_size=1), st.text(st.characters(), min_size=1, max_size=2000))
def test_a_reason_always_has_room_beside_what_a_response_repeats(physical_id: str, reason: str) -> None:
    """The longest ids that are accepted, and a physical id of whatever escapes JSON needs."""
    claimed = event(
        RequestType="Delete",
        RequestId="r" * 128,
        LogicalResourceId="L" * 255,
        StackId=STACK + "0" * (500 - len(STACK)),
        PhysicalResourceId=physical_id * 1024,
    )
    answer = refuse(claimed, ClusterFailed("cluster hpc", reason.encode(errors="replace").decode()))
    assert len(answer.outcome.body.encode()) <= BODY_MAX_BYTES
    assert json.loads(answer.outcome.body)["Reason"].startswith("ClusterFailed: cluster hpc")


def test_a_reason_without_any_room_is_an_error_and_no_endless_loop() -> None:
    class Addressee:
        owner = Owner(STACK, "L" * 5000)
        request_id = "r"

    with pytest.raises(ValueError, match="no room"):
        failure(Addressee(), "hpc", ClusterFailed("cluster hpc", "why"), log_group="")


@pytest.mark.parametrize("depth", [bounds.DEPTH_MAX + 2, 5_000])
def test_what_is_nested_too_deep_is_refused_by_name_and_has_a_digest(depth: int) -> None:
    deep = nested(depth)
    request = parse_request(
        event(ResourceProperties={"ClusterName": "hpc", "ClusterConfiguration": deep}), START
    )
    assert request.refusal is not None
    assert (request.refusal.where, request.refusal.code) == ("ClusterConfiguration", "InvalidProperty")
    assert digest(deep) == digest(nested(depth + 1))


def test_what_is_nested_as_deep_as_configurations_are_is_accepted() -> None:
    deep = nested(30)
    request = parse_request(
        event(ResourceProperties={"ClusterName": "hpc", "ClusterConfiguration": deep}), START
    )
    assert request.refusal is None


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": ["x", "\ud800"]}, ["a", "1"]),
        ({"a": {"\udfff": 1}}, ["a"]),
        ([float("nan")], ["0"]),
        ("\ud800", []),
    ],
)
def test_a_fault_is_found_with_its_place(value: Any, path: list[str]) -> None:
    found = bounds.find_fault(value)
    assert found is not None
    assert found[0] == path


@given(st.text(st.characters()))
def test_what_is_shown_is_short_printable_text_in_one_line(text: str) -> None:
    shown = bounds.shown(text, 20)
    assert shown.isprintable()
    shown.encode()
    if text.isprintable() and len(text) <= 20:
        assert shown == text
