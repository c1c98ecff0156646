"""What is published under one prefix: a built stack's template, its archives, and a manifest of both."""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import boto3
from samtranslator.metrics.metrics import DummyMetricsPublisher, Metrics
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from cfn_template.nodes import put
from cfn_template.reading import read_plain
from pcluster_cfn.errors import CommandError
from pcluster_cfn.package import archive, local_artefacts
from pcluster_cfn.template import Template

_TRANSFORM = "AWS::Serverless-2016-10-31"
#: Pseudo parameters that the translator would replace by values of the place where it runs.
_PSEUDO_PARAMETERS = ("AWS::Region", "AWS::Partition")
#: The translator needs a Region. The result does not contain it, because the Region is a reference there.
_ANY_REGION: Final = "us-east-1"


def expand(text: str) -> str:
    """Returns a template after CloudFormation's serverless transform, as JSON.

    Stacks of an expanded template do not need CAPABILITY_AUTO_EXPAND. CloudFormation transforms a template
    for one stack and fills in that stack's parameters. A published template is for many stacks, so here every
    reference stays a reference.

    Args:
        text: A template whose only transform is the serverless one.

    Raises:
        CommandError: The template has another transform, or the transform refuses it.
    """
    template: dict[str, Any] = read_plain(text)
    if template.get("Transform") != _TRANSFORM:
        raise CommandError(
            f"the template's transform is {template.get('Transform')!r}", f"only {_TRANSFORM} can be expanded"
        )
    names = (*template.get("Parameters", {}), *_PSEUDO_PARAMETERS)
    metrics = Metrics("ServerlessTransform", DummyMetricsPublisher())
    translator = Translator(
        managed_policy_map={},
        sam_parser=Parser(),
        boto_session=boto3.Session(region_name=_ANY_REGION),
        metrics=metrics,
    )
    try:
        expanded = translator.translate(template, {name: {"Ref": name} for name in names})
    except InvalidDocumentException as error:
        causes = " ".join(cause.message for cause in error.causes)
        raise CommandError(
            f"the serverless transform refuses the template: {causes}", "fix the template"
        ) from error
    finally:
        metrics.publish()  # to nobody: it would warn of metrics that were not published
    expanded.pop("Transform", None)
    return json.dumps(expanded, indent=1) + "\n"


Kind = Literal["provider", "engine", "hook"]

TEMPLATE, MANIFEST = "template.json", "manifest.json"
#: Number of hexadecimal digits of its hash in an archive's name.
_NAMED_DIGITS = 16
#: What builds each kind.
_BUILDERS: dict[Kind, str] = {
    "provider": "pcluster-cfn build (in a clone: make build)",
    "engine": "pcluster-cfn build --engine VERSION (in a clone: make engine PCLUSTER_VERSION=VERSION)",
    "hook": "pcluster-cfn build --hook (in a clone: make hook)",
}


@dataclass(frozen=True)
class File:
    """A file to upload, and the end of its key."""

    name: str
    body: bytes

    @cached_property
    def digest(self) -> bytes:
        """The content's SHA-256."""
        return hashlib.sha256(self.body).digest()

    @property
    def sha256(self) -> str:
        """The content's SHA-256 in base64, as S3 has it."""
        return base64.b64encode(self.digest).decode()

    def described(self) -> dict[str, Any]:
        """Returns the file's entry in the manifest."""
        return {"name": self.name, "sizeBytes": len(self.body), "sha256": self.digest.hex()}


@dataclass(frozen=True)
class Built:
    """A stack that ``make build``, ``make engine`` or ``make hook`` built.

    Attributes:
        folder: The folder with its template.
        about: pclusterVersion, architecture, python, commit, and whether the commit was modified.
        archives: The archives by the path that the template names.
        schemas: The schemas for editors; empty unless it is the provider's.
    """

    kind: Kind
    folder: Path
    about: dict[str, Any]
    archives: dict[Path, File]
    schemas: tuple[File, ...] = ()

    @staticmethod
    def read(kind: Kind, folder: Path) -> "Built":
        """Returns the stack in a folder, with its archives.

        Raises:
            CommandError: The folder does not contain a built stack.
        """
        build_info = folder / "build.json"
        if not build_info.is_file():
            raise CommandError(f"{folder} does not contain a built {kind}", f"build it: {_BUILDERS[kind]}")
        about = json.loads(build_info.read_text(encoding="utf-8"))
        template = Template.read(folder / "template.yaml")
        paths = (named.path for named in local_artefacts(template, folder))
        schemas = (File(f"schemas/{path.name}", path.read_bytes()) for path in _schemas(kind, folder))
        return Built(kind, folder, about, {path: _archived(path) for path in paths}, tuple(schemas))

    @property
    def name(self) -> str:
        """The stack's name for people."""
        return f"{self.kind} of ParallelCluster {self.about['pclusterVersion']}"

    def prefix(self, prefix: str, version: str) -> str:
        """Returns the start of its files' keys; an engine's and the hook's are below the provider's."""
        parts = [prefix, version] if prefix else [version]
        if self.kind != "provider":
            parts.append(self.kind if self.kind == "hook" else f"engine-{self.about['pclusterVersion']}")
        return "".join(f"{part}/" for part in parts)

    def publication(self, bucket: str, prefix: str, version: str) -> "Publication":
        """Returns the files for a bucket; the template names the bucket, so each bucket has its own."""
        start = self.prefix(prefix, version)
        template = Template.read(self.folder / "template.yaml")
        for named in list(local_artefacts(template, self.folder)):
            uri = f"s3://{bucket}/{start}{self.archives[named.path].name}"
            put(named.properties, named.artefact.property, uri)
        expanded = File(TEMPLATE, expand(template.text()).encode())
        files = (*self.archives.values(), *self.schemas)
        return Publication(self, version, bucket, start, files, expanded)


@dataclass(frozen=True)
class Publication:
    """The files of one prefix of one bucket. They never change once the template is uploaded."""

    built: Built
    version: str
    bucket: str
    prefix: str
    contents: tuple[File, ...]
    template: File

    @property
    def manifest(self) -> File:
        """The list of files and the build's origin; two runs of one build differ only in the commit."""
        content = {
            "version": self.version,
            "kind": self.built.kind,
            **self.built.about,
            "files": [file.described() for file in (*self.contents, self.template)],
        }
        return File(MANIFEST, (json.dumps(content, indent=1) + "\n").encode())

    @property
    def files(self) -> tuple[File, ...]:
        """All files, in the order of their upload."""
        return (self.manifest, *self.contents, self.template)

    def key(self, file: File) -> str:
        """Returns a file's key in the bucket."""
        return self.prefix + file.name

    def differing(self, manifest: bytes) -> list[str]:
        """Returns the names of the files that differ between a manifest and this publication.

        Raises:
            CommandError: The bytes are not a manifest.
        """
        try:
            theirs = _contents(json.loads(manifest)["files"])
        except (ValueError, TypeError, LookupError) as error:
            raise CommandError(
                f"s3://{self.bucket}/{self.prefix}{MANIFEST} is not a manifest of this project",
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
