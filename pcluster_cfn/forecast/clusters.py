"""The clusters of evaluated templates, with the place of each value of their configurations."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cfn_template.limits import Place
from cfn_template.values import place_of
from cluster_schema import fit, versions
from cluster_schema.conversion import UNKNOWN
from pcluster_cfn.planning.requests import CLUSTER, CONFIGURATION
from pcluster_cfn.validation.configuration_check import read_configuration_text
from pcluster_cfn.validation.partial_template import PartialTemplate, as_received, plain_values
from pcluster_cfn.validation.resource_check import Resource, resources, with_places, written_properties

_NAME, _VERSION = "ClusterName", "PclusterVersion"


@dataclass(frozen=True)
class EvaluatedTemplate:
    """A template, evaluated as far as it can be before its deployment.

    Args:
        source: Its file.
        text: Its text.
        path: Logical ids of the nested stacks that lead to it.
        template: The template.
    """

    source: str
    text: str
    path: tuple[str, ...]
    template: PartialTemplate


@dataclass(frozen=True)
class Site:
    """A place in a template: file, line and column, and logical id, property and keys with slashes."""

    source: str
    place: Place
    path: str


@dataclass(frozen=True)
class Cluster:
    """A cluster of a template.

    Args:
        source: File of the template.
        logical_id: Its logical id.
        name: Its name; empty if it is not known.
        version: ParallelCluster version of its configuration.
        configuration: Its configuration with the schema's types, and UNKNOWN for unknown values.
        values: The same with places.
        place: Place of the resource's logical id.
        is_new: Whether the deployment makes it; otherwise it changes a cluster that lives.
    """

    source: str
    logical_id: str
    name: str
    version: str
    configuration: Any
    values: Any
    place: Place
    is_new: bool

    def site(self, *keys: str | int) -> Site:
        """Returns the place of a value of the configuration, or of the innermost map on the way to it."""
        path = "/".join([self.logical_id, CONFIGURATION, *map(str, keys)])
        return Site(self.source, place_of(self.values, keys) or self.place, path)

    @property
    def itself(self) -> Site:
        """The place of the resource."""
        return Site(self.source, self.place, self.logical_id)


def clusters_of(
    templates: Iterable[EvaluatedTemplate], changing: Collection[str], made: Collection[str]
) -> Iterator[Cluster]:
    """Yields the clusters that a deployment makes or changes.

    Args:
        templates: The templates.
        changing: The clusters, as logical ids from the stack to the cluster, separated by slashes.
        made: Those of them that do not exist yet.
    """
    for each in templates:
        for resource in resources(each.template):
            place = "/".join((*each.path, resource.logical_id))
            if resource.kind == CLUSTER and place in changing:
                yield _cluster(each, resource, is_new=place in made)


def _cluster(evaluated: EvaluatedTemplate, resource: Resource, *, is_new: bool) -> Cluster:
    template = evaluated.template
    values = template.evaluate(resource.properties)
    properties: Mapping[str, Any] = values if isinstance(values, dict) else {}
    name, version = (plain_values(properties.get(key)) for key in (_NAME, _VERSION))
    used = version if version in versions() else versions()[0]
    plain, placed = _configuration(template, resource, properties, evaluated.text.splitlines())
    return Cluster(
        evaluated.source,
        resource.logical_id,
        name if isinstance(name, str) else "",
        used,
        fit(plain, used).typed if isinstance(plain, dict) else UNKNOWN,
        placed,
        place_of(template.root, ("Resources", resource.logical_id), of_key=True) or resource.place,
        is_new,
    )


def _configuration(
    template: PartialTemplate, resource: Resource, properties: Mapping[str, Any], lines: Sequence[str]
) -> tuple[Any, Any]:
    """Returns a configuration as JSON values, with UNKNOWN for unknown ones, and the same with places."""
    node = written_properties(resource, template).get(CONFIGURATION)
    value = with_places(properties.get(CONFIGURATION), node, template)
    if isinstance(value, str):
        text = read_configuration_text(value, node, lines)
        return plain_values(text.value if text.typed is None else text.typed), text.value
    return plain_values(as_received(value)), value
