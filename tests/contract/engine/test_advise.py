"""``pcluster-cfn advise --all-clusters`` on clusters as the real library leaves them."""

import json

import pytest
from click.testing import CliRunner

from cluster_schema import versions
from pcluster_cfn.cli import main

pytestmark = [
    pytest.mark.library,
    pytest.mark.usefixtures("api"),
    pytest.mark.skipif(len(versions()) == 1, reason="an engine as built has no command beside it"),
]

#: What ParallelCluster puts on a cluster's stack and on those that it nests.
OLD = {"parallelcluster:version": "3.14.0", "parallelcluster:cluster-name": "living"}


def advise(cloud, *arguments):
    result = CliRunner().invoke(main, ["advise", "--all-clusters", "--region", cloud.region, *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_a_living_cluster_is_judged_by_its_version_and_the_configuration_in_force(cloud, api, made):
    api.reset()
    stack = api.add("living", tags=made.tags | OLD, parameters=made.parameters)
    document = json.loads(advise(cloud, "--json").stdout)
    assert (document["clusters"], document["notLookedAt"]) == (1, [])
    assert {each["stackId"] for each in document["advisories"]} == {stack.stack_id}
    found = [each["id"] for each in document["advisories"]]
    assert found[:2] == ["CVE-2026-25506", "aws-parallelcluster#7601"]
    # Only clusters with GPUs of another age, and only with Ubuntu: the configuration has neither.
    assert not {"aws-parallelcluster#6014", "CVE-2026-31431"} & set(found)


def test_stacks_that_are_no_clusters_are_left_out(cloud, api):
    api.reset()
    api.add("somebody", tags={"project": "weather"})
    api.add("image", tags={"parallelcluster:version": "3.14.0", "parallelcluster:image_id": "image"})
    assert advise(cloud).stderr.endswith("0 clusters, 0 advisories\n")


def test_a_configuration_that_cannot_be_read_leaves_conditions_to_the_reader(cloud, api, made):
    api.reset()
    gone = made.parameters | {"ArtifactS3RootDirectory": "parallelcluster/gone"}
    api.add("living", tags=made.tags | OLD, parameters=gone)
    result = advise(cloud)
    assert "living (CREATE_COMPLETE): ParallelCluster 3.14.0" in result.stdout
    assert "only with Scheduling/Scheduler: slurm" in result.stdout
    assert "aws-parallelcluster#6014" in result.stdout
    assert "living: not checked: cannot read s3://" in result.stdout
    assert result.stderr.endswith("1 not checked\n")


def test_a_stack_that_does_not_name_its_bucket_says_so(cloud, api):
    api.reset()
    api.add("living", tags=OLD)
    assert "living: not checked: the stack of cluster living does not name its bucket" in advise(cloud).stdout
