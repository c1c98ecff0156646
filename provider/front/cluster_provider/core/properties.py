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
from cluster_provider.core.budget import COST_PATTERN, MAX_COST, MAX_NODES, NODES_PATTERN, Budget
from cluster_provider.core.checking import VERSION, WAIT_CONDITION_HANDLE, Rules
from cluster_provider.core.deadline import SERVICE_TIMEOUT_MAX_S
from cluster_provider.core.errors import InvalidProperty, MissingProperty

#: Source: aws-parallelcluster 3.16.1, api/openapi/openapi.yaml (ClusterName) and constants.py.
CLUSTER_NAME_PATTERN = r"^[a-zA-Z][a-zA-Z0-9-]+$"
CLUSTER_NAME_MAX = 60

#: Maximum size of a compressed configuration, in bytes. Two limits determine it. The end of an engine call
#: has 256 KiB, for the call and its result of at most 128 KiB. A request's item in the table has 400 KB, for
#: the configuration, the result of a call with its lists (128 KiB), tags (80 KB in the widest letters), a
#: description (30 KB), answers, errors and a root cause. tests/contract/provider/test_item_size.py builds the
#: worst case.
#: Sources: docs/reference/engine.md; AWS Lambda developer guide, quotas; Amazon DynamoDB developer guide,
#: "Service, account, and table quotas".
CONFIGURATION_MAX_BYTES = 100_000

#: Maximum size of the arguments for ParallelCluster, in bytes. The names of all validators of a release take
#: half of it.
ARGUMENTS_MAX_BYTES = 8_000

#: Maximum size of a configuration as text, in bytes.
#: Source: AWS CloudFormation user guide, "Understand CloudFormation quotas" (a template has at most 1 MB, and
#: contains the configuration).
CONFIGURATION_TEXT_MAX_BYTES = 1 << 20

_SECONDS = re.compile("[0-9]{1,4}")

#: Maximum of DrainTimeout, in seconds, and its form. After it, a Delete has 16 minutes for the deletion.
DRAIN_MAX_S = 2400
_DRAIN_PATTERN = "^(1?[0-9]{1,3}|2[0-3][0-9]{2}|2400)$"

_BOUND: dict[str, Any] = {"type": ["string", "integer"], "minimum": 0, "maximum": 999_999_999}

_BOOLEAN: dict[str, Any] = {"enum": [True, False, "true", "false", "True", "False"]}

#: The schema of the properties. CloudFormation sends every scalar as a string. Numbers and booleans in JSON
#: are valid, too, because people test with events of their own. The names of the properties are the official
#: provider's.
#: Source: AWS ParallelCluster user guide, "cfn-cluster-resource".
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Custom::PclusterCluster",
    "type": "object",
    "additionalProperties": False,
    "required": ["ClusterConfiguration"],
    "properties": {
        "ServiceToken": {"type": "string"},
        "ServiceTimeout": {"pattern": "^[0-9]{1,4}$", "type": ["string", "integer"]},
        "ClusterName": {"type": "string", "pattern": CLUSTER_NAME_PATTERN, "maxLength": CLUSTER_NAME_MAX},
        "ClusterConfiguration": {"type": ["object", "string"], "minLength": 1, "minProperties": 1},
        "DeletionPolicy": {"enum": ["Delete", "Retain"]},
        "ClusterNameUpdatePolicy": {"enum": ["Refuse", "Replace"]},
        "ReplacementPolicy": {"enum": ["Refuse", "Replace"]},
        "DrainTimeout": {
            "type": ["string", "integer"],
            "pattern": _DRAIN_PATTERN,
            "minimum": 0,
            "maximum": DRAIN_MAX_S,
        },
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
        MAX_NODES: {**_BOUND, "pattern": NODES_PATTERN},
        MAX_COST: {**_BOUND, "pattern": COST_PATTERN},
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
    "ReplacementPolicy": "Refuse or Replace",
    "DrainTimeout": f"whole seconds from 0 to {DRAIN_MAX_S}",
    "ComputeFleetUpdatePolicy": "None or StopAndRestart",
    "SuppressValidators": "a list of ALL or type:<ValidatorName>",
    "ValidationFailureLevel": "INFO, WARNING or ERROR",
    "AdoptExisting": "true or false",
    "RollbackOnFailure": "true or false",
    "ForceUpdate": "true or false",
    "PclusterVersion": "a version such as 3.16.1",
    MAX_NODES: "a whole number, and 0 for no bound",
    MAX_COST: "US dollars an hour, such as 12.5, and 0 for no bound",
    "WaitConditionHandle": "!Ref of an AWS::CloudFormation::WaitConditionHandle",
}

RULES = Rules(SCHEMA, _EXPECTED)


class ReplacementPolicy(StrEnum):
    """What an Update does that cannot be made in place; also the values of ClusterNameUpdatePolicy."""

    REFUSE = "Refuse"
    REPLACE = "Replace"


class ComputeFleetUpdatePolicy(StrEnum):
    """What an Update does that ParallelCluster refuses because compute nodes run."""

    NONE = "None"
    STOP_AND_RESTART = "StopAndRestart"


class DeletionPolicy(StrEnum):
    """What a Delete does with an existing cluster."""

    DELETE = "Delete"
    RETAIN = "Retain"


@dataclass(frozen=True)
class Properties:
    """The wanted state of a resource.

    Args:
        cluster_name: Name of the cluster, which becomes the physical resource id.
        configuration: The property ClusterConfiguration, as base64 of zlib of UTF-8 JSON; the provider never
            reads it.
        configuration_digest: SHA-256 of the configuration's canonical JSON.
        deletion_policy: What a Delete does.
        arguments: Arguments for ParallelCluster, in the form of docs/reference/engine.md.
        version: The ParallelCluster version that the properties name; None if they name none.
        service_timeout_s: How long CloudFormation waits for the answer, in seconds, 1 to 3600.
        adopts: Whether a Create adopts an existing cluster of this name.
        budget: The resource's own bounds for the cluster.
    """

    cluster_name: str
    configuration: str
    configuration_digest: str
    deletion_policy: DeletionPolicy = DeletionPolicy.DELETE
    arguments: dict[str, Any] = field(default_factory=dict)
    version: str | None = None
    service_timeout_s: int = SERVICE_TIMEOUT_MAX_S
    adopts: bool = False
    budget: Budget = field(default_factory=Budget)


def parse_properties(raw: Mapping[str, Any], default_name: str) -> Properties:
    """Returns the checked properties of a Create or an Update.

    Args:
        raw: The properties.
        default_name: Name of the cluster if the properties have no ClusterName.

    Raises:
        MissingProperty: A required property is absent.
        InvalidProperty: A property has a value that is not valid, its name is not known, or the configuration
            is larger than a record can hold.
    """
    properties = parse_configured(
        {"ClusterName": default_name, **raw}, RULES, "ClusterName", "ClusterConfiguration"
    )
    if properties.adopts and "ClusterName" not in raw:
        raise MissingProperty("ClusterName", "AdoptExisting needs the name of the cluster to take over.")
    return properties


def parse_configured(
    raw: Mapping[str, Any], rules: Rules, name_key: str, configuration_key: str
) -> Properties:
    """Returns the checked properties of a resource with a name and a configuration.

    Args:
        raw: The properties.
        rules: The rules for them.
        name_key: The property with the name.
        configuration_key: The property with the configuration.

    Raises:
        MissingProperty: A required property is absent.
        InvalidProperty: A property has a value that is not valid, its name is not known, or the configuration
            is larger than a record can hold.
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
        budget=Budget.parse(raw),
    )


def service_timeout_s(raw: Mapping[str, Any]) -> int | None:
    """Returns the property ServiceTimeout in seconds, or its default; None if the value is not valid."""
    value = raw.get("ServiceTimeout", SERVICE_TIMEOUT_MAX_S)
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        value = int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 1 <= value <= SERVICE_TIMEOUT_MAX_S else None


def drain_timeout_s(raw: Mapping[str, Any]) -> int:
    """Returns the property DrainTimeout in seconds; 0 if there is none, or if the value is not valid.

    A Delete never fails because of its properties.
    """
    value = str(raw.get("DrainTimeout", ""))
    return int(value) if re.fullmatch(_DRAIN_PATTERN, value) else 0


def digest(configuration: Any) -> str:
    """Returns the SHA-256 of a JSON value's canonical form; key order and spacing do not count, types do.

    Every value has a digest, even one that cannot be stored, since the rollback of its Update must be
    recognised.
    """
    bounded = cut_to_depth(configuration)
    canonical = json.dumps(bounded, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode(errors="surrogatepass")).hexdigest()


def encode_configuration(configuration: Any) -> str:
    """Returns a configuration in the form of docs/reference/engine.md: base64 of zlib of UTF-8 JSON."""
    text = json.dumps(configuration, separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(zlib.compress(text.encode(), level=9)).decode()


def decode_configuration(encoded: str) -> Any:
    """Returns the configuration that :func:`encode_configuration` encoded; for tests and tools.

    Raises:
        ValueError: The text is not in that form.
    """
    try:
        return json.loads(zlib.decompress(base64.b64decode(encoded, validate=True)))
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"not an encoded configuration: {error}") from error


def kept_configuration(name: str, value: Any) -> str:
    """Returns a configuration, encoded for its record.

    Args:
        name: The property, for the error.
        value: The configuration.

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
    """Returns ParallelCluster's arguments among the properties.

    The engine passes each to the calls that accept it.
    """
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
    """Returns whether a boolean property is present and true."""
    return str(raw.get(name, False)).lower() == "true"
