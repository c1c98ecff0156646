"""Dynamic references: parameters, which descriptions show, and secrets, which only resources receive.

Source: CloudFormation user guide, "Get values stored in other services using dynamic references".
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm.exceptions import ParameterVersionNotFound
from moto.ssm.models import Parameter, ssm_backends

from cfn_template.dynamic import DynamicReference, references_in, resolve_references
from localcloud.cloudformation.errors import UnresolvedValueError

#: What a reference to a secret names.
#: Source: user guide, "Get a secret or secret value from Secrets Manager".
_SECRET = re.compile(
    r"(?P<secret>arn:[^:]+:secretsmanager:[^:]+:\d+:secret:[^:]+|[^:]+)"
    r"(?::SecretString)?(?::(?P<key>[^:]*))?(?::(?P<stage>[^:]*))?(?::(?P<version>[^:]*))?"
)
#: What a reference to a parameter names. Source: user guide, "Get a plaintext value from Systems Manager
#: Parameter Store" and "Get a secure string value from Systems Manager Parameter Store".
_PARAMETER = re.compile(r"[a-zA-Z0-9_.\-/]+(?::\d+)?")
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
    """Returns a resource's properties with references to plain parameters replaced by their values.

    Raises:
        UnresolvedValueError: There is no such parameter, it is a secure one, or a reference to a secure one
            is where CloudFormation takes none.
    """
    _refuse_secure(properties, resource_type)

    def read(reference: DynamicReference) -> str:
        if not _names_parameter(reference, "ssm"):
            return reference.text
        parameter = _find(reference, account_id, region_name)
        if parameter.parameter_type == "SecureString":
            name = reference.name.partition(":")[0]
            raise UnresolvedValueError(
                f"Parameters: [ssm:{name}] is of type SecureString, which ssm-secure reads"
            )
        return str(parameter.value)

    replaced: dict[str, Any] = resolve_references(dict(properties), read)
    return replaced


def with_secrets(value: Any, account_id: str, region_name: str) -> Any:
    """Returns a property's value with references to secrets replaced by their values.

    Raises:
        UnresolvedValueError: There is no such secret or parameter, or no such key in it.
    """

    def read(reference: DynamicReference) -> str:
        if _names_parameter(reference, "ssm-secure"):
            return str(_find(reference, account_id, region_name).value)
        named = _SECRET.fullmatch(reference.name) if reference.service == "secretsmanager" else None
        return reference.text if named is None else _read_secret(named, account_id, region_name)

    return resolve_references(value, read)


def _names_parameter(reference: DynamicReference, service: str) -> bool:
    return reference.service == service and _PARAMETER.fullmatch(reference.name) is not None


def _find(reference: DynamicReference, account_id: str, region_name: str) -> Parameter:
    try:
        parameter = ssm_backends[account_id][region_name].get_parameter(reference.name)
    except ParameterVersionNotFound:
        parameter = None
    if parameter is None:
        # CloudFormation's words, as users quote them.
        raise UnresolvedValueError(f"Parameters: [{reference.service}:{reference.name}] cannot be found.")
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
    elif isinstance(node, str) and any(
        _names_parameter(reference, "ssm-secure") for reference in references_in(node)
    ):
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
