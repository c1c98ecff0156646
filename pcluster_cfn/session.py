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
    made = boto3.Session(region_name=region)
    if made.region_name is None:
        raise CommandError("no Region is configured", "give one with --region or AWS_REGION")
    return cast("Aws", made)
