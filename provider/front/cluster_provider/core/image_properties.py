"""The properties of ``Custom::PclusterImage``: their schema, and their parsing into types."""

from collections.abc import Mapping
from typing import Any

from cluster_provider.core.checking import VERSION, WAIT_CONDITION_HANDLE, Rules
from cluster_provider.core.deadline import SERVICE_TIMEOUT_MAX_S
from cluster_provider.core.properties import Properties, parse_configured

#: Source: aws-parallelcluster 3.16.1, constants.py (PCLUSTER_IMAGE_ID_REGEX).
IMAGE_ID_PATTERN = r"^([a-zA-Z][a-zA-Z0-9-]{0,127})$"

CONFIGURATION = "ImageConfiguration"

_VALIDATOR = {"type": "string", "pattern": "^(ALL|type:[A-Za-z0-9]+)$"}

RULES = Rules(
    schema={
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Custom::PclusterImage",
        "type": "object",
        "additionalProperties": False,
        "required": ["ImageId", CONFIGURATION],
        "properties": {
            "ServiceToken": {"type": "string"},
            "ServiceTimeout": {"pattern": "^[0-9]{1,4}$", "type": ["string", "integer"]},
            "ImageId": {"type": "string", "pattern": IMAGE_ID_PATTERN},
            CONFIGURATION: {"type": ["object", "string"], "minLength": 1, "minProperties": 1},
            "DeletionPolicy": {"enum": ["Delete", "Retain"]},
            "SuppressValidators": {**_VALIDATOR, "type": ["array", "string"], "items": _VALIDATOR},
            "ValidationFailureLevel": {"enum": ["INFO", "WARNING", "ERROR"]},
            "RollbackOnFailure": {"enum": [True, False, "true", "false", "True", "False"]},
            "PclusterVersion": VERSION,
            "WaitConditionHandle": WAIT_CONDITION_HANDLE,
        },
    },
    expected={
        "ServiceTimeout": f"whole seconds from 1 to {SERVICE_TIMEOUT_MAX_S}",
        "ImageId": "1 to 128 letters, digits and hyphens, beginning with a letter",
        CONFIGURATION: "a map, or a string of YAML or JSON",
        "DeletionPolicy": "Delete or Retain",
        "SuppressValidators": "a list of ALL or type:<ValidatorName>",
        "ValidationFailureLevel": "INFO, WARNING or ERROR",
        "RollbackOnFailure": "true or false",
        "PclusterVersion": "a version such as 3.16.1",
        "WaitConditionHandle": "!Ref of an AWS::CloudFormation::WaitConditionHandle",
    },
)


def parse_image(raw: Mapping[str, Any]) -> Properties:
    """Returns the checked properties of a Create or an Update; ``cluster_name`` is the image's id.

    Raises:
        MissingProperty: A required property is absent.
        InvalidProperty: A property has a value that is not valid, its name is not known, or the configuration
            is larger than a record can hold.
    """
    return parse_configured(raw, RULES, "ImageId", CONFIGURATION)
