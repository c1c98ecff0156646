"""What was built for each version keeps the contract, and types configurations as its library does."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from cluster_schema import versions
from tests.e2e.account import ROOT
from tests.engines.stacks import RELEASES, folder

pytestmark = pytest.mark.library

CONTRACT = Path(__file__).with_name("contract.py")
TIMEOUT_S = 600


def ran(version, *command, **environment):
    """Runs a command with the interpreter of a version's runtime; returns its exit code and what it says."""
    done = subprocess.run(
        [folder(version) / "runtime" / "bin" / "python", *command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.returncode, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize("version", RELEASES)
def test_the_engine_keeps_its_contract_with_every_library(version):
    folder_of_tests = ROOT / "tests" / "contract" / "engine"
    # What a forecast counts is the command's, which has the default version's library.
    left_out = f"--ignore={folder_of_tests / 'test_forecast.py'}"
    tests = (folder_of_tests, left_out, "--quiet", "-p", "no:cacheprovider", "-W", "ignore")
    built = (folder(version), sysconfig.get_path("purelib"))
    environment = {
        "CLOUD_PYTHON": sys.executable,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(ROOT / "localcloud" / "src"),
    }
    code, said = ran(version, CONTRACT, *built, *tests, **environment)
    assert code == 0, said
    # How many tests of the contract passed, for make engines-matrix.
    sys.stdout.writelines(f"\n{line}\n" for line in said.splitlines() if " passed" in line)


@pytest.mark.parametrize("version", [release for release in RELEASES if release in versions()])
def test_the_schema_is_what_the_layers_library_says(version):
    path = f"{ROOT}:{ROOT / 'provider' / 'engine'}:{folder(version) / 'layer' / 'python'}"
    check = ("-W", "ignore", "-m", "tools.configuration_schema", "--check")
    code, said = ran(version, *check, PYTHONPATH=path)
    assert code == 0, said
