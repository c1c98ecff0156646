"""``deploy`` and ``delete`` show the clusters' own stacks, ask before a change, and say why they failed."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from datetime import datetime

import pytest

from pcluster_cfn.deploy.cluster_stacks import ClusterStack
from pcluster_cfn.deploy.head_node_boot import BootWatch
from tests.e2e.account import DEADLINE_S, ROOT
from tests.unit.deploy.test_head_node_boot import RECIPE, STACK, STEP, booting, polled

pytestmark = pytest.mark.e2e

COMMAND = (sys.executable, "-m", "pcluster_cfn")
#: A cluster with a volume of its own; ``%s`` is what a test adds to it.
CLUSTER = """\
Parameters:
  ServiceToken: {Type: String}
  HeadNodeSubnet: {Type: String}
  ComputeSubnet: {Type: String}
Resources:
  Hpc:
    Type: Custom::PclusterCluster
    Properties:
      ServiceToken: !Ref ServiceToken
      ClusterName: !Sub 'c-${AWS::StackName}'
      ClusterConfiguration:
        Image: {Os: alinux2023}
        HeadNode:
          InstanceType: t3.medium
          Networking: {SubnetId: !Ref HeadNodeSubnet}
        SharedStorage:
          - {Name: data, StorageType: Ebs, MountDir: /data}
          - {Name: kept, StorageType: Ebs, MountDir: /kept, EbsSettings: {DeletionPolicy: Retain}}
        Scheduling:
          Scheduler: slurm
          SlurmQueues:
            - Name: q
              ComputeResources: [{Name: r, InstanceType: c6i.xlarge, MaxCount: 2}]
              Networking: {SubnetIds: [!Ref ComputeSubnet]}
"""
CTRL_C = b"\x03"
TOPIC = "Resources: {T: {Type: AWS::SNS::Topic}}\n"
NESTING = "Resources: {Inner: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: inner.yaml}}}\n"


@pytest.fixture
def environment(cloud):
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **cloud.environment}


@pytest.fixture
def run(environment):
    """Runs a command without a terminal; returns what it wrote to standard output and error."""

    def run(*command, code=0):
        done = subprocess.run(
            [*COMMAND, *map(str, command)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done.stdout, done.stderr

    return run


@pytest.fixture
def on_terminal(environment):
    """Runs a command on a terminal and gives one answer; returns the words that the terminal got."""

    def on_terminal(*command, answer, code=0):
        pid, terminal = pty.fork()
        if pid == 0:
            # A background job of a shell ignores Ctrl-C, and the command would inherit that.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            size = {"TERM": "xterm", "COLUMNS": "60", "LINES": "40"}
            os.execve(COMMAND[0], [*COMMAND, *map(str, command)], {**environment, **size})  # noqa: S606
        written, is_answered, give_up_at = "", False, time.monotonic() + DEADLINE_S
        while time.monotonic() < give_up_at:
            if not select.select([terminal], [], [], 1)[0]:
                # readline forgets a Ctrl-C that comes between its prompt and its wait.
                if is_answered and answer == CTRL_C:
                    os.write(terminal, answer)
                continue
            try:
                part = os.read(terminal, 65_536)
            except OSError:  # the other end is closed
                break
            written += part.decode(errors="replace")
            if "[y/N]: " in written and not is_answered:
                os.write(terminal, answer)
                is_answered = True
        else:
            os.kill(pid, signal.SIGKILL)
        os.close(terminal)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == code, written
        return " ".join(re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", written).split())

    return on_terminal


@pytest.fixture
def values(service_token, seeded):
    given = {"ServiceToken": service_token} | {
        key: value for key, value in seeded.items() if key != "KeyName"
    }
    return [part for key, value in given.items() for part in ("-p", f"{key}={value}")]


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "hpc.yaml"
    path.write_text(CLUSTER)
    return path


@pytest.fixture
def failing(cloud):
    """The head node of cluster c-fails fails."""
    cloud.set_head_nodes(cluster="c-fails", failure={"reason": "mount.sh failed"})
    yield
    cloud.set_head_nodes(cluster="c-fails")


def test_events_for_programs_include_the_cluster_s_stack_and_end_with_the_outcome(
    run, template, values, on_terminal, account
):
    out, _ = run("deploy", template, "--stack-name", "told", "--json-events", *values)
    *events, outcome = map(json.loads, out.splitlines())
    assert {each["Type"] for each in events} <= {"event", "activity"}
    ended = {each["Resource"]: each for each in events if each.get("ResourceStatus") == "CREATE_COMPLETE"}
    assert ended["Hpc/c-told/HeadNode"]["Cluster"] == "c-told"
    assert {"told", "Hpc", "Hpc/c-told"} <= set(ended)
    assert (outcome["Type"], outcome["StackStatus"], outcome["RootCauses"]) == (
        "outcome",
        "CREATE_COMPLETE",
        [],
    )

    # The same stack: a deletion names what goes with it, and does nothing without a yes.
    said = on_terminal("delete", "told", answer=b"n\n", code=1)
    assert "cluster c-told (Hpc) with its EBS volume vol-" in said
    assert said.count("EBS volume") == 1
    assert "nothing was changed in stack told" in said
    assert account.stack("told")["StackStatus"] == "CREATE_COMPLETE"
    assert "Interrupted; nothing was changed in stack told." in on_terminal(
        "delete", "told", answer=CTRL_C, code=130
    )
    shown = on_terminal("delete", "told", answer=b"y\n")
    assert account.stack("told") is None
    assert account.stack("c-told") is None
    assert re.search(r"Hpc +DELETE_COMPLETE", shown)


@pytest.mark.usefixtures("failing")
def test_a_cluster_that_fails_is_a_root_cause_in_json_and_on_a_terminal(
    run, template, values, on_terminal, account
):
    out, _ = run("deploy", template, "--stack-name", "fails", "--json", *values, code=1)
    account.delete("fails")
    shown = on_terminal("deploy", template, "--stack-name", "fails", *values, answer=b"y\n", code=1)
    outcome = json.loads(out)
    (cause,) = outcome["RootCauses"]
    assert (cause["Resource"], cause["Code"]) == ("Hpc", "ClusterFailed")
    assert "mount.sh failed" in cause["Mistakes"][0]["Cause"]
    assert cause["Mistakes"][0]["Line"] == 6
    assert "Logs of the nodes: CloudWatch log group /aws/parallelcluster/c-fails-" in cause["NextStep"]
    assert outcome["StackStatusReason"].startswith("The following resource(s) failed to create: [Hpc]")

    final = shown.split("fails ROLLBACK_COMPLETE")[-2]
    assert "Hpc CREATE_FAILED" in final
    assert "ClusterFailed: cluster c-fails: HeadNodeWaitCondition" in final
    assert "Stack fails is ROLLBACK_COMPLETE: 1 cause." in shown
    account.delete("fails")


def test_a_deployment_that_is_not_agreed_to_leaves_nothing(on_terminal, tmp_path, account):
    path = tmp_path / "refused.yaml"
    path.write_text(TOPIC)
    said = on_terminal("deploy", path, answer=b"n\n", code=1)
    assert "Create stack refused:" in said
    assert "+ T (AWS::SNS::Topic)" in said
    assert "not deployed; nothing was changed" in said
    assert account.stack("refused") is None
    said = on_terminal("deploy", path, answer=CTRL_C, code=130)
    assert account.stack("refused") is None
    on_terminal("deploy", path, answer=b"y\n")
    assert account.stack("refused")["StackStatus"] == "CREATE_COMPLETE"
    path.write_text(TOPIC.replace("T: ", "U: "))
    said = on_terminal("deploy", path, answer=b"n\n", code=1)
    assert "- T (AWS::SNS::Topic)" in said
    assert "1 removed, 1 added" in said
    assert account.stack("refused")["StackStatus"] == "CREATE_COMPLETE"
    changed = on_terminal("deploy", path, "--yes", answer=b"")
    assert "[y/N]" not in changed
    account.delete("refused")


def test_resolve_s3_makes_one_private_bucket_and_uses_it_again(run, tmp_path, cloud, account):
    path = tmp_path / "nesting.yaml"
    path.write_text(NESTING)
    (tmp_path / "inner.yaml").write_text(TOPIC)
    _, said = run("deploy", path, code=1)
    assert "name a bucket with --bucket, or have one made with --resolve-s3" in said
    run("deploy", path, "--resolve-s3")
    s3, owner = cloud.client("s3"), cloud.client("sts").get_caller_identity()["Account"]
    name = f"pcluster-cfn-artifacts-{owner}-{cloud.region}"
    made_at = [each["CreationDate"] for each in s3.list_buckets()["Buckets"] if each["Name"] == name]
    assert len(made_at) == 1
    blocked = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert blocked == dict.fromkeys(blocked, True)
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == [
        {"Key": "pcluster-cfn:managed", "Value": "artifacts"}
    ]
    objects = s3.list_objects_v2(Bucket=name)["KeyCount"]
    assert objects == 1

    # An interruption left it without its settings: the next deployment writes them.
    s3.delete_bucket_tagging(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    (tmp_path / "inner.yaml").write_text(TOPIC.replace("T: ", "U: "))
    run("deploy", path, "--resolve-s3")
    assert [each["CreationDate"] for each in s3.list_buckets()["Buckets"] if each["Name"] == name] == made_at
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 2
    account.delete("nesting")
    for version in s3.list_object_versions(Bucket=name)["Versions"]:
        s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=name)


def test_all_missing_parameters_are_named_before_anything_is_uploaded_or_made(run, template, account):
    _, said = run("deploy", template, "--stack-name", "missing", "-p", "ServiceToken=arn:x", code=1)
    assert said == (
        "Error: parameters HeadNodeSubnet, ComputeSubnet have no value; give each one: "
        "-p HeadNodeSubnet=… -p ComputeSubnet=…\n"
    )
    assert account.stack("missing") is None


def test_mistakes_in_defaults_count_for_a_new_stack(run, template, values, account):
    template.write_text(
        CLUSTER.replace("Resources:\n", "  Os: {Type: String, Default: windows}\nResources:\n", 1).replace(
            "Os: alinux2023", "Os: !Ref Os"
        )
    )
    _, said = run("deploy", template, "--stack-name", "defaults", *values, code=1)
    assert "Hpc/ClusterConfiguration/Image/Os" in said
    assert "1 mistake in" in said
    assert account.stack("defaults") is None


def test_what_a_head_node_logs_is_read_from_cloudwatch(cloud):
    logs, now_ms = cloud.client("logs"), int(datetime.fromisoformat(cloud.now()).timestamp() * 1000)
    logs.create_log_group(logGroupName="/aws/c-hpc")
    boots = BootWatch(lambda: logs)
    boots.expect(STACK, ClusterStack("c-hpc", "arn", "/aws/c-hpc"))
    boots.observe(booting())
    assert polled(boots) == []
    for log, line in (("cfn-init", STEP.format("chefConfig")), ("chef-client", RECIPE.format("a::b"))):
        stream = {"logGroupName": "/aws/c-hpc", "logStreamName": f"ip-10-0-0-1.i-1.{log}"}
        logs.create_log_stream(**stream)
        logs.put_log_events(**stream, logEvents=[{"timestamp": now_ms, "message": line}])
    (activity,) = polled(boots)
    assert activity.text == "head node configures itself (a::b)"
    logs.delete_log_group(logGroupName="/aws/c-hpc")
    assert polled(boots) == []
