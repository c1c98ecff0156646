"""Builds this repository's wheels. The same commit gives the same bytes."""

import os
import subprocess
import tomllib
from pathlib import Path

from tools.artefacts.parts import ROOT
from tools.artefacts.requirements import BuildError

#: The projects of the repository that have a wheel: the command, the embedded cloud and the CDK construct.
PROJECTS = (ROOT, ROOT / "localcloud", ROOT / "cdk")
#: Has hatchling at its pinned version, which is written into every wheel.
_PYTHON = ROOT / ".venv-release" / "bin" / "python"


def version() -> str:
    """Returns the version of the release.

    Raises:
        BuildError: The projects' versions differ.
    """
    versions = {_version(project) for project in PROJECTS}
    if len(versions) > 1:
        raise BuildError(
            f"the projects have different versions: {', '.join(sorted(versions))}; a release has one version"
        )
    return versions.pop()


def build(folder: Path, made_at_s: int) -> None:
    """Builds every wheel into a folder.

    Args:
        folder: The folder.
        made_at_s: The time of all files in the wheels, in seconds since 1970.

    Raises:
        BuildError: A wheel cannot be built.
    """
    for project in PROJECTS:
        done = subprocess.run(
            [_PYTHON, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder.absolute()],
            cwd=project,
            env={**os.environ, "SOURCE_DATE_EPOCH": str(made_at_s)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BuildError(f"the wheel of {project.name} cannot be built:\n{done.stderr[-3000:]}")


def _version(project: Path) -> str:
    content = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    return str(content["project"]["version"])
