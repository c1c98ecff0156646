"""The AWS session that commands work in."""

from typing import cast

import boto3

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
        raise CommandError("no Region is configured", "give one with --region or AWS_REGION")
    return region
