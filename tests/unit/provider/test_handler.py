import json
from typing import Any

import pytest

from cluster_provider.adapters.engines import parse_functions
from cluster_provider.core.identity import may_be_cluster
from tests.support.world import World


def test_an_event_of_no_known_source_is_an_error_that_names_its_keys() -> None:
    with pytest.raises(ValueError, match=r"\['a', 'b'\]"):
        World().deliver({"b": 1, "a": 2})


def test_an_unknown_request_type_is_refused_once_with_what_was_expected() -> None:
    world = World()
    request = world.deliver(world.event("Describe", PhysicalResourceId="hpc"))
    answer = world.sink.answer(request)
    assert answer["Reason"].startswith("MalformedRequest: RequestType: 'Describe'")
    assert answer["PhysicalResourceId"] == "hpc"
    assert world.store.records() == []


def test_a_malformed_request_is_refused_and_leaves_no_record() -> None:
    world = World()
    request = world.deliver(world.event("Create", ResourceProperties=["x"]))
    assert world.sink.answer(request)["Reason"].startswith("MalformedRequest: ResourceProperties")
    assert world.store.records() == []


@pytest.mark.parametrize(
    "changed",
    [
        {"StackId": ""},
        {"StackId": "arn:aws:cloudformation:../../x:123456789012:stack/parent/0"},
        {"StackId": None},
        {"RequestId": "r" * 3000},
        {"RequestId": ["r"]},
        {"LogicalResourceId": "L" * 3000},
        {"LogicalResourceId": "Cluster|Other"},
        {"ResponseURL": "https://attacker.test/?X-Amz-Signature=s3cr3t"},
        {"ResponseURL": 7},
    ],
)
def test_an_event_that_cannot_be_cloudformations_is_dropped_and_not_tried_again(
    changed: dict[str, Any],
) -> None:
    world = World()
    world.deliver(world.event("Create") | changed)
    assert (world.sink.bodies, world.store.records(), world.engines.calls) == ({}, [], [])


@pytest.mark.parametrize("request_type", [["Create"], {"Create": 1}, None, 7, "", "create"])
def test_a_request_type_of_any_other_form_is_refused(request_type: Any) -> None:
    world = World()
    request = world.deliver(world.forge("Create") | {"RequestType": request_type})
    assert world.sink.answer(request)["Reason"].startswith("MalformedRequest: RequestType: ")


def test_a_stack_event_of_another_stack_wakes_no_owner() -> None:
    world = World()
    world.create()
    before = json.dumps(world.engines.calls)
    arn = "arn:aws:cloudformation:us-east-1:123456789012:stack/stranger/1"
    world.deliver({"detail-type": "CloudFormation Stack Status Change", "detail": {"stack-id": arn}})
    assert json.dumps(world.engines.calls) == before


def test_the_record_of_a_foreign_invocation_is_an_error() -> None:
    with pytest.raises(ValueError, match="not an engine call"):
        World().deliver({"requestPayload": {"hello": 1}, "requestContext": {}})


def test_an_engine_that_reports_to_an_unknown_owner_changes_nothing() -> None:
    world, stranger = World(), World()
    world.create()
    call: dict[str, Any] = world.engines.calls[0][1]
    stranger.report(call, {"contract": 1, "status": "succeeded"})
    assert stranger.store.records() == []


def test_engines_are_read_from_pairs_and_a_wrong_pair_is_shown() -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:engine"
    assert parse_functions(f"3.16.1={arn}, ") == {"3.16.1": arn}
    with pytest.raises(ValueError, match=r"'3\.16\.1'"):
        parse_functions("3.16.1")


@pytest.mark.parametrize("name", ["c", "My-Cluster-1", "a" * 60])
def test_a_stack_with_a_clusters_name_may_be_a_cluster(name: str) -> None:
    assert may_be_cluster(name)


@pytest.mark.parametrize("name", ["", "1st", "with_underscore", "a" * 61])
def test_a_stack_with_any_other_name_is_none(name: str) -> None:
    assert not may_be_cluster(name)
