"""The schema of each resource type's properties and its attributes, made from the provider's own."""

import copy
from collections.abc import Iterable

from cluster_provider.core import attributes, image_properties, properties, questions
from cluster_provider.core.checking import Rules
from cluster_provider.core.deadline import SERVICE_TIMEOUT_MAX_S
from cluster_provider.core.identity import Kind
from tools.published_schemas.editors import DRAFT, JsonSchema

TYPES = {
    "Custom::PclusterCluster": properties.RULES,
    "Custom::PclusterClusterInfo": questions.CLUSTER_INFO,
    "Custom::PclusterImage": image_properties.RULES,
    "Custom::PclusterOfficialImage": questions.OFFICIAL_IMAGE,
}
#: Added to every answer about a cluster or an image. Source: docs/reference/cluster.md, "Attributes".
_MESSAGES = ("validationMessages",)
#: What ``Fn::GetAtt`` reads; N stands for the number of a login node pool.
ATTRIBUTES: dict[str, Iterable[str]] = {
    "Custom::PclusterCluster": (*attributes.cluster_attributes(None, None), *_MESSAGES),
    "Custom::PclusterClusterInfo": attributes.information_attributes(Kind.CLUSTER_INFO, None),
    "Custom::PclusterImage": (*attributes.image_attributes(None, None), *_MESSAGES),
    "Custom::PclusterOfficialImage": attributes.information_attributes(Kind.OFFICIAL_IMAGE, None),
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
    return {**rules.schema, "$schema": DRAFT, "title": name, "required": required, "properties": known} | {
        "x-attributes": sorted(each.replace("loginNodes.0.", "loginNodes.N.") for each in ATTRIBUTES[name])
    }
