"""Removes from a part what no code reads: AWS services that nothing asks for, and the CDK's documentation.

A cold start unpacks and reads all of the CDK. A module's JavaScript is in an archive that the Python side
hands to Node.js. Source: jsii 1.85, python-runtime, JSIIAssembly.load, and kernel, Kernel.load.
"""

import ast
import gzip
import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

#: Files that no program reads: types, translated examples, prose.
_USELESS_IN_MODULES = (".d.ts", ".jsii.tabl.json", ".md", ".markdown", ".ts-fixture")
#: A source map inside of a program. Source: ECMA-426, "Linking generated code to source maps".
_SOURCE_MAP = re.compile(rb"^//# sourceMappingURL=data:.*$", re.MULTILINE)
_ASSEMBLY = "package/.jsii"
#: Optional keys of a module's description, for documentation only. Source: @jsii/spec, assembly.
_PROSE = {"docs", "readme", "locationInModule", "symbolId"}


def slim_modules(packages: Path) -> None:
    """Removes documentation from every CDK module below a folder. The same input gives the same bytes."""
    for path in packages.rglob("*.jsii.tgz"):
        path.write_bytes(slimmed(path.read_bytes()))


def slimmed(archive: bytes) -> bytes:
    """Returns a module's archive without its documentation."""
    plain = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as members,
        tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as kept,
    ):
        for member in members:
            content = members.extractfile(member)
            if content is not None and not member.name.endswith(_USELESS_IN_MODULES):
                body = _without_prose(member.name, content.read())
                member.size = len(body)
                kept.addfile(member, io.BytesIO(body))
    return gzip.compress(plain.getvalue(), mtime=0)


def _without_prose(name: str, body: bytes) -> bytes:
    if name.endswith(".js"):
        return _SOURCE_MAP.sub(b"", body)
    if name == _ASSEMBLY:
        return json.dumps(_described(json.loads(body)), separators=(",", ":")).encode()
    return body


def _described(value: Any) -> Any:
    match value:
        case dict():
            return {key: _described(item) for key, item in value.items() if key not in _PROSE}
        case list():
            return [_described(item) for item in value]
        case _:
            return value


def keep_named_services(descriptions: Path, packages: Iterable[Path]) -> None:
    """Removes botocore's descriptions of services that no code names.

    A client is made from its service's name, so code without that name never makes the client.

    Args:
        descriptions: botocore's ``data``, with a folder for each service.
        packages: The folders with the sources of all code that makes clients.
    """
    named = set().union(*(texts(package) for package in packages))
    for service in descriptions.iterdir():
        if service.is_dir() and service.name not in named:
            shutil.rmtree(service)


def cut_endpoints(descriptions: Path) -> None:
    """Removes services without a description from botocore's list of endpoints.

    botocore reads the whole list before it makes the first client.
    """
    kept = {_endpoint_prefix(service) for service in descriptions.iterdir() if service.is_dir()}
    path = descriptions / "endpoints.json"
    endpoints = json.loads(path.read_text(encoding="utf-8"))
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: entry for name, entry in services.items() if name in kept}
    path.write_text(json.dumps(endpoints, separators=(",", ":")), encoding="utf-8")


def _endpoint_prefix(service: Path) -> str:
    """Returns the name of a service in the list of endpoints."""
    (path,) = service.glob("*/service-2.json.gz")
    description: Any = json.loads(gzip.decompress(path.read_bytes()))
    prefix: str = description["metadata"]["endpointPrefix"]
    return prefix


def texts(package: Path) -> set[str]:
    """Returns every string constant in the sources of a folder."""
    nodes = (node for source in package.rglob("*.py") for node in ast.walk(ast.parse(source.read_bytes())))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
