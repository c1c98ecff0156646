"""Puts publications into their buckets: what is missing, checked, and the template last."""

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

#: Hears how many bytes of a file have been sent so far.
Tell = Callable[[File, int], None]
#: What a bucket's name has for the Region, where each Region has a bucket.
REGION = "{region}"
#: What stands for itself in a URL and in a key alike. Source: S3 user guide, "Naming Amazon S3 objects".
_SAFE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]*")


@dataclass(frozen=True)
class Publishing:
    """What is to be published where.

    Attributes:
        bucket: A name; with ``{region}`` in it one for each Region.
        prefix: What all keys begin with.
        version: What it is published as.

    Raises:
        CommandError: Prefix or version has characters that a URL would not show as they are.
    """

    bucket: str
    prefix: str
    version: str

    def __post_init__(self) -> None:
        allowed = "use letters, digits, '.', '_' and '-'"
        if not _SAFE.fullmatch(self.version):
            raise CommandError(f"--version {self.version!r} cannot be part of an address", allowed)
        if self.prefix and not all(_SAFE.fullmatch(part) for part in self.prefix.split("/")):
            raise CommandError(
                f"--prefix {self.prefix!r} cannot be part of an address", f"{allowed}, with '/' between"
            )

    def stores(self, clients: "Sequence[S3Client]") -> list[Store]:
        """Returns the bucket of each client's Region.

        Raises:
            CommandError: One bucket would have to serve several Regions, or its name cannot be one.
        """
        if len(clients) > 1 and REGION not in self.bucket:
            raise CommandError(
                f"bucket {self.bucket} cannot serve {len(clients)} Regions: Lambda takes code from its own",
                f"name a bucket for each, as in --bucket {self.bucket}-{REGION}",
            )
        names = [self.bucket.replace(REGION, s3.meta.region_name) for s3 in clients]
        if wrong := next((name for name in names if "{" in name or "}" in name), None):
            raise CommandError(f"bucket {wrong} has braces", f"only {REGION} may stand in its name")
        return [Store(s3, name) for s3, name in zip(clients, names, strict=True)]

    def plans(self, stores: Sequence[Store], stacks: Sequence[Built]) -> "list[Plan]":
        """Compares all stacks with all buckets, before anything is uploaded anywhere.

        Raises:
            CommandError: A version has been published, or begun, with other contents.
        """
        return [
            plan(store, stack.publication(store.bucket, self.prefix, self.version))
            for store in stores
            for stack in stacks
        ]


@dataclass(frozen=True)
class Plan:
    """What one prefix of one bucket still lacks, in the order in which it is uploaded."""

    store: Store
    publication: Publication
    missing: tuple[File, ...]

    @property
    def is_done(self) -> bool:
        """Whether nothing is missing: this very content has been published before."""
        return not self.missing

    @property
    def template_url(self) -> str:
        """Where the template is once it is published."""
        return self.store.url(self.publication.key(self.publication.template))


def plan(store: Store, publication: Publication) -> Plan:
    """Compares a publication with what is in its bucket, and changes nothing.

    Raises:
        CommandError: The version has been published, or begun, with other contents.
    """
    _require_same(store, publication)
    missing = [file for file in publication.files if not _is_there(store, publication, file)]
    return Plan(store, publication, tuple(missing))


def carry_out(plan: Plan, tell: Tell) -> None:
    """Uploads what is missing.

    The manifest comes first: no second one can be stored in its place, so a version that another build began
    is not mixed with this one. The template comes last, when all that it names is there as it should be, so
    nobody ever sees half a publication.

    Raises:
        CommandError: S3 refuses an upload, or holds something else than was sent.
    """
    store, publication = plan.store, plan.publication
    for file in plan.missing:
        if file is publication.template:
            _verify(store, publication, publication.files[:-1])
        store.put(publication.key(file), file, partial(tell, file))
        if file.name == MANIFEST:
            _require_same(store, publication)
    _verify(store, publication, publication.files)


def _verify(store: Store, publication: Publication, files: tuple[File, ...]) -> None:
    for file in files:
        if not _is_there(store, publication, file):
            raise CommandError(
                f"s3://{store.bucket}/{publication.key(file)} was uploaded and is not there",
                "somebody removed it; run the same command again",
            )


def _is_there(store: Store, publication: Publication, file: File) -> bool:
    """Whether a file is in the bucket, with the very content that it has here."""
    key = publication.key(file)
    found = store.find(key)
    if found is None or file.name == MANIFEST:
        return found is not None  # what a manifest says was compared already; its commit may differ
    if (found.size_bytes, found.sha256) == (len(file.body), file.sha256):
        return True
    where = f"s3://{store.bucket}/{key}"
    if file is publication.template:
        raise _published(publication, "its template differs")
    raise CommandError(
        f"{where} is not what was uploaded there: {found.size_bytes:,} bytes with SHA-256 "
        f"{found.sha256 or 'unknown'} instead of {len(file.body):,} with {file.sha256}",
        f"remove it (aws s3 rm {where}) and run the same command again",
    )


def _require_same(store: Store, publication: Publication) -> None:
    """Refuses a version whose manifest tells of other contents."""
    manifest = store.read(publication.key(publication.manifest))
    differing = publication.differing(manifest) if manifest is not None else []
    if not differing:
        return
    difference = f"{', '.join(differing)} only in one of them or with other contents"
    if store.find(publication.key(publication.template)) is not None:
        raise _published(publication, difference)
    where = f"s3://{store.bucket}/{publication.prefix}"
    raise CommandError(
        f"{where} was begun by another build and not finished: {difference}",
        f"finish it with that build, or remove it (aws s3 rm --recursive {where}) and run this command again",
    )


def _published(publication: Publication, difference: str) -> CommandError:
    return CommandError(
        f"version {publication.version} is published at s3://{publication.bucket}/{publication.prefix} "
        f"with other contents: {difference}",
        "a version never changes; publish this one under another with --version",
    )
