"""Which refusals of IAM the end-to-end tests take for a missing permission."""

from collections.abc import Set as AbstractSet
from typing import Any

import pytest

from tests.e2e.recorded import unexpected

GONE, LIVING = "gone-Provider-SXVRE1IGN5V3-Provider-EDOOPRKYVW1R", "provider-Provider-0Q39KP9S19CA"
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/%s-OperationsTable-074TEZCBEBWR/index/cluster"


def fact(function: str, decision: str = "REFUSED", **facts: Any) -> dict[str, Any]:
    stack = function.rpartition("-Provider-")[0]
    role = f"arn:aws:iam::123456789012:role/{stack}-ProviderRole-HBTCRKUIXOMI"
    request = {"role": role, "action": "dynamodb:Query", "resource": TABLE % stack, "context": {}}
    late = {"is_late": False, "of_deleted": False}
    return {"function": function, "decision": decision, **request, **late, **facts}


def found(
    *judged: dict[str, Any], expected: AbstractSet[tuple[str, str]] = frozenset()
) -> list[dict[str, Any]]:
    # The end-to-end tests have no types.
    return unexpected(judged, expected, {LIVING})  # type: ignore[no-any-return, no-untyped-call]


def test_a_first_request_after_the_policies_of_a_deleted_stack_have_gone_lacks_no_permission() -> None:
    assert found(fact(GONE), fact(LIVING, "ALLOWED")) == []


@pytest.mark.parametrize(
    "allowed",
    [[], [fact(LIVING, "ALLOWED", action="dynamodb:Scan")], [fact(LIVING, "ALLOWED", resource="arn:other")]],
)
def test_what_no_stack_was_allowed_is_a_missing_permission(allowed: list[dict[str, Any]]) -> None:
    assert found(fact(GONE), *allowed) == [fact(GONE)]


def test_what_is_refused_to_a_function_that_is_there_is_a_missing_permission() -> None:
    assert found(fact(LIVING), fact(GONE, "ALLOWED")) == [fact(LIVING)]


def test_what_is_no_function_of_a_provider_stack_gets_no_excuse() -> None:
    other = {**fact(GONE), "function": "AWSCloudFormation"}
    assert found(other, fact(LIVING, "ALLOWED")) == [other]


def test_a_request_that_was_allowed_before_and_one_that_is_provoked_or_late_lack_nothing() -> None:
    assert found(fact(LIVING), fact(LIVING, "ALLOWED")) == []
    assert found(fact(LIVING, is_late=True), fact(LIVING, of_deleted=True)) == []
    provoked = {(fact(LIVING)["role"].rpartition("/")[2], "dynamodb:")}
    assert found(fact(LIVING), expected=provoked) == []
