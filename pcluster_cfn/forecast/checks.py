"""The checks: what of a demand an account has no room for; pure decisions."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator

from pcluster_cfn.forecast.capacity import check_offerings, check_reservations
from pcluster_cfn.forecast.demand import STACKS, ZONES, Check, Demand, Made
from pcluster_cfn.forecast.facts import Facts, LimitKey, NotSeen, UnreadError
from pcluster_cfn.forecast.findings import ForecastWarning, Found, unknown
from pcluster_cfn.forecast.quotas import Quota
from pcluster_cfn.forecast.scale import check_addresses, check_vcpus

#: Where to ask for more of what is not in Service Quotas, or is there under other numbers.
_ASK = {
    STACKS: "https://console.aws.amazon.com/servicequotas/home/services/cloudformation/quotas",
    ZONES: "https://console.aws.amazon.com/servicequotas/home/services/route53/quotas",
}
_ASK_IAM = "https://console.aws.amazon.com/servicequotas/home/services/iam/quotas"


def check_limits(demand: Demand, facts: Facts, check: Check) -> Iterator[Found]:
    """Yields a warning for each limit on a number of things that new clusters exceed."""
    making: dict[LimitKey, list[Made]] = defaultdict(list)
    for made in demand.made:
        if made.check is check:
            making[made.of].append(made)
    for key, parts in making.items():
        limit = facts.limits.get(key, NotSeen("it was not asked for"))
        if isinstance(limit, NotSeen):
            yield limit
            continue
        needs = sum(each.count for each in parts)
        if needs + limit.in_use > limit.quota:
            what = key.name if isinstance(key, Quota) else key
            ask = key.address if isinstance(key, Quota) else _ASK.get(key, _ASK_IAM)
            message = (
                f"{needs} more count toward the quota {what}, and {limit.in_use} of {limit.quota} are in "
                f"use; delete some, or ask for more: {ask}"
            )
            numbers = {"needs": needs, "inUse": limit.in_use, "quota": limit.quota}
            largest = max(parts, key=lambda each: each.count)
            yield ForecastWarning(check, largest.cluster.itself, message, numbers)


_BY_NODES: dict[Check, Callable[[Demand, Facts], Iterator[Found]]] = {
    Check.VCPUS: check_vcpus,
    Check.ADDRESSES: check_addresses,
    Check.OFFERINGS: check_offerings,
    Check.RESERVATIONS: check_reservations,
}


def applicable(demand: Demand, ignored: Collection[Check]) -> list[Check]:
    """Returns the checks that have something to look at and are not switched off, in their order."""
    made = {each.check for each in demand.made}
    reserved = any(nodes.reservation or nodes.is_reserved_by_group for nodes in demand.nodes)
    subjects = {
        **dict.fromkeys(
            (Check.VCPUS, Check.ADDRESSES, Check.OFFERINGS), bool(demand.nodes or demand.unknown)
        ),
        Check.RESERVATIONS: reserved,
    }
    return [each for each in Check if each not in ignored and (subjects.get(each) or each in made)]


def run(check: Check, demand: Demand, facts: Facts) -> Iterator[Found]:
    """Yields what a check finds, and what it could not look at."""
    yield from map(unknown, demand.unknown)
    by_nodes = _BY_NODES.get(check)
    try:
        yield from by_nodes(demand, facts) if by_nodes else check_limits(demand, facts, check)
    except UnreadError as error:
        yield error.unread
