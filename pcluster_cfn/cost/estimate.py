"""What a cluster costs: a configuration and the prices of a Region give sums and the largest parts; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pcluster_cfn.cost.meters import Family, Meter, Price, Prices, usd_an_hour
from pcluster_cfn.cost.other_parts import parts_of
from pcluster_cfn.cost.parts import NotPriced, Part

_ZERO = Decimal(0)
#: What a Spot Instance costs at most, where its price is not known.
#: Source: EC2 user guide, "Spot Instances": the default maximum price is the On-Demand price.
BOUND = "at most the On-Demand price or SpotPrice; its Spot price is not known"


@dataclass(frozen=True)
class Line:
    """A priced part of an estimate.

    Attributes:
        part: What it is.
        meter: What is paid for; of several instance types, the dearest one.
        price: The price of one unit.
        at_rest: US dollars an hour without jobs.
        at_scale: US dollars an hour with every compute resource at ``MaxCount``.
        is_bound: Whether it may cost less: the price of a Spot Instance that is not known.
    """

    part: Part
    meter: Meter
    price: Price
    at_rest: Decimal
    at_scale: Decimal
    is_bound: bool = False


@dataclass(frozen=True)
class Estimate:
    """What a cluster costs.

    Attributes:
        lines: What is in the sums.
        not_priced: What is not.
    """

    lines: tuple[Line, ...] = ()
    not_priced: tuple[NotPriced, ...] = ()

    @property
    def at_rest(self) -> Decimal:
        """US dollars an hour without jobs."""
        return sum((line.at_rest for line in self.lines), _ZERO)

    @property
    def at_scale(self) -> Decimal:
        """US dollars an hour with every compute resource at ``MaxCount``."""
        return sum((line.at_scale for line in self.lines), _ZERO)

    @property
    def gaps(self) -> tuple[NotPriced, ...]:
        """What costs and is not in the sums, which are too small without it."""
        return tuple(each for each in self.not_priced if each.is_gap)

    def largest(self, count: int) -> list[Line]:
        """Returns the parts that cost most at scale, the largest one first."""
        return sorted(self.lines, key=lambda line: line.at_scale, reverse=True)[:count]

    def __add__(self, other: "Estimate") -> "Estimate":
        return Estimate(self.lines + other.lines, tuple(dict.fromkeys(self.not_priced + other.not_priced)))


def estimate(configuration: Mapping[str, Any], prices: Prices) -> Estimate:
    """Returns what a cluster costs.

    Args:
        configuration: ParallelCluster's configuration; its numbers may be text.
        prices: Prices of the cluster's Region. What has none is in ``not_priced``.
    """
    return priced(parts_of(configuration), prices)


def priced(parts: Iterable[Part | NotPriced], prices: Prices) -> Estimate:
    """Returns what some parts cost."""
    found = [each if isinstance(each, NotPriced) else _line(each, prices) for each in parts]
    return Estimate(
        tuple(each for each in found if isinstance(each, Line)),
        tuple(each for each in found if isinstance(each, NotPriced)),
    )


def meters_of(configuration: Mapping[str, Any]) -> set[Meter]:
    """Returns what an estimate of a configuration needs prices of."""
    return meters_in(parts_of(configuration))


def meters_in(parts: Iterable[Part | NotPriced]) -> set[Meter]:
    """Returns what some parts need prices of; the On-Demand price bounds that of a Spot Instance."""
    meters = {meter for each in parts if isinstance(each, Part) for meter in each.meters}
    return meters | {_on_demand(meter) for meter in meters if meter.family is Family.SPOT}


def _line(part: Part, prices: Prices) -> Line | NotPriced:
    """Returns a part with the price of the dearest of its meters; without one of the prices, none."""
    rates: list[tuple[Decimal, Meter, Price, bool]] = []
    for meter in part.meters:
        price, is_bound = _price(meter, part.spot_limit, prices)
        if price is None:
            unit = "/".join(map(str, part.meters))
            reason = f"no price is known for {meter.amount(part.at_scale)}"
            return NotPriced(part.name, reason, unit=unit, quantity=part.at_scale, path=part.path)
        rates.append((usd_an_hour(meter, price), meter, price, is_bound))
    rate, meter, price, is_bound = max(rates, key=lambda each: each[0])
    return Line(part, meter, price, rate * part.at_rest, rate * part.at_scale, is_bound)


def _price(meter: Meter, limit: Decimal | None, prices: Prices) -> tuple[Price | None, bool]:
    """Returns a price, and whether it is only a bound of the price."""
    if meter.family is not Family.SPOT:
        return prices.get(meter), False
    spot, on_demand = prices.get(meter), prices.get(_on_demand(meter))
    found = spot or on_demand
    if found is not None and limit is not None and limit < found.usd:
        found = Price(limit, "SpotPrice", found.as_of)
    return found, spot is None


def _on_demand(meter: Meter) -> Meter:
    return Meter(Family.INSTANCE, meter.name)
