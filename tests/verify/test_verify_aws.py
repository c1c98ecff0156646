"""``make verify-aws`` with a second embedded cloud in the place of AWS."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from localcloud.cloud import Cloud
from tests.e2e.account import ROOT
from tools.verify_aws.run import TAG, Run

pytestmark = pytest.mark.e2e

PLAIN_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": f"{ROOT}/localcloud/src:{ROOT}:{ROOT}/provider/front:{ROOT}/provider/engine",
    "COLUMNS": "120",
}
BUCKET = "verify"
#: A cluster is begun in the one, none in the other.
CANCELLED, REFUSED = "cancelled", "refused_before"
PATIENCE_S = 600


@pytest.fixture
def aws():
    """The account's stand-in, with a bucket."""
    with Cloud.start() as cloud:
        cloud.client("s3").create_bucket(Bucket=BUCKET)
        yield cloud
        assert cloud.errors() == []


@pytest.fixture
def listening():
    """The environment of an account whose every request would arrive at a socket, and the socket."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        credentials = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        yield {**PLAIN_ENVIRONMENT, **credentials, "AWS_ENDPOINT_URL": address}, server


def was_called(server):
    try:
        server.accept()
    except BlockingIOError:
        return False
    return True


class Kit:
    """The command, begun on a stand-in."""

    def __init__(self, environment, into, only, *arguments, budget="100"):
        command = [sys.executable, "-m", "tools.verify_aws", "--region=us-east-1", f"--bucket={BUCKET}"]
        options = [
            f"--into={into}",
            f"--only={only}",
            "--poll=0.2",
            *([f"--budget={budget}"] if budget else []),
        ]
        self.into = into
        self.log = into.parent / f"{into.name}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, *options, *arguments], env=environment, cwd=ROOT, stdout=log, stderr=log
            )

    def ended(self):
        """The exit code, and all that it printed."""
        code = self.process.wait(PATIENCE_S)
        return code, self.log.read_text()

    @property
    def recordings(self):
        (run,) = self.into.iterdir()
        return run


@pytest.fixture
def begin(aws, tmp_path):
    """Begins the command on the stand-in; none outlives its test."""
    begun = []

    def make(only, *arguments):
        into = tmp_path / f"kit-{len(begun)}"
        begun.append(Kit({**PLAIN_ENVIRONMENT, **aws.environment}, into, only, *arguments))
        return begun[-1]

    yield make
    for kit in begun:
        kit.process.kill()
        kit.process.wait()


def left_on(cloud):
    """Everything of runs that a stand-in has."""
    stacks = [stack["name"] for stack in cloud.stacks() if not stack["status"].startswith("DELETE_COMPLETE")]
    states = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    instances = cloud.client("ec2").describe_instances(Filters=states)["Reservations"]
    objects = cloud.client("s3").list_object_versions(Bucket=BUCKET).get("Versions", [])
    logs = cloud.client("logs").describe_log_groups()["logGroups"]
    return [*stacks, *instances, *objects, *(group["logGroupName"] for group in logs)]


def await_cluster(cloud, kit):
    """Waits until a cluster is being made on the stand-in."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not any(stack["name"].startswith("c-pcv-") for stack in cloud.stacks()):
        assert kit.process.poll() is None, kit.log.read_text()
        assert time.monotonic() < give_up_at, kit.log.read_text()
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("budget", "said"), [("", "name what it may cost, at least"), ("0.5", "more than the budget of 0.50")]
)
def test_without_a_budget_that_is_enough_nothing_is_sent(listening, tmp_path, budget, said):
    environment, server = listening
    code, printed = Kit(environment, tmp_path / "kit", "", budget=budget).ended()
    assert (code, said in printed) == (2, True), printed
    assert not was_called(server)


@pytest.mark.parametrize("switched", [False, True])
def test_no_other_session_sends_anything_to_an_account(listening, switched):
    environment, server = listening
    switch = Run("abc", on_aws=True, bucket=BUCKET).environment() if switched else {}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-k", REFUSED, "tests/verify/test_scenarios.py"],
        env=environment | switch,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ("only make verify-aws runs" in done.stdout) == switched, done.stdout
    assert (done.returncode == 0) != switched, done.stdout
    assert not was_called(server)


def test_what_differs_on_the_account_is_shown_recorded_and_cleaned_up(aws, begin):
    aws.set_faults(
        [
            {
                "service": "cloudformation",
                "operation": "*",
                "function": "",
                "kind": "throttle",
                "times": 9,
                "ratio": 0.3,
            },
            {"service": "s3", "operation": "PutObject", "function": "", "kind": "error", "times": 2},
        ]
    )
    aws.set_behaviours(
        [
            {
                "stack": "pcv-*-refused",
                "logical_id": "Cluster",
                "action": "DELETE",
                "fail": "not now",
                "times": 1,
            }
        ]
    )
    kit = begin(REFUSED)
    code, printed = kit.ended()
    assert code == 1, printed
    assert re.search(r"At most [\d.]+ USD of your budget of 100.00", printed), printed
    assert re.search(r"create-refused +passed, \dm \d\ds +failed, \dm \d\ds +2 +3 +1", printed), printed
    assert re.search(r"provider +passed, \dm \d\ds +passed, \dm \d\ds +0 +0 +0", printed), printed
    assert re.search(
        r"reasons: \S+-refused Cluster DELETE_FAILED: embedded cloud: nothing; AWS: not now", printed
    )
    assert "AWS: create-refused failed, " in printed
    assert "clean-up: nothing is left" in printed
    assert left_on(aws) == []
    assert [fault["struck"] for fault in aws.faults()] == [9, 2]

    written = "".join(path.read_text() for path in kit.recordings.rglob("*.json"))
    assert "ClusterRejected" in written
    assert not re.search(r"\b\d{12}\b|X-Amz|[0-9a-f]{8}-[0-9a-f]{4}-", written)
    assert kit.recordings.name not in written
    assert held(kit.recordings / "embedded").returncode == 0
    assert "not now" in held(kit.recordings / "aws").stdout


def test_what_keeps_the_scenarios_from_beginning_is_shown(aws, begin):
    full = "The maximum number of VPCs has been reached."
    behaviour = {"stack": "pcv-*-network", "logical_id": "Vpc", "action": "CREATE", "fail": full, "times": 1}
    aws.set_behaviours([behaviour])
    kit = begin("", "--aws-only")
    code, printed = kit.ended()
    assert code == 1, printed
    assert re.search(f"failed: .*{re.escape(full)}", printed), printed
    assert f"not redacted: {kit.recordings / 'aws.log'}" in printed
    assert left_on(aws) == []


def held(folder: Path):
    """The embedded cloud, held against recordings."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-k", REFUSED, "tests/verify/test_scenarios.py"],
        env={**PLAIN_ENVIRONMENT, "VERIFY_RECORDINGS": str(folder)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_an_interruption_cleans_up(aws, begin):
    kit = begin(CANCELLED, "--aws-only")
    await_cluster(aws, kit)
    kit.process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    kit.process.send_signal(signal.SIGINT)
    code, printed = kit.ended()
    assert (code, "clean-up: nothing is left" in printed) == (130, True), printed
    assert left_on(aws) == []


def test_what_a_killed_run_left_is_removed_by_the_next(aws, begin):
    killed = begin(CANCELLED, "--aws-only")
    await_cluster(aws, killed)
    killed.process.kill()
    killed.process.wait()
    tags = [stack.get("Tags") for stack in aws.client("cloudformation").describe_stacks()["Stacks"]]
    assert all(TAG in {tag["Key"] for tag in each} for each in tags)
    assert len(tags) == 4

    code, printed = begin(REFUSED, "--aws-only").ended()
    assert (code, "An earlier run left" in printed) == (0, True), printed
    assert left_on(aws) == []
