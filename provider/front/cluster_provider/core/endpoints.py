"""Where answers and signals may be sent: CloudFormation's own buckets, over TLS, in the stack's Region.

A response URL and the handle of a wait condition arrive as claims. Whoever may invoke the provider can name
any host in them, so a URL is used only if it can be CloudFormation's.
"""

import re

from cluster_provider.core.identity import StackArn

#: Longest URL that is kept, in characters. Presigned URLs have 400 to 2,000, the longest with a token.
URL_MAX = 4096

#: DNS suffix by partition. Source: botocore, data/endpoints.json (dnsSuffix); a test compares the two.
DNS_SUFFIXES = {
    "aws": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-us-gov": "amazonaws.com",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
    "aws-eusc": "amazonaws.eu",
}

#: A host alone, without user or port, then a path of what may stand in a URL, without a fragment.
#: Source: RFC 3986, sections 2 and 3.
_URL = re.compile(r"https://(?P<host>[a-z0-9.-]+)/[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]*")

_REGION = re.compile(r"[a-z]{2,8}(-[a-z]{2,12}){1,3}-[0-9]{1,2}")


def is_response_url(url: object, stack_id: str) -> bool:
    """Returns whether a URL can be the response URL of a custom resource of this stack.

    Args:
        url: The claim.
        stack_id: The stack's ARN, which names its partition and Region.

    Source: AWS CloudFormation user guide, "VPC endpoints" (the bucket
    ``cloudformation-custom-resource-response-REGION``, its Region without hyphens). Hosts of recorded events
    are ``BUCKET.s3.SUFFIX``, ``BUCKET.s3.REGION.SUFFIX`` and ``BUCKET.s3-REGION.SUFFIX``.
    """
    arn = _parse(stack_id)
    return arn is not None and _is_at(
        url, f"cloudformation-custom-resource-response-{arn.region.replace('-', '')}", arn
    )


def is_wait_condition_handle(url: object, stack_id: str) -> bool:
    """Returns whether a URL can be the handle of a wait condition in this stack's Region.

    Args:
        url: The claim.
        stack_id: The stack's ARN, which names its partition and Region.

    Source: AWS CloudFormation user guide, "VPC endpoints" (bucket ``cloudformation-waitcondition-REGION``).
    """
    arn = _parse(stack_id)
    return arn is not None and _is_at(url, f"cloudformation-waitcondition-{arn.region}", arn)


def _parse(stack_id: str) -> StackArn | None:
    try:
        arn = StackArn.parse(stack_id)
    except ValueError:
        return None
    return arn if _REGION.fullmatch(arn.region) and arn.partition in DNS_SUFFIXES else None


def _is_at(url: object, bucket: str, arn: StackArn) -> bool:
    """Whether a URL is https and on this bucket, with no port, user or fragment of its own."""
    match = _URL.fullmatch(url) if isinstance(url, str) and len(url) <= URL_MAX else None
    suffix = DNS_SUFFIXES[arn.partition]
    hosts = {
        f"{bucket}.s3.{suffix}",
        f"{bucket}.s3.{arn.region}.{suffix}",
        f"{bucket}.s3-{arn.region}.{suffix}",
        f"{bucket}.s3.dualstack.{arn.region}.{suffix}",
    }
    return match is not None and match["host"] in hosts
