"""Raises a template's first ``MaxCount``: the change that the demo updates a cluster with."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from yaml.nodes import Node, ScalarNode, SequenceNode

from cfn_template.nodes import child, entries, reference, scalar
from pcluster_cfn.adaptation import clusters_of
from pcluster_cfn.template import Template

_KEY = "MaxCount"
#: No cluster has a billion nodes.
_COUNT = re.compile("[0-9]{1,9}")
#: MaxCount inside a configuration given as text: a number, or a variable of ``!Sub``.
_IN_TEXT = re.compile(
    r"(\bMaxCount[\"']?\s*:\s*[\"']?)(?:(?P<number>[0-9]{1,9}(?!\d))|\$\{(?P<parameter>\w+)\})"
)


@dataclass(frozen=True)
class Raised:
    """A change of MaxCount: where it was made, and the parameters that make it, if it was made there."""

    where: str
    before: int
    after: int
    parameters: Mapping[str, str]


def raise_max_count(template: Template, parameters: Mapping[str, str]) -> Raised | None:
    """Doubles the first MaxCount of the first cluster, in the template or in the parameter it refers to.

    Args:
        template: Changed in place where the number stands in it.
        parameters: The values the template was deployed with.

    Returns:
        What was changed, or None when no MaxCount was found.
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
    """Yields values of MaxCount, and texts that have one in them."""
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
