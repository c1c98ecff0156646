"""Builds what is deployed: the stack of provider, further engine or hook, or one part for ``sam build``."""

import argparse
import sys
from pathlib import Path

from tools.artefacts import releases, runtime
from tools.artefacts.parts import ROOT, Build
from tools.artefacts.requirements import BuildError
from tools.artefacts.target import MACHINES, Target, find_interpreter

_STACKS = {"build": "PROVIDER_STACK", "engine-stack": "ENGINE_STACK", "hook-stack": "HOOK_STACK"}
_PARTS = ("provider", "engine", "hook", "layer")


def main() -> int:
    """Builds and returns the exit code: 1 if something is too large for Lambda or cannot be built."""
    parser = argparse.ArgumentParser(prog="python -m tools.artefacts", description=__doc__)
    parser.add_argument(
        "what",
        choices=[*_STACKS, *_PARTS, "lock"],
        help="the stack of the provider, an engine or the hook, one part, or the lock of a layer",
    )
    parser.add_argument("--into", type=Path, help="folder to fill; for stacks by default in build")
    parser.add_argument(
        "--runnable",
        action="store_true",
        help="for the Python that is here if the wanted one is not, with a runtime for the embedded cloud",
    )
    parser.add_argument("--arch", choices=MACHINES, default="x86_64")
    parser.add_argument("--python", default="3.12", help="of the functions")
    parser.add_argument("--pcluster-version", default="3.16.1")
    parser.add_argument("--constraints", type=Path, help="of lock: versions to hold to")
    arguments = parser.parse_args()
    if arguments.into is None and arguments.what in _PARTS:
        parser.error("a part needs --into")
    if arguments.what == "lock":
        return _lock(arguments.pcluster_version, arguments.constraints)
    interpreter = find_interpreter(arguments.python)
    if interpreter is None and arguments.runnable:
        here = f"{sys.version_info.major}.{sys.version_info.minor}"
        _say(f"Python {arguments.python} is not here: built for Python {here} instead, to be run")
        arguments.python, interpreter = here, Path(sys.executable)
    target = Target(arguments.arch, arguments.python)
    if arguments.what in _STACKS and not (arguments.runnable or target.has_amazon_linux_2023):
        parser.error(
            f"Lambda runs python{arguments.python} on Amazon Linux 2, whose glibc 2.26 is too old for"
            " Node.js: take --python 3.12 or newer"
        )
    build = Build(
        target=target,
        pcluster_version=arguments.pcluster_version,
        interpreter=interpreter,
    )
    _say(f"ParallelCluster {build.pcluster_version} for Python {arguments.python}, {arguments.arch}")
    _say(_byte_code(build))
    try:
        into = arguments.into or _folder(arguments.what, build)
        if arguments.what in _PARTS:
            getattr(build, arguments.what)(into)
            return 0
        if arguments.runnable and interpreter is not None:
            _say(f"functions run with {runtime.make(interpreter, into / 'runtime')}")
        return _build_stack(_STACKS[arguments.what], build, into)
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _lock(version: str, constraints: Path | None) -> int:
    try:
        releases.resolve(version, releases.LAYER / version / "requirements.txt", constraints)
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _folder(what: str, build: Build) -> Path:
    everything = ROOT / "build"
    beside = {"engine-stack": f"engine-{build.pcluster_version}", "hook-stack": "hook"}
    return everything / beside.get(what, "")


def _build_stack(name: str, build: Build, folder: Path) -> int:
    # Imported here: the parts alone are built without the project's packages.
    from tools.artefacts import built  # noqa: PLC0415

    sizes = built.build(getattr(built, name), build, folder)
    _say(built.table(sizes))
    for excess in (excesses := built.over_limits(sizes)):
        sys.stderr.write(f"too large: {excess}\n")
    _say(f"{folder / 'template.yaml'} is ready to deploy")
    return 1 if excesses else 0


def _byte_code(build: Build) -> str:
    if build.interpreter is None:
        return f"Python {build.target.python} is not here: sources only, which every cold start compiles anew"
    return f"byte code by {build.interpreter}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
