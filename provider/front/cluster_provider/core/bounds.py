"""Bounds of what arrives: an event is a claim, so each part of it has a maximum length, form and depth."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cluster_provider.core.identity import StackArn

#: The form of a request's id, which is part of a key in the table. CloudFormation's ids are UUIDs of 36
#: characters.
_REQUEST_ID = re.compile(r"[!-{}~]{1,128}")

#: The form of a logical id.
#: Source: AWS CloudFormation user guide, "CloudFormation template Resources syntax" (logical ids are
#: alphanumeric) and "Understand CloudFormation quotas" (255 characters).
_LOGICAL_ID = re.compile(r"[A-Za-z0-9]{1,255}")

#: The form of a resource type.
#: Source: AWS CloudFormation user guide, AWS::CloudFormation::CustomResource (``Custom::`` and at most 60
#: letters, digits, ``_``, ``@`` and ``-``).
_RESOURCE_TYPE = re.compile(r"[A-Za-z0-9:_@-]{0,128}")

#: Maximum length of a stack's ARN, in characters. The name has at most 128, and the id 36.
_STACK_ARN_MAX = 512

#: Maximum size of a physical id, in bytes.
#: Source: AWS CloudFormation user guide, "Custom resource response objects" (``PhysicalResourceId``: 1 KB).
PHYSICAL_ID_MAX_BYTES = 1024

#: Maximum depth of properties, in levels. ParallelCluster's configurations have up to 10.
DEPTH_MAX = 100

#: Maximum part of a claim that a message or a log line shows, in characters.
SHOWN_MAX = 100


def is_request_id(value: object) -> bool:
    """Returns whether a value can be CloudFormation's id of a request."""
    return isinstance(value, str) and _REQUEST_ID.fullmatch(value) is not None


def is_logical_id(value: object) -> bool:
    """Returns whether a value can be a logical id."""
    return isinstance(value, str) and _LOGICAL_ID.fullmatch(value) is not None


def is_resource_type(value: object) -> bool:
    """Returns whether a value can be the name of a resource type."""
    return isinstance(value, str) and _RESOURCE_TYPE.fullmatch(value) is not None


def is_short_arn(value: object) -> bool:
    """Returns whether a value is printable ASCII, and not longer than a stack's ARN."""
    return isinstance(value, str) and 0 < len(value) <= _STACK_ARN_MAX and is_printable(value)


def is_physical_id(value: object) -> bool:
    """Returns whether a value can be a physical id; the maximum size counts it as JSON text."""
    if not isinstance(value, str) or not value or len(value) > PHYSICAL_ID_MAX_BYTES or not is_text(value):
        return False
    return len(json.dumps(value, ensure_ascii=False).encode()) - 2 <= PHYSICAL_ID_MAX_BYTES


def is_printable(text: str) -> bool:
    """Returns whether a text is printable ASCII."""
    return text.isascii() and text.isprintable()


def is_text(text: str) -> bool:
    """Returns whether a text can be encoded: JSON can contain half of a surrogate pair, which cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def shown(value: object, length_max: int = SHOWN_MAX) -> str:
    """Returns a claim in a form for messages and log lines: printable, on one line, and short.

    Args:
        value: The claim.
        length_max: Maximum length of the part shown, in characters.
    """
    text = clip(value, length_max)
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def clip(value: object, length_max: int = SHOWN_MAX) -> str:
    """Returns the beginning of a text, or of a value's JSON text, unchanged.

    Args:
        value: The text or the value.
        length_max: Maximum length, in characters.
    """
    text = value if isinstance(value, str) else _as_json(value)
    return text if len(text) <= length_max else text[: length_max - 1] + "…"


def _as_json(value: object) -> str:
    try:
        return json.dumps(value, default=str)
    except (RecursionError, ValueError):
        return f"a {type(value).__name__}"


def find_fault(value: Any) -> tuple[list[str], str] | None:
    """Finds the part of a JSON value that cannot be stored or passed on.

    Returns:
        The path of the part, and what is wrong there; None if there is no fault.
    """
    stack: list[tuple[list[str], Any]] = [([], value)]
    while stack:
        path, item = stack.pop()
        if len(path) > DEPTH_MAX:
            return path[:1], f"it is nested deeper than {DEPTH_MAX} levels."
        fault = _fault_of(item)
        if fault:
            return path, fault
        stack.extend(([*path, shown(name)], child) for name, child in _children(item))
    return None


def _fault_of(item: Any) -> str:
    if isinstance(item, str) and not is_text(item):
        return "it has half of a surrogate pair, which is no character."
    if isinstance(item, float) and not math.isfinite(item):
        return "it is not a finite number."
    if isinstance(item, Mapping) and not all(isinstance(name, str) and is_text(name) for name in item):
        return "the name of a property has half of a surrogate pair, which is no character."
    return ""


def _children(item: Any) -> Iterator[tuple[object, Any]]:
    if isinstance(item, Mapping):
        yield from item.items()
    elif isinstance(item, list | tuple):
        yield from enumerate(item)


def cut_to_depth(value: Any, depth_max: int = DEPTH_MAX) -> Any:
    """Returns a JSON value in which deeper parts are replaced by the name of their type.

    Digests of two values that differ only deeper are therefore equal.

    Args:
        value: The value.
        depth_max: Maximum depth, in levels.
    """
    if depth_max == 0 and isinstance(value, Mapping | list | tuple):
        return type(value).__name__
    if isinstance(value, Mapping):
        return {str(name): cut_to_depth(item, depth_max - 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [cut_to_depth(item, depth_max - 1) for item in value]
    return value


#: Maximum length of a URL, in characters. Presigned URLs have 400 to 2,000; those with a session token are
#: the longest.
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

#: The form of a URL: https, a host without user or port, a path, and no fragment.
#: Source: RFC 3986, sections 2 and 3.
_URL = re.compile(r"https://(?P<host>[a-z0-9.-]+)/[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]*")

_REGION = re.compile(r"[a-z]{2,8}(-[a-z]{2,12}){1,3}-[0-9]{1,2}")


def is_response_url(url: object, stack_id: str) -> bool:
    """Returns whether a URL can be the response URL of a custom resource of this stack.

    Source: AWS CloudFormation user guide, "VPC endpoints" (the bucket
    ``cloudformation-custom-resource-response-REGION``, its Region without hyphens). Hosts of recorded events
    are ``BUCKET.s3.SUFFIX``, ``BUCKET.s3.REGION.SUFFIX`` and ``BUCKET.s3-REGION.SUFFIX``.

    Args:
        url: The claim.
        stack_id: The stack's ARN, which names its partition and Region.
    """
    arn = _parse(stack_id)
    return arn is not None and _is_at(
        url, f"cloudformation-custom-resource-response-{arn.region.replace('-', '')}", arn
    )


def is_wait_condition_handle(url: object, stack_id: str) -> bool:
    """Returns whether a URL can be the handle of a wait condition in this stack's Region.

    Source: AWS CloudFormation user guide, "VPC endpoints" (bucket ``cloudformation-waitcondition-REGION``).

    Args:
        url: The claim.
        stack_id: The stack's ARN, which names its partition and Region.
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
    """Returns whether a URL is https and on this bucket, without port, user or fragment."""
    match = _URL.fullmatch(url) if isinstance(url, str) and len(url) <= URL_MAX else None
    suffix = DNS_SUFFIXES[arn.partition]
    hosts = {
        f"{bucket}.s3.{suffix}",
        f"{bucket}.s3.{arn.region}.{suffix}",
        f"{bucket}.s3-{arn.region}.{suffix}",
        f"{bucket}.s3.dualstack.{arn.region}.{suffix}",
    }
    return match is not None and match["host"] in hosts
