"""Wheels: downloaded by exact version and hash, unpacked without being installed."""

import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from tools.artefacts.target import Target

#: A pinned line of a requirements file; its hashes follow on lines that are indented.
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")

Keep = Callable[[str], bool]


class BuildError(Exception):
    """The build cannot go on; the message says why and what to do."""


def requirements(path: Path) -> dict[str, str]:
    """Returns the entries of a locked requirements file: normalised name, and text with its hashes."""
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
    """Returns the versions that a locked requirements file names, by normalised name."""
    matches = {name: _PIN.match(entry) for name, entry in requirements(path).items()}
    return {name: match["version"] for name, match in matches.items() if match is not None}


def normalised(name: str) -> str:
    """Returns a distribution's name as indexes compare it. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def download(entries: Iterable[str], target: Target, folder: Path) -> list[Path]:
    """Fetches a wheel for each requirement, unless the folder has it; pip compares every hash.

    Args:
        entries: Requirements with hashes, as ``requirements`` returns them.
        target: What the wheels have to run on.
        folder: Keeps the wheels for the next build.

    Raises:
        BuildError: There is no wheel for the target, or a hash differs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = list(entries)
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listed:
        listed.writelines(entries)
        listed.flush()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
                *("--no-deps", "--require-hashes", "--only-binary=:all:", "--implementation", "cp"),
                *("--python-version", target.python, "--dest", str(folder), "--requirement", listed.name),
                *(option for platform in target.platforms for option in ("--platform", platform)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise BuildError(f"pip could not download the wheels for {target.name}:\n{done.stderr[-3000:]}")
    return [_wheel_of(entry, folder) for entry in entries]


def _wheel_of(entry: str, folder: Path) -> Path:
    pinned = _PIN.match(entry)
    wanted = (normalised(pinned["name"]), pinned["version"]) if pinned else None
    for wheel in sorted(folder.glob("*.whl")):
        name, version, *_ = wheel.name.split("-")
        if (normalised(name), version) == wanted:
            return wheel
    raise BuildError(f"no wheel of {wanted} in {folder}: delete the folder and build again")


def unpack(wheel: Path, folder: Path, keep: Keep) -> None:
    """Unpacks what is importable in a wheel, where ``keep`` agrees to a member's path.

    Scripts, headers and other data are left out: nothing on Lambda runs them.
    """
    with zipfile.ZipFile(wheel) as members:
        for member in members.infolist():
            path = _importable(PurePosixPath(member.filename))
            if path is None or member.is_dir() or not keep(str(path)):
                continue
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(members.read(member))


def _importable(path: PurePosixPath) -> PurePosixPath | None:
    """Returns where a wheel's member goes among the packages. Source: PEP 427, the .data directory."""
    if not path.parts[0].endswith(".data"):
        return path
    return PurePosixPath(*path.parts[2:]) if path.parts[1] in {"purelib", "platlib"} else None
