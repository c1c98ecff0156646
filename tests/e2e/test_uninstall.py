"""What is left of whom when the provider goes before the clusters that it made."""

import json
import os
import subprocess
import sys

import pytest

from tests.e2e.account import CLUSTER_TEMPLATE, DEADLINE_S, ROOT, outputs
from tests.e2e.parents import NODE

pytestmark = pytest.mark.e2e

CLUSTER = "c-left-alone"


@pytest.fixture(scope="module")
def left_alone(account):
    """A stack with a cluster, whose provider is gone."""
    provider = account.create("leaves", account.packaged(ROOT / "template.yaml"))
    assert provider["StackStatus"] == "CREATE_COMPLETE", account.why(provider)
    properties = {"ClusterName": CLUSTER, "ClusterConfiguration": account.configuration()}
    body = CLUSTER_TEMPLATE % "\n".join(
        f"      {key}: {json.dumps(value)}" for key, value in properties.items()
    )
    stack = account.create("left-alone", body, ServiceToken=outputs(provider)["ServiceToken"])
    assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
    assert account.delete("leaves")["StackStatus"] == "DELETE_COMPLETE"
    return stack


def pcluster(cloud, *arguments):
    """Runs ParallelCluster's own command."""
    return subprocess.run(
        [sys.executable, "-m", "pcluster.cli.entrypoint", *arguments],
        env={"PATH": f"{NODE}:{os.environ['PATH']}", **cloud.environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE_S,
    )


def test_the_cluster_lives_on_and_goes_by_parallelclusters_own_command(cloud, account, left_alone):
    cluster = account.stack(CLUSTER)
    assert cluster["StackStatus"] == "CREATE_COMPLETE"
    assert account.head_nodes(CLUSTER)

    assert account.delete("left-alone")["StackStatus"] == "DELETE_FAILED"
    account.cloudformation.delete_stack(StackName="left-alone", RetainResources=["Cluster"])
    assert account.settled(left_alone["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert account.stack(CLUSTER)["StackStatus"] == "CREATE_COMPLETE"

    pcluster(cloud, "delete-cluster", "--cluster-name", CLUSTER)
    assert account.settled(cluster["StackId"])["StackStatus"] == "DELETE_COMPLETE"
