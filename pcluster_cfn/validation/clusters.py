"""The clusters of a template: which resources they are, and what is known of their properties."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from yaml.nodes import MappingNode, Node

from cfn_template.nodes import child, entries, scalar
from cluster_schema.conversion import Schema
from pcluster_cfn.validation.evaluation import Evaluation
from pcluster_cfn.validation.scope import Scope

#: Made from the provider's own schema: ``make schemas``.
RESOURCES = Path(__file__).parents[2] / "schemas" / "resources.json"
CLUSTER = "Custom::PclusterCluster"
CONFIGURATION = "ClusterConfiguration"


@dataclass(frozen=True)
class Resource:
    """A resource that this project's provider answers for."""

    logical_id: str
    kind: str
    node: Node
    properties: Node


def resources(root: Node, scope: Scope) -> Iterator[Resource]:
    """Yields the resources of a template whose properties this project knows, but for those not made."""
    kinds = schemas()
    for logical_id, node in entries(child(root, "Resources")):
        kind = scalar(child(node, "Type")) or ""
        properties = child(node, "Properties") or MappingNode("tag:yaml.org,2002:map", [], node.start_mark)
        if kind not in kinds:
            if not _is_custom(kind) or child(properties, CONFIGURATION) is None:
                continue
            kind = CLUSTER
        condition = scalar(child(node, "Condition"))
        if condition is None or Evaluation(scope=scope).holds(condition) is not False:
            yield Resource(logical_id, kind, node, properties)


@cache
def schemas() -> Mapping[str, Schema]:
    """Returns the schema of each resource type's properties."""
    read: Mapping[str, Schema] = json.loads(RESOURCES.read_text(encoding="utf-8"))
    return read


def _is_custom(kind: str) -> bool:
    return kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource"
