"""A watched deployment shows why a function does not answer, long before its stack fails."""

import subprocess
import sys

import pytest

from localcloud.cloud import Cloud
from tests.e2e.account import DEADLINE_S, ROOT

pytestmark = pytest.mark.e2e

OURS = f"{sys.version_info[0]}.{sys.version_info[1]}"
OTHER = "3.12" if OURS == "3.11" else "3.11"
#: A function behind a service token, as a build for another Python is: compiled modules in its package.
TEMPLATE = f"""\
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{{Effect: Allow, Principal: {{Service: lambda.amazonaws.com}}, Action: "sts:AssumeRole"}}]
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python{OTHER}
      Handler: app.handler
      Role: !GetAtt Role.Arn
      Code: function
  Waiting:
    Type: Custom::Waiting
    Properties:
      ServiceToken: !GetAtt Function.Arn
      ServiceTimeout: 600
"""


@pytest.fixture
def template(tmp_path):
    package = tmp_path / "function"
    package.mkdir()
    (package / "app.py").write_text("import speed\n")
    (package / f"speed.cpython-{OTHER.replace('.', '')}-x86_64-linux-gnu.so").write_bytes(b"\x7fELF")
    path = tmp_path / "waiting.yaml"
    path.write_text(TEMPLATE)
    return path


def test_deploy_says_that_a_function_was_built_for_another_python(template):
    with Cloud.start(skip_idle=True) as cloud:
        bucket = cloud.exports["ARTIFACT_BUCKET"]
        done = subprocess.run(
            [sys.executable, "-m", "pcluster_cfn", "deploy", template, "--bucket", bucket],
            env={"PYTHONPATH": str(ROOT), **cloud.environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        (warning,) = [line for line in done.stdout.splitlines() if line.startswith("Warning: ")]
        assert warning == f"Warning: {cloud.warnings()[0]}"
        for words in ("speed.cpython", f"--function-python python{OTHER}=", f"for Python {OURS}"):
            assert words in warning
