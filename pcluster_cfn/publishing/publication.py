"""What is published under one prefix: a stack's template, what it names, and a manifest of both."""

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
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
#: Pseudo parameters that the translator would write down as they are where it runs.
_PSEUDO_PARAMETERS = ("AWS::Region", "AWS::Partition")
#: The translator wants a Region; nothing of it reaches the result, because it is a reference as well.
_ANY_REGION: Final = "us-east-1"


def expand(text: str) -> str:
    """Returns a template as CloudFormation's serverless transform would make it, as JSON.

    CloudFormation transforms a template for one stack and puts that stack's parameters in where a serverless
    resource names them. What is published is for stacks to come, so every reference stays a reference.

    Args:
        text: A template whose one transform is the serverless one.

    Raises:
        CommandError: It has another transform, or this one refuses it.
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
        raise CommandError(f"the serverless transform refuses the template: {causes}", "mend it") from error
    finally:
        metrics.publish()  # to nobody; it would warn of what was not published
    expanded.pop("Transform", None)
    return json.dumps(expanded, indent=1) + "\n"


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
    """

    kind: Kind
    folder: Path
    about: dict[str, Any]
    archives: dict[Path, File]

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
        return Built(kind, folder, about, {path: _archived(path) for path in paths})

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
        return Publication(self, version, bucket, begin, tuple(self.archives.values()), expanded)


@dataclass(frozen=True)
class Publication:
    """The files of one prefix of one bucket. Once the template is there, none of them ever changes."""

    built: Built
    version: str
    bucket: str
    prefix: str
    archives: tuple[File, ...]
    template: File

    @property
    def manifest(self) -> File:
        """What is published and what it was made of; no two runs differ in it but by the commit."""
        content = {
            "version": self.version,
            "kind": self.built.kind,
            **self.built.about,
            "files": [file.described() for file in (*self.archives, self.template)],
        }
        return File(MANIFEST, (json.dumps(content, indent=1) + "\n").encode())

    @property
    def files(self) -> tuple[File, ...]:
        """All files, in the order in which they are uploaded."""
        return (self.manifest, *self.archives, self.template)

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


def _archived(path: Path) -> File:
    body = archive(path)
    return File(f"{path.stem}-{hashlib.sha256(body).hexdigest()[:_NAMED_DIGITS]}.zip", body)


def _contents(files: Iterable[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(file["name"], file["sha256"]) for file in files}


_CLONE = Path(__file__).parents[2]
_FOLDER = _CLONE / "build"


def read_stacks(folder: Path, engines: Sequence[str]) -> list[Built]:
    """Reads the provider's stack, and those of further engines in the folders beside it.

    Args:
        folder: What ``make build`` filled.
        engines: ParallelCluster versions, each in ``engine-<version>`` there.
    """
    further = [Built.read("engine", folder / f"engine-{version}") for version in engines]
    return [Built.read("provider", folder), *further]


def build_stacks(engines: Sequence[str]) -> list[Built]:
    """Builds the provider's stack and those of further engines from this clone, telling of it on stderr.

    Raises:
        CommandError: One cannot be built.
    """
    _run("build")
    for version in engines:
        _run("engine-stack", "--pcluster-version", version)
    return read_stacks(_FOLDER, engines)


def _run(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 - this project's own builder
        [sys.executable, "-m", "tools.artefacts", *arguments], cwd=_CLONE, stdout=sys.stderr, check=False
    )
    if done.returncode:
        raise CommandError(
            f"cannot build ({' '.join(arguments)}): it says why above", "or name a folder with --build"
        )
