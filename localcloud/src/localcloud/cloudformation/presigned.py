"""Presigned URLs of S3 objects, with a signature that only this process can make."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote, urlencode

from localcloud.clock import clock

_DATE_FORMAT = "%Y%m%dT%H%M%SZ"
_SIGNATURE = "X-Amz-Signature"
#: What a key shows as it is. Source: recorded events and handles.
_PLAIN = "/"


class Signer:
    """Signs URLs as S3 does, all that stands in them included, and knows its own again.

    Source: Amazon S3 API reference, "Authenticating requests: using query parameters". The signature itself
    is not S3's: it is made with a secret of this object's own.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def sign(self, host: str, key: str, region: str, expires_s: int) -> str:
        """Returns a URL to which an object can be put from now on.

        Args:
            host: The bucket's.
            key: The object's, without a slash at its start.
            region: The bucket's.
            expires_s: How long the URL is good for, in seconds.
        """
        date = clock.now().strftime(_DATE_FORMAT)
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Date": date,
            "X-Amz-SignedHeaders": "host",
            "X-Amz-Expires": str(expires_s),
            "X-Amz-Credential": f"AKIAIOSFODNN7EXAMPLE/{date[:8]}/{region}/s3/aws4_request",
        }
        signature = self._signature(host, key, list(query.items()))
        return f"https://{host}/{quote(key, safe=_PLAIN)}?{urlencode({**query, _SIGNATURE: signature})}"

    def refusal(self, host: str, key: str, query: str) -> tuple[str, str] | None:
        """Judges a request.

        Args:
            host: The ``Host`` header.
            key: The object's, as ``key_of`` returns it.
            query: The URL's.

        Returns:
            S3's code and message where the request is refused; None where it is not.
        """
        fields = parse_qsl(query, keep_blank_values=True)
        signed = [(name, value) for name, value in fields if name != _SIGNATURE]
        given = [value for name, value in fields if name == _SIGNATURE]
        expected = self._signature(host.lower(), key, signed)
        if len(given) != 1 or not hmac.compare_digest(expected.encode(), given[0].encode()):
            return "SignatureDoesNotMatch", "The request signature we calculated does not match"
        # Whatever is signed here was written by ``sign``.
        said = dict(signed)
        signed_at = datetime.strptime(said["X-Amz-Date"], _DATE_FORMAT).replace(tzinfo=UTC)
        if clock.now() > signed_at + timedelta(seconds=int(said["X-Amz-Expires"])):
            return "AccessDenied", "Request has expired"
        return None

    def _signature(self, host: str, key: str, fields: list[tuple[str, str]]) -> str:
        request = f"PUT\n{host}\n{quote(key, safe=_PLAIN)}\n{urlencode(sorted(fields))}"
        return hmac.new(self._secret, request.encode(), hashlib.sha256).hexdigest()


def key_of(path: str) -> str:
    """Returns the key of the object that a URL's path names; how it is quoted makes no difference."""
    return unquote(path.removeprefix("/"))
