"""The template behind a link: the addresses that CloudFormation reads, and the template itself."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import boto3
import click
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pcluster_cfn.errors import CommandError
from pcluster_cfn.launch.link import Region, s3_suffixes
from pcluster_cfn.package import local_references
from pcluster_cfn.template import Template, read_body

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

#: Source: API reference, CreateStack, TemplateURL.
MAX_URL_CHARACTERS = 5_120
#: Stands for the Region's name if each Region has a template of its own.
REGION_PLACEHOLDER = "{region}"
#: Characters of an address; others are escaped. Source: RFC 3986, section 2, without the quote and the
#: brackets: no address in S3 needs them, and they end an attribute or a link.
_CHARACTER = r"(?:[A-Za-z0-9._~:/?#@!$&()*+,;=-]|%[0-9A-Fa-f]{2})"
#: Source: S3 user guide, "Virtual hosting of buckets", "Dual-stack endpoints".
_S3_HOST = re.compile(
    r"(?:(?P<bucket>[a-z0-9][a-z0-9.-]*)\.)?s3(?:[.-](?:dualstack\.)?(?P<region>[a-z]{2}[a-z0-9-]+-\d))?"
    rf"\.(?P<suffix>{'|'.join(map(re.escape, s3_suffixes()))})"
)
_WEBSITE = re.compile(r"\.s3-website[.-]")
#: Source: user guide, "Create a stack" (AWS CLI): a template in a Systems Manager document.
_DOCUMENT = re.compile(
    r"ssm-doc://arn:(?P<partition>[a-z-]+):ssm:(?P<region>[a-z0-9-]+):\d{12}:document/[\w.-]+"
)


@dataclass(frozen=True)
class Location:
    """An object in S3; ``region`` and ``version`` are None if the address does not have them."""

    bucket: str
    key: str
    region: str | None = None
    version: str | None = None


def location(url: str, *, endpoint_url: str | None = None) -> Location | None:
    """Returns the object at an address of S3 or of an embedded cloud; None for any other address."""
    if _misplaced(url) is not None:
        return None
    parts = urlsplit(url)
    host = _S3_HOST.fullmatch(parts.hostname or "")
    if host is None and not _is_below(url, endpoint_url):
        return None
    path = unquote(parts.path).removeprefix("/")
    bucket, key = (host["bucket"], path) if host and host["bucket"] else path.partition("/")[::2]
    if not (bucket and key):
        return None
    version = dict(parse_qsl(parts.query)).get("versionId")
    return Location(bucket, key, host["region"] if host else None, version)


def check(url: str, region: Region, *, endpoint_url: str | None = None) -> None:
    """Refuses an address that CloudFormation does not read.

    Args:
        url: The address, without placeholders.
        region: Region of the stack.
        endpoint_url: Address of an embedded cloud. Addresses below it are accepted.

    Raises:
        CommandError: Says why CloudFormation does not read the address.
    """
    if len(url) > MAX_URL_CHARACTERS:
        raise CommandError(
            f"the template's URL has {len(url):,} characters; CloudFormation allows {MAX_URL_CHARACTERS:,}",
            "give the object a shorter key",
        )
    misplaced = _misplaced(url)
    if misplaced is not None:
        raise CommandError(
            f"the template's URL {url} contains {misplaced!r}, which must be escaped",
            f"write it as {quote(misplaced, safe='')}",
        )
    if _is_below(url, endpoint_url):
        return
    if url.startswith("ssm-doc://"):
        _check_document(url, region)
        return
    _check_object(url, region)


def _misplaced(url: str) -> str | None:
    """Returns the first character that an address must escape; None if there is none."""
    rest = re.sub(rf"^{_CHARACTER}*+", "", url)
    return rest[0] if rest else None


def _is_below(url: str, endpoint_url: str | None) -> bool:
    if not url.startswith(("http://", "https://")):
        return False
    return bool(endpoint_url) and url.startswith(f"{str(endpoint_url).rstrip('/')}/")


def _check_document(url: str, region: Region) -> None:
    document = _DOCUMENT.fullmatch(url)
    if document is None:
        raise CommandError(
            f"{url} is not the address of a Systems Manager document",
            "write ssm-doc://arn:aws:ssm:REGION:ACCOUNT:document/NAME",
        )
    if (document["partition"], document["region"]) != (region.partition.name, region.name):
        raise CommandError(
            f"{url} is not in {region.name}",
            "CloudFormation reads a document in its own Region only: create one there",
        )


def _check_object(url: str, region: Region) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise CommandError(f"the template's URL {url} does not start with https://", "give its https address")
    if _WEBSITE.search(parts.hostname or ""):
        raise CommandError(
            f"{url} is at a website endpoint, which CloudFormation does not read",
            f"use https://BUCKET.s3.{region.name}.{region.partition.s3_suffix}/KEY",
        )
    host = _S3_HOST.fullmatch(parts.netloc)
    if host is None or location(url) is None:
        raise CommandError(
            f"{url} is not an object in S3; CloudFormation reads templates only from there",
            f"use https://BUCKET.s3.{region.name}.{region.partition.s3_suffix}/KEY",
        )
    if host["suffix"] != region.partition.s3_suffix:
        raise CommandError(
            f"{url} is in another partition than {region.name}",
            f"copy it to a bucket there, whose address ends in .{region.partition.s3_suffix}",
        )
    if parts.fragment or {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} - {"versionId"}:
        raise CommandError(
            f"{url} has more parts than an object and its version",
            "make the object readable and leave out signatures: everybody with the link would have them",
        )


_NEXT_STEP = "give a local copy with --template"


def read_template(
    template_url: str,
    region: str,
    file: Path | None,
    *,
    profile: str | None = None,
    endpoint_url: str | None = None,
) -> Template:
    """Returns the template of a link, from a local copy or from its address.

    Args:
        template_url: Address of the template. It may contain the Region's placeholder.
        region: Replaces the placeholder.
        file: A local copy. With it, nothing is downloaded.
        profile: Profile of the AWS configuration whose credentials read the object.
        endpoint_url: Address of an embedded cloud that may have the template.

    Raises:
        CommandError: The template cannot be read, or the text is not a template.
    """
    if file is not None:
        return Template.read(file)
    url = template_url.replace(REGION_PLACEHOLDER, region)
    found = location(url, endpoint_url=endpoint_url)
    if found is None:
        raise CommandError(f"cannot read the template at {url}, which is not an object in S3", _NEXT_STEP)
    try:
        text = _download(found, f"the template at {url}", profile)
    except (ClientError, BotoCoreError) as error:
        raise CommandError(f"cannot read the template at {url}: {error}", _NEXT_STEP) from error
    template = Template.parse(text, url)
    for resource, artefact, path in local_references(template):
        where = f"{resource.logical_id}.{artefact.property}"
        raise CommandError(
            f"the template at {url} names {path}, a local file of its author, in {where}",
            "package it (aws cloudformation package) and upload the result",
        )
    return template


def warn_of_local_paths(template: Template, file: Path | None) -> None:
    """Warns on standard error if a local copy cannot be the same as the template at the address."""
    paths = ", ".join(path for _, _, path in local_references(template))
    if paths:
        click.echo(f"{file} names {paths}: the template at the address must be packaged", err=True)


def _download(found: Location, source: str, profile: str | None) -> str:
    """Returns an object's text, read with the user's credentials, or anonymously without any."""
    session = boto3.Session(profile_name=profile)
    config = None if session.get_credentials() else Config(signature_version=UNSIGNED)
    s3: S3Client = session.client("s3", region_name=found.region or "us-east-1", config=config)
    if found.version:
        answer = s3.get_object(Bucket=found.bucket, Key=found.key, VersionId=found.version)
    else:
        answer = s3.get_object(Bucket=found.bucket, Key=found.key)
    return read_body(answer["Body"], source)
