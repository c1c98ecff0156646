"""A bucket whose objects are stored once and never change."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from pcluster_cfn.errors import CommandError, message_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from pcluster_cfn.publishing.publication import File

_MISSING, _FORBIDDEN, _PRECONDITION_FAILED = 404, 403, 412
#: S3's own endpoints, and the domain of their partition. Source: AWS General Reference, "S3 endpoints".
_AMAZON = re.compile(r"s3(?:\.[a-z0-9-]+)?\.(?P<domain>amazonaws\.[a-z.]+)")


@dataclass(frozen=True)
class Stored:
    """An object as S3 has it; ``sha256`` is base64, None if it was stored without one."""

    size_bytes: int
    sha256: str | None


class Store:
    """A bucket in one Region."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self.bucket = bucket
        self.region = s3.meta.region_name

    def check(self) -> None:
        """Refuses a bucket that cannot serve stacks of the Region.

        Raises:
            CommandError: The bucket does not exist, may not be used, or is in another Region.
        """
        try:
            answer = self._s3.head_bucket(Bucket=self.bucket)
        except ClientError as error:
            status = _status(error)
            if status == _MISSING:
                raise CommandError(
                    f"bucket {self.bucket} does not exist",
                    f"create it: aws s3 mb s3://{self.bucket} --region {self.region}",
                ) from error
            if status == _FORBIDDEN:
                raise CommandError(
                    f"your credentials may not use bucket {self.bucket}",
                    "if it is yours, allow s3:ListBucket, s3:GetObject and s3:PutObject",
                ) from error
            raise
        region = answer.get("BucketRegion")
        if region and region != self.region:
            raise CommandError(
                f"bucket {self.bucket} is in {region}; Lambda in {self.region} cannot read code from it",
                "give each Region a bucket, as in --bucket my-bucket-{region}",
            )

    def find(self, key: str) -> Stored | None:
        """Returns an object's size and hash; None if it does not exist."""
        try:
            with self._explained("read", key):
                found = self._s3.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
        except _NotThereError:
            return None
        return Stored(found["ContentLength"], found.get("ChecksumSHA256"))

    def read(self, key: str) -> bytes | None:
        """Returns an object's content; None if it does not exist."""
        try:
            with self._explained("read", key):
                return self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except _NotThereError:
            return None

    def put(self, key: str, file: "File", on_progress: Callable[[int], None]) -> None:
        """Stores a file, unless an object with the key exists.

        S3 computes the content's hash, too, and refuses the upload if it differs from the file's.

        Args:
            key: Key of the object.
            file: The file.
            on_progress: Receives the number of bytes sent so far.
        """
        try:
            with self._explained("upload", key):
                self._s3.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=_Watched(file.body, on_progress),
                    ContentType="application/json" if key.endswith(".json") else "application/zip",
                    ChecksumAlgorithm="SHA256",
                    ChecksumSHA256=file.sha256,
                    IfNoneMatch="*",
                )
        except _TakenError:
            on_progress(len(file.body))

    def url(self, key: str) -> str:
        """Returns the address of an object under which CloudFormation reads a template.

        On AWS the bucket is in the host's name. At any other endpoint, and for a name with dots, which no
        certificate covers, it is in the path. Source: S3 user guide, "Virtual hosting of buckets".
        """
        endpoint = self._s3.meta.endpoint_url
        amazon = _AMAZON.fullmatch(urlsplit(endpoint).netloc)
        if amazon is None:
            return f"{endpoint}/{self.bucket}/{key}"
        host = f"s3.{self.region}.{amazon['domain']}"
        if "." in self.bucket:
            return f"https://{host}/{self.bucket}/{key}"
        return f"https://{self.bucket}.{host}/{key}"

    @contextmanager
    def _explained(self, verb: str, key: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            if _status(error) == _MISSING:
                raise _NotThereError from error
            if _status(error) == _PRECONDITION_FAILED:
                raise _TakenError from error
            raise CommandError(
                f"cannot {verb} s3://{self.bucket}/{key}: {message_of(error)}",
                "no incomplete version is visible; the same command continues where this one stopped",
            ) from error


class _NotThereError(Exception):
    """The object does not exist."""


class _TakenError(Exception):
    """An object with the key exists."""


class _Watched(io.BytesIO):
    """A body that reports how far it was read; signing and retries read it again."""

    def __init__(self, body: bytes, on_progress: Callable[[int], None]) -> None:
        super().__init__(body)
        self._on_progress = on_progress

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self._on_progress(self.tell())
        return piece


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
