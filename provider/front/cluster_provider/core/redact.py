"""Masks what must not be read in a log: the response URL is a credential."""

import re
from typing import Any

MASK = "***"

#: Query parameters of a presigned URL that make it usable.
#: Source: Amazon S3 API reference, "Authenticating requests: using query parameters".
_SIGNATURE = re.compile(
    r"(X-Amz-(?:Signature|Credential|Security-Token)|Signature|AWSAccessKeyId)=[^&\s\"'\\]+", re.IGNORECASE
)

#: Keys whose values are not for logs, at any depth: credentials, and the user's configuration, which may
#: hold secrets of its own (script arguments, chef attributes, tags).
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
    """The text with every presigned URL made useless."""
    return _SIGNATURE.sub(rf"\1={MASK}", text)


def redact(value: Any) -> Any:
    """A copy of a JSON value with secret keys masked and presigned URLs made useless."""
    if isinstance(value, dict):
        return {key: MASK if key in SECRET_KEYS else redact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    if isinstance(value, str):
        return redact_text(value)
    return value
