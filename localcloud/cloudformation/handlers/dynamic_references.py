"""Dynamic references: values of Parameter Store, which everybody sees, and secrets, which resources get only.

Source: CloudFormation user guide, "Get values stored in other services using dynamic references".
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm.exceptions import ParameterVersionNotFound
from moto.ssm.models import Parameter, ssm_backends

from localcloud.cloudformation.errors import UnresolvedValueError

#: Source: user guide, "Get a secret or secret value from Secrets Manager".
_SECRET = re.compile(
    r"\{\{resolve:secretsmanager:"
    r"(?P<secret>arn:[^:}]+:secretsmanager:[^:}]+:\d+:secret:[^:}]+|[^:}]+)"
    r"(?::SecretString)?(?::(?P<key>[^:}]*))?(?::(?P<stage>[^:}]*))?(?::(?P<version>[^:}]*))?\}\}"
)
#: Source: user guide, "Get a plaintext value from Systems Manager Parameter Store".
_NAMED = r"(?P<name>[a-zA-Z0-9_.\-/]+)(?::(?P<version>\d+))?\}\}"
_PARAMETER = re.compile(r"\{\{resolve:ssm:" + _NAMED)
#: Source: user guide, "Get a secure string value from Systems Manager Parameter Store".
_SECURE_PARAMETER = re.compile(
    r"\{\{resolve:ssm-secure:(?P<name>[a-zA-Z0-9_.\-/]+)(?::(?P<version>\d+))?\}\}"
)
#: The properties that take a secure one. Source: as above, "Resources that support dynamic parameter patterns
#: for secure strings".
_TAKE_SECURE = {
    "AWS::DirectoryService::MicrosoftAD/Properties/Password",
    "AWS::DirectoryService::SimpleAD/Properties/Password",
    "AWS::ElastiCache::ReplicationGroup/Properties/AuthToken",
    "AWS::IAM::User/Properties/LoginProfile/Password",
    "AWS::RDS::DBCluster/Properties/MasterUserPassword",
    "AWS::RDS::DBInstance/Properties/MasterUserPassword",
    "AWS::Redshift::Cluster/Properties/MasterUserPassword",
}


def with_parameters(
    properties: Mapping[str, Any], resource_type: str, account_id: str, region_name: str
) -> dict[str, Any]:
    """Returns a resource's properties with the plain parameters that they refer to in their place.

    Raises:
        UnresolvedValueError: There is no such parameter, it is a secure one, or a reference to a secure one
            is where CloudFormation takes none.
    """
    _refuse_secure(properties, resource_type)

    def read(found: re.Match[str]) -> str:
        parameter = _find("ssm", found, account_id, region_name)
        if parameter.parameter_type == "SecureString":
            raise UnresolvedValueError(
                f"Parameters: [ssm:{found['name']}] is of type SecureString, which ssm-secure reads"
            )
        return str(parameter.value)

    replaced: dict[str, Any] = _replaced(dict(properties), _PARAMETER, read)
    return replaced


def with_secrets(value: Any, account_id: str, region_name: str) -> Any:
    """Returns a property's value with the secrets that its texts refer to in their place.

    Raises:
        UnresolvedValueError: There is no such secret or parameter, or no such key in it.
    """

    def read_secure(found: re.Match[str]) -> str:
        return str(_find("ssm-secure", found, account_id, region_name).value)

    with_secure = _replaced(value, _SECURE_PARAMETER, read_secure)
    return _replaced(with_secure, _SECRET, lambda found: _read_secret(found, account_id, region_name))


def _replaced(value: Any, reference: re.Pattern[str], read: Callable[[re.Match[str]], str]) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(item, reference, read) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, reference, read) for item in value]
    return reference.sub(read, value) if isinstance(value, str) and "{{resolve:" in value else value


def _find(service: str, found: re.Match[str], account_id: str, region_name: str) -> Parameter:
    name, version = found["name"], found["version"]
    asked = f"{name}:{version}" if version else name
    try:
        parameter = ssm_backends[account_id][region_name].get_parameter(asked)
    except ParameterVersionNotFound:
        parameter = None
    if parameter is None:
        # CloudFormation's words, as users quote them.
        raise UnresolvedValueError(f"Parameters: [{service}:{asked}] cannot be found.")
    return parameter


def _refuse_secure(properties: Mapping[str, Any], resource_type: str) -> None:
    places = [f"{resource_type}/Properties/{path}" for path in _secure_in(properties)]
    if refused := [place for place in places if place not in _TAKE_SECURE]:
        raise UnresolvedValueError(f"SSM Secure reference is not supported in: [{','.join(refused)}]")


def _secure_in(node: Any, path: str = "") -> Iterator[str]:
    """The places of references to secure parameters; the items of a list have their list's place."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _secure_in(value, f"{path}/{key}" if path else str(key))
    elif isinstance(node, list):
        for item in node:
            yield from _secure_in(item, path)
    elif isinstance(node, str) and _SECURE_PARAMETER.search(node):
        yield path


def _read_secret(found: re.Match[str], account_id: str, region_name: str) -> str:
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
