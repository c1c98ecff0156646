"""The platform of a build: a processor, a Python version, and the interpreter that compiles for it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Lambda's architectures, as wheels name them. Source: AWS Lambda API reference, Architectures.
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}

#: Wheels for glibc 2.34, which Amazon Linux 2023 has, and for older ones. Source: PEP 600.
_PLATFORM = "manylinux_2_34"


@dataclass(frozen=True)
class Target:
    """The platform of an artefact.

    Args:
        arch: ``x86_64`` or ``arm64``.
        python: ``3.12``, for instance.
    """

    arch: str
    python: str

    @property
    def platform(self) -> str:
        """The platform in uv's words; wheels for older ones run there as well."""
        return f"{MACHINES[self.arch]}-{_PLATFORM}"

    @property
    def has_amazon_linux_2023(self) -> bool:
        """Whether Lambda runs this Python on Amazon Linux 2023.

        Source: AWS Lambda developer guide, "Lambda runtimes": python3.11 and older run on Amazon Linux 2.
        """
        return tuple(int(part) for part in self.python.split(".")) >= (3, 12)

    @property
    def name(self) -> str:
        """A name for messages."""
        return f"python{self.python}-{self.arch}"


def find_interpreter(python: str) -> Path | None:
    """Returns an interpreter of a Python version that starts; None if there is none.

    Looks at this process's own interpreter, on PATH, and in pyenv's versions.
    """
    return next((path for path in _candidates(python) if _runs(path, python)), None)


def _candidates(python: str) -> Iterator[Path]:
    yield Path(sys.executable)
    if found := shutil.which(f"python{python}"):
        yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{python}.*/bin/python{python}"), reverse=True)


def _runs(path: Path, python: str) -> bool:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run(
            [path, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=30
        )
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.strip() == python
