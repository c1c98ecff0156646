"""The template behind a link, read for what it declares."""

from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import click
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pcluster_cfn.errors import CommandError
from pcluster_cfn.files import read_body
from pcluster_cfn.package import local_names
from pcluster_cfn.quick_create.template_url import REGION_PLACEHOLDER, Location, location
from pcluster_cfn.template import Template

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_NEXT_STEP = "give a local copy with --template"


def read_template(
    template_url: str, region: str, file: Path | None, *, endpoint_url: str | None = None
) -> Template:
    """Returns the template, from a file if there is one, else from where the link will say that it is.

    Args:
        template_url: May hold the Region's placeholder.
        region: Takes the place of the placeholder.
        file: Makes everything else unnecessary, the network included.
        endpoint_url: Of an embedded cloud that the template may be at.

    Raises:
        CommandError: It cannot be read, or is no template.
    """
    if file is not None:
        return Template.read(file)
    url = template_url.replace(REGION_PLACEHOLDER, region)
    found = location(url, endpoint_url=endpoint_url)
    if found is None:
        raise CommandError(f"cannot read the template at {url}, which is no object in S3", _NEXT_STEP)
    try:
        text = _download(found, f"the template at {url}")
    except (ClientError, BotoCoreError) as error:
        raise CommandError(f"cannot read the template at {url}: {error}", _NEXT_STEP) from error
    template = Template.parse(text, url)
    for resource, artefact, path in local_names(template):
        where = f"{resource.logical_id}.{artefact.property}"
        raise CommandError(
            f"the template at {url} names {path}, a file of its author, in {where}",
            "package it (aws cloudformation package), and upload what that makes",
        )
    return template


def remark_on_local_paths(template: Template, file: Path | None) -> None:
    """Says on standard error when the copy that was read cannot be what is at the address."""
    paths = ", ".join(path for _, _, path in local_names(template))
    if paths:
        click.echo(f"{file} names {paths}: what is at the address must be packaged", err=True)


def _download(found: Location, source: str) -> str:
    """Reads an object as whoever runs the command, or as nobody where there are no credentials."""
    session = boto3.Session()
    config = None if session.get_credentials() else Config(signature_version=UNSIGNED)
    s3: S3Client = session.client("s3", region_name=found.region or "us-east-1", config=config)
    if found.version:
        answer = s3.get_object(Bucket=found.bucket, Key=found.key, VersionId=found.version)
    else:
        answer = s3.get_object(Bucket=found.bucket, Key=found.key)
    return read_body(answer["Body"], source)
