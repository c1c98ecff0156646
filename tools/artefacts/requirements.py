"""Reads locked requirements, and installs their packages for Lambda's platform with uv."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from tools import pip
from tools.artefacts.target import Target

#: A pinned line of a requirements file; its hashes follow on lines that are indented.
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
_CLONE = Path(__file__).parents[2]


class BuildError(Exception):
    """The build cannot go on; the message says why and what to do."""


def locked(path: Path) -> dict[str, str]:
    """Returns the entries of a locked requirements file: text with its hashes, by normalised name.

    Raises:
        BuildError: An entry has no hashes.
    """
    entries: dict[str, str] = {}
    name = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if pinned := _PIN.match(line):
            name = normalised(pinned["name"])
            entries[name] = ""
        if name and not line.startswith("#"):
            entries[name] += line + "\n"
    without = [name for name, text in entries.items() if "--hash=" not in text]
    if not entries or without:
        raise BuildError(f"{path} has no hashes for {', '.join(without) or 'anything'}: run 'make lock'")
    return entries


def pins(path: Path) -> dict[str, str]:
    """Returns the versions in a locked requirements file, by normalised name."""
    matches = {name: _PIN.match(entry) for name, entry in locked(path).items()}
    return {name: match["version"] for name, match in matches.items() if match is not None}


def normalised(name: str) -> str:
    """Returns a distribution's name as indexes compare it. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def install(entries: Iterable[str], target: Target, folder: Path, keep: Callable[[str], bool] = bool) -> None:
    """Installs packages into a folder, for a platform other than this machine's as well.

    uv compares every hash and takes wheels only, so nothing of a package runs here. It uses the indexes that
    pip is configured with.

    Args:
        entries: Requirements with hashes, as ``locked`` returns them.
        target: The platform that the packages run on.
        folder: Gets the packages; empty or missing.
        keep: Whether a file stays, by its path in the folder; by default all do.

    Raises:
        BuildError: uv is not here, there is no wheel for the target, or a hash differs.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listed:
        listed.writelines(entries)
        listed.flush()
        done = subprocess.run(
            [
                *(uv(), "--system-certs", "pip", "install", "--quiet", "--python", sys.executable),
                *("--no-deps", "--require-hashes", "--only-binary", ":all:"),
                # All indexes count, as they do for pip; whatever one of them has, its hash is compared.
                *("--index-strategy", "unsafe-best-match"),
                *("--python-version", target.python, "--python-platform", target.platform),
                # Not linked to uv's cache: the build changes files in place.
                *("--link-mode", "copy", "--target", str(folder), "--requirement", listed.name),
            ],
            env=pip.uv_environment(pip.settings(), os.environ),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise BuildError(f"uv could not install the packages for {target.name}:\n{done.stderr[-3000:]}")
    _remove_others(folder, keep)


def uv() -> str:
    """Returns the path of uv.

    Raises:
        BuildError: It is not installed.
    """
    places = [Path(sys.executable).with_name("uv"), _CLONE / ".venv" / "bin" / "uv"]
    found = shutil.which("uv") or next((str(place) for place in places if place.is_file()), None)
    if found is None:
        raise BuildError("uv is not installed: run 'make .venv/.installed' or 'pip install uv'")
    return found


def _remove_others(folder: Path, keep: Callable[[str], bool]) -> None:
    """Removes files that are not kept and empty folders, and makes no file executable."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if not path.is_dir():
            if keep(path.relative_to(folder).as_posix()):
                path.chmod(0o644)
            else:
                path.unlink()
        elif not any(path.iterdir()):
            path.rmdir()
