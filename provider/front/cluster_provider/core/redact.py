"""Masks credentials, such as the response URL, before they reach a log."""

import re
from typing import Any

MASK = "***"

#: Query parameters that give access with a presigned URL.
#: Source: Amazon S3 API reference, "Authenticating requests: using query parameters".
_SIGNATURE = re.compile(
    r"(X-Amz-(?:Signature|Credential|Security-Token)|Signature|AWSAccessKeyId)=[^&\s\"'\\]+", re.IGNORECASE
)

#: Credentials in what programs print: access key ids, the user and password of a URL, and the values of
#: options and variables whose names say that they are secret.
#: Source: AWS IAM user guide, "IAM identifiers" (unique id prefixes AKIA and ASIA).
_ACCESS_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}")
_URL_USER = re.compile(r"://[^\s/@]+@")
_SECRET_VALUE = re.compile(
    r"(?P<name>[\w.-]*(?:passw(?:or)?d|passphrase|_pwd|secret|token|credential|api[_-]?key|access[_-]?key|"
    r"private[_-]?key|authori[sz]ation)[\w.-]*[\"']?)(?P<sign>\s*[:=]\s*|\s+(?=\S))"
    r"(?P<scheme>(?:Bearer|Basic)\s+)?(?P<quote>[\"']?)[^\s\"',;&]+",
    re.IGNORECASE,
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


def redact_output(text: str) -> str:
    """Returns a line that a program printed, without the credentials that have a known form or name.

    A word like ``password`` counts as the name of a value if ``:`` or ``=`` follows it, or if it is an option
    (``--password``). More is masked than in a text of the provider's own.
    """
    text = _ACCESS_KEY_ID.sub(MASK, _URL_USER.sub(f"://{MASK}@", redact_text(text)))
    return _SECRET_VALUE.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    name, sign = found["name"], found["sign"]
    is_named = bool(sign.strip()) or name.startswith("--")
    return f"{name}{sign}{found['scheme'] or ''}{found['quote']}{MASK}" if is_named else found[0]


def redact(value: Any) -> Any:
    """Returns a copy of a JSON value in which secret keys are masked and presigned URLs are unusable."""
    if isinstance(value, dict):
        return {key: MASK if key in SECRET_KEYS else redact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    if isinstance(value, str):
        return redact_text(value)
    return value
