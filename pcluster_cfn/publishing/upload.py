"""Uploads publications: only missing files, each checked, and the template last."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pcluster_cfn.errors import CommandError
from pcluster_cfn.publishing.bucket import Store
from pcluster_cfn.publishing.publication import MANIFEST, Built, File, Publication

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

#: Receives the number of bytes of a file that have been sent so far.
OnProgress = Callable[[File, int], None]
#: Stands for the Region in the name of a bucket.
REGION = "{region}"
#: Characters that need no escape in a URL or a key. Source: S3 user guide, "Naming Amazon S3 objects".
_SAFE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]*")


@dataclass(frozen=True)
class Publishing:
    """What to publish where.

    Attributes:
        bucket: Name of the bucket; with ``{region}`` in it, each Region has its own.
        prefix: Start of all keys.
        version: Version to publish as.

    Raises:
        CommandError: The prefix or the version has characters that a URL escapes.
    """

    bucket: str
    prefix: str
    version: str

    def __post_init__(self) -> None:
        allowed = "use letters, digits, '.', '_' and '-'"
        if not _SAFE.fullmatch(self.version):
            raise CommandError(f"--version {self.version!r} is not valid in an address", allowed)
        if self.prefix and not all(_SAFE.fullmatch(part) for part in self.prefix.split("/")):
            raise CommandError(
                f"--prefix {self.prefix!r} is not valid in an address", f"{allowed}, with '/' between"
            )

    def stores(self, clients: "Sequence[S3Client]") -> list[Store]:
        """Returns the bucket in each client's Region.

        Raises:
            CommandError: One bucket would serve several Regions, or the name is not valid.
        """
        if len(clients) > 1 and REGION not in self.bucket:
            raise CommandError(
                f"bucket {self.bucket} cannot serve {len(clients)} Regions: Lambda reads code from its own",
                f"give each Region a bucket, as in --bucket {self.bucket}-{REGION}",
            )
        names = [self.bucket.replace(REGION, s3.meta.region_name) for s3 in clients]
        if wrong := next((name for name in names if "{" in name or "}" in name), None):
            raise CommandError(f"bucket {wrong} has braces", f"only {REGION} is allowed in its name")
        return [Store(s3, name) for s3, name in zip(clients, names, strict=True)]

    def plans(self, stores: Sequence[Store], stacks: Sequence[Built]) -> "list[Plan]":
        """Compares all stacks with all buckets before any upload.

        Raises:
            CommandError: The version exists, complete or not, with other contents.
        """
        return [
            plan(store, stack.publication(store.bucket, self.prefix, self.version))
            for store in stores
            for stack in stacks
        ]


@dataclass(frozen=True)
class Plan:
    """The missing files of one prefix of one bucket, in the order of their upload."""

    store: Store
    publication: Publication
    missing: tuple[File, ...]

    @property
    def is_done(self) -> bool:
        """Whether nothing is missing, because the same contents were published before."""
        return not self.missing

    @property
    def template_url(self) -> str:
        """Address of the published template."""
        return self.store.url(self.publication.key(self.publication.template))


def plan(store: Store, publication: Publication) -> Plan:
    """Compares a publication with its bucket, and changes nothing.

    Raises:
        CommandError: The version exists, complete or not, with other contents.
    """
    _require_same(store, publication)
    missing = [file for file in publication.files if not _is_there(store, publication, file)]
    return Plan(store, publication, tuple(missing))


def carry_out(plan: Plan, on_progress: OnProgress) -> None:
    """Uploads the missing files.

    The manifest comes first and cannot be replaced, so files of two builds never mix in one version. The
    template comes last, after everything that it names was checked, so users never see half a publication.

    Raises:
        CommandError: S3 refuses an upload, or has other contents than were sent.
    """
    store, publication = plan.store, plan.publication
    for file in plan.missing:
        if file is publication.template:
            _verify(store, publication, publication.files[:-1])
        store.put(publication.key(file), file, partial(on_progress, file))
        if file.name == MANIFEST:
            _require_same(store, publication)
    _verify(store, publication, publication.files)


def _verify(store: Store, publication: Publication, files: tuple[File, ...]) -> None:
    for file in files:
        if not _is_there(store, publication, file):
            raise CommandError(
                f"s3://{store.bucket}/{publication.key(file)} was uploaded and is missing",
                "somebody deleted it; run the same command again",
            )


def _is_there(store: Store, publication: Publication, file: File) -> bool:
    """Whether the bucket has a file with the same content."""
    key = publication.key(file)
    found = store.find(key)
    if found is None or file.name == MANIFEST:
        return found is not None  # its list of files was compared already, and its commit may differ
    if (found.size_bytes, found.sha256) == (len(file.body), file.sha256):
        return True
    where = f"s3://{store.bucket}/{key}"
    if file is publication.template:
        raise _published(publication, "its template differs")
    raise CommandError(
        f"{where} was changed after its upload: {found.size_bytes:,} bytes with SHA-256 "
        f"{found.sha256 or 'unknown'} instead of {len(file.body):,} with {file.sha256}",
        f"delete it (aws s3 rm {where}) and run the same command again",
    )


def _require_same(store: Store, publication: Publication) -> None:
    """Refuses a version whose manifest lists other contents."""
    manifest = store.read(publication.key(publication.manifest))
    differing = publication.differing(manifest) if manifest is not None else []
    if not differing:
        return
    difference = f"{', '.join(differing)} differ or exist in only one of them"
    if store.find(publication.key(publication.template)) is not None:
        raise _published(publication, difference)
    where = f"s3://{store.bucket}/{publication.prefix}"
    raise CommandError(
        f"{where} has an unfinished publication of another build: {difference}",
        f"finish it with that build, or delete it (aws s3 rm --recursive {where}) and run this command again",
    )


def _published(publication: Publication, difference: str) -> CommandError:
    return CommandError(
        f"version {publication.version} is published at s3://{publication.bucket}/{publication.prefix} "
        f"with other contents: {difference}",
        "a published version never changes; give another one with --version",
    )
