"""The cluster configurations of a template, as far as they are known, and what else of it is priced."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cluster_schema.limits import UnreadableError
from cluster_schema.reading import value_of
from pcluster_cfn.cost.estimate import Estimate, estimate, priced
from pcluster_cfn.cost.meters import Family, Meter
from pcluster_cfn.cost.parts import Found, NotPriced, Part
from pcluster_cfn.cost.quotes import Quotes
from pcluster_cfn.planning.requests import CLUSTER, CONFIGURATION
from pcluster_cfn.validation.partial_template import PartialTemplate, as_received, plain_values, section
from pcluster_cfn.validation.resource_check import resources

_NAT_GATEWAY = "AWS::EC2::NatGateway"


@dataclass(frozen=True)
class TemplateCost:
    """What the clusters of one template cost.

    Attributes:
        clusters: Each cluster's cost by its logical id.
        others: What else of the template has a price.
        quotes: The prices.
    """

    clusters: dict[str, Estimate]
    others: Estimate
    quotes: Quotes

    @property
    def total(self) -> Estimate:
        """The sum."""
        return sum(self.clusters.values(), self.others)


def cost_of(template: PartialTemplate, quotes: Quotes) -> TemplateCost:
    """Returns what a template costs with some prices."""
    clusters = {
        logical_id: estimate(configuration, quotes.prices)
        for logical_id, configuration in configurations_in(template).items()
    }
    return TemplateCost(clusters, priced(other_parts_in(template), quotes.prices), quotes)


def configurations_in(template: PartialTemplate) -> dict[str, Mapping[str, Any]]:
    """Returns the configuration of each cluster of a template by logical id.

    Values that are not known before the deployment are there as ``UNKNOWN``. A configuration of which
    nothing is known is empty.
    """
    return {
        resource.logical_id: configuration_of(
            plain_values(as_received(template.evaluate(resource.properties)))
        )
        for resource in resources(template)
        if resource.kind == CLUSTER
    }


def configuration_of(properties: Any) -> Mapping[str, Any]:
    """Returns the configuration in a cluster's properties; an empty one if it cannot be read."""
    found = properties.get(CONFIGURATION) if isinstance(properties, Mapping) else None
    if isinstance(found, str):
        try:
            found = value_of(found)
        except UnreadableError:
            return {}
    return found if isinstance(found, Mapping) else {}


def other_parts_in(template: PartialTemplate) -> Iterator[Found]:
    """Yields what the template makes beside clusters: its NAT gateways; the rest has no price."""
    types = [
        str(definition.get("Type"))
        for definition in section(template.root, "Resources").values()
        if isinstance(definition, dict) and template.exists(definition)
    ]
    if count := types.count(_NAT_GATEWAY):
        meter = Meter(Family.NAT_GATEWAY, "gateway")
        yield Part("NAT gateways of the template", (meter,), Decimal(count), Decimal(count))
    if any(kind.startswith("AWS::") and kind != _NAT_GATEWAY for kind in types):
        yield NotPriced(
            "the template's other resources", "of these, only NAT gateways have a price here", is_gap=False
        )
