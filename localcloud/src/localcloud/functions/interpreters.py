"""Compares the Python that runs a function with its runtime."""

import logging
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from localcloud.functions.deployment import Deployment

_LOG = logging.getLogger(__name__)

#: In place of a runtime's name: every runtime that is not named.
ANY_RUNTIME = "*"

#: A module compiled for one Python. Source: PEP 3149; ``abi3`` and no tag at all load in several.
_COMPILED = re.compile(r"\.cpython-(\d)(\d+)[-.].*so$")
_VERSION = "import sys; print(f'{sys.version_info[0]}.{sys.version_info[1]}')"
_TIMEOUT_S = 30


class Interpreters:
    """The Pythons that run functions, and warnings about functions with the wrong one.

    Args:
        pythons: By ``Runtime``, or ``*`` for all others; a runtime that is not here has this process's own.
    """

    def __init__(self, pythons: Mapping[str, Path]) -> None:
        self._pythons = pythons
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self._warnings: list[str] = []

    def find(self, runtime: str) -> Path | None:
        """Returns the interpreter that was set for a runtime, if there is one."""
        return self._pythons.get(runtime) or self._pythons.get(ANY_RUNTIME)

    def warnings(self) -> list[str]:
        """Returns a warning for each function that cannot work with its Python."""
        with self._lock:
            return list(self._warnings)

    def compare(self, deployment: Deployment) -> str | None:
        """Returns a warning, once for each function, if it cannot work with the Python that runs it.

        It cannot if modules of its package or layers were compiled for another Python: their import fails.
        Without compiled modules another Python works as well, and only the cloud's log mentions it.
        """
        with self._lock:
            if deployment.function_arn in self._seen:
                return None
            self._seen.add(deployment.function_arn)
        ours = _version(self.find(deployment.runtime))
        if deployment.runtime == f"python{ours}":
            return None
        runs = f"{deployment.function_name} has the runtime {deployment.runtime}, and runs with Python {ours}"
        foreign = [name for path in (deployment.code, *deployment.layers) for name in _foreign(path, ours)]
        if not foreign:
            _LOG.info("%s", runs)
            return None
        warning = f"{runs}. {_problem(foreign)} {_remedy(deployment.runtime, ours)}"
        with self._lock:
            self._warnings.append(warning)
        _LOG.warning("%s", warning)
        return warning


def _problem(foreign: list[str]) -> str:
    more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
    return (
        f"Its code or layers have modules compiled for another Python ({foreign[0]}{more}): importing them "
        "fails, and whoever waits for the function's answer waits until a time-out."
    )


def _remedy(runtime: str, ours: str) -> str:
    return (
        f"Start the cloud with `localcloud start --function-python {runtime}=PATH`, where PATH is "
        f"a Python {runtime.removeprefix('python')} that has awslambdaric, boto3 and time-machine, or build "
        f"and deploy the function for Python {ours}."
    )


@cache
def _version(python: Path | None) -> str:
    if python is None:
        return f"{sys.version_info[0]}.{sys.version_info[1]}"
    asked = subprocess.run(
        [python, "-c", _VERSION], capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
    )
    return asked.stdout.strip()


@cache
def _foreign(folder: Path, version: str) -> tuple[str, ...]:
    """Names of the modules below a folder that were compiled for another Python than a version."""
    found = ((path.name, _COMPILED.search(path.name)) for path in sorted(folder.rglob("*.so")))
    return tuple(name for name, tag in found if tag and f"{tag[1]}.{tag[2]}" != version)
