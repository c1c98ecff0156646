from datetime import timedelta
from typing import Any

import pytest

from cluster_provider.core.deadline import deadline
from cluster_provider.core.errors import MalformedRequest
from cluster_provider.core.identity import Owner, StackArn, is_marker, marker_id
from cluster_provider.core.properties import DeletionPolicy
from cluster_provider.core.request import RequestType, is_answerable, parse_request
from tests.support.fakes import RESPONSES, START

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/parent/0a"
UPDATE = {"RequestType": "Update", "PhysicalResourceId": "hpc"}
URL = f"{RESPONSES}key?X-Amz-Date=20261102T075900Z&X-Amz-Signature=abc"


def event(**changed: Any) -> dict[str, Any]:
    base = {
        "RequestType": "Create",
        "RequestId": "11111111-2222-3333-4444-555555555555",
        "ResponseURL": URL,
        "StackId": STACK,
        "LogicalResourceId": "Cluster",
        "ResourceType": "Custom::PclusterCluster",
        "ResourceProperties": {"ClusterName": "hpc", "ClusterConfiguration": {"Region": "us-east-1"}},
    }
    return {key: value for key, value in (base | changed).items() if value is not None}


def test_a_request_is_issued_when_its_url_was_signed() -> None:
    request = parse_request(event(), START)
    assert request.issued_at == START - timedelta(minutes=1)
    assert request.deadline == request.issued_at + timedelta(seconds=3600 - 210)


def test_a_url_without_a_date_counts_from_its_first_receipt() -> None:
    assert parse_request(event(ResponseURL=f"{RESPONSES}key"), START).issued_at == START


def test_a_url_signed_in_the_future_leaves_no_more_time_than_its_receipt() -> None:
    late = URL.replace("20261102T075900Z", "20261102T090000Z")
    request = parse_request(event(ResponseURL=late), START)
    assert request.deadline == START + timedelta(seconds=3600 - 210)


def test_a_short_service_timeout_keeps_most_of_its_time() -> None:
    properties = {**event()["ResourceProperties"], "ServiceTimeout": "60"}
    request = parse_request(event(ResourceProperties=properties), START)
    assert request.deadline == request.issued_at + timedelta(seconds=45)


def test_any_type_name_is_accepted() -> None:
    assert parse_request(event(ResourceType="Custom::PClusterCluster"), START).type is RequestType.CREATE


@pytest.mark.parametrize("name", ["StackId", "RequestId", "LogicalResourceId", "ResponseURL"])
def test_a_field_that_an_answer_needs_must_be_there(name: str) -> None:
    assert not is_answerable(event(**{name: ""}))
    with pytest.raises(MalformedRequest) as refused:
        parse_request(event(**{name: ""}), START)
    assert refused.value.where == name


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"RequestType": "Describe"}, "RequestType"),
        ({"RequestType": "Update"}, "PhysicalResourceId"),
        ({"RequestType": "Delete"}, "PhysicalResourceId"),
        ({"StackId": "parent"}, "StackId"),
        ({"ResourceProperties": ["x"]}, "ResourceProperties"),
        (
            {"RequestType": "Update", "PhysicalResourceId": "hpc", "OldResourceProperties": "x"},
            "OldResourceProperties",
        ),
    ],
)
def test_a_malformed_event_names_the_field(changed: dict[str, Any], where: str) -> None:
    with pytest.raises(MalformedRequest) as refused:
        parse_request(event(**changed), START)
    assert refused.value.where == where


def test_wrong_properties_become_the_requests_refusal() -> None:
    request = parse_request(event(ResourceProperties={"ClusterName": "hpc"}), START)
    assert request.properties is None
    assert request.refusal is not None
    assert request.refusal.code == "MissingProperty"


def test_a_cluster_cannot_have_the_name_of_the_stack_it_is_in() -> None:
    properties = {"ClusterName": "parent", "ClusterConfiguration": "Region: us-east-1"}
    refusal = parse_request(event(ResourceProperties=properties), START).refusal
    assert refusal is not None
    assert refusal.where == "ClusterName"


def test_old_forms_of_properties_never_stop_a_delete() -> None:
    request = parse_request(
        event(RequestType="Delete", PhysicalResourceId="hpc", ResourceProperties={"Bogus": "1"}), START
    )
    assert request.refusal is None
    assert request.deletion_policy is DeletionPolicy.DELETE


def test_token_and_timeout_say_nothing_about_the_cluster() -> None:
    plain = parse_request(event(), START)
    more = {**event()["ResourceProperties"], "ServiceToken": "arn:x", "ServiceTimeout": "900"}
    assert parse_request(event(ResourceProperties=more), START).digest == plain.digest


def test_owners_have_keys_regions_and_markers_of_their_own() -> None:
    owner = Owner(STACK, "Cluster")
    assert Owner.from_key(owner.key) == owner
    assert owner.region == "us-east-1"
    assert is_marker(marker_id(owner))
    assert marker_id(owner) != marker_id(Owner(STACK, "Other"))
    assert not is_marker("hpc")


@pytest.mark.parametrize(
    ("beside", "among", "expected_s"),
    [("900", None, 900), ("900", "1800", 900), ("1800", "900", 900), ("no", "900", 900), (None, None, 3600)],
)
def test_a_service_timeout_counts_wherever_cloudformation_puts_it(
    beside: str | None, among: str | None, expected_s: int
) -> None:
    given = event()
    if beside is not None:
        given["ServiceTimeout"] = beside
    if among is not None:
        given["ResourceProperties"] = {**given["ResourceProperties"], "ServiceTimeout": among}
    request = parse_request(given, START)
    assert request.deadline == deadline(request.issued_at, expected_s)


def test_owner_tags_of_another_cluster_give_no_ownership() -> None:
    owner = Owner(STACK, "Cluster")
    tags = owner.tags("hpc", "r1")
    assert owner.owns(tags, "hpc")
    assert not owner.owns(tags, "copy")
    assert not Owner(STACK, "Other").owns(tags, "hpc")
    assert not owner.owns({}, "hpc")


def test_owner_tags_fit_into_tag_values() -> None:
    longest = f"arn:aws-us-gov:cloudformation:us-gov-west-1:123456789012:stack/{'s' * 128}/{'0' * 36}"
    assert StackArn.parse(longest).name == "s" * 128
    # Source: AWS CloudFormation API reference, Tag: a value has at most 256 characters.
    assert all(len(value) <= 256 for value in Owner(longest, "L" * 255).tags("c" * 60, "r" * 36).values())
