"""What the engine finds where it only asks, with the real library."""

import pytest
from pcluster.constants import SUPPORTED_OSES

from cluster_engine import actions
from tests.contract.engine.conftest import VERSION
from tests.support.cloudformation_api import Refusal

pytestmark = [pytest.mark.library, pytest.mark.usefixtures("api")]

OURS = {"parallelcluster:version": VERSION}
NO_CLUSTER = {"cluster_name": ""}


def named(name):
    return OURS | {"parallelcluster:cluster-name": name}


def test_clusters_are_listed_in_order_by_prefix_and_status(engine, api):
    for name, status in (
        ("team-b", "CREATE_COMPLETE"),
        ("team-a", "UPDATE_COMPLETE"),
        ("other", "CREATE_COMPLETE"),
    ):
        api.add(name, status=status, tags=named(name))
    api.add("team-network", tags={})
    listed = engine("list-clusters", **NO_CLUSTER, arguments={"name_prefix": "team-"})
    assert [cluster["clusterName"] for cluster in listed["clusters"]] == ["team-a", "team-b"]
    assert (listed["cluster_count"], listed["clusters"][0]["version"]) == (2, VERSION)
    updated = engine("list-clusters", **NO_CLUSTER, arguments={"cluster_status": ["UPDATE_COMPLETE"]})
    assert [cluster["clusterName"] for cluster in updated["clusters"]] == ["team-a"]
    assert api.sent("CreateStack") + api.sent("UpdateStack") + api.sent("DeleteStack") == []


def test_a_long_list_is_cut_and_counted(engine, api):
    names = [f"cluster-{number:03}" for number in range(actions.CLUSTERS_MAX + 5)]
    for name in names:
        api.add(name, tags=named(name))
    listed = engine("list-clusters", **NO_CLUSTER)
    assert [cluster["clusterName"] for cluster in listed["clusters"]] == names[: actions.CLUSTERS_MAX]
    assert listed["cluster_count"] == len(names)


def test_a_list_that_cloudformation_throttles_says_nothing_about_the_clusters(engine, api):
    engine.remaining_s = 15
    api.arrange("DescribeStacks", Refusal("Throttling", "Rate exceeded"))
    assert engine("list-clusters", **NO_CLUSTER)["error"]["code"] == "Throttled"


def test_official_images_are_those_of_this_version(engine):
    wanted = {"os": SUPPORTED_OSES[0], "architecture": "arm64"}
    (image,) = engine("list-official-images", **NO_CLUSTER, arguments=wanted)["images"]
    assert (image["os"], image["architecture"], image["version"]) == (*wanted.values(), VERSION)
    assert image["amiId"].startswith("ami-")


def test_an_operating_system_that_the_library_does_not_know_is_a_bad_request(engine):
    result = engine("list-official-images", **NO_CLUSTER, arguments={"os": "solaris"})
    assert result["error"]["code"] == "BadRequest"
    assert "solaris is not one of" in result["error"]["message"]


def test_a_cluster_is_described_by_its_name_alone(engine, api):
    api.add("hpc", tags=named("hpc"))
    described = engine("describe")
    assert described["cluster"]["clusterName"] == "hpc"
