"""The line of examples/custom-action.sh, run as a head node runs a custom action."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/custom-action.sh"
LINE = "exec > >(tee -a /dev/console /var/log/chef-client.log) 2>&1"
#: Runs a script as ParallelCluster does: reads its standard error, and prints one line if it fails.
#: Source: aws-parallelcluster-cookbook, custom_action_executor.py, ScriptRunner and HeadNodeLogger.
EXECUTOR = """
import subprocess, sys
try:
    subprocess.run(sys.argv[1:], check=True, stderr=subprocess.PIPE, text=True)
except subprocess.CalledProcessError as error:
    print(f"fetch_and_run - Failed to execute, return code: {error.returncode}.")
    sys.exit(1)
"""
INSTALLS = "installing the packages that are the arguments of this script: gcc-14"
ERROR = "Error: Unable to find a match: gcc-14"


class Node:
    """A head node's files, and what cfn-init reads of a custom action that fails there."""

    def __init__(self, folder, console):
        self.console, self.chef_log = console, folder / "chef-client.log"
        self.chef_log.write_text("INFO: Report handlers complete\n", encoding="utf-8")
        self._script, self._bin = folder / "script", folder / "bin"
        self._bin.mkdir()
        self._executable(self._bin / "dnf", f"#!/bin/bash\nseq 500\necho '{ERROR}' >&2\nexit 3\n")

    def run(self, text):
        text = text.replace("/dev/console", str(self.console))
        self._executable(self._script, text.replace("/var/log/chef-client.log", str(self.chef_log)))
        # Source: aws-cfn-bootstrap, cfnbootstrap/util.py, ProcessHelper: both outputs are one.
        done = subprocess.run(
            [sys.executable, "-c", EXECUTOR, str(self._script), "gcc-14"],
            env={**os.environ, "PATH": f"{self._bin}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        return done.stdout.splitlines()

    @staticmethod
    def _executable(path, text):
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)


@pytest.fixture
def node(tmp_path):
    (tmp_path / "console").touch()
    return Node(tmp_path, tmp_path / "console")


PRINTED = [INSTALLS, *map(str, range(1, 501)), ERROR]


def test_what_the_example_prints_is_in_cfn_inits_log_on_the_console_and_at_the_end_of_chefs_log(node):
    output = node.run(EXAMPLE.read_text(encoding="utf-8"))
    # All of it comes before ParallelCluster's line, in the order in which it was printed.
    assert output == [*PRINTED, "fetch_and_run - Failed to execute, return code: 3."]
    assert node.console.read_text(encoding="utf-8").splitlines() == PRINTED
    kept, *copied = node.chef_log.read_text(encoding="utf-8").splitlines()
    assert (kept, copied) == ("INFO: Report handlers complete", PRINTED)


def test_without_its_line_the_error_is_nowhere(node):
    output = node.run(EXAMPLE.read_text(encoding="utf-8").replace(LINE, ""))
    assert output == [*PRINTED[:-1], "fetch_and_run - Failed to execute, return code: 3."]
    assert node.console.read_text(encoding="utf-8") == ""


def test_a_console_that_cannot_be_written_to_changes_nothing_else(tmp_path):
    node = Node(tmp_path, tmp_path / "missing" / "console")
    output = node.run(EXAMPLE.read_text(encoding="utf-8"))
    assert output == [*PRINTED, "fetch_and_run - Failed to execute, return code: 3."]
    assert node.chef_log.read_text(encoding="utf-8").splitlines()[1:] == PRINTED


def test_the_line_is_the_examples_first_command_and_that_of_the_how_to():
    commands = [
        line for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    ]
    assert commands[0] == LINE
    assert LINE in (ROOT / "docs/how-to/failed-head-node.md").read_text(encoding="utf-8").splitlines()
