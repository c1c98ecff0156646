"""Whether zones offer instance types, and capacity reservations hold nodes; pure decisions."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta

from pcluster_cfn.forecast.demand import Check, Demand, Nodes
from pcluster_cfn.forecast.facts import Facts, NotSeen, Reservation, read
from pcluster_cfn.forecast.findings import ForecastWarning, Found, unknown

#: A capacity reservation that ends within this time is worth a warning.
_ENDS_SOON = timedelta(days=7)
_ACTIVE = "active"


def check_offerings(demand: Demand, facts: Facts) -> Iterator[Found]:
    """Yields a warning for each instance type that no zone of its nodes offers."""
    offerings, subnets = read(facts.offerings), read(facts.subnets)
    for nodes in demand.nodes:
        zones = sorted({subnets[name].zone for name in nodes.subnets if name in subnets})
        if not nodes.types or not zones:
            yield unknown(nodes.subnets_at if nodes.types else nodes.type_at)
            continue
        for name in nodes.types:
            offered = offerings.get(name, frozenset())
            if not offered & set(zones):
                where = f"only in {', '.join(sorted(offered))}" if offered else "nor elsewhere in the Region"
                message = (
                    f"{name} is not offered in {', '.join(zones)}, {where}; choose another type, "
                    "or other subnets"
                )
                yield ForecastWarning(Check.OFFERINGS, nodes.type_at, message)


def check_reservations(demand: Demand, facts: Facts) -> Iterator[Found]:
    """Yields a warning for each capacity reservation or block that cannot hold its nodes."""
    holding: dict[str, list[Nodes]] = defaultdict(list)
    for nodes in demand.nodes:
        if nodes.is_reserved_by_group:
            yield NotSeen(f"{nodes.reservation_at.path}: the reservations of a resource group are not read")
        elif nodes.reservation:
            holding[nodes.reservation].append(nodes)
    for name, held in holding.items():
        found = facts.reservations.get(name)
        if isinstance(found, NotSeen):
            yield NotSeen(f"{name}: {found.reason}")
        else:
            yield from _reservation(name, found, held, facts)


def _reservation(
    name: str, found: Reservation | None, held: Sequence[Nodes], facts: Facts
) -> Iterator[ForecastWarning]:
    def warn(message: str, **numbers: int) -> ForecastWarning:
        return ForecastWarning(Check.RESERVATIONS, held[0].reservation_at, f"{name} {message}", numbers)

    if found is None:
        yield warn("does not exist in this account and Region, nor is it shared with it; give another id")
        return
    if found.state != _ACTIVE:
        yield warn(f"is {found.state}, not active; its nodes cannot start; wait, or give another id")
        return
    other = sorted({each for nodes in held for each in nodes.types} - {found.type})
    if other:
        yield warn(f"is for {found.type}, not {', '.join(other)}; set InstanceType to it, or give another id")
    subnets = {} if isinstance(facts.subnets, NotSeen) else facts.subnets
    zones = sorted({subnets[each].zone for nodes in held for each in nodes.subnets if each in subnets})
    if zones and found.zone not in zones:
        yield warn(f"is in {found.zone}, and the subnets are in {', '.join(zones)}; name a subnet there")
    needs = sum(nodes.at_scale or 0 for nodes in held)
    if needs > found.total:
        message = f"is for {found.total} instances, and at full scale {needs} are needed; lower MaxCount"
        yield warn(message, needs=needs, has=found.total)
    if found.ends_at is not None and found.ends_at - facts.now < _ENDS_SOON:
        yield warn(
            f"ends at {found.ends_at:%Y-%m-%d %H:%M} UTC; its nodes cannot start after that; extend it"
        )
