"""The files of a release are those of its commit, and say what is in them."""

import json
import os
import subprocess
import zipfile

import pytest

from tests.e2e.account import ROOT
from tests.install.conftest import VERSION, make_release
from tools.artefacts import parts

pytestmark = pytest.mark.e2e

PYTHON = ROOT / ".venv-release" / "bin" / "python"
VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
mistake = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read())
sys.exit(None if mistake is None else str(mistake))
"""


@pytest.fixture(scope="module")
def materials(release):
    return (release / f"pcluster-cfn-{VERSION}.cdx.json").read_text()


def test_a_release_made_again_has_the_same_bytes(release, tmp_path):
    mask = os.umask(0o077)
    try:
        again = make_release(tmp_path / "again", TZ="Pacific/Auckland", PYTHONHASHSEED="1")
    finally:
        os.umask(mask)
    files = {file.name: file.read_bytes() for file in release.iterdir()}
    assert {file.name: file.read_bytes() for file in again.iterdir()} == files


def test_it_has_the_wheels_the_provider_the_schemas_and_the_examples_with_their_checksums(release):
    assert {file.name for file in release.iterdir()} == {
        "SHA256SUMS",
        f"examples-{VERSION}.zip",
        f"pcluster-cfn-{VERSION}.cdx.json",
        f"pcluster_cfn-{VERSION}-py3-none-any.whl",
        f"pcluster_cfn_cdk-{VERSION}-py3-none-any.whl",
        f"pcluster_localcloud-{VERSION}-py3-none-any.whl",
        f"provider-{VERSION}.zip",
        f"schemas-{VERSION}.zip",
    }
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=release, check=True)


def test_the_bill_of_materials_is_valid_and_names_every_pinned_package(materials):
    done = subprocess.run(
        [PYTHON, "-c", VALIDATE], input=materials, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    listed = {
        (each["value"], component["purl"])
        for component in json.loads(materials)["components"]
        for each in component.get("properties", [])
    }
    pinned = parts.packages()
    wanted = {"provider": pinned["provider"], "layer": pinned["layer 3.16.1"]}
    assert listed == {
        (part, f"pkg:pypi/{name}@{version}")
        for part, pins in wanted.items()
        for name, version in pins.items()
    }


def test_the_wheels_hold_no_tests_and_what_a_type_checker_needs(release):
    names = {
        wheel.name: zipfile.ZipFile(wheel).namelist() for wheel in release.iterdir() if wheel.suffix == ".whl"
    }
    assert not [name for inside in names.values() for name in inside if "tests/" in name or "pycache" in name]
    assert "pcluster_cfn_cdk/py.typed" in names[f"pcluster_cfn_cdk-{VERSION}-py3-none-any.whl"]
