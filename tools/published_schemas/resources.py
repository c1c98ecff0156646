"""The schema of each resource type's properties, made from the provider's own."""

import copy

from cluster_provider.core import image_properties, properties, questions
from cluster_provider.core.checking import Rules
from cluster_provider.core.deadline import SERVICE_TIMEOUT_MAX_S
from tools.published_schemas.editors import DRAFT, JsonSchema

TYPES = {
    "Custom::PclusterCluster": properties.RULES,
    "Custom::PclusterClusterInfo": questions.CLUSTER_INFO,
    "Custom::PclusterImage": image_properties.RULES,
    "Custom::PclusterOfficialImage": questions.OFFICIAL_IMAGE,
}


def resources() -> JsonSchema:
    """Returns the schema of each resource type's properties, with what its refusals say is expected."""
    return {name: _published(name, rules) for name, rules in TYPES.items()}


def _published(name: str, rules: Rules) -> JsonSchema:
    known = copy.deepcopy(dict(rules.schema["properties"]))
    # Digits in the provider's schema, where every scalar is text; the range is the provider's, too.
    known["ServiceTimeout"] = {"type": "integer", "minimum": 1, "maximum": SERVICE_TIMEOUT_MAX_S}
    for key, expected in rules.expected.items():
        known[key]["x-expected"] = expected
    required = ["ServiceToken", *rules.schema.get("required", [])]  # CloudFormation's own demand comes first
    return {**rules.schema, "$schema": DRAFT, "title": name, "required": required, "properties": known}
