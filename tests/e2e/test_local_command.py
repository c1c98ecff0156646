"""``pcluster-cfn local`` in the background: a user starts a cloud, works on it and stops it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.testing.waiting import eventually
from tests.e2e.account import DEADLINE_S, ROOT

pytestmark = pytest.mark.e2e

EXAMPLE = ROOT / "examples" / "simple-cluster.yaml"
AWS = Path(sys.executable).parent / "aws"


@pytest.fixture
def environment(tmp_path):
    """A user without other clouds, and with a profile for an account of their own."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ["PYTHONPATH"],
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "AWS_PROFILE": "prod",
    }


@pytest.fixture
def local(environment):
    """Runs ``pcluster-cfn local``; ends every cloud that it has started."""

    def local(*words, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "pcluster_cfn", "local", *map(str, words)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done

    yield local
    for cloud in json.loads(local("status", "--json").stdout):
        local("stop", "--name", cloud["name"])


def test_a_cloud_in_the_background_is_worked_on_and_its_end_names_the_lost_cluster(local):
    started = local("start")
    assert "It keeps nothing: what you make on it is lost when it stops." in started.stderr
    lines = started.stdout.splitlines()
    assert lines[0] == "unset AWS_PROFILE"
    assert not [line for line in lines if line.startswith("export PATH=")]
    assert local("env").stdout == started.stdout
    values = dict(line.removeprefix("export ").split("=", 1) for line in lines[1:])
    parameters = {
        "HeadNodeSubnet": values["HEAD_NODE_SUBNET"],
        "ComputeSubnet": values["COMPUTE_SUBNET"],
        "KeyName": values["KEY_NAME"],
    }
    given = [word for name, value in parameters.items() for word in ("-p", f"{name}={value}")]
    local(
        "exec", "--", sys.executable, "-m", "pcluster_cfn", "deploy", EXAMPLE, "--stack-name", "hpc", *given
    )
    queues = local("exec", AWS, "--output", "json", "sqs", "list-queues").stdout
    assert json.loads(queues)["QueueUrls"]
    assert all(url.startswith(values["AWS_ENDPOINT_URL"]) for url in json.loads(queues)["QueueUrls"])
    (known,) = json.loads(local("status", "--json").stdout)
    assert {"name": "hpc", "status": "CREATE_COMPLETE", "cluster": None} in known["stacks"]
    assert {"name": "c-hpc", "status": "CREATE_COMPLETE", "cluster": "c-hpc"} in known["stacks"]
    assert "ahead of this machine" in local("status").stdout
    stopped = local("stop").stderr.splitlines()
    assert stopped[0] == f"Stopping the embedded cloud 'default' at {values['AWS_ENDPOINT_URL']} …"
    assert "  stack c-hpc (CREATE_COMPLETE), the cluster c-hpc" in stopped
    assert local("status").stdout == "No cloud runs.\n"
    assert local("env", code=1).stderr == "Error: no cloud runs; start one first\n"


def test_a_cloud_in_the_foreground_is_found_and_ends_with_a_word_about_what_is_lost(local, environment):
    foreground = subprocess.Popen(
        [sys.executable, "-m", "pcluster_cfn", "local"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    exports = foreground.stdout.read()
    (known,) = json.loads(local("status", "--json").stdout)
    assert f"export AWS_ENDPOINT_URL={known['endpoint_url']}\n" in exports
    assert f"export LOCALCLOUD_PID={foreground.pid}\n" in exports
    refused = local("start", code=1).stderr
    assert refused.startswith(f"Error: a cloud named 'default' runs already at {known['endpoint_url']} ")
    foreground.send_signal(signal.SIGINT)
    _, said = foreground.communicate(timeout=DEADLINE_S)
    assert said.splitlines() == [
        "",
        f"Stopping the embedded cloud at {known['endpoint_url']} …",
        "It had no stacks. Whatever else was on it is lost.",
    ]
    assert foreground.returncode == 0


def test_a_cloud_in_the_foreground_ends_when_it_is_stopped_from_another_shell(local, environment):
    foreground = subprocess.Popen(
        [sys.executable, "-m", "pcluster_cfn", "local"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    eventually(lambda: "simulated time" in local("status").stdout, "the cloud to answer")
    local("stop")
    assert foreground.wait(DEADLINE_S) == 0
    assert "has been stopped." in foreground.stderr.read()
    foreground.stderr.close()
