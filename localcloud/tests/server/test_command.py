"""``localcloud start``, as a shell uses it."""

import os
import subprocess
import sys
from pathlib import Path

from localcloud import guard
from localcloud.exports import export_lines

SOURCE = Path(guard.__file__).parents[1]
START = f'eval "$({sys.executable} -m localcloud start &)"'


def shell(script):
    """Runs a script where the package is found; returns what it prints."""
    ran = subprocess.run(
        ["sh", "-c", script],
        cwd=SOURCE,
        env={"PATH": os.defpath, "HOME": os.environ["HOME"]},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return ran.stdout.split()


def test_a_shell_evaluates_what_it_prints_and_the_cloud_runs_on_until_it_is_killed():
    client = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    steps = [
        START,
        f'{sys.executable} -c "{client}"',
        "echo $AWS_REGION $LOCALCLOUD_PID",
        "kill $LOCALCLOUD_PID",
    ]
    account, region, process_id = shell("\n".join(steps))
    assert (account, region) == ("123456789012", "us-east-1")
    assert int(process_id) > 0


def test_it_prints_only_what_the_shell_does_not_have_already():
    lines = export_lines({"KEY_NAME": "a key", "AWS_REGION": "us-east-1"}, {"AWS_REGION": "us-east-1"})
    assert lines == ["export KEY_NAME='a key'", f"export LOCALCLOUD_PID={os.getpid()}"]


def test_an_option_that_is_not_valid_is_refused_with_its_name():
    ran = subprocess.run(
        [sys.executable, "-m", "localcloud", "start", "--region", "mars-1"],
        cwd=SOURCE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "argument --region: Region 'mars-1' does not exist; choose one such as us-east-1" in ran.stderr
