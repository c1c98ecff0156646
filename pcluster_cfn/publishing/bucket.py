"""One bucket, for objects that are stored once and never changed."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from pcluster_cfn.errors import CommandError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from pcluster_cfn.publishing.publication import File

_MISSING, _FORBIDDEN, _PRECONDITION_FAILED = 404, 403, 412
#: S3's own endpoints, and the domain of their partition. Source: AWS General Reference, "S3 endpoints".
_AMAZON = re.compile(r"s3(?:\.[a-z0-9-]+)?\.(?P<domain>amazonaws\.[a-z.]+)")


@dataclass(frozen=True)
class Stored:
    """An object as S3 has it; ``sha256`` is base64, None where it was stored without."""

    size_bytes: int
    sha256: str | None


class Store:
    """A bucket of one Region."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self.bucket = bucket
        self.region = s3.meta.region_name

    def check(self) -> None:
        """Makes sure that the bucket can serve stacks of its Region.

        Raises:
            CommandError: It does not exist, belongs to somebody else, or is in another Region.
        """
        try:
            answer = self._s3.head_bucket(Bucket=self.bucket)
        except ClientError as error:
            status = _status(error)
            if status == _MISSING:
                raise CommandError(
                    f"there is no bucket {self.bucket}",
                    f"make it: aws s3 mb s3://{self.bucket} --region {self.region}",
                ) from error
            if status == _FORBIDDEN:
                raise CommandError(
                    f"bucket {self.bucket} may not be used with these credentials",
                    "if it is yours, allow s3:ListBucket, s3:GetObject and s3:PutObject",
                ) from error
            raise
        region = answer.get("BucketRegion")
        if region and region != self.region:
            raise CommandError(
                f"bucket {self.bucket} is in {region}; Lambda in {self.region} takes code from there only",
                "name a bucket for each Region with {region}, as in --bucket my-bucket-{region}",
            )

    def find(self, key: str) -> Stored | None:
        """Returns what S3 knows of an object; None where there is none."""
        try:
            with self._explained("read", key):
                found = self._s3.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
        except _NotThereError:
            return None
        return Stored(found["ContentLength"], found.get("ChecksumSHA256"))

    def read(self, key: str) -> bytes | None:
        """Returns an object's content; None where there is none."""
        try:
            with self._explained("read", key):
                return self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except _NotThereError:
            return None

    def put(self, key: str, file: "File", tell: Callable[[int], None]) -> None:
        """Stores a file unless there is an object of that key, which then stays as it is.

        S3 computes the content's hash itself and refuses what differs from the one that is sent along.

        Args:
            key: Where.
            file: What.
            tell: Hears how many bytes have been sent so far.
        """
        try:
            with self._explained("upload", key):
                self._s3.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=_Watched(file.body, tell),
                    ContentType="application/json" if key.endswith(".json") else "application/zip",
                    ChecksumAlgorithm="SHA256",
                    ChecksumSHA256=file.sha256,
                    IfNoneMatch="*",
                )
        except _TakenError:
            tell(len(file.body))

    def url(self, key: str) -> str:
        """Returns an object's address as CloudFormation takes it for a template.

        Source: S3 user guide, "Virtual hosting of buckets": with the bucket in the host's name at AWS. At
        any other endpoint, and for buckets whose dots no certificate covers, it is in the path.
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
            reason = error.response.get("Error", {}).get("Message", str(error))
            raise CommandError(
                f"cannot {verb} s3://{self.bucket}/{key}: {reason}",
                "nothing half-done is visible to anybody; the same command goes on where this one stopped",
            ) from error


class _NotThereError(Exception):
    """There is no such object."""


class _TakenError(Exception):
    """There is an object of that key."""


class _Watched(io.BytesIO):
    """A body that tells how far it was read; it is read again where it is signed or sent again."""

    def __init__(self, body: bytes, tell: Callable[[int], None]) -> None:
        super().__init__(body)
        self._tell = tell

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self._tell(self.tell())
        return piece


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
