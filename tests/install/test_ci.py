"""The action of GitHub and the hook of pre-commit, run as their services run them."""

import os
import re
import subprocess

import pytest
import yaml

from tests.e2e.account import ROOT
from tests.install.conftest import DEADLINE_S
from tools.artefacts.target import find_interpreter

pytestmark = pytest.mark.e2e

RIGHT = (ROOT / "examples" / "many-clusters" / "cluster.yaml").read_text()
WRONG = RIGHT.replace(" InstanceType: m7i", " InstanceTyp: m7i")
#: Of a version that has no schema here.
UNKNOWN = RIGHT.replace("ServiceTimeout:", "PclusterVersion: 3.5.0\n      ServiceTimeout:", 1)
PRE_COMMIT = ROOT / ".venv-release" / "bin" / "pre-commit"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A repository of a user's."""
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "clusters" / "a team").mkdir(parents=True)
    (folder / "clusters" / "pcluster-right.yaml").write_text(RIGHT)
    (folder / "clusters" / "a team" / "pcluster-wrong.yaml").write_text(WRONG)
    return folder


@pytest.fixture(scope="module")
def action(workspace, tmp_path_factory):
    """Runs the action's command in the workspace with inputs, and returns its exit status and output."""
    described = yaml.safe_load((ROOT / "action.yml").read_text())
    *_, step = described["runs"]["steps"]
    temporary = tmp_path_factory.mktemp("runner")

    def action(**inputs):
        values = {name: each.get("default") for name, each in described["inputs"].items()} | inputs
        known = {f"inputs.{name}": value for name, value in values.items()}
        known["steps.python.outputs.python-path"] = str(find_interpreter("3.12") or find_interpreter("3.11"))
        given = {
            name: re.sub(r"\$\{\{ *([\w.-]+) *\}\}", lambda found: known[found[1]], text)
            for name, text in step["env"].items()
        }
        kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=workspace,
            env={
                **kept,
                **given,
                "PATH": "/usr/bin:/bin",
                "RUNNER_TEMP": str(temporary),
                "GITHUB_ACTION_PATH": str(ROOT),
            },
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        return done.returncode, done.stdout

    return action


def test_the_action_shows_mistakes_at_their_lines(action):
    code, shown = action(files="clusters/**/*.yaml")
    assert code == 1
    (error,) = [line for line in shown.splitlines() if line.startswith("::error")]
    assert error.startswith("::error file=clusters/a team/pcluster-wrong.yaml,line=")
    assert "did you mean InstanceType?" in error


def test_without_annotations_mistakes_are_plain_lines(action):
    code, shown = action(files="clusters/a team/pcluster-wrong.yaml", annotations="false")
    assert code == 1
    assert "::error" not in shown
    assert "did you mean InstanceType?" in shown


def test_right_templates_pass_with_their_parameters(action):
    code, _ = action(files="clusters/pcluster-right.yaml\n", parameters="MaxCount=8\n")
    assert code == 0


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({"files": "missing/*.yaml"}, "no file matches 'missing/*.yaml'"),
        ({"files": "missing.yaml"}, "no file matches 'missing.yaml'"),
        ({"files": "\n"}, "input files is empty"),
        ({"files": "clusters/pcluster-right.yaml", "strict": "yes"}, "input strict is 'yes'"),
    ],
)
def test_wrong_inputs_are_refused(action, inputs, problem):
    code, shown = action(**inputs)
    assert code == 2
    assert problem in shown


def test_strictness_decides_about_what_could_not_be_checked(action, workspace):
    (workspace / "unknown.yaml").write_text(UNKNOWN)
    code, shown = action(files="unknown.yaml")
    assert code == 3
    assert "::warning file=unknown.yaml" in shown
    code, _ = action(files="unknown.yaml", strict="false")
    assert code == 0


def test_the_hook_of_pre_commit_finds_mistakes(workspace, tmp_path):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "--quiet"], cwd=workspace, check=True)
    subprocess.run([*git, "add", "--all"], cwd=workspace, check=True)
    kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    done = subprocess.run(
        [PRE_COMMIT, "try-repo", ROOT, "pcluster-validate", "--all-files"],
        cwd=workspace,
        env={**kept, "PATH": os.environ["PATH"], "HOME": str(tmp_path), "PRE_COMMIT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "clusters/a team/pcluster-wrong.yaml" in done.stdout
    assert "did you mean InstanceType?" in done.stdout
