"""A release, and environments outside of the clone that it is installed into.

The tests need what `make build-runnable` builds, so they are not there without it.
"""

import json
import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.account import ARTEFACT, ROOT
from tools import pip
from tools.artefacts.target import find_interpreter
from tools.release.wheels import version

collect_ignore_glob = [] if ARTEFACT else ["test_*.py"]

UV = ROOT / ".venv" / "bin" / "uv"
VERSION = version()
#: More than anything here takes while other suites run: what is slower hangs.
DEADLINE_S = 600


def make_release(folder, **environment):
    """Makes a release from what was built, and returns its folder."""
    subprocess.run(
        [sys.executable, "-m", "tools.release", "--build", ARTEFACT, "--into", folder],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=True,
        timeout=DEADLINE_S,
    )
    return folder


@dataclass(frozen=True)
class Installed:
    """An environment with the command, and a folder where its user works; neither knows the clone."""

    python: Path
    folder: Path

    @property
    def command(self):
        return self.python.with_name("pcluster-cfn")

    @property
    def environment(self):
        path = os.pathsep.join([str(self.python.parent), "/usr/bin", "/bin"])
        return {"PATH": path, "HOME": str(self.folder), "COLUMNS": "200"}

    def run(self, *arguments, code=0, **environment):
        """Runs the command, and returns what it printed on standard output."""
        done = subprocess.run(
            [self.command, *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == code, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stdout + done.stderr


@pytest.fixture(scope="session")
def release(tmp_path_factory):
    return make_release(tmp_path_factory.mktemp("release") / "files")


@pytest.fixture(scope="session")
def install(release, tmp_path_factory):
    """Installs a requirement from the release; packages of others have the versions that the tests know."""
    interpreter = find_interpreter(json.loads((ARTEFACT / "build.json").read_text())["python"])

    def install(requirement):
        folder = tmp_path_factory.mktemp("installed")
        python = folder / "venv" / "bin" / "python"
        environment = pip.uv_environment(pip.settings(), os.environ)
        uv = [UV, "--quiet", "--system-certs", "--no-config"]
        options = [
            "--index-strategy",
            "unsafe-best-match",
            "--find-links",
            release,
            "--constraint",
            ROOT / "requirements" / "demo.txt",
        ]
        subprocess.run([*uv, "venv", "--python", interpreter, folder / "venv"], env=environment, check=True)
        subprocess.run(
            [*uv, "pip", "install", "--python", python, *options, requirement], env=environment, check=True
        )
        (folder / "work").mkdir()
        return Installed(python, folder / "work")

    return install


@pytest.fixture(scope="session")
def alone(install):
    """The command without its extras."""
    return install(f"pcluster-cfn=={VERSION}")


@pytest.fixture(scope="session")
def installed(install):
    """The command with the embedded cloud, and with what builds the provider."""
    return install(f"pcluster-cfn[build,local]=={VERSION}")


@pytest.fixture(scope="session")
def variables(installed):
    """The variables of a shell that has started the embedded cloud as the documentation says."""
    script = f'eval "$({shlex.quote(str(installed.command))} local &)"; env -0'
    with (installed.folder / "local.log").open("wb") as log:
        shell = subprocess.run(
            ["bash", "-c", script],
            cwd=installed.folder,
            env=installed.environment,
            stdout=subprocess.PIPE,
            stderr=log,
            timeout=DEADLINE_S,
            check=True,
        )
    known = dict(line.split("=", 1) for line in shell.stdout.decode().split("\0") if "=" in line)
    yield known
    process_id = int(known["LOCALCLOUD_PID"])
    subprocess.run(["kill", str(process_id)], check=True)
    give_up_at = time.monotonic() + DEADLINE_S
    while Path(f"/proc/{process_id}").exists() and time.monotonic() < give_up_at:
        time.sleep(0.1)
    assert not Path(f"/proc/{process_id}").exists()
