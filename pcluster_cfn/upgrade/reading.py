"""The clusters of a template, each with its values, their places, and the way they are written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfn_template.limits import Place
from cfn_template.reading import read
from cfn_template.values import Path, Unknown, place_of
from cluster_schema import fit, versions
from pcluster_cfn.planning.clusters import REPLACEMENT, kept_by, why_kept
from pcluster_cfn.planning.requests import CLUSTER, CONFIGURATION
from pcluster_cfn.validation.configuration_check import read_configuration_text
from pcluster_cfn.validation.deployed_stack import DeployedStack
from pcluster_cfn.validation.partial_template import (
    Answers,
    Given,
    PartialTemplate,
    as_received,
    evaluate_partially,
    plain_values,
    section,
)
from pcluster_cfn.validation.resource_check import Resource, resources, with_places, written_properties

_VERSION = "PclusterVersion"


@dataclass(frozen=True)
class WrittenCluster:
    """A cluster of a template.

    Args:
        logical_id: Its logical id.
        place: Place of its logical id.
        written: Its properties as written, without branches that are not taken; empty if they are not a map.
        values: The values of its properties, with places.
        configuration: The values of its configuration, with places; Unknown if it is not known.
        plain: The configuration as JSON values of the types of its version's schema, with UNKNOWN.
        version: ParallelCluster version of the cluster; empty if it is not known.
        is_kept: Whether the old cluster stays when it is replaced.
        deployed_name: Name of the deployed cluster; empty if there is none, None if nobody looked.
    """

    logical_id: str
    place: Place
    written: Mapping[str, Any]
    values: Mapping[str, Any]
    configuration: Any
    plain: Any
    version: str
    is_kept: bool
    deployed_name: str | None

    def property(self, key: str) -> str | None:
        """Returns the value of a property; None if it is missing or not known."""
        value = plain_values(as_received(self.values.get(key)))
        return value if isinstance(value, str) else None

    def place_of(self, path: Path, *, of_key: bool = False) -> Place:
        """Returns the place of a value, or of a key, of the configuration."""
        return place_of(self.configuration, path, of_key=of_key) or self.place

    def written_at(self, path: Path) -> Any:
        """Returns a part of the configuration as written; None if that is a text or a function."""
        node: Any = self.written.get(CONFIGURATION)
        if isinstance(node, dict) and set(node) == {"Fn::ToJsonString"}:
            node = node["Fn::ToJsonString"]
        return value_at(node, path)


@dataclass(frozen=True)
class Reader:
    """Reads templates.

    Args:
        given: Given values of parameters.
        version: ParallelCluster version of clusters without ``PclusterVersion``.
        stack: The template's stack; None if nobody looked.
        deployed: ParallelCluster version of each deployed cluster, by logical id.
    """

    given: Mapping[str, Given]
    version: str
    stack: DeployedStack | None
    deployed: Mapping[str, str]

    def clusters(self, text: str) -> Iterator[WrittenCluster]:
        """Yields the clusters of a template."""
        template = self.template(text)
        for resource in resources(template):
            if resource.kind == CLUSTER:
                yield self._cluster(resource, template, text.splitlines())

    def template(self, text: str) -> PartialTemplate:
        """Returns a template with the values that are known."""
        stack = self.stack
        parameters = {**(stack.parameters if stack else {}), **self.given}
        return evaluate_partially(read(text), parameters, stack.answers() if stack else Answers())

    def _cluster(self, resource: Resource, template: PartialTemplate, lines: list[str]) -> WrittenCluster:
        evaluated = template.evaluate(resource.properties)
        values = evaluated if isinstance(evaluated, dict) else {CONFIGURATION: evaluated}
        written = written_properties(resource, template)
        logical_id = resource.logical_id
        version = self.deployed.get(logical_id) or self._version(values)
        configuration = _configuration(values.get(CONFIGURATION), written.get(CONFIGURATION), template, lines)
        plain = plain_values(as_received(configuration))
        return WrittenCluster(
            logical_id,
            resource.place,
            written,
            values,
            configuration,
            fit(plain, version).typed if version in versions() else plain,
            version,
            _is_kept(logical_id, template, values),
            self._deployed_name(logical_id),
        )

    def _deployed_name(self, logical_id: str) -> str | None:
        if self.stack is None:
            return None
        name = self.stack.physical_ids.get(logical_id, "")
        return "" if ":" in name else name  # an id of a resource that made no cluster is no name

    def _version(self, values: Mapping[str, Any]) -> str:
        version = plain_values(values.get(_VERSION, self.version))
        return version if isinstance(version, str) else ""


def _configuration(value: Any, node: Any, template: PartialTemplate, lines: list[str]) -> Any:
    placed = with_places(value, node, template)
    if placed is not value:
        return placed
    if isinstance(value, str) and value:
        return read_configuration_text(value, node, lines).value
    return value if isinstance(value, dict) else Unknown(getattr(value, "reason", "it is missing"))


def _is_kept(logical_id: str, template: PartialTemplate, values: Mapping[str, Any]) -> bool:
    """Whether a cluster stays when its resource is replaced; one that may adopt counts as adopted."""
    retained = logical_id in kept_by(REPLACEMENT, section(template.root, "Resources"))
    return bool(why_kept(values, REPLACEMENT if retained else "", created_here=False))


def value_at(value: Any, path: Path) -> Any:
    """Returns the value at a path; None if there is none."""
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value
