"""The hosts of CloudFormation's own S3 buckets, in which responses and signals arrive.

Source: recorded events and handles of 2015 to 2025, and CloudFormation user guide, "Access CloudFormation
using an interface endpoint": the name of the bucket for responses has the Region without hyphens, the one for
signals has it as it is.
"""

import re
from functools import cache

from botocore.loaders import create_loader
from botocore.session import get_session

_RESPONSES = "cloudformation-custom-resource-response-"
_SIGNALS = "cloudformation-waitcondition-"
#: Its buckets have the host name of S3's first, global endpoint. Source: recorded events of us-east-1.
_GLOBAL_REGION = "us-east-1"


def response_host(region: str) -> str:
    """Returns the host to which custom resources of a Region respond."""
    return f"{_RESPONSES}{region.replace('-', '')}.{_s3(region)}"


def signal_host(region: str) -> str:
    """Returns the host to which wait conditions of a Region are signalled."""
    return f"{_SIGNALS}{region}.{_s3(region)}"


@cache
def pattern() -> str:
    """Returns a regular expression of all these hosts, in every Region of every partition.

    Older Regions have a hyphen before the Region's name, ``s3-eu-west-1``, in URLs up to 2021 at least.
    """
    any_suffix = "|".join(sorted({re.escape(suffix) for suffix in _suffixes().values()}))
    return rf"(?:{_RESPONSES}|{_SIGNALS})[a-z0-9-]+\.s3(?:[.-](?:dualstack\.)?[a-z0-9-]+)?\.(?:{any_suffix})"


def _s3(region: str) -> str:
    suffix = _suffixes()[get_session().get_partition_for_region(region)]
    return f"s3.{suffix}" if region == _GLOBAL_REGION else f"s3.{region}.{suffix}"


@cache
def _suffixes() -> dict[str, str]:
    partitions = create_loader().load_data("partitions")["partitions"]
    return {partition["id"]: partition["outputs"]["dnsSuffix"] for partition in partitions}
