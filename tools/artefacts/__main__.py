"""Builds what is deployed: ``python -m tools.artefacts build``, or one part for ``sam build``."""

import argparse
import sys
from pathlib import Path

from tools.artefacts import runtime
from tools.artefacts.parts import ROOT, Build
from tools.artefacts.target import MACHINES, Target, find_interpreter
from tools.artefacts.wheels import BuildError

_PARTS = ("provider", "engine", "layer")


def main() -> int:
    """Builds and returns the exit code: 1 if something is too large for Lambda or cannot be built."""
    parser = argparse.ArgumentParser(prog="python -m tools.artefacts", description=__doc__)
    parser.add_argument(
        "what",
        choices=["build", "runnable", *_PARTS],
        help="everything with a template, the same with a runtime for the embedded cloud, or one part",
    )
    parser.add_argument("--into", type=Path, default=ROOT / "build", help="folder to fill")
    parser.add_argument("--arch", choices=MACHINES, default="x86_64")
    parser.add_argument("--python", default="3.12", help="of the functions")
    parser.add_argument("--pcluster-version", default="3.16.1")
    arguments = parser.parse_args()
    interpreter = find_interpreter(arguments.python)
    if interpreter is None and arguments.what == "runnable":
        here = f"{sys.version_info.major}.{sys.version_info.minor}"
        _say(f"Python {arguments.python} is not here: built for Python {here} instead, to be run")
        arguments.python, interpreter = here, Path(sys.executable)
    build = Build(
        target=Target(arguments.arch, arguments.python),
        pcluster_version=arguments.pcluster_version,
        interpreter=interpreter,
        downloads=ROOT / "build" / ".wheels",
    )
    _say(f"ParallelCluster {build.pcluster_version} for Python {arguments.python}, {arguments.arch}")
    _say(_byte_code(build))
    try:
        if arguments.what in {"build", "runnable"}:
            if arguments.what == "runnable" and interpreter is not None:
                _say(f"functions run with {runtime.make(interpreter, arguments.into / 'runtime')}")
            return _build_all(build, arguments.into)
        getattr(build, arguments.what)(arguments.into)
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _build_all(build: Build, folder: Path) -> int:
    # Imported here: the parts alone are built without the project's packages.
    from tools.artefacts import built  # noqa: PLC0415

    sizes = built.build(build, folder)
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
