"""The URLs of responses and signals: hosts of CloudFormation's S3 buckets, and presigned URLs of objects.

Source: recorded events and handles of 2015 to 2025, and CloudFormation user guide, "Access CloudFormation
using an interface endpoint": the name of the bucket for responses has the Region without hyphens, the one for
signals has it as it is.
"""

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import parse_qsl, quote, unquote, urlencode

from botocore.loaders import create_loader
from botocore.session import get_session

from localcloud.clock import clock

_RESPONSES = "cloudformation-custom-resource-response-"
_SIGNALS = "cloudformation-waitcondition-"
#: This cloud's own name: AWS's documentation shows the beginning of the URL only.
_HOOKS = "cloudformation-hook-payloads-"
#: Its buckets have the host name of S3's first, global endpoint. Source: recorded events of us-east-1.
_GLOBAL_REGION = "us-east-1"
_DATE_FORMAT = "%Y%m%dT%H%M%SZ"
_SIGNATURE = "X-Amz-Signature"
#: What a key shows as it is. Source: recorded events and handles.
_PLAIN = "/"


def response_host(region: str) -> str:
    """Returns the host to which custom resources of a Region respond."""
    return f"{_RESPONSES}{region.replace('-', '')}.{_s3(region)}"


def signal_host(region: str) -> str:
    """Returns the host to which wait conditions of a Region are signalled."""
    return f"{_SIGNALS}{region}.{_s3(region)}"


def hook_host(region: str) -> str:
    """Returns the host from which hooks of a Region fetch what they judge."""
    return f"{_HOOKS}{region}.{_s3(region)}"


@cache
def hosts_pattern() -> str:
    """Returns a regular expression of all these hosts, in every Region of every partition.

    Older Regions have a hyphen before the Region's name, ``s3-eu-west-1``, in URLs up to 2021 at least.
    """
    any_suffix = "|".join(sorted({re.escape(suffix) for suffix in _suffixes().values()}))
    buckets = f"{_RESPONSES}|{_SIGNALS}|{_HOOKS}"
    return rf"(?:{buckets})[a-z0-9-]+\.s3(?:[.-](?:dualstack\.)?[a-z0-9-]+)?\.(?:{any_suffix})"


def _s3(region: str) -> str:
    suffix = _suffixes()[get_session().get_partition_for_region(region)]
    return f"s3.{suffix}" if region == _GLOBAL_REGION else f"s3.{region}.{suffix}"


@cache
def _suffixes() -> dict[str, str]:
    partitions = create_loader().load_data("partitions")["partitions"]
    return {partition["id"]: partition["outputs"]["dnsSuffix"] for partition in partitions}


class Signer:
    """Signs URLs in S3's form, and verifies them.

    Source: Amazon S3 API reference, "Authenticating requests: using query parameters". The signature itself
    is not S3's: it is made with a secret of this object's own.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def sign(self, host: str, key: str, region: str, expires_s: int, method: str = "PUT") -> str:
        """Returns a URL that accepts a request for an object.

        Args:
            host: The bucket's.
            key: The object's, without a slash at its start.
            region: The bucket's.
            expires_s: How long the URL is valid, in seconds.
            method: PUT or GET.
        """
        date = clock.now().strftime(_DATE_FORMAT)
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Date": date,
            "X-Amz-SignedHeaders": "host",
            "X-Amz-Expires": str(expires_s),
            "X-Amz-Credential": f"AKIAIOSFODNN7EXAMPLE/{date[:8]}/{region}/s3/aws4_request",
        }
        signature = self._signature(method, host, key, list(query.items()))
        return f"https://{host}/{quote(key, safe=_PLAIN)}?{urlencode({**query, _SIGNATURE: signature})}"

    def refusal(self, host: str, key: str, query: str, method: str = "PUT") -> tuple[str, str] | None:
        """Verifies a request.

        Args:
            host: The ``Host`` header.
            key: The object's, as ``key_of`` returns it.
            query: The URL's.
            method: The request's.

        Returns:
            S3's code and message where the request is refused; None where it is not.
        """
        fields = parse_qsl(query, keep_blank_values=True)
        signed = [(name, value) for name, value in fields if name != _SIGNATURE]
        given = [value for name, value in fields if name == _SIGNATURE]
        expected = self._signature(method, host.lower(), key, signed)
        if len(given) != 1 or not hmac.compare_digest(expected.encode(), given[0].encode()):
            return "SignatureDoesNotMatch", "The request signature we calculated does not match"
        # Whatever is signed here was written by ``sign``.
        said = dict(signed)
        signed_at = datetime.strptime(said["X-Amz-Date"], _DATE_FORMAT).replace(tzinfo=UTC)
        if clock.now() > signed_at + timedelta(seconds=int(said["X-Amz-Expires"])):
            return "AccessDenied", "Request has expired"
        return None

    def _signature(self, method: str, host: str, key: str, fields: list[tuple[str, str]]) -> str:
        request = f"{method}\n{host}\n{quote(key, safe=_PLAIN)}\n{urlencode(sorted(fields))}"
        return hmac.new(self._secret, request.encode(), hashlib.sha256).hexdigest()


def key_of(path: str) -> str:
    """Returns the unquoted key in a URL's path."""
    return unquote(path.removeprefix("/"))
