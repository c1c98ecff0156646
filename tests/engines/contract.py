"""Runs the engine's contract tests with what was built for one version, and its Python.

Started by path, with the interpreter of the stack's runtime: the folder of the stack, where the packages of
the tests are, then arguments for pytest.
"""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: The command's packages of which an engine has a part.
SHARED = ("pcluster_cfn", "pcluster_cfn.cost", "pcluster_cfn.planning")


def main() -> None:
    stack, test_packages, *arguments = sys.argv[1:]
    built = [str(Path(stack, "engine")), str(Path(stack, "layer", "python"))]
    # The layer's packages come before this runtime's and before those that only the tests need.
    sys.path[:] = [*built, *sys.path[1:], str(ROOT), test_packages]
    import pytest  # noqa: PLC0415 - the import path is set first

    for name in SHARED:
        # The engine has a part of these packages. The tests use the rest, too.
        importlib.import_module(name).__path__.append(str(ROOT / name.replace(".", "/")))

    sys.exit(pytest.main([*arguments, "--override-ini=pythonpath=", "--import-mode=importlib"]))


if __name__ == "__main__":
    main()
