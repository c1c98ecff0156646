"""What is published under one prefix: a stack's template, what it names, and a manifest of both."""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from cfn_template.nodes import put
from pcluster_cfn.errors import CommandError
from pcluster_cfn.package import archive, local_artefacts
from pcluster_cfn.publishing.expansion import expand
from pcluster_cfn.template import Template

Kind = Literal["provider", "engine"]

TEMPLATE, MANIFEST = "template.json", "manifest.json"
#: Hexadecimal digits of a content's hash that its file's name shows.
_NAMED_DIGITS = 16


@dataclass(frozen=True)
class File:
    """Something to be stored, and the end of its key."""

    name: str
    body: bytes

    @cached_property
    def digest(self) -> bytes:
        """The content's SHA-256."""
        return hashlib.sha256(self.body).digest()

    @property
    def sha256(self) -> str:
        """The content's SHA-256 as S3 writes it: base64."""
        return base64.b64encode(self.digest).decode()

    def described(self) -> dict[str, Any]:
        """Returns the manifest's entry."""
        return {"name": self.name, "sizeBytes": len(self.body), "sha256": self.digest.hex()}


@dataclass(frozen=True)
class Built:
    """A stack that ``make build`` or ``make engine`` built: its template, its archives, and of what.

    Attributes:
        about: pclusterVersion, architecture, python, and the commit, with whether it was modified.
        schemas: For editors and other tools; empty for an engine.
    """

    kind: Kind
    folder: Path
    about: dict[str, Any]
    archives: dict[Path, File]
    schemas: tuple[File, ...] = ()

    @staticmethod
    def read(kind: Kind, folder: Path) -> "Built":
        """Reads a folder and its archives.

        Raises:
            CommandError: The folder is not one that was built.
        """
        told = folder / "build.json"
        if not told.is_file():
            make = "make build" if kind == "provider" else "make engine PCLUSTER_VERSION=…"
            raise CommandError(f"{folder} holds no {kind} that was built", f"build it: {make}")
        about = json.loads(told.read_text(encoding="utf-8"))
        template = Template.read(folder / "template.yaml")
        paths = (named.path for named in local_artefacts(template, folder))
        schemas = (File(f"schemas/{path.name}", path.read_bytes()) for path in _schemas(kind, folder))
        return Built(kind, folder, about, {path: _archived(path) for path in paths}, tuple(schemas))

    @property
    def name(self) -> str:
        """What it is, for people."""
        return f"{self.kind} of ParallelCluster {self.about['pclusterVersion']}"

    def prefix(self, prefix: str, version: str) -> str:
        """Returns what the keys of its files begin with; an engine's are beside the provider's."""
        parts = [prefix, version] if prefix else [version]
        if self.kind == "engine":
            parts.append(f"engine-{self.about['pclusterVersion']}")
        return "".join(f"{part}/" for part in parts)

    def publication(self, bucket: str, prefix: str, version: str) -> "Publication":
        """Returns what goes into a bucket: the template names that bucket, so each has its own."""
        begin = self.prefix(prefix, version)
        template = Template.read(self.folder / "template.yaml")
        for named in list(local_artefacts(template, self.folder)):
            uri = f"s3://{bucket}/{begin}{self.archives[named.path].name}"
            put(named.properties, named.artefact.property, uri)
        expanded = File(TEMPLATE, expand(template.text()).encode())
        files = (*self.archives.values(), *self.schemas)
        return Publication(self, version, bucket, begin, files, expanded)


@dataclass(frozen=True)
class Publication:
    """The files of one prefix of one bucket. Once the template is there, none of them ever changes."""

    built: Built
    version: str
    bucket: str
    prefix: str
    contents: tuple[File, ...]
    template: File

    @property
    def manifest(self) -> File:
        """What is published and what it was made of; no two runs differ in it but by the commit."""
        content = {
            "version": self.version,
            "kind": self.built.kind,
            **self.built.about,
            "files": [file.described() for file in (*self.contents, self.template)],
        }
        return File(MANIFEST, (json.dumps(content, indent=1) + "\n").encode())

    @property
    def files(self) -> tuple[File, ...]:
        """All files, in the order in which they are uploaded."""
        return (self.manifest, *self.contents, self.template)

    def key(self, file: File) -> str:
        """Returns a file's key in the bucket."""
        return self.prefix + file.name

    def differing(self, manifest: bytes) -> list[str]:
        """Returns which files a manifest lists with other contents than this publication, or only one does.

        Raises:
            CommandError: It is no manifest.
        """
        try:
            theirs = _contents(json.loads(manifest)["files"])
        except (ValueError, TypeError, LookupError) as error:
            raise CommandError(
                f"s3://{self.bucket}/{self.prefix}{MANIFEST} is no manifest of ours",
                "publish under another --prefix",
            ) from error
        ours = _contents(json.loads(self.manifest.body)["files"])
        return sorted({name for name, _ in theirs ^ ours})


def _schemas(kind: Kind, folder: Path) -> list[Path]:
    return sorted((folder / "schemas").glob("*.json")) if kind == "provider" else []


def _archived(path: Path) -> File:
    body = archive(path)
    return File(f"{path.stem}-{hashlib.sha256(body).hexdigest()[:_NAMED_DIGITS]}.zip", body)


def _contents(files: Iterable[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(file["name"], file["sha256"]) for file in files}
