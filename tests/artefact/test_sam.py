"""The AWS SAM CLI validates, builds and deploys the project as it does for users."""

import os
import subprocess

import pytest

from localcloud.cloud import Cloud
from pcluster_cfn.package import archive
from tests.e2e.account import ARTEFACT, ROOT, Account, outputs

pytestmark = pytest.mark.e2e

SAM = ROOT / ".venv-sam" / "bin" / "sam"
RUNTIME = ARTEFACT / "runtime" / "bin" / "python"
TIMEOUT_S = 300
PARTS = {"Provider": "provider", "Engine": "engine", "PclusterLayer": "layer"}


def sam(*arguments, **environment):
    """Runs the SAM CLI as a user's shell would; returns what it prints."""
    done = subprocess.run(
        [SAM, *arguments],
        cwd=ROOT,
        env={
            "HOME": os.environ["HOME"],
            "PATH": os.environ["PATH"],
            "SAM_CLI_TELEMETRY": "0",
            "AWS_DEFAULT_REGION": "us-east-1",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sam")
    # Where the functions' Python is not here, make has built for the one that is: sam is told to do the same.
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    python = subprocess.check_output([RUNTIME, "-I", "-c", code], text=True).strip()
    sam("build", "--build-dir", folder, TARGET_PYTHON=python)
    return folder


def test_the_template_is_valid():
    assert "is a valid SAM Template" in sam("validate", "--lint")


def test_sam_builds_what_make_builds(built):
    for logical_id, part in PARTS.items():
        same = archive(built / logical_id) == (ARTEFACT / f"{part}.zip").read_bytes()
        assert same, f"{logical_id} differs from {part}.zip"


def test_sam_deploys_what_it_built(built):
    with Cloud.start(function_python=RUNTIME) as cloud:
        config = ("--config-file", ROOT / "samconfig.toml")
        sam("deploy", *config, "--template-file", built / "template.yaml", **cloud.environment)
        account = Account(cloud)
        stack = account.stack("pcluster-provider")
        assert stack["StackStatus"] == "CREATE_COMPLETE", account.why(stack)
        assert outputs(stack).keys() >= {"ServiceToken", "LogGroupArn", "LambdaLayerArn"}
        functions = cloud.client("lambda").list_functions()["Functions"]
        layers = [layer["Arn"] for function in functions for layer in function.get("Layers", [])]
        assert layers == [outputs(stack)["LambdaLayerArn"]]
