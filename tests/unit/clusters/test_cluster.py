"""A cluster's stack says how the cluster is, and its tags say who made it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from cluster_provider.core.identity import Owner as ProvidersOwner
from pcluster_cfn.clusters.cluster import Cluster, Health, Origin, Owner, age, marked_owner

PREFIX = "arn:aws:cloudformation:eu-west-1:123456789012:stack"
OWNER = ProvidersOwner(f"{PREFIX}/hpc/0a1b", "Cluster")
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def stack(status="CREATE_COMPLETE", name="c-hpc", **tags):
    everything = {"parallelcluster:cluster-name": "c-hpc", "parallelcluster:version": "3.16.1", **tags}
    return {
        "StackName": name,
        "StackId": f"{PREFIX}/{name}/9f8e",
        "StackStatus": status,
        "CreationTime": NOW,
        "Tags": [{"Key": key, "Value": value} for key, value in everything.items()],
    }


def test_a_stack_is_a_cluster_s_if_its_tag_names_it():
    assert Cluster.of(stack()).version == "3.16.1"
    assert Cluster.of(stack(name="c-hpc-ComputeFleet-1")) is None
    assert Cluster.of({**stack(), "Tags": []}) is None


@pytest.mark.parametrize("tags", [OWNER.tag("c-hpc", "r-1"), OWNER.tags("c-hpc", "r-1")])
def test_the_owner_is_read_from_every_form_of_the_provider_s_tags(tags):
    cluster = Cluster.of(stack(**tags))
    assert cluster.tagged_owner == Owner(OWNER.stack_id, OWNER.logical_id)
    assert (cluster.tagged_owner.stack_name, cluster.origin) == ("hpc", Origin.PROVIDER)


@pytest.mark.parametrize("tags", [{}, {"pcluster-cfn:owner": "hpc Cluster"}, {"pcluster-cfn:stack-id": "x"}])
def test_without_the_whole_tag_there_is_no_owner(tags):
    assert Cluster.of(stack(**tags)).tagged_owner is None


def test_what_made_a_cluster_without_an_owner_tag_is_told_from_its_other_tags():
    assert Cluster.of(stack()).origin is Origin.PCLUSTER
    official = {"parallelcluster:custom_resource": "cluster"}
    assert Cluster.of(stack(**official)).origin is Origin.CUSTOM_RESOURCE


def test_the_log_group_is_the_one_that_the_stack_names():
    parameter = {"ParameterKey": "ClusterCWLogGroup", "ParameterValue": "/aws/parallelcluster/c-hpc-1"}
    assert Cluster.of({**stack(), "Parameters": [parameter]}).log_group == "/aws/parallelcluster/c-hpc-1"
    assert Cluster.of(stack()).log_group is None
    without = {**parameter, "ParameterValue": "NONE"}
    assert Cluster.of({**stack(), "Parameters": [without]}).log_group is None


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ("CREATE_COMPLETE", Health.WORKS),
        ("UPDATE_ROLLBACK_COMPLETE", Health.WORKS),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Health.WORKS),
        ("UPDATE_IN_PROGRESS", Health.CHANGING),
        ("DELETE_IN_PROGRESS", Health.CHANGING),
        ("CREATE_FAILED", Health.BROKEN),
        ("ROLLBACK_COMPLETE", Health.BROKEN),
        ("DELETE_FAILED", Health.BROKEN),
    ],
)
def test_a_cluster_works_where_its_stack_does(status, health):
    assert Cluster.of(stack(status)).health is health


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (timedelta(), "0s"),
        (timedelta(seconds=-5), "0s"),
        (timedelta(seconds=59), "59s"),
        (timedelta(minutes=2, seconds=3), "2m3s"),
        (timedelta(hours=1), "1h"),
        (timedelta(days=3, hours=4, minutes=5), "3d4h"),
        (timedelta(days=3, minutes=5), "3d"),
    ],
)
def test_an_age_has_its_two_largest_units(passed, text):
    assert age(NOW - passed, NOW) == text


def test_a_mark_names_the_owner_of_a_cluster_that_was_taken_over():
    text = json.dumps({"cluster": "x", "owner": {"stack_id": "s", "logical_id": "l"}, "call_id": "c"})
    assert marked_owner(text.encode()) == Owner("s", "l")
    for wrong in (b"", b"[]", b"{}", b'{"owner": 1}', b"\xff"):
        assert marked_owner(wrong) is None
