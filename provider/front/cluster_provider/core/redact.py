"""Masks credentials, such as the response URL, before they reach a log."""

import re
from typing import Any

MASK = "***"

#: Query parameters that give access with a presigned URL.
#: Source: Amazon S3 API reference, "Authenticating requests: using query parameters".
_SIGNATURE = re.compile(
    r"(X-Amz-(?:Signature|Credential|Security-Token)|Signature|AWSAccessKeyId)=[^&\s\"'\\]+", re.IGNORECASE
)

#: Keys whose values are masked at any depth. They are credentials, and the user's configuration, which may
#: contain secrets (script arguments, chef attributes, tags).
SECRET_KEYS = frozenset(
    {
        "ResponseURL",
        "response_url",
        "WaitConditionHandle",
        "signal_url",
        "ClusterConfiguration",
        "configuration",
        "OldResourceProperties",
    }
)


def redact_text(text: str) -> str:
    """Returns a text in which presigned URLs are unusable."""
    return _SIGNATURE.sub(rf"\1={MASK}", text)


def redact(value: Any) -> Any:
    """Returns a copy of a JSON value in which secret keys are masked and presigned URLs are unusable."""
    if isinstance(value, dict):
        return {key: MASK if key in SECRET_KEYS else redact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    if isinstance(value, str):
        return redact_text(value)
    return value
