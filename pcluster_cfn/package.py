"""Packages a template: uploads the files that it names by local path, and writes their addresses instead.

The same templates work with ``aws cloudformation package``. Archives are deterministic and stored under a
hash of their content, so packaging twice uploads once.
"""

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from cfn_template.nodes import child, put, scalar
from pcluster_cfn.errors import CommandError, message_of
from pcluster_cfn.template import Chain, Resource, Template, extend_chain, reason

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from yaml.nodes import MappingNode

#: The earliest time that an archive can hold. Source: PKWARE APPNOTE 6.3.9, 4.4.6 (MS-DOS date).
_EPOCH = (1980, 1, 1, 0, 0, 0)
#: Byte code's magic number and flags, and the flag for hashes in place of a time stamp. Source: PEP 552.
_HEADER_BYTES, _HASH_BASED = 8, 1
_EXECUTABLE, _PLAIN = 0o755, 0o644
#: Source: Lambda quotas, "Deployment package (.zip file archive) size": unzipped, layers included.
_CODE_MAX_BYTES = 250 * 1024 * 1024
#: S3's status codes for an object that does not exist or may not be seen.
_NOT_SEEN = {403, 404}
_LEFT_OUT = {".git", ".DS_Store", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


@dataclass(frozen=True)
class Artefact:
    """A property that may name a local path, and the form of the address that replaces it."""

    property: str
    kind: Literal["code", "template"]
    form: Literal["uri", "object", "url"]  # s3://bucket/key; S3Bucket and S3Key; https://…/bucket/key


#: Source: the properties that ``aws cloudformation package`` handles, AWS CLI command reference.
_ARTEFACTS = {
    "AWS::Serverless::Function": Artefact("CodeUri", "code", "uri"),
    "AWS::Serverless::LayerVersion": Artefact("ContentUri", "code", "uri"),
    "AWS::Serverless::Application": Artefact("Location", "template", "url"),
    "AWS::Lambda::Function": Artefact("Code", "code", "object"),
    "AWS::Lambda::LayerVersion": Artefact("Content", "code", "object"),
    "AWS::CloudFormation::Stack": Artefact("TemplateURL", "template", "url"),
}


class Bucket:
    """The bucket that artefacts are uploaded to.

    Args:
        s3: Client in the bucket's Region.
        name: Its name.
        owner: Account that must own it; S3 refuses requests to another account's bucket. None for any.
        say: Receives a line about each upload.
        prefix: Folder of the keys, without a slash at its end.
    """

    def __init__(
        self,
        s3: "S3Client",
        name: str,
        *,
        owner: str | None = None,
        say: Callable[[str], None] = lambda _: None,
        prefix: str = "pcluster-cfn",
    ) -> None:
        self._s3 = s3
        self.name = name
        self._say = say
        self._prefix = prefix
        self._checked: dict[str, Any] = {"ExpectedBucketOwner": owner} if owner else {}

    def put(self, body: bytes, suffix: str) -> str:
        """Stores an object under the hash of its content, unless it exists, and returns its key.

        Raises:
            CommandError: The bucket does not exist or refuses the upload.
        """
        key = f"{self._prefix}/{hashlib.sha256(body).hexdigest()}{suffix}"
        try:
            if not self._holds(key):
                self._say(f"uploading {len(body):,} bytes to s3://{self.name}/{key}")
                self._s3.put_object(Bucket=self.name, Key=key, Body=body, **self._checked)
        except ClientError as error:
            raise CommandError(
                f"cannot upload to bucket {self.name}: {message_of(error)}",
                "name a bucket of the stack's Region that you may write to with --bucket",
            ) from error
        return key

    def url(self, key: str) -> str:
        """Returns an object's path-style address at the client's endpoint."""
        return f"{self._s3.meta.endpoint_url}/{self.name}/{key}"

    def _holds(self, key: str) -> bool:
        """Whether an object certainly exists.

        Source: S3 API reference, HeadObject: without permission to list the bucket, a missing object is 403.
        """
        try:
            self._s3.head_object(Bucket=self.name, Key=key, **self._checked)
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in _NOT_SEEN:
                return False
            raise
        return True


def has_local_artefacts(template: Template, folder: Path) -> bool:
    """Whether a template names anything by local path, so that it needs a bucket."""
    return any(True for _ in local_artefacts(template, folder))


def package(template: Template, folder: Path, bucket: Bucket) -> None:
    """Uploads everything that a template names by local path, and writes the addresses into the template.

    Args:
        template: Changed in place.
        folder: Local paths are relative to it. Those of a nested template are relative to its own folder.
        bucket: The bucket for archives and nested templates.

    Raises:
        CommandError: A path does not exist or cannot be read, templates nest each other in a circle, or the
            bucket refuses an upload.
    """
    _Packaging(bucket).package(template, folder, ())


class _Packaging:
    """Packages each template and each folder once, however often it is named."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._keys: dict[tuple[str, Path], str] = {}

    def package(self, template: Template, folder: Path, chain: Chain) -> None:
        for named in list(local_artefacts(template, folder)):
            key = self._key(named, chain)
            put(named.properties, named.artefact.property, _address(self._bucket, key, named.artefact.form))

    def _key(self, named: "LocalArtefact", chain: Chain) -> str:
        inner = extend_chain(chain, named.path, named.place) if named.artefact.kind == "template" else chain
        what = (named.artefact.kind, named.path)
        if what not in self._keys:
            self._keys[what] = self._uploaded(named, inner)
        return self._keys[what]

    def _uploaded(self, named: "LocalArtefact", chain: Chain) -> str:
        if named.artefact.kind == "code":
            return self._bucket.put(archive(named.path), ".zip")
        template = Template.read(named.path)
        self.package(template, named.path.parent, chain)
        return self._bucket.put(template.text().encode(), ".template")


def archive(path: Path) -> bytes:
    """Returns a folder as a zip archive that depends only on the names, modes and bytes of its files.

    Args:
        path: A folder, or an archive, which is returned as it is.

    Raises:
        CommandError: The path cannot be read, or is larger than Lambda allows.
    """
    try:
        files = _files(path) if path.is_dir() else [path]
        _require_code_size(path, files)
        return _zipped(path, files) if path.is_dir() else path.read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read {path}: {reason(error)}", "make it readable") from error


def _require_code_size(path: Path, files: list[Path]) -> None:
    size_bytes = 0
    for file in files:
        size_bytes += file.stat().st_size
        if size_bytes > _CODE_MAX_BYTES:
            raise CommandError(
                f"{path} has more than {_CODE_MAX_BYTES:,} bytes, which is Lambda's limit for code",
                "name a folder that holds only the function's code",
            )


def _zipped(path: Path, files: list[Path]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for file in files:
            entry = zipfile.ZipInfo(file.relative_to(path).as_posix(), _EPOCH)
            mode = _EXECUTABLE if file.stat().st_mode & 0o100 else _PLAIN
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(entry, file.read_bytes())
    return buffer.getvalue()


def _files(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if file.is_file() and _LEFT_OUT.isdisjoint(file.relative_to(folder).parts) and not _is_left_over(file)
    )


def _is_left_over(file: Path) -> bool:
    """Whether a file is byte code that a run of the sources left behind, and not part of a build.

    Such byte code depends on its source's time stamp, which an archive does not keep. Source: PEP 552.
    """
    if file.suffix != ".pyc":
        return False
    with file.open("rb") as opened:
        header = opened.read(_HEADER_BYTES)
    return not int.from_bytes(header[4:], "little") & _HASH_BASED


def template_property(kind: str) -> str | None:
    """Returns the property by which a type of resource nests a template; None if it nests none."""
    artefact = _ARTEFACTS.get(kind)
    return artefact.property if artefact and artefact.kind == "template" else None


def is_local(location: str) -> bool:
    """Whether a location in a template is a local path and not an address."""
    return not location.startswith(("s3://", "http://", "https://"))


def local_references(template: Template) -> "Iterator[tuple[Resource, Artefact, str]]":
    """Yields the local paths in a template, each with its resource, whether the path exists or not."""
    for resource in template.resources():
        artefact = _ARTEFACTS.get(resource.type)
        value = scalar(child(resource.properties, artefact.property)) if artefact else None
        if artefact and value is not None and is_local(value):
            yield resource, artefact, value


@dataclass(frozen=True)
class LocalArtefact:
    """A file or folder that a template names by local path.

    Args:
        artefact: The property that names it.
        properties: The resource's properties.
        path: The file or folder.
        place: The resource and the property, for messages.
    """

    artefact: Artefact
    properties: "MappingNode"
    path: Path
    place: str


def local_artefacts(template: Template, folder: Path) -> Iterator[LocalArtefact]:
    """Yields the files and folders that a template names by local path.

    Raises:
        CommandError: A path does not exist.
    """
    for resource, artefact, value in local_references(template):
        place = f"{resource.logical_id}.{artefact.property}"
        local = _resolved(folder, value, place)
        if not (local.is_file() or local.is_dir()):
            what = "is neither a file nor a folder" if local.exists() else "does not exist"
            raise CommandError(
                f"{place} names {value}, which {what}",
                f"paths are relative to the template's folder, {folder}",
            )
        yield LocalArtefact(artefact, resource.properties, local, place)


def _resolved(folder: Path, value: str, place: str) -> Path:
    try:
        local = (folder / value).resolve()
        local.exists()  # raises for names that no file system has
    except (OSError, RuntimeError, ValueError) as error:
        raise CommandError(
            f"{place} names {value}, which is not a path here: {reason(error)}", "name a file or a folder"
        ) from error
    return local


def _address(bucket: Bucket, key: str, form: Literal["uri", "object", "url"]) -> str | dict[str, str]:
    match form:
        case "uri":
            return f"s3://{bucket.name}/{key}"
        case "object":
            return {"S3Bucket": bucket.name, "S3Key": key}
        case "url":
            return bucket.url(key)
