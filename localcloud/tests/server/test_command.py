"""``localcloud start`` and ``localcloud run``, as a shell uses them."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from localcloud import guard
from localcloud.exports import command_line, export_lines
from localcloud.testing.waiting import eventually

SOURCE = Path(guard.__file__).parents[1]
#: Its standard error would keep the script's open.
IN_THE_BACKGROUND = f'eval "$({sys.executable} -m localcloud start 2>/dev/null)"'
OF_THE_SHELL = f'eval "$({sys.executable} -m localcloud run 2>/dev/null &)"'


@pytest.fixture
def shell(tmp_path):
    """Runs a script where the package is found, for a user without other clouds; returns what it prints."""

    def run(script):
        ran = subprocess.run(
            ["sh", "-c", script],
            cwd=SOURCE,
            env={"PATH": os.defpath, "HOME": os.environ["HOME"], "XDG_STATE_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout.split()

    return run


def is_closed(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("start", [IN_THE_BACKGROUND, OF_THE_SHELL])
def test_a_shell_evaluates_what_it_prints_and_the_cloud_runs_on_until_it_is_killed(shell, start):
    client = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    steps = [
        start,
        f'{sys.executable} -c "{client}"',
        "echo $AWS_REGION $AWS_ENDPOINT_URL",
        "kill $LOCALCLOUD_PID",
    ]
    account, region, address = shell("\n".join(steps))
    assert (account, region) == ("123456789012", "us-east-1")
    eventually(lambda: is_closed(urlsplit(address).port), "the cloud to end")


def test_it_prints_all_variables_for_any_shell_and_changes_no_path():
    lines = export_lines({"KEY_NAME": "a key", "AWS_REGION": "us-east-1"}, {"AWS_REGION": "us-east-1"}, 7)
    assert lines == ["export AWS_REGION=us-east-1", "export KEY_NAME='a key'", "export LOCALCLOUD_PID=7"]


@pytest.mark.parametrize(
    ("command", "run"),
    [
        ("aws sqs list-queues", "aws --endpoint-url URL sqs list-queues"),
        ("/usr/bin/aws s3 ls", "/usr/bin/aws --endpoint-url URL s3 ls"),
        ("aws sqs list-queues --endpoint-url X", "aws sqs list-queues --endpoint-url X"),
        ("aws --endpoint-url=X sqs list-queues", "aws --endpoint-url=X sqs list-queues"),
        ("python deploy.py aws", "python deploy.py aws"),
    ],
)
def test_the_aws_cli_gets_the_address_unless_it_has_one(command, run):
    assert command_line(command.split(), "URL") == run.split()


@pytest.mark.parametrize("command", ["start", "run"])
def test_an_option_that_is_not_valid_is_refused_with_its_name(command):
    ran = subprocess.run(
        [sys.executable, "-m", "localcloud", command, "--region", "mars-1"],
        cwd=SOURCE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "argument --region: Region 'mars-1' does not exist; choose one such as us-east-1" in ran.stderr
