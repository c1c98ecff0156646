"""What is published is a template that CloudFormation's own linter has nothing against."""

import subprocess
import sys
from pathlib import Path

import pytest

from pcluster_cfn.publishing.publication import Built
from tests.support.built import build_from_sources
from tools.artefacts.built import ENGINE_STACK, HOOK_STACK, PROVIDER_STACK

LINT = Path(sys.executable).parent / "cfn-lint"


@pytest.mark.parametrize(
    ("kind", "stack"),
    [("provider", PROVIDER_STACK), ("engine", ENGINE_STACK), ("hook", HOOK_STACK)],
    ids=["provider", "engine", "hook"],
)
def test_a_published_template_passes_the_linter(tmp_path, kind, stack):
    built = Built.read(kind, build_from_sources(tmp_path / "build", stack))
    template = tmp_path / "template.json"
    template.write_bytes(built.publication("a-bucket", "p", "1.0.0").template.body)
    done = subprocess.run([LINT, "--", template], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
