"""The bill of materials of a release: every package inside of its files, as CycloneDX has it."""

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from tools.artefacts.requirements import normalised

_PRODUCT = "pcluster-cfn"
#: Names documents whose content decides their number. Source: RFC 9562, "UUID Version 5"; the name is ours.
_NAMESPACE = uuid.UUID("6f0f1c0e-6d0b-5f6e-9d3e-6a2b6f1f7c55")
#: A licence in a package's metadata that is longer is a whole text and no name.
_LICENSE_NAME_CHARACTERS = 64
#: A classifier that names a licence, and not only that one is approved.
_NAMING_CLASSIFIER = re.compile(r"License :: (?!OSI Approved$)")


@dataclass(frozen=True, order=True)
class Package:
    """A package of Python that is in a part of what is deployed.

    Attributes:
        name: Its normalised name.
        version: Its version.
        expression: Its licence as an SPDX expression; empty if it has none.
        licenses: Its licences in the package's own words, where there is no expression.
    """

    name: str
    version: str
    expression: str = ""
    licenses: tuple[str, ...] = ()

    @property
    def purl(self) -> str:
        """Its package URL. Source: package URL specification, type ``pypi``."""
        return f"pkg:pypi/{self.name}@{self.version}"


def packages(folder: Path) -> list[Package]:
    """Returns the packages in a folder, by their own descriptions there."""
    return sorted(_package(found.metadata.json) for found in metadata.distributions(path=[str(folder)]))


def _package(description: Mapping[str, Any]) -> Package:
    """Returns a package by its description, whose keys are those of PEP 566 as JSON."""
    name, version = normalised(description["name"]), str(description["version"])
    if expression := description.get("license_expression"):
        return Package(name, version, str(expression))
    classifiers = (str(each) for each in description.get("classifier", []))
    licenses = [each.rpartition(" :: ")[2] for each in classifiers if _NAMING_CLASSIFIER.match(each)]
    named = str(description.get("license", "")).strip()
    is_name = named and "\n" not in named and len(named) <= _LICENSE_NAME_CHARACTERS
    return Package(name, version, licenses=tuple(licenses or ([named] if is_name else [])))


def bill(
    version: str, made_at_s: int, parts: Mapping[str, Iterable[Package]], digests: Mapping[str, str]
) -> dict[str, Any]:
    """Returns the bill of materials as JSON values.

    Args:
        version: The release's version.
        made_at_s: The release's time, in seconds since 1970.
        parts: The packages inside of each deployed part, by its name.
        digests: The SHA-256 of each of the release's other files in hexadecimal digits, by the file's name.

    Source: CycloneDX specification 1.6, JSON.
    """
    product = f"pkg:pypi/{_PRODUCT}@{version}"
    found: dict[Package, list[str]] = {}
    for part, inside in parts.items():
        for package in inside:
            found.setdefault(package, []).append(part)
    components = [*map(_file, digests.items()), *(_component(each, found[each]) for each in sorted(found))]
    content = "\n".join([version, *(f"{name} {digest}" for name, digest in sorted(digests.items()))])
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, content)}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(made_at_s, UTC).isoformat(),
            "component": {
                "type": "application",
                "bom-ref": product,
                "name": _PRODUCT,
                "version": version,
                "purl": product,
                "licenses": [{"expression": "Apache-2.0"}],
            },
        },
        "components": components,
        "dependencies": [
            {"ref": product, "dependsOn": sorted(each.purl for each in found)},
            *({"ref": each.purl} for each in sorted(found)),
        ],
    }


def _file(named: tuple[str, str]) -> dict[str, Any]:
    name, digest = named
    hashes = [{"alg": "SHA-256", "content": digest}]
    return {"type": "file", "bom-ref": f"file:{name}", "name": name, "hashes": hashes}


def _component(package: Package, parts: list[str]) -> dict[str, Any]:
    component = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "properties": [{"name": "pcluster-cfn:part", "value": part} for part in parts],
    }
    if package.expression:
        component["licenses"] = [{"expression": package.expression}]
    elif package.licenses:
        component["licenses"] = [{"license": {"name": name}} for name in package.licenses]
    return component
