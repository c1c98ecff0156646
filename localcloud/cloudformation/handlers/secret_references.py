"""Dynamic references to Secrets Manager, which resources get resolved and nobody else sees."""

import json
import re
from typing import Any

from moto.secretsmanager.models import secretsmanager_backends

from localcloud.cloudformation.errors import UnresolvedValueError

#: Source: CloudFormation user guide, "Get a secret or secret value from Secrets Manager".
_REFERENCE = re.compile(
    r"\{\{resolve:secretsmanager:"
    r"(?P<secret>arn:[^:}]+:secretsmanager:[^:}]+:\d+:secret:[^:}]+|[^:}]+)"
    r"(?::SecretString)?(?::(?P<key>[^:}]*))?(?::(?P<stage>[^:}]*))?(?::(?P<version>[^:}]*))?\}\}"
)


def resolved(value: Any, account_id: str, region_name: str) -> Any:
    """Returns a property's value with the secrets that its texts refer to in their place.

    Raises:
        UnresolvedValueError: There is no such secret, or no such key in it.
    """
    if isinstance(value, dict):
        return {key: resolved(item, account_id, region_name) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item, account_id, region_name) for item in value]
    if isinstance(value, str) and "{{resolve:secretsmanager:" in value:
        return _REFERENCE.sub(lambda found: _read(found, account_id, region_name), value)
    return value


def _read(found: re.Match[str], account_id: str, region_name: str) -> str:
    name, key = found["secret"], found["key"]
    backend = secretsmanager_backends[account_id][region_name]
    if name not in backend.secrets:
        raise UnresolvedValueError(f"Secrets Manager can't find the specified secret {name}.")
    text = backend.get_secret_value(name, found["version"] or "", found["stage"] or "")["SecretString"]
    if not key:
        return str(text)
    try:
        return str(json.loads(text)[key])
    except (ValueError, KeyError, TypeError) as error:
        raise UnresolvedValueError(
            f"Could not find a value associated with JSONKey {key} in {name}"
        ) from error
