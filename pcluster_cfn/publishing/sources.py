"""Where the stacks to publish come from: folders that were built before, or are built now."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pcluster_cfn.errors import CommandError
from pcluster_cfn.publishing.publication import Built

_CLONE = Path(__file__).parents[2]
_FOLDER = _CLONE / "build"


def read(folder: Path, engines: Sequence[str]) -> list[Built]:
    """Reads the provider's stack, and those of further engines in the folders beside it.

    Args:
        folder: What ``make build`` filled.
        engines: ParallelCluster versions, each in ``engine-<version>`` there.
    """
    further = [Built.read("engine", folder / f"engine-{version}") for version in engines]
    return [Built.read("provider", folder), *further]


def build(engines: Sequence[str]) -> list[Built]:
    """Builds the provider's stack and those of further engines from this clone, telling of it on stderr.

    Raises:
        CommandError: One cannot be built.
    """
    _run("build")
    for version in engines:
        _run("engine-stack", "--pcluster-version", version)
    return read(_FOLDER, engines)


def _run(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 - this project's own builder
        [sys.executable, "-m", "tools.artefacts", *arguments], cwd=_CLONE, stdout=sys.stderr, check=False
    )
    if done.returncode:
        raise CommandError(
            f"cannot build ({' '.join(arguments)}): it says why above", "or name a folder with --build"
        )
