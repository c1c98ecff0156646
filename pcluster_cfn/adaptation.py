"""Fits somebody's template to the embedded cloud: the ids it lacks, and this project's provider."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cfn_template.nodes import child, put, reference, text_of
from pcluster_cfn.template import Parameter, Resource, Template

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The provider stack of this clone.
PROVIDER_TEMPLATE = Path(__file__).parent.parent / "template.yaml"
#: How templates name the official provider. Source: ParallelCluster user guide, "cfn-provider-stack".
_OFFICIAL_PROVIDER = re.compile(r"/templates/custom_resource/cluster\.yaml")
#: What parameters are called in templates people publish, as patterns on letters only, and the seeded id
#: that suits each; the first match decides.
_SEEDED = [
    (re.compile(r"(headnode|login|public).*subnet"), "HEAD_NODE_SUBNET"),
    (re.compile(r"subnet"), "COMPUTE_SUBNET"),
    (re.compile(r"^(ec2)?key(name|pair|pairname)?$|sshkey"), "KEY_NAME"),
    (re.compile(r"^vpc(id)?$"), "VPC_ID"),
]
_SEEDED_TYPES = {"AWS::EC2::KeyPair::KeyName": "KEY_NAME", "AWS::EC2::VPC::Id": "VPC_ID"}


def fill_parameters(
    template: Template, given: Mapping[str, str], seeded: Mapping[str, str]
) -> dict[str, str]:
    """Returns parameter values: those given, and seeded ids for others that need one and look like it.

    Args:
        template: Its parameters are filled.
        given: Values that stand as they are.
        seeded: The embedded cloud's ids: HEAD_NODE_SUBNET, COMPUTE_SUBNET, KEY_NAME, VPC_ID.
    """
    values = dict(given)
    for parameter in template.parameters().values():
        name = _seeded_name(parameter)
        if parameter.name not in values and not parameter.default and name in seeded:
            values[parameter.name] = seeded[name]
    return values


def clusters_of(template: Template) -> "Iterator[Resource]":
    """Yields the resources that are clusters: custom resources with a cluster configuration."""
    for resource in template.resources():
        if child(resource.properties, "ClusterConfiguration") is not None:
            yield resource


def service_token_parameter(template: Template) -> str | None:
    """Returns the parameter that the clusters take their service token from; None without one."""
    for cluster in clusters_of(template):
        name = reference(child(cluster.properties, "ServiceToken"))
        if name in template.parameters():
            return name
    return None


def nest_own_provider(template: Template) -> list[str]:
    """Puts this project's provider in the place of the official one where a template nests that.

    Returns:
        The logical ids of the nested stacks that were changed; their parameters stay.
    """
    changed = []
    for resource in template.resources():
        is_stack = resource.type == "AWS::CloudFormation::Stack"
        if is_stack and _OFFICIAL_PROVIDER.search(text_of(child(resource.properties, "TemplateURL"))):
            put(resource.properties, "TemplateURL", str(PROVIDER_TEMPLATE))
            changed.append(resource.logical_id)
    return changed


def _seeded_name(parameter: Parameter) -> str:
    if parameter.type in _SEEDED_TYPES:
        return _SEEDED_TYPES[parameter.type]
    letters = re.sub(r"[^a-z0-9]", "", parameter.name.lower())
    return next((seeded for pattern, seeded in _SEEDED if pattern.search(letters)), "")
