"""The CDK construct's types are those of the schemas, and a type checker finds mistakes by them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.cdk_types import CONFIGURATION, modules

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("path", "text"), [*modules()], ids=lambda each: getattr(each, "name", "-"))
def test_a_committed_module_is_what_make_schemas_writes(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, "run make schemas"


def test_a_type_checker_finds_a_key_and_a_value_that_do_not_exist(tmp_path: Path) -> None:
    written = tmp_path / "written.py"
    written.write_text(
        "from configuration import ClusterConfiguration, HeadNode\n"
        "right: HeadNode = {'InstanceType': 't3.micro', 'Networking': {'SubnetId': 'subnet-1'}}\n"
        "key: HeadNode = {'InstanceTyp': 't3.micro', 'Networking': {'SubnetId': 'subnet-1'}}\n"
        "value: ClusterConfiguration = {'Image': {'Os': 'alinux2099'}, 'HeadNode': right,\n"
        "    'Scheduling': {'Scheduler': 'slurm', 'SlurmQueues': []}}\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-incremental", "--config-file", "", str(written)],
        env={"MYPYPATH": str(CONFIGURATION.parent), "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {line.partition(": ")[0] for line in done.stdout.splitlines() if ": error: " in line}
    assert found == {"written.py:3", "written.py:4"}, done.stdout + done.stderr
