"""The properties of ``Custom::PclusterCluster``: their schema, and their parsing into types."""

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cluster_provider.core.bounds import cut_to_depth
from cluster_provider.core.checking import VERSION, WAIT_CONDITION_HANDLE, Rules
from cluster_provider.core.deadline import SERVICE_TIMEOUT_MAX_S
from cluster_provider.core.errors import InvalidProperty

#: Source: aws-parallelcluster 3.16.1, api/openapi/openapi.yaml (ClusterName) and constants.py.
CLUSTER_NAME_PATTERN = r"^[a-zA-Z][a-zA-Z0-9-]+$"
CLUSTER_NAME_MAX = 60

#: Largest configuration, compressed. An engine's end brings the call and its result, of 128 KiB at most, in
#: 256 KiB; and a request's item in the table may hold 400 KB: the configuration, the result of a call with
#: its lists (128 KiB), tags (80 KB in the widest letters), a description (30 KB), answers, errors and a
#: root cause. Sources: docs/reference/engine.md; AWS Lambda developer guide, quotas; Amazon DynamoDB
#: developer guide,
#: "Service, account, and table quotas". tests/contract/provider/test_item_size.py builds the worst case.
CONFIGURATION_MAX_BYTES = 100_000

#: Longest arguments for the library, all validators of a release by name being half as much.
ARGUMENTS_MAX_BYTES = 8_000

#: Longest configuration as text, in bytes. Source: AWS CloudFormation user guide, "Understand CloudFormation
#: quotas" (a template has at most 1 MB, and a configuration stands in one).
CONFIGURATION_TEXT_MAX_BYTES = 1 << 20

_SECONDS = re.compile("[0-9]{1,4}")

_BOOLEAN: dict[str, Any] = {"enum": [True, False, "true", "false", "True", "False"]}

#: CloudFormation hands every scalar over as a string; numbers and booleans in JSON are accepted as well,
#: because people test with events of their own. Property names are the official provider's.
#: Source: AWS ParallelCluster user guide, "cfn-cluster-resource".
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Custom::PclusterCluster",
    "type": "object",
    "additionalProperties": False,
    "required": ["ClusterName", "ClusterConfiguration"],
    "properties": {
        "ServiceToken": {"type": "string"},
        "ServiceTimeout": {"pattern": "^[0-9]{1,4}$", "type": ["string", "integer"]},
        "ClusterName": {"type": "string", "pattern": CLUSTER_NAME_PATTERN, "maxLength": CLUSTER_NAME_MAX},
        "ClusterConfiguration": {"type": ["object", "string"], "minLength": 1, "minProperties": 1},
        "DeletionPolicy": {"enum": ["Delete", "Retain"]},
        "ClusterNameUpdatePolicy": {"enum": ["Refuse", "Replace"]},
        "ComputeFleetUpdatePolicy": {"enum": ["None", "StopAndRestart"]},
        "SuppressValidators": {
            "type": ["array", "string"],
            "pattern": "^(ALL|type:[A-Za-z0-9]+)$",
            "items": {"type": "string", "pattern": "^(ALL|type:[A-Za-z0-9]+)$"},
        },
        "ValidationFailureLevel": {"enum": ["INFO", "WARNING", "ERROR"]},
        "AdoptExisting": _BOOLEAN,
        "RollbackOnFailure": _BOOLEAN,
        "ForceUpdate": _BOOLEAN,
        "PclusterVersion": VERSION,
        "WaitConditionHandle": WAIT_CONDITION_HANDLE,
    },
}

_EXPECTED = {
    "ServiceTimeout": f"whole seconds from 1 to {SERVICE_TIMEOUT_MAX_S}",
    "ClusterName": (
        f"2 to {CLUSTER_NAME_MAX} letters, digits and hyphens, beginning with a letter, "
        f"as in {CLUSTER_NAME_PATTERN}"
    ),
    "ClusterConfiguration": "a map, or a string of YAML or JSON",
    "DeletionPolicy": "Delete or Retain",
    "ClusterNameUpdatePolicy": "Refuse or Replace",
    "ComputeFleetUpdatePolicy": "None or StopAndRestart",
    "SuppressValidators": "a list of ALL or type:<ValidatorName>",
    "ValidationFailureLevel": "INFO, WARNING or ERROR",
    "AdoptExisting": "true or false",
    "RollbackOnFailure": "true or false",
    "ForceUpdate": "true or false",
    "PclusterVersion": "a version such as 3.16.1",
    "WaitConditionHandle": "!Ref of an AWS::CloudFormation::WaitConditionHandle",
}

RULES = Rules(SCHEMA, _EXPECTED)


class ClusterNameUpdatePolicy(StrEnum):
    """What an Update with another ClusterName does."""

    REFUSE = "Refuse"
    REPLACE = "Replace"


class ComputeFleetUpdatePolicy(StrEnum):
    """What an Update does that ParallelCluster refuses because compute nodes run."""

    NONE = "None"
    STOP_AND_RESTART = "StopAndRestart"


class DeletionPolicy(StrEnum):
    """What a Delete does with a living cluster."""

    DELETE = "Delete"
    RETAIN = "Retain"


@dataclass(frozen=True)
class Properties:
    """A resource's wanted state.

    Args:
        cluster_name: Name of the cluster, which becomes the physical resource id.
        configuration: The property ClusterConfiguration: base64 of zlib of UTF-8 JSON, never looked into.
        configuration_digest: SHA-256 of the configuration's canonical JSON.
        deletion_policy: What a Delete does.
        arguments: Arguments for the library, in the form of docs/reference/engine.md.
        version: ParallelCluster version asked for, if any.
        service_timeout_s: Seconds CloudFormation waits for the answer, 1 to 3600.
        adopts: A Create takes over a cluster of this name that exists already.
    """

    cluster_name: str
    configuration: str
    configuration_digest: str
    deletion_policy: DeletionPolicy = DeletionPolicy.DELETE
    arguments: dict[str, Any] = field(default_factory=dict)
    version: str | None = None
    service_timeout_s: int = SERVICE_TIMEOUT_MAX_S
    adopts: bool = False


def parse_properties(raw: Mapping[str, Any]) -> Properties:
    """Types and checks the properties of a Create or an Update.

    Raises:
        MissingProperty: A required property is absent.
        InvalidProperty: A property has an impossible value or an unknown name, or the configuration is
            larger than a record can hold.
    """
    return parse_configured(raw, RULES, "ClusterName", "ClusterConfiguration")


def parse_configured(
    raw: Mapping[str, Any], rules: Rules, name_key: str, configuration_key: str
) -> Properties:
    """The properties of a resource that has a name and a configuration; raises as ``parse_properties``.

    Args:
        raw: The properties as they arrived.
        rules: What they may be.
        name_key: Which one is the name.
        configuration_key: Which one is the configuration.
    """
    rules.check(raw)
    timeout_s, given = service_timeout_s(raw), arguments(raw)
    if timeout_s is None:
        raise rules.invalid("ServiceTimeout", raw["ServiceTimeout"])
    if len(json.dumps(given)) > ARGUMENTS_MAX_BYTES:
        raise rules.invalid("SuppressValidators", raw["SuppressValidators"])
    return Properties(
        cluster_name=raw[name_key],
        configuration=kept_configuration(configuration_key, raw[configuration_key]),
        configuration_digest=digest(raw[configuration_key]),
        deletion_policy=DeletionPolicy(raw.get("DeletionPolicy", DeletionPolicy.DELETE)),
        arguments=given,
        version=raw.get("PclusterVersion"),
        service_timeout_s=timeout_s,
        adopts=is_true(raw, "AdoptExisting"),
    )


def service_timeout_s(raw: Mapping[str, Any]) -> int | None:
    """The property ServiceTimeout in seconds; its default when absent; None when impossible."""
    value = raw.get("ServiceTimeout", SERVICE_TIMEOUT_MAX_S)
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        value = int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 1 <= value <= SERVICE_TIMEOUT_MAX_S else None


def digest(configuration: Any) -> str:
    """SHA-256 of a JSON value's canonical form: key order and spacing do not count, types do.

    It is total: a value that cannot be kept has a digest, too, since the swap of its Update arrives.
    """
    bounded = cut_to_depth(configuration)
    canonical = json.dumps(bounded, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode(errors="surrogatepass")).hexdigest()


def encode_configuration(configuration: Any) -> str:
    """The configuration in the form of docs/reference/engine.md: base64 of zlib of UTF-8 JSON."""
    text = json.dumps(configuration, separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(zlib.compress(text.encode(), level=9)).decode()


def decode_configuration(encoded: str) -> Any:
    """The inverse of :func:`encode_configuration`, for tests and tools.

    Raises:
        ValueError: It is not in that form.
    """
    try:
        return json.loads(zlib.decompress(base64.b64decode(encoded, validate=True)))
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"not an encoded configuration: {error}") from error


def kept_configuration(name: str, value: Any) -> str:
    """A property that is a configuration, encoded for its record.

    Raises:
        InvalidProperty: It is larger than a record can hold.
    """
    size_bytes = len(json.dumps(value, ensure_ascii=False).encode())
    if size_bytes > CONFIGURATION_TEXT_MAX_BYTES:
        raise InvalidProperty(
            name,
            f"{size_bytes} bytes, at most {CONFIGURATION_TEXT_MAX_BYTES} can be read.",
            "Move long scripts and files out of the configuration, to S3 for instance.",
        )
    configuration = encode_configuration(value)
    if len(configuration) > CONFIGURATION_MAX_BYTES:
        raise InvalidProperty(
            name,
            f"{len(configuration)} bytes compressed, at most {CONFIGURATION_MAX_BYTES} can be kept.",
            "Move long scripts and files out of the configuration, to S3 for instance.",
        )
    return configuration


def arguments(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The library's arguments among the properties; the engine passes each to the calls that have it."""
    given: dict[str, Any] = {}
    if "SuppressValidators" in raw:
        value = raw["SuppressValidators"]
        given["suppress_validators"] = [value] if isinstance(value, str) else list(value)
    if "ValidationFailureLevel" in raw:
        given["validation_failure_level"] = raw["ValidationFailureLevel"]
    for name, argument in (("RollbackOnFailure", "rollback_on_failure"), ("ForceUpdate", "force_update")):
        if name in raw:
            given[argument] = is_true(raw, name)
    return given


def is_true(raw: Mapping[str, Any], name: str) -> bool:
    """Whether a boolean property is there and true."""
    return str(raw.get(name, False)).lower() == "true"
