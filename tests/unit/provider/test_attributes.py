"""What a template reads with Fn::GetAtt: always the same names."""

from typing import Any

import pytest

from cluster_provider.core import attributes
from cluster_provider.core.attributes import cluster_attributes, messages_text, pool_count, text
from cluster_provider.core.engine import EngineResult
from cluster_provider.core.identity import TYPES, Kind, Owner, kind_of
from tests.support.fakes import stack_of

CLUSTER_NAMES = {
    "clusterName",
    "clusterStatus",
    "cloudFormationStackStatus",
    "cloudformationStackArn",
    "computeFleetStatus",
    "creationTime",
    "lastUpdatedTime",
    "region",
    "version",
}
HEAD_NODE = {
    "instanceId": "i-1",
    "instanceType": "c5.large",
    "launchTime": "2026-11-02",
    "privateIpAddress": "10.0.0.7",
    "publicIpAddress": "203.0.113.7",
    "state": "running",
}
POOL = {
    "poolName": "login",
    "status": "active",
    "address": "login.example",
    "scheme": "internal",
    "healthyNodes": 2,
    "unhealthyNodes": 0,
}
POOL_TEXTS = {**POOL, "healthyNodes": "2", "unhealthyNodes": "0"}
OWNER = Owner("arn:aws:cloudformation:us-east-1:123456789012:stack/parent/0", "Cluster")
STACK = stack_of(
    "hpc",
    "CREATE_COMPLETE",
    {"parallelcluster:version": "3.16.1"},
    parameters={"ClusterCWLogGroup": "/aws/parallelcluster/hpc"},
    outputs={"HeadNodeInstanceID": "i-2", "HeadNodePrivateIP": "10.0.0.8"},
)


def prefixed(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{name}": value for name, value in values.items()}


def test_a_described_cluster_has_every_value_of_its_description() -> None:
    described: dict[str, Any] = {name: f"the {name}" for name in CLUSTER_NAMES}
    described |= {"headNode": HEAD_NODE, "loginNodes": [POOL, {"poolName": "second"}]}
    second = dict.fromkeys(POOL, "") | {"poolName": "second"}
    assert cluster_attributes(None, described) == {
        **{name: f"the {name}" for name in CLUSTER_NAMES},
        "logGroupName": "",
        **prefixed("headNode", HEAD_NODE),
        **prefixed("loginNodes.0", POOL_TEXTS),
        **prefixed("loginNodes.1", second),
        **prefixed("loginNodes", POOL_TEXTS),
    }


def test_a_cluster_that_was_not_described_has_the_values_of_its_stack() -> None:
    empty = dict.fromkeys(POOL, "")
    assert cluster_attributes(STACK, None) == {
        **dict.fromkeys(CLUSTER_NAMES, ""),
        "clusterName": "hpc",
        "cloudformationStackArn": STACK.stack_id,
        "cloudFormationStackStatus": "CREATE_COMPLETE",
        "version": "3.16.1",
        "logGroupName": "/aws/parallelcluster/hpc",
        **prefixed("headNode", dict.fromkeys(HEAD_NODE, "")),
        "headNode.instanceId": "i-2",
        "headNode.privateIpAddress": "10.0.0.8",
        **prefixed("loginNodes.0", empty),
        **prefixed("loginNodes", empty),
    }


def test_a_stack_stands_in_for_the_head_node_only_where_that_was_not_described() -> None:
    values = cluster_attributes(STACK, {"headNode": {"state": "stopped"}})
    assert (values["headNode.state"], values["headNode.instanceId"]) == ("stopped", "")
    without_outputs = stack_of("hpc", "CREATE_COMPLETE")
    values = cluster_attributes(without_outputs, None)
    assert (values["headNode.instanceId"], values["version"], values["logGroupName"]) == ("", "", "")


def test_login_pools_that_an_earlier_answer_had_keep_their_names() -> None:
    names = {
        name
        for name in cluster_attributes(None, {"loginNodes": [POOL]}, 3)
        if name.startswith("loginNodes.2")
    }
    assert names == set(prefixed("loginNodes.2", POOL))
    assert "loginNodes.3.poolName" not in cluster_attributes(None, None, 3)


@pytest.mark.parametrize(
    ("described", "count"), [(None, 0), ({}, 0), ({"loginNodes": None}, 0), ({"loginNodes": [{}, {}]}, 2)]
)
def test_login_pools_are_counted(described: dict[str, Any] | None, count: int) -> None:
    assert pool_count(described) == count


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ""), (True, "true"), (False, "false"), ("a", "a"), (3, "3"), ({"a": 1}, '{"a": 1}')],
)
def test_every_value_is_a_text(value: Any, expected: str) -> None:
    assert text(value) == expected


def test_messages_are_compact_json_in_their_own_letters() -> None:
    assert messages_text([{"level": "INFO", "message": "für"}]) == '[{"level":"INFO","message":"für"}]'


IMAGE_STACK = stack_of(
    "img", "CREATE_IN_PROGRESS", {"parallelcluster:version": "3.16.1", "parallelcluster:build_log": "arn:log"}
)
AMI = {"amiId": "ami-1", "amiName": "img 1", "state": "available", "architecture": "x86_64"}
DESCRIBED_IMAGE = {
    "imageId": "other",
    "imageBuildStatus": "BUILD_COMPLETE",
    "creationTime": "2026-11-02",
    "region": "us-east-1",
    "version": "3.0.0",
    "ec2AmiInfo": AMI,
}


def test_a_built_image_has_every_value_of_its_description() -> None:
    assert attributes.image_attributes(None, DESCRIBED_IMAGE) == {
        "imageId": "other",
        "imageBuildStatus": "BUILD_COMPLETE",
        "creationTime": "2026-11-02",
        "region": "us-east-1",
        "version": "3.0.0",
        "amiId": "ami-1",
        "amiName": "img 1",
        "amiState": "available",
        "architecture": "x86_64",
        "imageBuildLogsArn": "",
        "cloudformationStackArn": "",
    }


def test_an_images_stack_shows_its_name_its_version_and_its_log() -> None:
    values = attributes.image_attributes(IMAGE_STACK, DESCRIBED_IMAGE)
    assert values["imageId"] == "img"
    assert values["version"] == "3.16.1"
    assert values["imageBuildStatus"] == "BUILD_COMPLETE"
    assert values["imageBuildLogsArn"] == "arn:log"
    assert values["cloudformationStackArn"] == IMAGE_STACK.stack_id


def test_an_image_that_cannot_be_described_yet_is_being_built_while_its_stack_is() -> None:
    assert attributes.image_attributes(IMAGE_STACK, None)["imageBuildStatus"] == "BUILD_IN_PROGRESS"
    done = attributes.image_attributes(stack_of("img", "DELETE_COMPLETE"), None)
    assert (done["imageBuildStatus"], done["version"], done["imageBuildLogsArn"]) == ("", "", "")


@pytest.mark.parametrize("described", [None, {}, {"ec2AmiInfo": None}, {"ec2AmiInfo": {"amiId": "ami-1"}}])
def test_an_image_without_an_ami_of_its_owner_is_not_built(described: dict[str, Any] | None) -> None:
    assert not attributes.has_built_image(described, OWNER, "img")


def test_an_image_is_built_once_there_is_an_ami_with_its_owners_tags() -> None:
    tags = [{"key": key, "value": value} for key, value in OWNER.tags("img", "request-1").items()]
    assert attributes.has_built_image({"ec2AmiInfo": {"amiId": "ami-1", "tags": tags}}, OWNER, "img")
    assert not attributes.has_built_image({"ec2AmiInfo": {"tags": tags}}, OWNER, "img")
    assert not attributes.has_built_image({"ec2AmiInfo": {"amiId": "ami-1", "tags": tags}}, OWNER, "other")


def summary(name: str) -> dict[str, str]:
    return {
        "clusterName": name,
        "clusterStatus": "CREATE_COMPLETE",
        "cloudFormationStackStatus": "CREATE_COMPLETE",
        "version": "3.16.1",
    }


def test_a_list_of_clusters_is_sorted_by_name() -> None:
    found = EngineResult(
        "succeeded", clusters=[{**summary("b"), "region": "x"}, summary("a")], cluster_count=2
    )
    values = attributes.information_attributes(Kind.CLUSTER_INFO, found)
    expected = ",".join(
        '{"clusterName":"%s","clusterStatus":"CREATE_COMPLETE",'  # noqa: UP031 - braces
        '"cloudFormationStackStatus":"CREATE_COMPLETE","version":"3.16.1"}' % name
        for name in "ab"
    )
    assert values["clusters"] == f"[{expected}]"
    assert (values["clusterNames"], values["clusterCount"], values["isShortened"]) == ("a,b", "2", "false")
    assert "logGroupName" not in values


def test_a_long_list_of_clusters_is_shortened_to_whole_ones() -> None:
    clusters = [summary(f"cluster-{number:02}") for number in range(30)]
    found = EngineResult("succeeded", clusters=clusters, cluster_count=40)
    values = attributes.information_attributes(Kind.CLUSTER_INFO, found)
    assert (values["clusterCount"], values["isShortened"]) == ("40", "true")
    length = len(values["clusters"])
    shown = values["clusterNames"].count(",") + 1
    one_more = (length - 1) // shown
    assert 1500 - one_more < length <= 1500


def test_a_list_of_clusters_is_shown_up_to_1500_characters() -> None:
    room = 1500 - len(attributes.information_attributes(Kind.CLUSTER_INFO, one_of(""))["clusters"])
    assert attributes.information_attributes(Kind.CLUSTER_INFO, one_of("a" * room))["isShortened"] == "false"
    assert attributes.information_attributes(Kind.CLUSTER_INFO, one_of("a" * (room + 1)))["clusters"] == "[]"


def one_of(name: str) -> EngineResult:
    return EngineResult("succeeded", clusters=[summary(name)], cluster_count=1)


def test_one_cluster_that_was_asked_for_is_a_list_of_one() -> None:
    found = EngineResult("succeeded", cluster={**summary("hpc"), "region": "us-east-1"})
    values = attributes.information_attributes(Kind.CLUSTER_INFO, found)
    assert (values["clusterCount"], values["clusterNames"], values["region"]) == ("1", "hpc", "us-east-1")
    assert values["isShortened"] == "false"


def test_nothing_that_was_found_is_empty_values() -> None:
    values = attributes.information_attributes(Kind.CLUSTER_INFO, None)
    assert (values["clusterCount"], values["clusters"], values["clusterNames"]) == ("0", "[]", "")
    empty = dict.fromkeys(["amiId", "name", "os", "architecture", "version"], "")
    assert attributes.information_attributes(Kind.OFFICIAL_IMAGE, None) == empty
    assert attributes.information_attributes(
        Kind.OFFICIAL_IMAGE, EngineResult("succeeded", images=[{"amiId": "ami-1"}])
    ) == (empty | {"amiId": "ami-1"})


def test_the_newest_official_image_is_reported() -> None:
    images = [{"amiId": f"ami-{day}", "name": f"image-{day}", "os": "rhel9"} for day in (1, 3, 2)]
    values = attributes.information_attributes(Kind.OFFICIAL_IMAGE, EngineResult("succeeded", images=images))
    assert (values["amiId"], values["name"], values["os"]) == ("ami-3", "image-3", "rhel9")


@pytest.mark.parametrize(
    ("kind", "images", "empty"),
    [
        (Kind.OFFICIAL_IMAGE, [], True),
        (Kind.OFFICIAL_IMAGE, [{}], False),
        (Kind.CLUSTER_INFO, [], False),
        (Kind.CLUSTER_INFO, [{}], False),
    ],
)
def test_a_list_may_be_empty_and_an_image_may_not(kind: Kind, images: list[Any], empty: bool) -> None:
    assert attributes.found_nothing(kind, EngineResult("succeeded", images=images)) is empty


def test_a_resources_type_decides_its_kind() -> None:
    assert TYPES == {
        "Custom::PclusterClusterInfo": Kind.CLUSTER_INFO,
        "Custom::PclusterOfficialImage": Kind.OFFICIAL_IMAGE,
        "Custom::PclusterImage": Kind.IMAGE,
    }
    assert kind_of("Custom::PclusterImage") is Kind.IMAGE
    assert kind_of("Custom::Anything") is Kind.CLUSTER
    read_only = {kind for kind in Kind if kind.is_read_only}
    assert read_only == {Kind.CLUSTER_INFO, Kind.OFFICIAL_IMAGE}


def test_records_of_every_earlier_version_are_read_by_the_names_of_the_kinds() -> None:
    assert {kind.value for kind in Kind} == {"Cluster", "ClusterInfo", "OfficialImage", "Image"}
