"""Whether an account has vCPUs and addresses for clusters at full scale; pure decisions."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pcluster_cfn.forecast.demand import Check, Demand, Nodes
from pcluster_cfn.forecast.facts import Facts, Instance, InstanceType, NotSeen, Subnet, read
from pcluster_cfn.forecast.findings import ForecastWarning, Found, unknown
from pcluster_cfn.forecast.quotas import Quota, vcpu_quota

#: The first version whose Elastic Fabric Adapters have no addresses, beside one interface that has one.
#: Source: pcluster/templates/queues_stack.py of 3.14.2 and 3.15.0; CloudFormation user guide,
#: AWS::EC2::NetworkInterface, InterfaceType.
_EFA_WITHOUT_ADDRESS = (3, 15)


def check_vcpus(demand: Demand, facts: Facts) -> Iterator[Found]:
    """Yields a warning for each quota of vCPUs that the nodes exceed at full scale."""
    types, instances = read(facts.types), read(facts.instances)
    counted: dict[Quota, list[Nodes]] = defaultdict(list)
    for nodes in demand.nodes:
        quotas = {vcpu_quota(name, nodes.market) for name in nodes.types if nodes.market}
        if not nodes.types or nodes.market is None or nodes.at_scale is None or nodes.at_rest is None:
            yield unknown(nodes.type_at if not nodes.types else nodes.count_at)
        elif not set(nodes.types) <= types.keys():
            yield NotSeen(f"EC2 does not know {', '.join(sorted(set(nodes.types) - types.keys()))}")
        elif len(quotas) == 1 and (quota := quotas.pop()) is not None:
            counted[quota].append(nodes)
    for quota, counting in counted.items():
        value = facts.quotas.get(quota, NotSeen(f"{quota.name} was not asked for"))
        if isinstance(value, NotSeen):
            yield NotSeen(f"{quota.name}: {value.reason}")
        else:
            yield from _vcpus_of(quota, int(value), counting, _used(quota, demand, instances, types), types)


def _vcpus_of(
    quota: Quota, value: int, counting: Sequence[Nodes], in_use: int, types: Mapping[str, InstanceType]
) -> Iterator[ForecastWarning]:
    def each(nodes: Nodes) -> int:
        return min(types[name].vcpus for name in nodes.types)

    at_scale = sum(each(nodes) * (nodes.at_scale or 0) for nodes in counting)
    at_rest = sum(each(nodes) * (nodes.at_rest or 0) for nodes in counting)
    if at_scale + in_use <= value:
        return
    largest = max(counting, key=lambda nodes: each(nodes) * (nodes.at_scale or 0))
    message = (
        f"at full scale {at_scale} vCPUs are needed, {at_rest} of them always, and {in_use} more are in use; "
        f"the quota {quota.name} ({quota.code}) is {value}; use fewer or smaller nodes, or ask for more: "
        f"{quota.address}"
    )
    numbers = {"needs": at_scale, "needsAtRest": at_rest, "inUse": in_use, "quota": value}
    yield ForecastWarning(Check.VCPUS, largest.count_at, message, numbers)


def _used(
    quota: Quota, demand: Demand, instances: Sequence[Instance], types: Mapping[str, InstanceType]
) -> int:
    """Returns the vCPUs of the running instances of a quota that are not the demand's own clusters'."""
    own = demand.cluster_names
    return sum(
        types[each.type].vcpus
        for each in instances
        if each.cluster not in own and each.type in types and vcpu_quota(each.type, each.market) == quota
    )


def check_addresses(demand: Demand, facts: Facts) -> Iterator[Found]:
    """Yields a warning for each set of subnets with too few free addresses for the nodes at full scale."""
    types, instances, subnets = read(facts.types), read(facts.instances), read(facts.subnets)
    placed: list[_Placed] = []
    for nodes in demand.nodes:
        if not nodes.subnets or not nodes.types or nodes.at_scale is None:
            yield unknown(nodes.subnets_at if not nodes.subnets else nodes.count_at)
        elif missing := sorted({*nodes.subnets} - subnets.keys() | {*nodes.types} - types.keys()):
            yield NotSeen(f"EC2 does not know {', '.join(missing)}")
        else:
            each = min(_addresses(nodes, types[name]) for name in nodes.types)
            placed.append(_Placed(frozenset(nodes.subnets), nodes.at_scale * each, nodes))
    own: Counter[str] = Counter()
    for instance in instances:
        if instance.cluster in demand.cluster_names:
            own.update(instance.addresses)
    yield from _too_small(placed, own, subnets)


@dataclass(frozen=True)
class _Placed:
    """Nodes, the subnets in which they may be, and the addresses that they need there."""

    within: frozenset[str]
    needs: int
    nodes: Nodes


def _too_small(
    placed: Sequence[_Placed], own: Mapping[str, int], subnets: Mapping[str, Subnet]
) -> Iterator[ForecastWarning]:
    """Yields a warning for each set of subnets that is too small for the nodes that can be nowhere else.

    Args:
        placed: The nodes.
        own: Addresses by subnet that nodes of the same clusters have already.
        subnets: The subnets.
    """
    short: list[frozenset[str]] = []
    # Smaller sets come first: a larger one with the same shortage is not reported again.
    for within in sorted({each.within for each in placed}, key=lambda each: (len(each), sorted(each))):
        inside = [each for each in placed if each.within <= within]
        needs = sum(each.needs for each in inside)
        has = sum(subnets[name].free for name in within)
        already = sum(own.get(name, 0) for name in within)
        if needs > has + already and not any(each <= within for each in short):
            short.append(within)
            largest = max(inside, key=lambda each: each.needs)
            yield _too_few_addresses(sorted(within), needs, already, has, largest.nodes)


def _too_few_addresses(
    within: Sequence[str], needs: int, already: int, free: int, largest: Nodes
) -> ForecastWarning:
    has = f"has {free} free" if len(within) == 1 else f"have {free} free together"
    used = f", and the cluster's nodes have {already} already" if already else ""
    message = (
        f"at full scale {needs} addresses are needed, and {', '.join(within)} {has}{used}; lower MaxCount, "
        "or name more subnets or larger ones"
    )
    numbers = {"needs": needs, "has": free, "alreadyUsed": already}
    return ForecastWarning(Check.ADDRESSES, largest.subnets_at, message, numbers)


def _addresses(nodes: Nodes, of: InstanceType) -> int:
    """Returns how many addresses a node takes: one for each network card that has one."""
    version = tuple(int(part) for part in nodes.cluster.version.split(".")[:2])
    if nodes.kind == "login" or (nodes.efa and version >= _EFA_WITHOUT_ADDRESS):
        return 1
    return of.network_cards
