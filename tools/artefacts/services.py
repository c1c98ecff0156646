"""The AWS services whose descriptions stay in a layer: every one that the code in it can ask for."""

import ast
import shutil
from collections.abc import Iterable
from pathlib import Path


def keep_named(descriptions: Path, packages: Iterable[Path]) -> None:
    """Removes botocore's description of each service that no code names.

    A client is made from its service's name, so code that names a service nowhere never makes its client.

    Args:
        descriptions: botocore's ``data``: one folder for each service.
        packages: The folders with the sources of all code that makes clients.
    """
    named = set().union(*(texts(package) for package in packages))
    for service in descriptions.iterdir():
        if service.is_dir() and service.name not in named:
            shutil.rmtree(service)


def texts(package: Path) -> set[str]:
    """Returns every text that the sources in a folder write down, whatever it is for there."""
    nodes = (node for source in package.rglob("*.py") for node in ast.walk(ast.parse(source.read_bytes())))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
