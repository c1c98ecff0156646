"""The properties of the read-only resources, parsed into the question that the engine is asked.

The resources are ``Custom::PclusterClusterInfo`` and ``Custom::PclusterOfficialImage``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cluster_provider.core.checking import VERSION, Rules
from cluster_provider.core.deadline import SERVICE_TIMEOUT_MAX_S
from cluster_provider.core.errors import InvalidProperty
from cluster_provider.core.properties import CLUSTER_NAME_MAX, CLUSTER_NAME_PATTERN, service_timeout_s

#: Source: aws-parallelcluster 3.16.1, api/openapi/openapi.yaml (ClusterStatusFilteringOption).
CLUSTER_STATUSES = (
    "CREATE_IN_PROGRESS",
    "CREATE_FAILED",
    "CREATE_COMPLETE",
    "DELETE_IN_PROGRESS",
    "DELETE_FAILED",
    "UPDATE_IN_PROGRESS",
    "UPDATE_COMPLETE",
    "UPDATE_FAILED",
)

#: Source: aws-parallelcluster 3.16.1, constants.py (SUPPORTED_ARCHITECTURES).
ARCHITECTURES = ("x86_64", "arm64")

#: Maximum length of ``Trigger``, in characters; a template's parameter has no more.
#: Source: AWS CloudFormation user guide, "Understand CloudFormation quotas" (parameter value).
TRIGGER_MAX = 4096

#: Maximum length of an operating system's name, in characters; ParallelCluster's have 12 at most.
OS_MAX = 40

_STATUS = {"enum": list(CLUSTER_STATUSES)}

_COMMON: dict[str, Any] = {
    "ServiceToken": {"type": "string"},
    "ServiceTimeout": {"pattern": "^[0-9]{1,4}$", "type": ["string", "integer"]},
    "PclusterVersion": VERSION,
    "Trigger": {"type": "string", "maxLength": TRIGGER_MAX},
}
_COMMON_EXPECTED = {
    "ServiceTimeout": f"whole seconds from 1 to {SERVICE_TIMEOUT_MAX_S}",
    "PclusterVersion": "a version such as 3.16.1",
    "Trigger": "any text; another one reads again",
}

CLUSTER_INFO = Rules(
    schema={
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Custom::PclusterClusterInfo",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **_COMMON,
            "ClusterName": {"type": "string", "pattern": CLUSTER_NAME_PATTERN, "maxLength": CLUSTER_NAME_MAX},
            "NamePrefix": {
                "type": "string",
                "pattern": "^[a-zA-Z][a-zA-Z0-9-]*$",
                "maxLength": CLUSTER_NAME_MAX,
            },
            "ClusterStatus": {
                "anyOf": [
                    _STATUS,
                    {"type": "array", "minItems": 1, "maxItems": len(CLUSTER_STATUSES), "items": _STATUS},
                ],
            },
        },
    },
    expected={
        **_COMMON_EXPECTED,
        "ClusterName": (
            f"2 to {CLUSTER_NAME_MAX} letters, digits and hyphens, beginning with a letter, "
            f"as in {CLUSTER_NAME_PATTERN}"
        ),
        "NamePrefix": "letters, digits and hyphens, beginning with a letter",
        "ClusterStatus": f"one or a list of {', '.join(CLUSTER_STATUSES)}",
    },
)

OFFICIAL_IMAGE = Rules(
    schema={
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Custom::PclusterOfficialImage",
        "type": "object",
        "additionalProperties": False,
        "required": ["Os"],
        "properties": {
            **_COMMON,
            "Os": {"type": "string", "pattern": "^[a-z][a-z0-9]*$", "maxLength": OS_MAX},
            "Architecture": {"enum": list(ARCHITECTURES)},
        },
    },
    expected={
        **_COMMON_EXPECTED,
        "Os": "an operating system as in Image/Os of a cluster's configuration, such as alinux2023",
        "Architecture": " or ".join(ARCHITECTURES),
    },
)


@dataclass(frozen=True)
class Question:
    """A question to ParallelCluster.

    Args:
        about: The subject in words, for errors.
        cluster_name: The cluster to describe; empty for a list.
        arguments: Arguments of the engine's action, in the form of docs/reference/engine.md.
        version: The ParallelCluster version that the properties name; None if they name none.
    """

    about: str
    cluster_name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    version: str | None = None


def parse_cluster_info(raw: Mapping[str, Any]) -> Question:
    """Returns the question of a ``Custom::PclusterClusterInfo``.

    Raises:
        MissingProperty: A required property is absent.
        InvalidProperty: A property has a value that is not valid, its name is not known, or two properties
            exclude each other.
    """
    _check(CLUSTER_INFO, raw)
    version = raw.get("PclusterVersion")
    if "ClusterName" not in raw:
        statuses = raw.get("ClusterStatus", [])
        arguments = {
            "cluster_status": [statuses] if isinstance(statuses, str) else list(statuses),
            "name_prefix": raw.get("NamePrefix", ""),
        }
        return Question("clusters", arguments=arguments, version=version)
    for name in ("ClusterStatus", "NamePrefix"):
        if name in raw:
            raise InvalidProperty(
                name,
                "it selects from all clusters, and ClusterName asks for one cluster.",
                "Give either ClusterName or what selects.",
            )
    return Question(f"cluster {raw['ClusterName']}", raw["ClusterName"], version=version)


def parse_official_image(raw: Mapping[str, Any]) -> Question:
    """Returns the question of a ``Custom::PclusterOfficialImage``.

    Raises:
        MissingProperty: A required property is absent.
        InvalidProperty: A property has a value that is not valid, or its name is not known.
    """
    _check(OFFICIAL_IMAGE, raw)
    architecture = raw.get("Architecture", ARCHITECTURES[0])
    arguments = {"os": raw["Os"], "architecture": architecture}
    about = f"official image of {raw['Os']} for {architecture}"
    return Question(about, arguments=arguments, version=raw.get("PclusterVersion"))


def _check(rules: Rules, raw: Mapping[str, Any]) -> None:
    rules.check(raw)
    if service_timeout_s(raw) is None:
        raise rules.invalid("ServiceTimeout", raw["ServiceTimeout"])
