"""The command that connects to a node fits the node, and takes this process's place."""

import os
import subprocess
import sys

import pytest

from pcluster_cfn.clusters.connect import Way
from pcluster_cfn.clusters.nodes import Node, fleet_in, running_node
from pcluster_cfn.errors import CommandError


def node(system="alinux2023", public_ip="203.0.113.7", kind="HeadNode", state="running", name="i-1"):
    return Node(name, kind, state, "t3.medium", public_ip, "10.0.0.4", system)


@pytest.mark.parametrize(
    ("system", "user"),
    [
        ("alinux2", "ec2-user"),
        ("alinux2023", "ec2-user"),
        ("rhel9", "ec2-user"),
        ("rocky9", "rocky"),
        ("ubuntu2404", "ubuntu"),
    ],
)
def test_the_user_is_that_of_the_operating_system(system, user):
    way = Way(uses_ssm=False, region="eu-west-1", extra=["-i", "key"])
    assert way.command(node(system)) == ["ssh", f"{user}@203.0.113.7", "-i", "key"]


def test_a_node_without_a_public_address_has_its_private_one():
    assert Way(False, "eu-west-1").command(node(public_ip=None))[1] == "ec2-user@10.0.0.4"


def test_a_user_that_is_not_known_is_asked_for():
    with pytest.raises(CommandError, match="the user of plan9 of i-1 is not known; give it with --user"):
        Way(False, "eu-west-1").command(node("plan9"))
    assert Way(False, "eu-west-1", user="glenda").command(node("plan9"))[1] == "glenda@203.0.113.7"


def test_session_manager_gets_region_and_profile():
    assert Way(True, "eu-west-1", "hpc", extra=["--reason", "x"]).command(node()) == [
        *("aws", "ssm", "start-session", "--target", "i-1", "--region", "eu-west-1", "--profile", "hpc"),
        *("--reason", "x"),
    ]


def test_the_wanted_node_must_run():
    nodes = [
        node(state="terminated", name="i-0"),
        node(),
        node(kind="LoginNode", state="stopped", name="i-2"),
    ]
    assert running_node(nodes, "head", "hpc").instance_id == "i-1"
    with pytest.raises(CommandError, match="the node i-2 of cluster hpc is stopped"):
        running_node(nodes, "login", "hpc")
    with pytest.raises(CommandError, match="cluster hpc has no node i-9; its instances: i-0, i-1, i-2"):
        running_node(nodes, "i-9", "hpc")


def test_a_fleet_is_read_in_the_form_of_every_version():
    new = {"Data": {"M": {"status": {"S": "RUNNING"}, "lastStatusUpdatedTime": {"S": "2026"}}}}
    assert (fleet_in(new).status, fleet_in(new).updated_at) == ("RUNNING", "2026")
    old = {"Status": {"S": "STOPPED"}, "LastUpdatedTime": {"S": "2021"}}
    assert (fleet_in(old).status, fleet_in(old).updated_at) == ("STOPPED", "2021")


RUN = "import sys; from pcluster_cfn.clusters.connect import run; run(sys.argv[1:], [sys.argv[1]])"


def ran(folder, *command):
    environment = {**os.environ, "PATH": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", RUN, *command], env=environment, capture_output=True, text=True, check=False
    )


def test_the_command_takes_the_place_of_this_process_and_its_exit_code_is_the_command_s(tmp_path):
    program = tmp_path / "ssh"
    program.write_text('#!/bin/sh\necho "got $*"\nexit 7\n')
    program.chmod(0o755)
    done = ran(tmp_path, "ssh", "me@host", "a b")
    assert (done.returncode, done.stdout) == (7, "got me@host a b\n")
    assert done.stderr == "ssh me@host 'a b'\n"


def test_a_program_that_is_not_installed_is_named(tmp_path):
    done = ran(tmp_path, "ssh", "me@host")
    assert done.returncode == 1
    assert "ssh is not installed; install OpenSSH, or connect with --ssm" in done.stderr
