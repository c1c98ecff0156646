"""Makes the files of a release from a build (``make build``) and this repository: ``make release``."""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pcluster_cfn.package import archive
from tools.artefacts.parts import ROOT
from tools.artefacts.requirements import BuildError
from tools.release import wheels
from tools.release.materials import bill, packages

#: Of a build: what ``publish`` reads, and the folders with the packages of each deployed part.
_PUBLISHED = ("build.json", "template.yaml", "provider.zip", "engine.zip", "layer.zip", "schemas")
#: The folder of the hook's stack in it, and what ``publish`` reads there.
_HOOK, _HOOK_PUBLISHED = "hook", ("build.json", "template.yaml", "engine.zip", "hook.zip")
_PARTS = {"provider": "provider", "layer": "layer/python"}
_CHECKSUMS = "SHA256SUMS"
#: The time of a release without Git. Source: hatchling, "Reproducible builds".
_ANY_TIME_S = 1_580_601_600


def main() -> int:
    """Makes the release and returns the exit code: 1 if it cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="folder that make build filled")
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "release", help="folder to fill")
    arguments = parser.parse_args()
    try:
        make(arguments.build, arguments.into)
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for file in sorted(arguments.into.iterdir()):
        sys.stdout.write(f"{file.stat().st_size:>12,}  {file}\n")
    return 0


def make(built: Path, folder: Path) -> None:
    """Fills a folder, which is emptied first, with the files of a release.

    Args:
        built: The folder of a build.
        folder: The folder to fill.

    Raises:
        BuildError: There is no build, or a wheel cannot be built.
    """
    for stack, target in ((built, "build"), (built / _HOOK, "hook")):
        if not (stack / "build.json").is_file():
            raise BuildError(f"{stack} has no build: run make {target}")
    made_at_s, version = _made_at_s(), wheels.version()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wheels.build(folder, made_at_s)
    archives = {
        "provider": {
            **{name: built / name for name in _PUBLISHED},
            **{f"{_HOOK}/{name}": built / _HOOK / name for name in _HOOK_PUBLISHED},
        },
        "schemas": {"": built / "schemas"},
        "examples": {"": ROOT / "examples"},
    }
    for name, sources in archives.items():
        (folder / f"{name}-{version}.zip").write_bytes(_archived(sources))
    parts = {name: packages(built / place) for name, place in _PARTS.items()}
    materials = bill(version, made_at_s, parts, _digests(folder))
    text = json.dumps(materials, indent=1) + "\n"
    (folder / f"pcluster-cfn-{version}.cdx.json").write_text(text, encoding="utf-8")
    sums = "".join(f"{digest}  {name}\n" for name, digest in _digests(folder).items())
    (folder / _CHECKSUMS).write_text(sums, encoding="utf-8")


def _made_at_s() -> int:
    """The time that all files of the release carry: the commit's, unless ``SOURCE_DATE_EPOCH`` has another.

    Source: reproducible-builds.org, "SOURCE_DATE_EPOCH".
    """
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    git = shutil.which("git")
    if git is None:
        return _ANY_TIME_S
    done = subprocess.run(
        [git, "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return int(done.stdout) if done.returncode == 0 else _ANY_TIME_S


def _archived(sources: dict[str, Path]) -> bytes:
    """Returns files and folders, by their place, as one archive; the place "" is its root."""
    with tempfile.TemporaryDirectory() as folder:
        for place, source in sources.items():
            target = Path(folder) / place
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                target.parent.mkdir(exist_ok=True)
                shutil.copy(source, target)
        return archive(Path(folder))


def _digests(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of each file in a folder in hexadecimal digits, by name."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


if __name__ == "__main__":
    sys.exit(main())
