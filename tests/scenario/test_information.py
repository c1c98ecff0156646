"""Resources that only ask: what they answer, and that they touch nothing."""

import json
from typing import Any

import pytest

from cluster_provider.core.identity import is_marker
from tests.support.fakes import stack_of
from tests.support.world import World, failed

TOKEN = "arn:aws:lambda:us-east-1:123456789012:function:provider"
INFO, IMAGE = "Custom::PclusterClusterInfo", "Custom::PclusterOfficialImage"


def ask(world: World, resource_type: str, request_type: str = "Create", **asked: Any) -> str:
    event = world.event(
        request_type,
        logical_id="Asked",
        ResourceType=resource_type,
        ResourceProperties={"ServiceToken": TOKEN, **asked},
        **({"PhysicalResourceId": "what-it-was"} if request_type != "Create" else {}),
    )
    return world.deliver(event)


def test_the_newest_official_image_is_answered() -> None:
    world = World()
    request = ask(world, IMAGE, Os="alinux2023", Architecture="arm64")
    call = world.run_engine()
    answer = world.sink.answer(request)
    assert (call["operation"], call["cluster_name"]) == ("list-official-images", "")
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"] == {
        "amiId": "ami-3",
        "name": "aws-parallelcluster-3.16.1-alinux2023-arm64-20260103",
        "os": "alinux2023",
        "architecture": "arm64",
        "version": "3.16.1",
    }


def test_the_images_of_another_version_are_asked_of_its_engine() -> None:
    world = World(("3.16.1", "3.14.0"))
    request = ask(world, IMAGE, Os="alinux2", PclusterVersion="3.14.0")
    assert world.run_engine()["version"] == "3.14.0"
    assert world.sink.answer(request)["Data"]["version"] == "3.14.0"


def test_a_question_for_a_version_without_an_engine_is_refused_with_the_versions_there_are() -> None:
    world = World()
    request = ask(world, IMAGE, Os="alinux2", PclusterVersion="3.14.0")
    answer = world.sink.answer(request)
    assert answer["Reason"].startswith("VersionMismatch: official image of alinux2 for x86_64: it needs an")
    assert world.engines.calls == []


def test_an_image_that_does_not_exist_is_not_found() -> None:
    world = World()
    request = ask(world, IMAGE, Os="alinux2")
    world.run_engine({"status": "succeeded", "images": []})
    assert world.sink.answer(request)["Reason"].startswith("NotFound: official image of alinux2 for x86_64")


def test_a_question_that_the_library_refuses_is_an_invalid_property_with_its_words() -> None:
    world = World()
    request = ask(world, IMAGE, Os="solaris")
    world.run_engine(failed("BadRequest", "solaris is not one of ['alinux2023']"))
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("InvalidProperty: official image of solaris for x86_64: solaris is not one of")


def test_a_cluster_is_described_by_its_name_regardless_of_its_owner() -> None:
    world = World()
    world.stacks.declare(stack_of("other", "CREATE_COMPLETE", {"parallelcluster:version": "3.16.1"}))
    request = ask(world, INFO, ClusterName="other")
    world.run_engine()
    data = world.sink.answer(request)["Data"]
    assert data["headNode.publicIpAddress"] == "203.0.113.7"
    assert (data["clusterCount"], data["clusterNames"], data["isShortened"]) == ("1", "other", "false")
    assert world.cluster("other").owner_tags == {}


def test_clusters_are_listed_by_prefix_with_the_same_attribute_names() -> None:
    world = World()
    for name in ("team-b", "team-a", "other"):
        world.stacks.declare(stack_of(name, "CREATE_COMPLETE", {"parallelcluster:version": "3.16.1"}))
    listed = ask(world, INFO, NamePrefix="team-", ClusterStatus="CREATE_COMPLETE")
    assert world.run_engine()["arguments"] == {
        "cluster_status": ["CREATE_COMPLETE"],
        "name_prefix": "team-",
    }
    data = world.sink.answer(listed)["Data"]
    assert (data["clusterCount"], data["clusterNames"]) == ("2", "team-a,team-b")
    assert json.loads(data["clusters"])[0]["clusterStatus"] == "CREATE_COMPLETE"
    world.clock.advance(60)
    described = ask(world, INFO, ClusterName="other")
    world.run_engine()
    assert set(data) == set(world.sink.answer(described)["Data"])


def test_a_list_that_is_too_long_for_an_answer_ends_with_a_whole_cluster_and_says_so() -> None:
    world = World()
    request = ask(world, INFO)
    clusters = [{"clusterName": f"cluster-{number:03}", "version": "3.16.1"} for number in range(200)]
    world.run_engine({"status": "succeeded", "clusters": clusters, "cluster_count": 345})
    data = world.sink.answer(request)["Data"]
    assert (data["clusterCount"], data["isShortened"]) == ("345", "true")
    names = data["clusterNames"].split(",")
    assert names == [item["clusterName"] for item in json.loads(data["clusters"])]
    assert 5 < len(names) < 200


def test_no_cluster_is_an_answer_to_a_list_and_none_to_a_name() -> None:
    world = World()
    listed = ask(world, INFO)
    world.run_engine()
    assert world.sink.answer(listed)["Data"]["clusterNames"] == ""
    world.clock.advance(60)
    named = ask(world, INFO, ClusterName="nobody")
    world.run_engine()
    answer = world.sink.answer(named)
    assert answer["Reason"].startswith("NotFound: cluster nobody: it does not exist.")
    assert is_marker(answer["PhysicalResourceId"])


def test_an_update_reads_again_under_the_same_id() -> None:
    world = World()
    first = ask(world, INFO)
    world.run_engine()
    world.clock.advance(60)
    world.stacks.declare(stack_of("new", "CREATE_COMPLETE", {"parallelcluster:version": "3.16.1"}))
    second = ask(world, INFO, "Update", Trigger="2")
    world.run_engine()
    answers = [world.sink.answer(request) for request in (first, second)]
    assert [answer["Data"]["clusterNames"] for answer in answers] == ["", "new"]
    assert len({answer["PhysicalResourceId"] for answer in answers}) == 1


@pytest.mark.parametrize("resource_type", [INFO, IMAGE])
def test_a_delete_of_what_only_asks_succeeds_at_once(resource_type: str) -> None:
    world = World()
    request = ask(world, resource_type, "Delete")
    assert world.sink.answer(request)["Status"] == "SUCCESS"
    assert world.engines.calls == []
    assert [record.is_open for _, record in world.store.records()] == [False]


def test_a_question_that_aws_throttled_is_asked_again() -> None:
    world = World()
    request = ask(world, INFO)
    for _ in range(5):
        world.run_engine(failed("Throttled", "Rate exceeded"))
        assert not world.engines.calls
        world.pass_time(60)
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"


def test_an_engine_that_dies_over_a_question_is_asked_three_times_at_most() -> None:
    world = World()
    request = ask(world, INFO)
    for _ in range(3):
        assert not world.sink.answers(request)
        world.crash_engine()
        world.pass_time(60)
    assert world.sink.answer(request)["Reason"].startswith("EngineFailed: clusters: the engine ended without")
    assert not world.engines.calls


def test_values_that_ec2_could_not_give_are_asked_for_again() -> None:
    world = World()
    world.stacks.declare(stack_of("other", "CREATE_COMPLETE", {"parallelcluster:version": "3.16.1"}))
    request = ask(world, INFO, ClusterName="other")
    world.run_engine({"status": "succeeded", "cluster": {"clusterName": "other"}, "head_node": "unknown"})
    assert not world.sink.answers(request)
    world.pass_time(60)
    world.run_engine()
    assert world.sink.answer(request)["Data"]["headNode.instanceId"] == "i-1"


def test_a_question_without_an_answer_in_time_says_what_it_was_about() -> None:
    world = World()
    request = ask(world, INFO, ClusterName="other", ServiceTimeout="120")
    world.pass_time(240)
    reason = world.sink.answer(request)["Reason"]
    assert reason.startswith("DeadlineExceeded: cluster other: not done in the time")
    assert "WaitConditionHandle" not in reason


@pytest.mark.parametrize(
    ("resource_type", "asked", "reason"),
    [
        (IMAGE, {}, "MissingProperty: Os: this property is needed"),
        (
            IMAGE,
            {"Os": "alinux2", "Architecture": "arm"},
            "InvalidProperty: Architecture: 'arm' is not valid",
        ),
        (
            IMAGE,
            {"Os": "alinux2", "Architect": "arm64"},
            "InvalidProperty: Architect: there is no such property. Did you",
        ),
        (
            INFO,
            {"ClusterName": "a b"},
            "InvalidProperty: ClusterName: 'a b' is not valid; expected 2 to 60",
        ),
        (INFO, {"ClusterStatus": ["GONE"]}, "InvalidProperty: ClusterStatus: '[\"GONE\"]' is not valid"),
        (INFO, {"ClusterName": "hpc", "NamePrefix": "h"}, "InvalidProperty: NamePrefix: it selects from all"),
        (INFO, {"ServiceTimeout": "4000"}, "InvalidProperty: ServiceTimeout: '4000' is not valid"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_at_once(
    resource_type: str, asked: dict[str, Any], reason: str
) -> None:
    world = World()
    request = ask(world, resource_type, **asked)
    assert world.sink.answer(request)["Reason"].startswith(reason)
    assert not world.engines.calls


def test_the_rollback_to_properties_that_were_refused_succeeds() -> None:
    world = World()
    good, bad = {"ServiceToken": TOKEN, "Os": "alinux2"}, {"ServiceToken": TOKEN}
    fields = {"logical_id": "Asked", "ResourceType": IMAGE, "PhysicalResourceId": "what-it-was"}
    update = world.event("Update", ResourceProperties=bad, OldResourceProperties=good, **fields)
    assert world.sink.answer(world.deliver(update))["Status"] == "FAILED"
    world.clock.advance(60)
    rollback = world.event("Update", ResourceProperties=good, OldResourceProperties=bad, **fields)
    request = world.deliver(rollback)
    world.run_engine()
    assert world.sink.answer(request)["Data"]["amiId"] == "ami-3"


def test_other_type_names_mean_a_cluster() -> None:
    for resource_type in ("Custom::PclusterClusterInformation", "AWS::CloudFormation::CustomResource"):
        world = World()
        request = world.create(ResourceType=resource_type)
        world.run_engine()
        world.settle("hpc", "CREATE_COMPLETE")
        world.run_engine()
        assert world.sink.answer(request)["PhysicalResourceId"] == "hpc"


def test_the_rollback_of_an_update_that_found_nothing_succeeds_with_empty_values() -> None:
    world = World()
    ask(world, INFO, ClusterName="other", Trigger="1")
    for old, new, status in (("1", "2", "FAILED"), ("2", "1", "SUCCESS")):
        world.clock.advance(60)
        event = world.event(
            "Update",
            logical_id="Asked",
            ResourceType=INFO,
            PhysicalResourceId="what-it-was",
            ResourceProperties={"ServiceToken": TOKEN, "ClusterName": "other", "Trigger": new},
            OldResourceProperties={"ServiceToken": TOKEN, "ClusterName": "other", "Trigger": old},
        )
        request = world.deliver(event)
        world.engines.calls = world.engines.calls[-1:]
        world.run_engine()
        answer = world.sink.answer(request)
        assert (answer["Status"], answer["PhysicalResourceId"]) == (status, "what-it-was")
    assert answer["Data"]["clusterName"] == ""


def test_an_unreported_cluster_is_deleted_by_a_resource_that_only_asks_now() -> None:
    world = World()
    world.create()
    world.run_engine()
    world.settle("hpc", "CREATE_COMPLETE", tell=False)
    world.clock.advance(3600)
    request = world.create(ResourceType=IMAGE, ResourceProperties={"ServiceToken": TOKEN, "Os": "alinux2023"})
    assert world.run_engine()["operation"] == "delete"
    assert not world.sink.answers(request)
    world.settle("hpc", "DELETE_COMPLETE")
    world.pass_time(60)
    world.run_engine()
    assert world.sink.answer(request)["Status"] == "SUCCESS"
