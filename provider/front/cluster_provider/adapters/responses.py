"""The way back to CloudFormation: one PUT to a presigned URL."""

import logging

import urllib3
from urllib3.util import Retry, Timeout

from cluster_provider.core.errors import DeliveryFailed, Undeliverable

#: Bounded inside an invocation; the next wake-up sends the same bytes again.
_RETRY = Retry(
    total=4,
    backoff_factor=0.5,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=("PUT",),
    raise_on_status=False,
    redirect=0,
)
_TIMEOUT = Timeout(connect=3, read=10)

# Below an error it logs whole URLs when it retries, and this one is a credential.
logging.getLogger("urllib3").setLevel(logging.ERROR)

_OK, _CLIENT_ERROR, _SERVER_ERROR = 200, 400, 500
_WORTH_REPEATING = frozenset({408, 409, 429})

#: S3's word for a body that came too slowly; its status is 400. Source: Amazon S3 API reference, "Error
#: responses".
_TOO_SLOW = b"<Code>RequestTimeout</Code>"


class HttpResponses:
    """The port Responses over HTTPS."""

    def __init__(self) -> None:
        self._pool = urllib3.PoolManager(retries=_RETRY, timeout=_TIMEOUT)

    def send(self, url: str, body: str) -> None:
        """Puts a response to its URL.

        No Content-Type goes with it: the URL's signature covers an empty one.
        Source: AWS CloudFormation user guide, "Using wait conditions"; no message carries the URL, which is a
        credential.
        """
        try:
            answer = self._pool.request("PUT", url, body=body.encode())
        except urllib3.exceptions.HTTPError as error:
            raise DeliveryFailed(f"the response could not be sent: {type(error).__name__}") from None
        if answer.status == _OK:
            return
        passes = answer.status in _WORTH_REPEATING or _TOO_SLOW in answer.data
        if _CLIENT_ERROR <= answer.status < _SERVER_ERROR and not passes:
            raise Undeliverable(f"CloudFormation's URL answered {answer.status}")
        raise DeliveryFailed(f"CloudFormation's URL answered {answer.status}")
