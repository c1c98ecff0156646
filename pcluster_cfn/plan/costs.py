"""What a plan changes of the costs; pure arithmetic on planned clusters and prices."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pcluster_cfn.cost import report
from pcluster_cfn.cost.estimate import Estimate, estimate, meters_in, meters_of, priced
from pcluster_cfn.cost.meters import Meter
from pcluster_cfn.cost.parts import Found
from pcluster_cfn.cost.quotes import Quotes
from pcluster_cfn.planning.clusters import PlannedAction, PlannedCluster

#: What leaves a cluster as it is, so that it costs as before.
_AS_BEFORE = frozenset({PlannedAction.REFUSED, PlannedAction.RETAIN})
#: What is shown in the sums only, because it changes nothing of a cluster.
_UNCHANGED = frozenset({*_AS_BEFORE, PlannedAction.UNCHANGED, PlannedAction.UNKNOWN})


@dataclass(frozen=True)
class ClusterCost:
    """What one cluster costs.

    Attributes:
        before: What it costs now; None if there is none, or its configuration is not known.
        after: What it costs after the deployment; None if it is gone.
    """

    before: Estimate | None
    after: Estimate | None

    def line(self) -> str:
        """Returns the costs in one line."""
        if self.before is None:
            return report.summary(self.after or Estimate())
        return report.change(self.before, self.after or Estimate())

    def document(self) -> dict[str, Any]:
        """Returns the costs as JSON values."""
        return {
            key: None if cost is None else report.document(cost)
            for key, cost in (("before", self.before), ("after", self.after))
        }


@dataclass(frozen=True)
class PlanCosts:
    """What the clusters of a plan cost.

    Attributes:
        quotes: The prices.
        clusters: The costs by the cluster's place.
        others: What else of the template has a price.
    """

    quotes: Quotes
    clusters: Mapping[str, ClusterCost] = field(default_factory=dict)
    others: Estimate = field(default_factory=Estimate)

    @property
    def total(self) -> Estimate:
        """The costs after the deployment."""
        return sum((each.after for each in self.clusters.values() if each.after is not None), self.others)

    def line_of(self, cluster: PlannedCluster) -> str:
        """Returns the costs of a cluster that changes, in one line; nothing for one that does not."""
        if cluster.action in _UNCHANGED or cluster.place not in self.clusters:
            return ""
        return f"cost: {self.clusters[cluster.place].line()}"

    def lines(self) -> Iterator[str]:
        """Yields the sum, what is not in it, and where the prices come from."""
        if not self.clusters:
            return
        yield f"Cost of the template: {report.summary(self.total)}"
        if self.total.not_priced:
            yield report.not_priced_names(self.total)
        yield report.origin(self.total, self.quotes)

    def document(self) -> dict[str, Any]:
        """Returns the sum and the origin of the prices as JSON values."""
        return {
            "total": report.document(self.total),
            "otherResources": report.document(self.others),
            "prices": report.quotes_document(self.quotes),
        }


def costs_of(clusters: Iterable[PlannedCluster], others: Iterable[Found], quotes: Quotes) -> PlanCosts:
    """Returns what the clusters of a plan cost before and after it.

    Args:
        clusters: The clusters.
        others: What else of the template has a price.
        quotes: The prices.
    """
    return PlanCosts(
        quotes,
        {each.place: _cluster_cost(each, quotes) for each in clusters},
        priced(others, quotes.prices),
    )


def needed_prices(clusters: Sequence[PlannedCluster], others: Iterable[Found]) -> set[Meter]:
    """Returns what the costs of a plan need prices of."""
    configurations = [side for each in clusters for side in (each.configuration, each.applied) if side]
    return {meter for each in configurations for meter in meters_of(each)} | meters_in(others)


def _cluster_cost(cluster: PlannedCluster, quotes: Quotes) -> ClusterCost:
    before = None if cluster.applied is None else estimate(cluster.applied, quotes.prices)
    if cluster.action in _AS_BEFORE:
        return ClusterCost(before, before)
    after = None if cluster.configuration is None else estimate(cluster.configuration, quotes.prices)
    is_old_kept = cluster.action is PlannedAction.REPLACE and bool(cluster.reason)
    if is_old_kept and before is not None and after is not None:
        after += before
    return ClusterCost(before, after)
