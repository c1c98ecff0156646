"""Changes that the demo makes in a template: seeded ids, this clone's provider, a higher MaxCount."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from yaml.nodes import Node, ScalarNode, SequenceNode

from cfn_template.nodes import child, entries, put, reference, scalar, text_of
from pcluster_cfn.project import ROOT
from pcluster_cfn.template import Parameter, Resource, Template

#: Template of the provider stack whose sources are here.
PROVIDER_TEMPLATE = ROOT / "template.yaml"
#: Addresses of the official provider's template, and of this one's where it is published.
#: Source: ParallelCluster user guide, "cfn-provider-stack"; ``publishing.publication``.
_PROVIDERS = re.compile(
    r"/templates/custom_resource/cluster\.yaml|/(pcluster-cfn/[^/]+|\d+\.\d+\.\d+[^/]*)/template\.json"
)
#: The official template that the embedded cloud has. Source: ``localcloud.official``.
_NETWORK = re.compile(r"/templates/networking/public-private-")
#: Patterns of parameter names in published templates, reduced to letters and digits, and the seeded id for
#: each. The first match decides.
_SEEDED = [
    (re.compile(r"(headnode|login|public).*subnet"), "HEAD_NODE_SUBNETS"),
    (re.compile(r"subnet"), "COMPUTE_SUBNETS"),
    (re.compile(r"^(ec2)?key(name|pair|pairname)?$|sshkey"), "KEY_NAME"),
    (re.compile(r"^vpc(id)?$"), "VPC_ID"),
]
_SEEDED_TYPES = {
    "AWS::EC2::AvailabilityZone::Name": "AVAILABILITY_ZONES",
    "AWS::EC2::KeyPair::KeyName": "KEY_NAME",
    "AWS::EC2::VPC::Id": "VPC_ID",
}
_LIST_OF = re.compile(r"List<(?P<item>.+)>")
#: Ends of names that number subnets or zones: with a digit, a letter or a word.
_ORDINALS = [
    re.compile(rf"(subnet|zone|az)(id)?({ordinal})(id)?$") for ordinal in ("1|a|one", "2|b|two", "3|c|three")
]


def fill_parameters(
    template: Template, given: Mapping[str, str], seeded: Mapping[str, str]
) -> dict[str, str]:
    """Returns the given values, and seeded ids for other parameters whose type or name asks for one.

    Args:
        template: The template.
        given: Given values, which are returned as they are.
        seeded: The embedded cloud's ids: HEAD_NODE_SUBNETS, COMPUTE_SUBNETS, AVAILABILITY_ZONES, KEY_NAME and
            VPC_ID. If there is one for each zone, a list takes all, and a name that ends in 2, B or Two the
            second.
    """
    values = dict(given)
    for parameter in template.parameters().values():
        name = _seeded_name(parameter)
        if parameter.name not in values and not parameter.default and name in seeded:
            values[parameter.name] = _chosen(parameter, seeded[name])
    return values


def parameters_without_value(template: Template, given: Mapping[str, str]) -> list[str]:
    """Returns the parameters without a given value, a default or a matching seeded id.

    The parameter for the service token is not among them.
    """
    token = service_token_parameter(template)
    return [
        parameter.name
        for parameter in template.parameters().values()
        if parameter.name not in {*given, token} and parameter.default is None and not _seeded_name(parameter)
    ]


def clusters_of(template: Template) -> "Iterator[Resource]":
    """Yields the clusters of a template: resources with a cluster configuration."""
    for resource in template.resources():
        if child(resource.properties, "ClusterConfiguration") is not None:
            yield resource


def service_token_parameter(template: Template) -> str | None:
    """Returns the parameter that the clusters read their service token from; None if there is none."""
    for cluster in clusters_of(template):
        name = reference(child(cluster.properties, "ServiceToken"))
        if name in template.parameters():
            return name
    return None


def use_own_provider(template: Template) -> list[str]:
    """Replaces a nested provider, the official or a published one, by this clone's.

    Returns:
        The logical ids of the changed nested stacks. Their parameters stay.
    """
    changed = []
    for resource in template.resources():
        is_stack = resource.type == "AWS::CloudFormation::Stack"
        if is_stack and _PROVIDERS.search(text_of(child(resource.properties, "TemplateURL"))):
            put(resource.properties, "TemplateURL", str(PROVIDER_TEMPLATE))
            changed.append(resource.logical_id)
    return changed


def unavailable_templates(template: Template) -> dict[str, str]:
    """Returns the addresses of nested templates that the embedded cloud does not have, by logical id.

    It has the official provider and network. An address in a parameter is not checked.
    """
    found = {}
    for resource in template.resources():
        address = text_of(child(resource.properties, "TemplateURL"))
        is_stack = resource.type == "AWS::CloudFormation::Stack"
        if is_stack and "://" in address and not _PROVIDERS.search(address) and not _NETWORK.search(address):
            found[resource.logical_id] = address
    return found


def _seeded_name(parameter: Parameter) -> str:
    listed = _LIST_OF.fullmatch(parameter.type)
    kind = listed["item"] if listed else parameter.type
    if kind in _SEEDED_TYPES:
        return _SEEDED_TYPES[kind]
    letters = _letters(parameter)
    return next((seeded for pattern, seeded in _SEEDED if pattern.search(letters)), "")


def _chosen(parameter: Parameter, seeded: str) -> str:
    """Returns the part of a seeded value, one id or one for each zone, that suits a parameter."""
    if _LIST_OF.fullmatch(parameter.type) or parameter.type == "CommaDelimitedList":
        return seeded
    ids, letters = seeded.split(","), _letters(parameter)
    number = next((n for n, pattern in enumerate(_ORDINALS) if pattern.search(letters)), 0)
    return ids[min(number, len(ids) - 1)]


def _letters(parameter: Parameter) -> str:
    return re.sub(r"[^a-z0-9]", "", parameter.name.lower())


_KEY = "MaxCount"
#: No cluster has a billion nodes.
_COUNT = re.compile("[0-9]{1,9}")
#: MaxCount inside a configuration given as text: a number, or a variable of ``!Sub``.
_IN_TEXT = re.compile(
    r"(\bMaxCount[\"']?\s*:\s*[\"']?)(?:(?P<number>[0-9]{1,9}(?!\d))|\$\{(?P<parameter>\w+)\})"
)


@dataclass(frozen=True)
class Raised:
    """A change of MaxCount: its place, and the parameters to deploy the template with."""

    where: str
    before: int
    after: int
    parameters: Mapping[str, str]


def raise_max_count(template: Template, parameters: Mapping[str, str]) -> Raised | None:
    """Doubles the first MaxCount of the first cluster, in the template or in the parameter that it refers to.

    Args:
        template: Changed in place if the number is in the template.
        parameters: The values that the template was deployed with.

    Returns:
        The change; None if the template has no MaxCount.
    """
    for cluster in clusters_of(template):
        where = f"{cluster.logical_id}.ClusterConfiguration"
        for node in _max_counts(child(cluster.properties, "ClusterConfiguration")):
            name = reference(node) or _text_parameter(node)
            raised = (
                _raise_parameter(template, name, parameters) if name else _raise_node(node, where, parameters)
            )
            if raised:
                return raised
    return _raise_parameter(template, _KEY, parameters)


def _max_counts(node: Node | None) -> Iterator[Node]:
    """Yields values of MaxCount, and texts that contain one."""
    if isinstance(node, ScalarNode) and _IN_TEXT.search(node.value):
        yield node
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _max_counts(item)
    for key, value in entries(node):
        if key == _KEY:
            yield value
        yield from _max_counts(value)


def _text_parameter(node: Node) -> str | None:
    found = _IN_TEXT.search(node.value) if isinstance(node, ScalarNode) else None
    return found["parameter"] if found else None


def _raise_parameter(template: Template, name: str, parameters: Mapping[str, str]) -> Raised | None:
    declared = template.parameters().get(name)
    value = parameters.get(name, declared.default if declared else None)
    if declared is None or value is None or not _COUNT.fullmatch(value):
        return None
    after = _more(int(value))
    return Raised(f"parameter {name}", int(value), after, {**parameters, name: str(after)})


def _raise_node(node: Node, where: str, parameters: Mapping[str, str]) -> Raised | None:
    if not isinstance(node, ScalarNode):
        return None
    if found := _IN_TEXT.search(node.value):
        before = int(found["number"])
        start, end = found.span("number")
        node.value = f"{node.value[:start]}{_more(before)}{node.value[end:]}"
    elif _COUNT.fullmatch(scalar(node) or ""):
        before = int(node.value)
        node.value = str(_more(before))
    else:
        return None
    return Raised(where, before, _more(before), parameters)


def _more(count: int) -> int:
    return count * 2 or 4
