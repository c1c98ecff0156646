"""The schema of each resource type's properties, made from the provider's own."""

import copy

from cluster_provider.core.checking import Rules
from cluster_provider.core.deadline import SERVICE_TIMEOUT_MAX_S
from cluster_provider.core.properties import RULES
from cluster_provider.core.questions import CLUSTER_INFO, OFFICIAL_IMAGE
from tools.published_schemas.editors import DRAFT, JsonSchema

TYPES = {
    "Custom::PclusterCluster": RULES,
    "Custom::PclusterClusterInfo": CLUSTER_INFO,
    "Custom::PclusterOfficialImage": OFFICIAL_IMAGE,
}


def resources() -> JsonSchema:
    """Returns the schema of each resource type's properties, with what its refusals say is expected."""
    return {name: _published(name, rules) for name, rules in TYPES.items()}


def _published(name: str, rules: Rules) -> JsonSchema:
    properties = copy.deepcopy(dict(rules.schema["properties"]))
    # Digits in the provider's schema, where every scalar is text; the range is the provider's, too.
    properties["ServiceTimeout"] = {"type": "integer", "minimum": 1, "maximum": SERVICE_TIMEOUT_MAX_S}
    for key, expected in rules.expected.items():
        properties[key]["x-expected"] = expected
    required = ["ServiceToken", *rules.schema.get("required", [])]  # CloudFormation's own demand comes first
    return {**rules.schema, "$schema": DRAFT, "title": name, "required": required, "properties": properties}
