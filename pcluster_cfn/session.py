"""The AWS session that commands work in."""

from typing import cast
from urllib.parse import urlsplit

import boto3

from localcloud import guard
from pcluster_cfn.errors import CommandError
from pcluster_cfn.stacks import Aws


def session(region: str | None) -> Aws:
    """Returns a session of a Region, or of the configured one.

    Raises:
        CommandError: No Region is given, and none is configured.
    """
    return cast("Aws", boto3.Session(region_name=region or configured_region()))


def configured_region() -> str:
    """Returns the Region of the AWS configuration.

    Raises:
        CommandError: None is configured.
    """
    region = boto3.Session().region_name
    if region is None:
        raise CommandError("no Region is configured", "give one with --region or AWS_DEFAULT_REGION")
    return region


def embedded_cloud(aws: Aws) -> str | None:
    """Returns the address on this machine at which a session's Lambda functions would run; None on AWS."""
    address: str = aws.client("lambda").meta.endpoint_url
    host = urlsplit(address).hostname
    return address if host is not None and guard.is_local(host) else None


def reaches_embedded_cloud(aws: Aws) -> bool:
    """Whether a session's Lambda functions would run on this machine: at the address of an embedded cloud."""
    return embedded_cloud(aws) is not None
