"""The commands of the pipelines, read from their files and run as their services run them."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from tests.e2e.account import DEADLINE_S, ROOT
from tests.examples.stacks import EXAMPLES

pytestmark = pytest.mark.e2e

MERGED, PROPOSED = "merged", "proposed"


def run(script, environment, shell=("bash", "-e")):
    done = subprocess.run(
        [*shell, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class GitHubActions:
    """Runs the workflow's steps that are commands, each in a shell of its own."""

    def __init__(self, environment, variables, folder):
        self._workflow = yaml.safe_load((EXAMPLES / "ci" / "github-actions.yaml").read_text())
        self._known = {"github.sha": "0123abc"} | {f"vars.{key}": value for key, value in variables.items()}
        self._environment = environment
        self._path = folder / "github-path"

    def run(self, event):
        """Returns what the jobs print: those of a proposal, or of what was merged."""
        jobs = ["check"] if event == PROPOSED else ["check", "deploy"]
        assert set(self._workflow["jobs"]) == {"check", "deploy"}
        return "".join(self._job(self._workflow["jobs"][job]) for job in jobs)

    def _job(self, job):
        self._path.write_text("")
        commands = [step["run"] for step in job["steps"] if "run" in step]
        return "".join(run(command, self._current()) for command in commands)

    def _current(self):
        # Without a path that a step has added, the runner's own AWS CLI is the one there is.
        added = self._path.read_text().splitlines() or [str(ROOT / ".venv" / "bin")]
        own = {key: self._resolved(value) for key, value in self._workflow["env"].items()}
        path = os.pathsep.join([*added, os.environ["PATH"]])
        return self._environment | own | {"PATH": path, "GITHUB_PATH": str(self._path)}

    def _resolved(self, text):
        return re.sub(r"\$\{\{ *([\w.]+) *\}\}", lambda found: self._known[found[1]], text)


class CodeBuild:
    """Runs the build specification's commands, one after the other in one shell."""

    def __init__(self, environment, variables, folder):  # noqa: ARG002 - it needs no folder
        self._specification = yaml.safe_load((EXAMPLES / "ci" / "buildspec.yaml").read_text())
        self._environment = environment | variables | {"PATH": os.environ["PATH"]}

    def run(self, event):
        """Returns what the phases print."""
        phases = self._specification["phases"]
        commands = [command for phase in phases.values() for command in phase["commands"]]
        trigger = {"CODEBUILD_WEBHOOK_TRIGGER": "pr/1" if event == PROPOSED else "branch/main"}
        own = self._specification["env"]["variables"]
        return run("\n".join(commands), self._environment | own | trigger)


PIPELINES = {"by-actions": GitHubActions, "by-codebuild": CodeBuild}


@pytest.fixture(scope="module")
def environment(cloud):
    return {**cloud.environment, "HOME": os.environ["HOME"]}


@pytest.fixture(scope="module")
def pipelines(environment, place, provider):  # noqa: ARG001 - it exports what they import
    """Every pipeline by the name of its stack."""
    seeded = place.seeded
    variables = {
        "AWS_REGION": "us-east-1",
        "HEAD_NODE_SUBNET": seeded["HeadNodeSubnet"],
        "COMPUTE_SUBNET": seeded["ComputeSubnet"],
        "KEY_NAME": seeded["KeyName"],
    }
    return {
        stack: kind(environment, variables | {"STACK": stack}, place.folder)
        for stack, kind in PIPELINES.items()
    }


def side_by_side(work, *arguments):
    """Does the same with all arguments at once, and returns the results in their order."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(work, *arguments))


def test_a_proposal_is_tried_and_shows_what_would_change_and_changes_nothing(account, pipelines):
    shown = side_by_side(lambda pipeline: pipeline.run(PROPOSED), pipelines.values())
    for stack, text in zip(pipelines, shown, strict=True):
        assert f"create of cluster c-{stack}" in text
        assert re.search(r"Add +\| +Cluster +\| +Custom::PclusterCluster", text)
    assert [account.stack(stack) for stack in pipelines] == [None, None]


@pytest.fixture(scope="module")
def merged(pipelines):
    """What is printed when a change is merged, by the name of the stack."""
    shown = side_by_side(lambda pipeline: pipeline.run(MERGED), pipelines.values())
    return dict(zip(pipelines, shown, strict=True))


def test_what_is_merged_is_deployed_tagged_and_protected(account, merged):
    for name, shown in merged.items():
        (head_node,) = account.head_nodes(f"c-{name}")
        assert head_node["PublicIpAddress"] in shown
        stack = account.stack(name)
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        assert stack["EnableTerminationProtection"] is True
        assert {"Key": "Project", "Value": "hpc"} in stack["Tags"]


@pytest.mark.usefixtures("merged")
def test_a_merge_without_changes_changes_nothing(account, pipelines):
    shown = pipelines["by-codebuild"].run(MERGED)
    assert "No changes to deploy" in shown
    assert account.stack("by-codebuild")["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.usefixtures("merged")
def test_the_script_deletes_what_it_has_protected(account, pipelines, environment):
    path = {"PATH": os.pathsep.join([str(ROOT / ".venv" / "bin"), os.environ["PATH"]])}
    side_by_side(lambda stack: run(f"examples/deploy.sh delete {stack}", environment | path), pipelines)
    for stack in pipelines:
        assert account.stack(stack) is None
        assert account.stack(f"c-{stack}") is None


def test_the_script_says_how_it_is_used(environment):
    path = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [EXAMPLES / "deploy.sh", "deploy", "hpc"],
        env=environment | path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "deploy.sh plan    STACK TEMPLATE [Key=Value ...]" in done.stderr
