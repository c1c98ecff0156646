"""Terraform makes a stack with a cluster, changes it and destroys it, by its own AWS provider."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.account import DEADLINE_S
from tests.examples.stacks import EXAMPLES

TERRAFORM = shutil.which("terraform")
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(TERRAFORM is None, reason="terraform is not installed")]

NAME, CLUSTER = "hpc-terraform", "c-hpc-terraform"


@pytest.fixture(scope="module")
def terraform(cloud, place, provider):  # noqa: ARG001 - it exports what the example reads
    """Runs Terraform in a copy of the example, and returns its output."""
    folder = place.folder / "terraform"
    shutil.copytree(EXAMPLES / "terraform", folder)
    # The AWS provider comes from a filesystem mirror of the machine's, or else from the registry.
    mirrors = [path.parent for path in Path("/opt").glob("*/registry.terraform.io")]
    from_mirror = [f"-plugin-dir={mirrors[0]}"] if mirrors else []
    seeded = {
        "TF_VAR_head_node_subnet": place.seeded["HeadNodeSubnet"],
        "TF_VAR_compute_subnet": place.seeded["ComputeSubnet"],
        "TF_VAR_key_name": place.seeded["KeyName"],
    }

    def run(*arguments):
        return subprocess.run(
            [TERRAFORM, *arguments],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "TF_IN_AUTOMATION": "1"}
            | cloud.environment
            | seeded,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def terraform(*arguments):
        done = run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    begun = run("init", "-input=false", *from_mirror)
    if begun.returncode and not from_mirror:
        pytest.skip(f"the AWS provider cannot be had from the registry: {begun.stderr.strip()}")
    assert begun.returncode == 0, begun.stdout + begun.stderr
    return terraform


def test_the_example_is_formatted(terraform):
    terraform("fmt", "-check")


def test_it_makes_the_cluster_that_ec2_reports_and_changes_and_destroys_it(terraform, account):
    terraform("apply", "-auto-approve", "-input=false", "-no-color")
    outputs = {name: each["value"] for name, each in json.loads(terraform("output", "-json")).items()}
    (head_node,) = account.head_nodes(CLUSTER)
    assert outputs == {"cluster_name": CLUSTER, "head_node_ip": head_node["PublicIpAddress"]}

    assert "No changes." in terraform("plan", "-input=false", "-no-color")
    terraform("apply", "-auto-approve", "-input=false", "-var", "max_count=8")
    assert account.stack(NAME)["StackStatus"] == "UPDATE_COMPLETE"
    assert account.stack(CLUSTER)["StackStatus"] == "UPDATE_COMPLETE"

    terraform("destroy", "-auto-approve", "-input=false")
    assert account.stack(NAME) is None
    assert account.head_nodes(CLUSTER) == []
