"""The AWS services whose descriptions stay in a layer: every one that the code in it can ask for."""

import ast
import gzip
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any


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


def cut_endpoints(descriptions: Path) -> None:
    """Removes from botocore's list of endpoints the services whose descriptions are not there.

    The list is read whole before the first client is made, and most of it is of other services.
    """
    kept = {_endpoint_prefix(service) for service in descriptions.iterdir() if service.is_dir()}
    path = descriptions / "endpoints.json"
    endpoints = json.loads(path.read_text(encoding="utf-8"))
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: entry for name, entry in services.items() if name in kept}
    path.write_text(json.dumps(endpoints, separators=(",", ":")), encoding="utf-8")


def _endpoint_prefix(service: Path) -> str:
    """Returns the name by which the list of endpoints knows a service."""
    (path,) = service.glob("*/service-2.json.gz")
    description: Any = json.loads(gzip.decompress(path.read_bytes()))
    prefix: str = description["metadata"]["endpointPrefix"]
    return prefix


def texts(package: Path) -> set[str]:
    """Returns every text that the sources in a folder write down, whatever it is for there."""
    nodes = (node for source in package.rglob("*.py") for node in ast.walk(ast.parse(source.read_bytes())))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
