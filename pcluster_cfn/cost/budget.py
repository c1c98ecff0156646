"""Whether a cluster exceeds its bounds: arithmetic on a configuration, bounds and prices; pure.

docs/how-to/budget.md defines what counts. The cost is that of ``pcluster-cfn cost``, by the same code.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from pcluster_cfn.cost.estimate import Estimate, estimate
from pcluster_cfn.cost.meters import Prices
from pcluster_cfn.cost.parts import compute_nodes, entries, login_nodes, max_vcpus, placed

#: The bounds: parameters of the provider stack, and properties of a cluster.
MAX_NODES, MAX_COST = "MaxNodes", "MaxHourlyCostAtScale"
#: A bound's name in a call of the engine. Source: docs/reference/engine.md.
ARGUMENTS = {"max_nodes": MAX_NODES, "max_hourly_cost_at_scale": MAX_COST}
#: The parts that a refusal names. An answer to CloudFormation has 4,096 bytes for everything.
PARTS_MAX = 5


@dataclass(frozen=True)
class Bound:
    """One bound.

    Attributes:
        name: ``MaxNodes`` or ``MaxHourlyCostAtScale``.
        limit: The most that is allowed: nodes, or US dollars an hour.
        set_by: ``provider`` for the provider stack's parameter, ``property`` for the cluster's property.
    """

    name: str
    limit: Decimal
    set_by: str

    @classmethod
    def parse_all(cls, argument: Mapping[str, Mapping[str, str]]) -> tuple[Self, ...]:
        """Returns the bounds in the argument ``budget`` of a call of the engine."""
        return tuple(
            cls(ARGUMENTS[name], Decimal(bound["limit"]), bound["set_by"]) for name, bound in argument.items()
        )

    def __str__(self) -> str:
        owner = "the provider stack" if self.set_by == "provider" else "the resource"
        return f"{self.name} of {owner} ({self.limit:f})"

    @property
    def way_out(self) -> str:
        """What changes the bound itself."""
        if self.set_by == "provider":
            return f"ask the provider's operator for another {self.name}"
        return f"change the property {self.name}"


@dataclass(frozen=True)
class Nodes:
    """The nodes of one part of a cluster at full scale.

    Attributes:
        name: What they are.
        path: Their place in the configuration.
        count: How many there are; None if that is not known before the deployment.
    """

    name: str
    path: str
    count: int | None


@dataclass(frozen=True)
class Scale:
    """A cluster at full scale.

    Attributes:
        nodes: Its nodes, part by part.
        cost: What it costs.
    """

    nodes: tuple[Nodes, ...]
    cost: Estimate

    @property
    def node_count(self) -> int:
        """How many nodes there are, without those whose number is not known."""
        return sum(each.count or 0 for each in self.nodes)


@dataclass(frozen=True)
class Share:
    """A part of a cluster that counts toward a bound: its place, what it is, and how much it adds."""

    path: str
    name: str
    value: str

    def __str__(self) -> str:
        return f"ClusterConfiguration{self.path} ({self.name}): {self.value}"


@dataclass(frozen=True)
class Excess:
    """A bound that a cluster exceeds, or that cannot be judged.

    Attributes:
        bound: The bound.
        value: How much the cluster has of what is bounded; None if a part of it has no price.
        shares: The largest parts of it; or those without a price, each with the reason.
    """

    bound: Bound
    value: Decimal | None
    shares: tuple[Share, ...]

    @property
    def what(self) -> str:
        """What is wrong: the value, the bound and who set it, and the parts with their places."""
        parts = "; ".join(map(str, self.shares))
        if self.value is None:
            unknown = f"what the cluster costs at full scale is not known, and {self.bound} bounds it"
            return f"{unknown}. No price: {parts}."
        has = f"costs {self.value:.3f} USD an hour"
        if self.bound.name == MAX_NODES:
            has = f"has {self.value:f} nodes"
        return f"at full scale the cluster {has}, more than {self.bound}. Largest parts: {parts}."

    @property
    def way_out(self) -> str:
        """What to do about it."""
        if self.value is None:
            return f"Use what has a price, or {self.bound.way_out}; {MAX_NODES} needs no prices."
        if self.bound.name == MAX_NODES:
            return f"Lower MaxCount or Count, or {self.bound.way_out}."
        return f"Lower MaxCount, choose cheaper instance types or storage, or {self.bound.way_out}."


def scale_of(configuration: Mapping[str, Any], prices: Prices) -> Scale:
    """Returns a cluster at full scale.

    Args:
        configuration: ParallelCluster's configuration; its numbers may be text.
        prices: Prices of the cluster's Region.
    """
    return Scale(tuple(_nodes(configuration)), estimate(configuration, prices))


def _nodes(configuration: Mapping[str, Any]) -> Iterator[Nodes]:
    yield Nodes("head node", "/HeadNode", 1)
    for path, pool in placed(configuration, "LoginNodes", "Pools"):
        yield Nodes(f"login nodes {pool.get('Name')}", path, login_nodes(pool))
    for path, queue in placed(configuration, "Scheduling", "SlurmQueues"):
        for inner, resource in placed(queue, "ComputeResources"):
            count = compute_nodes(resource)
            name = f"queue {queue.get('Name')}/{resource.get('Name')}"
            yield Nodes(name, f"{path}{inner}", None if count is None else count.at_scale)
    for path, queue in placed(configuration, "Scheduling", "AwsBatchQueues"):
        # AWS Batch chooses the instances. None has less than one vCPU.
        vcpus = [max_vcpus(resource) for resource in entries(queue, "ComputeResources")]
        known = [each for each in vcpus if each is not None]
        yield Nodes(f"queue {queue.get('Name')}", path, sum(known) if len(known) == len(vcpus) else None)


def excesses(scale: Scale, bounds: Iterable[Bound], in_force: Scale | None = None) -> list[Excess]:
    """Returns the bounds that refuse a cluster.

    Args:
        scale: The cluster as it is wanted.
        bounds: The bounds.
        in_force: The cluster as it is. A bound does not refuse what raises nothing of what it bounds.
    """
    judge = {MAX_NODES: _nodes_excess, MAX_COST: _cost_excess}
    found = (judge[bound.name](scale, bound, in_force) for bound in bounds)
    return [each for each in found if each is not None]


def _nodes_excess(scale: Scale, bound: Bound, in_force: Scale | None) -> Excess | None:
    count = scale.node_count
    if count <= bound.limit or (in_force is not None and count <= in_force.node_count):
        return None
    largest = sorted(scale.nodes, key=lambda each: each.count or 0, reverse=True)[:PARTS_MAX]
    shares = tuple(Share(each.path, each.name, str(each.count)) for each in largest if each.count)
    return Excess(bound, Decimal(count), shares)


def _cost_excess(scale: Scale, bound: Bound, in_force: Scale | None) -> Excess | None:
    cost = scale.cost
    if cost.at_scale <= bound.limit and not cost.gaps:
        return None
    if in_force is not None and not _is_raised(cost, in_force.cost):
        return None
    if cost.at_scale <= bound.limit:
        unpriced = (Share(each.path, each.name, each.reason) for each in cost.gaps[:PARTS_MAX])
        return Excess(bound, None, tuple(unpriced))
    largest = (
        Share(line.part.path, line.part.name, f"{line.at_scale:.3f}") for line in cost.largest(PARTS_MAX)
    )
    return Excess(bound, cost.at_scale, tuple(largest))


def _is_raised(cost: Estimate, before: Estimate) -> bool:
    """Returns whether something costs more than before, or has more of what has no price."""
    present = _unpriced(before)
    return cost.at_scale > before.at_scale or any(
        quantity > present[key] for key, quantity in _unpriced(cost).items()
    )


def _unpriced(cost: Estimate) -> defaultdict[tuple[str, str], Decimal]:
    """Returns how much there is of what has no price, by its name and unit."""
    found: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for each in cost.gaps:
        found[each.name, each.unit] += each.quantity
    return found
