"""A Python for each engine's library: this one for the default release, environments for the others."""

import hashlib
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from cluster_schema.releases import newest_first
from tools.artefacts import releases

ROOT = Path(__file__).parents[2]
_FOLDER = ROOT / "build" / "runtimes"
_MARK = "installed"
_REASON_CHARACTERS = 500


class NotInstalledError(Exception):
    """A release of ParallelCluster cannot be installed on this machine."""


def versions() -> list[str]:
    """Returns the releases of ParallelCluster that this project has an engine for, newest first."""
    return newest_first(releases.committed())


def python(version: str) -> Path:
    """Returns an interpreter with a release's library and the other packages of its layer.

    Raises:
        NotInstalledError: It is missing and cannot be installed.
    """
    if version == metadata.version("aws-parallelcluster"):
        return Path(sys.executable)
    requirements, folder = releases.locked(version), _FOLDER / version
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    interpreter, mark = folder / "bin" / "python", folder / _MARK
    if mark.is_file() and mark.read_text(encoding="utf-8") == digest:
        return interpreter
    _run([sys.executable, "-m", "venv", "--clear", folder], version)
    options = (
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
    )
    _run([interpreter, "-m", "pip", "install", *options, "-r", requirements], version)
    mark.write_text(digest, encoding="utf-8")
    return interpreter


def _run(command: list[str | Path], version: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.strip()[-_REASON_CHARACTERS:]
        raise NotInstalledError(f"ParallelCluster {version} cannot be installed here: {reason}")
