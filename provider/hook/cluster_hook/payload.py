"""Fetches what a hook has to judge: the template, and the changes of a change set."""

import json
import re
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

#: Source: CloudFormation Hooks user guide: the payload is at a presigned URL of Amazon S3.
_HOST = re.compile(r"(.+\.)?s3([.-][a-z0-9-]+)*\.amazonaws\.com(\.cn)?")
#: Two templates of 1 MB, and the properties before and after each change.
SIZE_MAX_BYTES = 12 * 2**20
_TIMEOUT_S = 10


class PayloadError(Exception):
    """The payload cannot be had; the text says why, without the URL, which is a credential."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


def fetch(url: str) -> dict[str, Any]:
    """Returns the payload at a URL.

    Raises:
        PayloadError: The URL is not Amazon S3's, or there is no payload.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not _HOST.fullmatch(parts.hostname or ""):
        raise PayloadError("requestData/payload is no URL of Amazon S3")
    try:
        with _OPENER.open(url, timeout=_TIMEOUT_S) as answer:
            content = answer.read(SIZE_MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise PayloadError(f"Amazon S3 answered {error.code} to the request for the payload") from error
    except (OSError, HTTPException) as error:
        raise PayloadError("the payload could not be fetched from Amazon S3") from error
    if len(content) > SIZE_MAX_BYTES:
        raise PayloadError(f"the payload has more than {SIZE_MAX_BYTES} bytes")
    try:
        payload = json.loads(content)
    except ValueError as error:
        raise PayloadError("the payload is not JSON") from error
    if not isinstance(payload, dict):
        raise PayloadError("the payload is no JSON object")
    return payload
