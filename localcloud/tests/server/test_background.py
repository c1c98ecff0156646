"""Clouds in the background: they are started, found, used and stopped by name."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from localcloud import guard, processes, running
from localcloud.cloud import Cloud
from localcloud.processes import ProcessIdentity, identify
from localcloud.testing.waiting import eventually

#: Where the processes of these tests find the package.
SOURCE = Path(guard.__file__).parents[1]
#: A cloud that has taken its name and does not answer yet.
CLAIM = "import time; from localcloud import running; running.claim('slow'); time.sleep(600)"
TEMPLATE_OF_A_TOPIC = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})


@pytest.fixture(scope="module")
def temporary(tmp_path_factory):
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def user(tmp_path_factory, temporary):
    """Runs the command as a user of this machine who has no other clouds."""
    folder = tmp_path_factory.mktemp("user")

    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "TMPDIR": str(temporary),
    }

    def run(*words, **variables):
        return subprocess.run(
            [sys.executable, "-m", "localcloud", *words],
            cwd=SOURCE,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    run.environment = environment
    yield run
    for cloud in json.loads(run("status", "--json").stdout):
        run("stop", "--name", cloud["name"])


@pytest.fixture(scope="module")
def started(user):
    """A cloud in the background, as ``status`` knows it, and what ``start`` printed."""
    ran = user("start", "--name", "mine")
    assert ran.returncode == 0, ran.stderr
    (known,) = [cloud for cloud in statuses(user) if cloud["name"] == "mine"]
    return known, ran


def statuses(user):
    return json.loads(user("status", "--json").stdout)


def fetch(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url) as answer:
        return json.load(answer)


def lines_of(cloud_name, user):
    ran = user("env", "--name", cloud_name)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_start_returns_when_the_cloud_answers_and_says_that_nothing_is_kept(started):
    known, ran = started
    assert fetch(f"{known['endpoint_url']}/_localcloud/health")["ready"] is True
    assert f"export AWS_ENDPOINT_URL={known['endpoint_url']}" in ran.stdout.splitlines()
    assert f"export LOCALCLOUD_PID={known['pid']}" in ran.stdout.splitlines()
    assert not [line for line in ran.stdout.splitlines() if line.startswith("export PATH=")]
    assert "It keeps nothing: what you make on it is lost when it stops." in ran.stderr
    assert "Stop it with: localcloud stop --name mine" in ran.stderr


def test_its_health_names_its_version_its_process_and_its_services(started):
    known, _ = started
    health = fetch(f"{known['endpoint_url']}/_localcloud/health")
    assert set(health) == {"ready", "version", "pid", "services"}
    assert health["pid"] == known["pid"]
    assert {"cloudformation", "lambda", "sqs", "dynamodb", "events"} <= set(health["services"])
    assert set(health["services"].values()) <= {"available", "running"}


def test_env_prints_the_same_variables_again_and_unsets_what_leads_away(started, user):
    _, ran = started
    assert lines_of("mine", user) == ran.stdout.splitlines()
    led_away = user("env", "--name", "mine", AWS_PROFILE="prod", AWS_ENDPOINT_URL_SQS="https://example.com")
    assert led_away.stdout.splitlines()[:2] == ["unset AWS_ENDPOINT_URL_SQS", "unset AWS_PROFILE"]


@pytest.mark.parametrize("service", ["sqs list-queues", "rds describe-db-instances", "ec2 describe-vpcs"])
def test_exec_leads_the_aws_cli_to_the_cloud_for_every_service(started, user, service):
    aws = Path(sys.executable).parent / "aws"
    words = service.split()
    ran = user("exec", "--name", "mine", "--", str(aws), "--output", "json", *words, AWS_PROFILE="prod")
    assert (ran.returncode, ran.stderr) == (0, "")
    made = user("exec", "--name", "mine", "--", str(aws), "sqs", "create-queue", "--queue-name", "of-v1")
    assert json.loads(made.stdout)["QueueUrl"].startswith(started[0]["endpoint_url"])


@pytest.mark.usefixtures("started")
def test_exec_ends_with_the_exit_code_of_the_command(user):
    assert user("exec", "--name", "mine", "--", "sh", "-c", "exit 7").returncode == 7
    missing = user("exec", "--name", "mine", "--", "no-such-program")
    assert missing.returncode == 127
    assert missing.stderr == "localcloud: error: no-such-program: No such file or directory\n"


def test_a_second_cloud_of_the_name_is_refused_with_the_address_of_the_first(started, user):
    refused = user("start", "--name", "mine")
    assert refused.returncode == 1
    assert refused.stderr == (
        f"localcloud: error: a cloud named 'mine' runs already at {started[0]['endpoint_url']} "
        f"(process {started[0]['pid']}); stop it, or choose another name with --name\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who listens")
def test_a_port_in_use_is_refused_at_once_with_the_process_that_has_it(started, user):
    port = urlsplit(started[0]["endpoint_url"]).port
    refused = user("start", "--name", "other", "--port", str(port))
    assert refused.returncode == 2
    (line,) = [line for line in refused.stderr.splitlines() if "error:" in line]
    assert f"argument --port: port {port} is used by process {started[0]['pid']} (" in line
    assert line.endswith("choose another one, or 0 for a free one")


@pytest.mark.usefixtures("started")
def test_an_unknown_name_is_refused_with_the_names_there_are(user):
    refused = user("env", "--name", "yours")
    assert refused.returncode == 1
    assert refused.stderr == "localcloud: error: no cloud named 'yours' runs; choose with --name: mine\n"
    assert "is not valid" in user("start", "--name", "../yours").stderr


def test_stop_names_the_stacks_and_clusters_that_are_lost(user):
    assert user("start", "--name", "short").returncode == 0
    (known,) = [cloud for cloud in statuses(user) if cloud["name"] == "short"]
    variables = dict(line.removeprefix("export ").split("=", 1) for line in lines_of("short", user))
    cloud = Cloud.attach(variables)
    tag = {"Key": "parallelcluster:cluster-name", "Value": "hpc"}
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName="plain", TemplateBody=TEMPLATE_OF_A_TOPIC)
    cloudformation.create_stack(StackName="hpc", TemplateBody=TEMPLATE_OF_A_TOPIC, Tags=[tag])
    cloudformation.get_waiter("stack_create_complete").wait(StackName="plain")
    cloudformation.get_waiter("stack_create_complete").wait(StackName="hpc")
    shown = user("status", "--name", "short").stdout
    assert f"short: {known['endpoint_url']}\n" in shown
    assert "  stack plain (CREATE_COMPLETE)\n" in shown
    cloud.advance(2 * 3600)
    assert "2 h 0 min ahead of this machine" in user("status", "--name", "short").stdout
    stopped = user("stop", "--name", "short")
    assert stopped.stderr.splitlines() == [
        f"Stopping the cloud 'short' at {known['endpoint_url']} …",
        "Lost:",
        "  stack plain (CREATE_COMPLETE)",
        "  stack hpc (CREATE_COMPLETE), the cluster hpc",
    ]
    assert identify(known["pid"]) is None
    assert "short" not in {cloud["name"] for cloud in statuses(user)}


@pytest.mark.usefixtures("started")
def test_what_a_killed_cloud_left_behind_is_gone_after_the_next_start(user, temporary):
    assert user("start", "--name", "killed").returncode == 0
    (killed,) = [cloud for cloud in statuses(user) if cloud["name"] == "killed"]
    kept = set(temporary.glob("localcloud-*/process.json"))
    mine = {file for file in kept if json.loads(file.read_text())["pid"] == killed["pid"]}
    assert len(mine) == 2  # its files, and its certificates
    os.kill(killed["pid"], signal.SIGKILL)
    eventually(lambda: identify(killed["pid"]) is None, "the end of the cloud")
    assert "killed" not in {cloud["name"] for cloud in statuses(user)}
    assert mine < set(temporary.glob("localcloud-*/process.json"))
    assert user("start", "--name", "killed").returncode == 0
    left = set(temporary.glob("localcloud-*/process.json"))
    assert not mine & left
    assert kept - mine <= left
    assert user("stop", "--name", "killed").returncode == 0


def test_a_cloud_that_is_still_starting_is_shown_and_can_be_stopped(user):
    starting = subprocess.Popen([sys.executable, "-c", CLAIM], cwd=SOURCE, env=user.environment)
    eventually(lambda: "slow: is starting" in user("status").stdout, "the cloud to be shown")
    assert "the cloud 'slow' is starting; try again" in user("env", "--name", "slow").stderr
    stopped = user("stop", "--name", "slow").stderr
    assert stopped == "Stopping the cloud 'slow' …\nIt was starting.\n"
    assert starting.wait() == -signal.SIGTERM


def test_a_record_of_a_process_that_has_ended_counts_for_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    claimed = running.claim("mine")
    running.publish(claimed, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert running.find("mine") == running.RunningCloud(
        "mine", identify(os.getpid()), claimed.file, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    )
    assert running.claim(None).name == "default"
    assert running.free_name() == "default-2"
    with pytest.raises(running.NameTakenError, match="a cloud named 'mine' runs already at http://127"):
        running.claim("mine")
    # Another process has the id by now.
    content = json.loads(claimed.file.read_text())
    claimed.file.write_text(json.dumps({**content, "started": "earlier"}))
    assert running.find("mine") is None
    assert running.claim("mine").name == "mine"


def test_the_record_of_another_cloud_is_not_removed(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    claimed = running.claim("mine")
    running.forget(running.RunningCloud("mine", ProcessIdentity(1, "earlier"), claimed.file))
    assert running.find("mine") is not None
    running.forget(claimed)
    assert running.find("mine") is None


def test_a_record_that_cannot_be_read_counts_for_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "localcloud").mkdir()
    (tmp_path / "localcloud" / "default.json").write_text("{")
    assert running.every() == []
    assert running.free_name() == "default"


def test_a_zombie_does_not_run_any_more():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = identify(child.pid)
    assert processes.runs(process)
    child.stdin.close()
    eventually(lambda: not processes.runs(process), "the end of the child")
    child.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_the_memory_of_a_process_has_that_of_its_children():
    program = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'b = bytes(1) * (64 << 20); input()'])"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
    eventually(lambda: (processes.memory_mb(parent.pid) or 0) >= 64, "the memory of the child")
    parent.stdin.close()
    parent.wait()
