"""Real clients do their work on the embedded cloud unchanged, pointed at it by the environment alone."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.cloud import Cloud
from tests.e2e.account import DEADLINE_S, ROOT, outputs
from tests.e2e.recorded import REGION

pytestmark = pytest.mark.e2e

EXAMPLE = ROOT / "examples" / "simple-cluster.yaml"
AWS = Path(sys.executable).parent / "aws"


@pytest.fixture
def run(cloud):
    """Runs a command as a user's shell would after evaluating the exports; returns its standard output."""

    def run(*command, code=0):
        done = subprocess.run(
            [str(part) for part in command],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **cloud.environment, **cloud.exports},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    return run


@pytest.fixture
def packaged(run, cloud, tmp_path):
    """The example as the AWS CLI packages it."""
    path = tmp_path / "packaged.yaml"
    bucket = cloud.exports["ARTIFACT_BUCKET"]
    run(
        *(AWS, "cloudformation", "package", "--template-file", EXAMPLE),
        *("--s3-bucket", bucket, "--output-template-file", path),
    )
    return path


def test_the_aws_cli_deploys_updates_describes_and_deletes(run, account, packaged, seeded):
    deploy = (
        *(AWS, "cloudformation", "deploy", "--template-file", packaged, "--stack-name", "by-cli"),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"),
        "--parameter-overrides",
    )
    run(*deploy, *(f"{key}={value}" for key, value in seeded.items()))
    described = json.loads(run(AWS, "cloudformation", "describe-stacks", "--stack-name", "by-cli"))
    (head_node,) = account.head_nodes("c-by-cli")
    assert outputs(described["Stacks"][0])["HeadNodeIp"] == head_node["PublicIpAddress"]

    run(*deploy, "MaxCount=8")
    assert account.stack("by-cli")["StackStatus"] == "UPDATE_COMPLETE"

    stack_id = account.stack("by-cli")["StackId"]
    run(AWS, "cloudformation", "delete-stack", "--stack-name", "by-cli")
    assert account.settled(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert account.stack("c-by-cli") is None


def test_the_boto3_script_does_the_same(run, account, packaged, seeded):
    script = (sys.executable, ROOT / "examples" / "deploy.py")
    named = ("--stack-name", "by-script")
    values = [f"{key}={value}" for key, value in seeded.items()]
    created = run(*script, packaged, *named, *values)
    (head_node,) = account.head_nodes("c-by-script")
    assert f"HeadNodeIp = {head_node['PublicIpAddress']}" in created

    assert "by-script: UPDATE_COMPLETE" in run(*script, *named, packaged, "MaxCount=8")
    assert "by-script: DELETE_COMPLETE" in run(*script, "--delete", *named)
    assert account.stack("c-by-script") is None


def test_the_command_deploys_shows_progress_and_outputs_and_deletes(run, account, seeded):
    command = (sys.executable, "-m", "pcluster_cfn")
    values = [part for key, value in seeded.items() for part in ("-p", f"{key}={value}")]
    created = run(*command, "deploy", EXAMPLE, "--stack-name", "by-command", *values)
    (head_node,) = account.head_nodes("c-by-command")
    assert f"HeadNodeIp = {head_node['PublicIpAddress']}" in created
    assert "CREATE_COMPLETE       by-command/Provider/" in created
    for line in (
        "1 cluster checked in 2 templates",
        "  +  Cluster (Custom::PclusterCluster)",
        "CREATE_IN_PROGRESS    by-command/Cluster/c-by-command  AWS::CloudFormation::Stack",
        "CREATE_COMPLETE       by-command/Cluster/c-by-command/HeadNode  AWS::EC2::Instance",
        f"  pcluster-cfn connect c-by-command --region {REGION}",
    ):
        assert line in created

    again = run(*command, "deploy", EXAMPLE, "--stack-name", "by-command")
    assert "Stack by-command has no changes." in again

    deleted = run(*command, "delete", "by-command")
    assert "DELETE_COMPLETE       by-command  AWS::CloudFormation::Stack" in deleted
    assert "DELETE_COMPLETE       by-command/Cluster/c-by-command  AWS::CloudFormation::Stack" in deleted
    assert account.stack("c-by-command") is None


def test_the_command_reports_the_root_cause_of_a_failure_once_at_its_end(run, account, seeded, tmp_path):
    template = tmp_path / "broken.yaml"
    template.write_text(
        EXAMPLE.read_text()
        .replace("../template.yaml", str(ROOT / "template.yaml"))
        .replace("InstanceType: t3.medium", "InstanceType: t3.medium\n          Color: blue")
    )
    values = [part for key, value in seeded.items() for part in ("-p", f"{key}={value}")]
    command = (sys.executable, "-m", "pcluster_cfn", "deploy", template, *values)
    refused = run(*command, code=1)
    assert "broken.yaml:86:11: Cluster/ClusterConfiguration/HeadNode/Color: there is no such key" in refused
    assert account.stack("broken") is None

    shown = run(*command, "--no-validate", code=1)
    *_, cause, cure, end, following = shown.splitlines()
    assert cause.startswith(
        f"{template}:86:18: Cluster/ClusterConfiguration/HeadNode/Color: InvalidProperty: "
    )
    assert shown.count(cause.partition("InvalidProperty: ")[2]) == 1
    assert cure.startswith("What to do: Correct it")
    assert end == "Stack broken is ROLLBACK_COMPLETE: 1 cause."
    assert following == f"Next: pcluster-cfn delete broken --region {REGION}"
    account.delete("broken")


def test_the_library_script_makes_a_cluster_without_cloudformation_templates(run, account, tmp_path):
    script = (sys.executable, ROOT / "examples" / "library.py")
    configuration = tmp_path / "cluster.yaml"
    configuration.write_text(json.dumps(account.configuration()))
    assert "alinux2023" in run(*script, "images")
    assert "succeeded" in run(*script, "check", "c-library", configuration)
    assert account.stack("c-library") is None

    run(*script, "create", "c-library", configuration)
    stack = account.settled(account.stack("c-library")["StackId"])
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert "clusterName: c-library" in run(*script, "list")
    (head_node,) = account.head_nodes("c-library")
    assert head_node["PublicIpAddress"] in run(*script, "describe", "c-library")

    run(*script, "delete", "c-library")
    assert account.settled(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_local_prints_exports_for_a_shell_and_runs_until_it_is_stopped():
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    script = (
        f'eval "$({sys.executable} -m pcluster_cfn local 2>/dev/null &)"; '
        f'echo "$LOCALCLOUD_PID"; exec {AWS} ec2 describe-subnets --subnet-ids "$HEAD_NODE_SUBNET"'
    )
    shell = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    pid, _, answer = shell.stdout.partition("\n")
    os.kill(int(pid), signal.SIGTERM)
    assert shell.returncode == 0, shell.stderr
    assert len(json.loads(answer)["Subnets"]) == 1


def test_ctrl_c_stops_watching_and_says_that_the_stack_goes_on(tmp_path):
    template = tmp_path / "waiting.yaml"
    template.write_text(
        "Resources:\n"
        "  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}\n"
        "  Wait:\n"
        "    Type: AWS::CloudFormation::WaitCondition\n"
        "    Properties: {Handle: !Ref Handle, Timeout: 3600}\n"
    )
    command = [sys.executable, "-m", "pcluster_cfn", "deploy", str(template)]
    with Cloud.start(skip_idle=False) as cloud:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **cloud.environment}
        watching = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell that runs this in the background makes its children ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads yet
        )
        while "CREATE_IN_PROGRESS" not in watching.stdout.readline():
            assert watching.poll() is None
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=DEADLINE_S)
        again = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert watching.returncode == 130
    assert "CloudFormation continues with stack waiting" in said
    assert f"Undo it:   pcluster-cfn delete waiting --region {cloud.region}" in said
    assert again.returncode == 1
    running = "stack waiting is CREATE_IN_PROGRESS; try again when the operation has ended"
    assert again.stderr == f"Error: {running}\n"
