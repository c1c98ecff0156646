"""The commands of every day, as a user's shell runs them, on clusters of templates and of other means."""

import itertools
import json
import os
import subprocess
import sys
import tarfile
import time

import pytest

from pcluster_cfn.launch.link import region_named
from tests.e2e.account import DEADLINE_S, ROOT
from tests.e2e.parents import PLAIN, library_environment
from tests.e2e.recorded import IS_PRICED, PLACE, REGION

pytestmark = pytest.mark.e2e

PYTHONPATH = os.pathsep.join(str(ROOT / folder) for folder in (".", "provider/engine", "localcloud/src"))
CREATE = (
    "import json, sys; from pcluster.lib import create_cluster; _, name, text = sys.argv;"
    "create_cluster(cluster_name=name, cluster_configuration=json.loads(text))"
)
#: The module's fixtures may be set up twice in one cloud.
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def run(cloud, tmp_path_factory):
    """Runs the command and returns its standard output, or its standard error where it is to fail."""
    folder = tmp_path_factory.mktemp("home")

    def run(*arguments, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "pcluster_cfn", *map(str, arguments)],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": PYTHONPATH, **cloud.environment},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done.stderr if code == 1 else done.stdout

    run.folder = folder
    return run


@pytest.fixture(scope="module")
def daily(run, cloud, account, service_token):
    """A cluster from a template that init wrote and deploy deployed: the names of its stack and its own."""
    name = f"c-daily-{next(NUMBERS)}"
    stack = f"daily-{name[-1]}"
    path = run.folder / f"{stack}.yaml"
    run(
        *("init", "--name", name, "--output", path, "--service-token", service_token),
        *("--head-node-subnet", cloud.exports["HEAD_NODE_SUBNET"]),
        *("--compute-subnet", cloud.exports["COMPUTE_SUBNET"], "--key-name", cloud.exports["KEY_NAME"]),
    )
    run("validate", path)
    run("deploy", path)
    yield stack, name
    if account.stack(stack):
        account.delete(stack)


@pytest.fixture(scope="module")
def foreign(account):
    """The name of a cluster that ParallelCluster's own library made, without a log group."""
    name = f"c-foreign-{next(NUMBERS)}"
    logging_off = {**PLAIN, "Logs": {"CloudWatch": {"Enabled": False}}}
    configuration = {**account.configuration(), "Monitoring": logging_off}
    subprocess.run(
        [sys.executable, "-c", CREATE, name, json.dumps(configuration)],
        env=library_environment(account),
        capture_output=True,
        check=True,
        timeout=DEADLINE_S,
    )
    made = account.settled(account.stack(name)["StackId"])
    assert made["StackStatus"] == "CREATE_COMPLETE", account.why(made)
    yield name
    account.delete(name)


@pytest.fixture(scope="module")
def logged(cloud, account, daily):
    """Lines in the log group of a cluster, as its nodes send them; the head node's instance id."""
    _, name = daily
    (head,) = account.head_nodes(name)
    write_logs(
        cloud,
        name,
        {
            f"ip-10-0-0-4.{head['InstanceId']}.chef-client": ["INFO: begin", "ERROR: no disk"],
            f"ip-10-0-0-4.{head['InstanceId']}.slurmctld": ["error: node c6i-1 not responding"],
            "ip-10-0-16-9.i-0123456789abcdef0.slurmd": ["slurmd started"],
        },
        alone=True,
    )
    return head["InstanceId"]


def write_logs(cloud, cluster, streams, *, alone=False):
    """Puts lines of ten minutes ago into a cluster's log group; alone, without what its head node wrote."""
    logs = cloud.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/parallelcluster/{cluster}-")["logGroups"]
    group = groups[-1]["logGroupName"]
    for own in logs.describe_log_streams(logGroupName=group)["logStreams"] if alone else []:
        logs.delete_log_stream(logGroupName=group, logStreamName=own["logStreamName"])
    for stream, lines in streams.items():
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        at = int((time.time() - 600) * 1000)
        events = [{"timestamp": at + number, "message": line} for number, line in enumerate(lines)]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def test_list_shows_every_cluster_with_its_owner_or_what_made_it(run, daily, foreign):
    stack, name = daily
    rows = {line.split()[0]: line for line in run("list").splitlines()[1:]}
    assert rows[name].endswith(f" {stack}/Cluster")
    assert "CREATE_COMPLETE" in rows[name]
    assert rows[foreign].endswith(" none (made by pcluster)")
    listed = {each["name"]: each for each in json.loads(run("list", "--json"))["clusters"]}
    assert (listed[name]["owner"]["stackName"], listed[name]["owner"]["logicalId"]) == (stack, "Cluster")
    assert (listed[foreign]["owner"], listed[foreign]["version"]) == (None, "3.16.1")


def test_status_agrees_with_ec2_and_with_the_template(run, account, daily):
    stack, name = daily
    (head,) = account.head_nodes(name)
    for argument in daily:
        (status,) = json.loads(run("status", argument, "--json"))["clusters"]
        assert (status["name"], status["health"]) == (name, "works")
        assert status["headNode"]["publicIp"] == head["PublicIpAddress"]
        assert status["headNode"]["instanceId"] == head["InstanceId"]
        assert status["computeFleet"]["status"] == "RUNNING"
        assert status["owner"]["stackName"] == stack
        assert status["owner"]["stackStatus"] == "CREATE_COMPLETE"
        assert status["owner"]["serviceToken"].startswith(PLACE.arn("lambda", "function:"))
        assert status["cost"]["isComplete"] is IS_PRICED, status["cost"]["notPriced"]
        at_rest, at_scale = (status["cost"][when]["hourly"] for when in ("atRest", "atScale"))
        assert (0 < at_rest < at_scale) is IS_PRICED
        assert status["prices"]["note"] == "the embedded cloud has no prices"
        assert status["drift"] == {"compared": True, "note": "", "differences": []}
        assert all(each["source"] for each in status["advisories"])
    assert f"Owner          resource Cluster of stack {stack} (CREATE_COMPLETE)" in run("status", name)


def test_status_of_a_foreign_cluster_compares_nothing_and_says_so(run, foreign):
    text = run("status", foreign)
    assert "Owner          none: made by pcluster" in text
    assert "Template       not compared: no stack is known to have the cluster" in text
    assert f"pcluster-cfn import {foreign}" in text


def test_status_names_what_was_changed_outside_of_the_template(run, parent):
    changed = parent("drifting")
    assert changed.create().status == "CREATE_COMPLETE", changed.why
    changed.change_outside(7)
    (status,) = json.loads(run("status", changed.cluster, "--json"))["clusters"]
    assert status["drift"]["differences"] == [
        {
            "path": "Scheduling.SlurmQueues[compute].ComputeResources[c6i].MaxCount",
            "template": 4,
            "cluster": 7,
        }
    ]
    assert "[c6i].MaxCount: template 4, cluster 7" in run("status", changed.name)
    assert changed.delete().status == "DELETE_COMPLETE"


def test_events_are_those_of_owner_and_cluster_in_their_order(run, daily):
    stack, name = daily
    events = [json.loads(line) for line in run("events", name, "--json").splitlines()]
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    assert events[0]["resource"] == f"{stack}/Cluster"
    assert events[-1]["resource"] == f"{stack}/Cluster"
    assert f"{name}/HeadNode" in {event["resource"] for event in events}
    assert not any(event["rootCause"] for event in events)
    assert run("events", name, "--failed") == ""
    of_stack = run("events", stack)
    assert f"  {stack}  AWS::CloudFormation::Stack" in of_stack
    assert f"  {name}/HeadNode  AWS::EC2::Instance" in of_stack


def test_events_follow_a_failing_creation_to_its_end_and_mark_the_root_cause(run, cloud, parent):
    failing = parent("failing-daily", RollbackOnFailure="false")
    cloud.set_head_nodes(cluster=failing.cluster, failure={"reason": "the disk is on fire"})
    failing.create(DisableRollback=True)
    text = run("events", failing.name, "--follow", "--failed")
    assert failing.status == "CREATE_FAILED", failing.why
    marked = [line for line in text.splitlines() if line.startswith(">")]
    assert marked
    assert "the disk is on fire" in marked[0]
    assert f"{failing.cluster}/HeadNodeWaitCondition" in marked[0]
    assert text.splitlines()[-1].startswith("Root cause of the last failure: ")
    (status,) = json.loads(run("status", failing.name, "--json", code=3))["clusters"]
    assert (status["name"], status["health"]) == (failing.cluster, "broken")
    assert status["nextCommands"][0] == f"pcluster-cfn events {failing.cluster} --failed"
    assert failing.delete().status == "DELETE_COMPLETE"
    assert "the disk is on fire" in run("events", failing.cluster, "--failed")  # deleted by now


def test_logs_are_filtered_by_node_by_log_and_by_content(run, daily, logged):
    stack, name = daily
    assert len(run("logs", name).splitlines()) == 4
    (line,) = run("logs", stack, "--node", "head", "--stream", "chef-client", "--errors").splitlines()
    assert line.endswith(f" ip-10-0-0-4.{logged}.chef-client  ERROR: no disk")
    (compute,) = run("logs", name, "--node", "compute", "--json").splitlines()
    assert (json.loads(compute)["log"], json.loads(compute)["message"]) == ("slurmd", "slurmd started")
    assert run("logs", name, "--node", "ip-10-0-16-9", "--since", "1m") == ""
    assert len(run("logs", name, "--node", logged, "--since", "1h").splitlines()) == 3
    assert run("logs", name, "--filter", "begin").endswith("INFO: begin\n")
    assert "did you mean chef-client?" in run("logs", name, "--stream", "chefclient", code=1)
    assert "--since '1 hour' is not valid" in run("logs", name, "--since", "1 hour", code=1)


def test_logs_are_exported_as_an_archive_or_as_text(run, daily, logged, tmp_path):
    _, name = daily
    run("logs", name, "--export", tmp_path / "logs.tar.gz")
    with tarfile.open(tmp_path / "logs.tar.gz") as archive:
        member = archive.extractfile(f"{name}-logs/ip-10-0-0-4.{logged}.chef-client.log")
        assert member is not None
        assert member.read().decode().splitlines()[1].endswith(" ERROR: no disk")
        assert len(archive.getnames()) == 4
    run("logs", name, "--export", tmp_path / "logs.txt")
    assert (tmp_path / "logs.txt").read_text() == run("logs", name, "--export", "-")


def test_followed_logs_show_lines_that_come_later_once(cloud, daily, logged, run):
    _, name = daily
    following = subprocess.Popen(
        [sys.executable, "-m", "pcluster_cfn", "logs", name, "--follow", "--since", "1h", "--stream", "sssd"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": PYTHONPATH, **cloud.environment},
        stdout=subprocess.PIPE,
        text=True,
        cwd=run.folder,
    )
    try:
        write_logs(cloud, name, {f"ip-10-0-0-4.{logged}.sssd": ["one", "two"]})
        shown = [following.stdout.readline() for _ in range(2)]
    finally:
        following.terminate()
        rest = following.communicate(timeout=DEADLINE_S)[0]
    assert [line.split()[-1] for line in shown] == ["one", "two"]
    assert rest == ""


def test_logs_outlive_their_cluster(run, cloud, parent):
    deleted = parent("deleted-daily")
    assert deleted.create().status == "CREATE_COMPLETE", deleted.why
    last = {"ip-10-0-0-4.i-0123456789abcdef0.clustermgtd": ["the end"]}
    write_logs(cloud, deleted.cluster, last, alone=True)
    assert deleted.delete().status == "DELETE_COMPLETE"
    (line,) = run("logs", deleted.cluster, "--node", "head").splitlines()
    assert line.endswith(".clustermgtd  the end")


def test_a_cluster_without_a_log_group_has_the_console_output_of_its_instances(run, account, foreign):
    (head,) = account.head_nodes(foreign)
    lines = run("logs", foreign).splitlines()
    assert lines
    assert all(f" {head['InstanceId']}.console  " in line for line in lines)


def test_connect_prints_the_command_of_the_node_and_of_its_operating_system(run, account, daily):
    stack, name = daily
    (head,) = account.head_nodes(name)
    address = head["PublicIpAddress"]
    printed = run("connect", name, "--print", "--", "-i", "my key")
    assert printed == f"ssh ec2-user@{address} -i 'my key'\n"
    session = run("connect", stack, "--ssm", "--print")
    assert session == f"aws ssm start-session --target {head['InstanceId']} --region {REGION}\n"
    assert json.loads(run("connect", name, "--json", "--user", "me"))["command"] == ["ssh", f"me@{address}"]
    assert "where no node boots" in run("connect", name, code=1)
    assert f"has no login node; its instances: {head['InstanceId']}" in run(
        "connect", name, "--node", "login", code=1
    )


def test_open_prints_the_pages_that_the_cluster_has(run, daily, foreign):
    stack, name = daily
    (described,) = json.loads(run("open", stack, "--json"))["clusters"]
    assert list(described["links"]) == ["stack", "owner", "instances", "dashboard", "logs"]
    console = region_named(REGION).console_url.removesuffix("cloudformation/home")
    assert all(link.startswith(console) for link in described["links"].values())
    assert run("open", name, "--page", "logs") == f"{described['links']['logs']}\n"
    assert f"cluster {foreign} has no dashboard; it has: stack, instances" in run(
        "open", foreign, "--page", "dashboard", code=1
    )


def test_an_imported_template_takes_the_cluster_over_without_a_change(run, account, service_token, foreign):
    path = run.folder / f"{foreign}.yaml"
    described = json.loads(run("import", foreign, "--output", path, "--json"))
    assert described["clusterAdoption"] == f"parallelcluster:cluster-name={foreign}"
    assert "provider" in described["allowedBy"]
    assert described["currentOwner"] is None
    assert f"{path} exists" in run("import", foreign, "--output", path, code=1)
    token = ("-p", f"ServiceToken={service_token}")
    assert f"take-over of cluster {foreign}, without changes" in run("validate", path, "--dry-run", *token)
    before = account.stack(foreign)
    run("deploy", path, "--stack-name", f"adopts-{foreign}", *token)
    assert account.stack(foreign) == before
    (status,) = json.loads(run("status", foreign, "--json"))["clusters"]
    assert (status["owner"]["stackName"], status["owner"]["source"]) == (f"adopts-{foreign}", "mark")
    assert status["drift"] == {"compared": True, "note": "", "differences": []}
    run("delete", f"adopts-{foreign}")
    assert account.stack(foreign) == before
    assert f" (adopts-{foreign}/Cluster)" in run("list")


def test_importing_a_cluster_that_a_stack_has_says_whose_it_is(run, daily):
    stack, name = daily
    described = json.loads(run("import", name, "--output", run.folder / "owned.yaml", "--json"))
    assert described["currentOwner"] == f"{stack}/Cluster"


def test_what_does_not_exist_is_one_line_with_the_nearest_name(run, daily):
    _, name = daily
    for command in ("status", "events", "logs", "connect", "open", "import"):
        message = run(command, f"{name}x", code=1)
        assert message == (
            f"Error: there is no cluster or stack '{name}x' in {REGION}; did you mean {name}?\n"
        ), command


def test_init_without_a_terminal_names_every_option_that_is_missing(run):
    message = run("init", code=1)
    assert message.startswith("Error: there is no terminal to ask you; give these options:\n")
    assert [line.split()[0] for line in message.splitlines()[1:]] == [
        "--vpc",
        "--head-node-subnet",
        "--compute-subnet",
        "--key-name",
    ]
    assert "--os 'solaris': there is no such operating system" in run("init", "--os", "solaris", code=1)


def test_init_refuses_what_the_account_does_not_have(run, cloud):
    network = (
        *("--head-node-subnet", cloud.exports["HEAD_NODE_SUBNET"]),
        *("--compute-subnet", cloud.exports["COMPUTE_SUBNET"], "--output", run.folder / "refused.yaml"),
    )
    key = ("--key-name", cloud.exports["KEY_NAME"])
    assert "--key-name 'nobody': there is no such key pair" in run(
        "init", *network, "--key-name", "nobody", code=1
    )
    assert "--compute-instance-type x9.huge" in run(
        "init", *network, *key, "--compute-instance-type", "x9.huge", code=1
    )
    mixed = run("init", *network, *key, "--compute-instance-type", "c7g.xlarge", code=1)
    assert "the nodes of a cluster have one architecture" in mixed
    assert not (run.folder / "refused.yaml").exists()


def test_init_asks_in_a_terminal_and_writes_what_validate_accepts(cloud, run):
    path = run.folder / "asked.yaml"
    head, compute = cloud.exports["HEAD_NODE_SUBNET"], cloud.exports["COMPUTE_SUBNET"]
    answers = f"{cloud.exports['VPC_ID']}\n{head}\n{compute}\nnone\nubuntu2404\n"
    shown = in_terminal(cloud, ("init", "--output", str(path), "--service-token", "x"), answers, run.folder)
    assert "Subnet of the head node:" in shown
    text = path.read_text()
    for expected in (
        f"Default: {head}",
        f"Default: {compute}",
        "Os: ubuntu2404",
        "AmazonSSMManagedInstanceCore",
    ):
        assert expected in text
    assert "KeyName" not in text
    run("validate", path)


def in_terminal(cloud, arguments, typed, folder):
    """Runs the command in a terminal of its own, types into it, and returns what it shows."""
    import pty  # noqa: PLC0415 - not on every system

    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pcluster_cfn", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": PYTHONPATH, "TERM": "dumb", **cloud.environment},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        cwd=folder,
        start_new_session=True,
    )
    os.close(terminal)
    os.write(controller, typed.encode())
    shown = b""
    while True:
        try:
            piece = os.read(controller, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    assert process.wait(DEADLINE_S) == 0, shown.decode()
    os.close(controller)
    return shown.decode()
