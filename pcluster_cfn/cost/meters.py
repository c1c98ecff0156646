"""What has a price, and a price; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

#: Source: AWS Pricing Calculator user guide, "Assumptions": a month has 730 hours.
MONTH_H = 730


class Family(StrEnum):
    """Kinds of things that have a price. The values are the families of ``prices.yaml``."""

    INSTANCE = "instance"
    SPOT = "spot"
    VOLUME = "volume"
    VOLUME_IOPS = "volume-iops"
    VOLUME_THROUGHPUT = "volume-throughput"
    EFS_THROUGHPUT = "efs-throughput"
    LUSTRE = "lustre"
    LOAD_BALANCER = "load-balancer"
    NAT_GATEWAY = "nat-gateway"
    PUBLIC_IPV4 = "public-ipv4"
    CPU_CREDIT = "cpu-credit"
    FUNCTION = "function"
    CLOUDWATCH = "cloudwatch"


#: Families whose price is for an hour. All others that a cluster has are for a month.
_HOURLY = frozenset(
    {Family.INSTANCE, Family.SPOT, Family.LOAD_BALANCER, Family.NAT_GATEWAY, Family.PUBLIC_IPV4}
)
_UNITS = {
    Family.VOLUME: " GB",
    Family.VOLUME_IOPS: " IOPS",
    Family.VOLUME_THROUGHPUT: " MiB/s",
    Family.EFS_THROUGHPUT: " MiB/s",
    Family.LUSTRE: " GB",
}


@dataclass(frozen=True, order=True)
class Meter:
    """One thing that has a price: ``Meter(Family.INSTANCE, "c6i.xlarge")``.

    Attributes:
        family: Its kind.
        name: Its name within the family.
    """

    family: Family
    name: str

    def __str__(self) -> str:
        return f"{self.family}/{self.name}"

    def amount(self, quantity: Decimal) -> str:
        """Returns a quantity of it for people: ``4 x c6i.xlarge``, ``45 GB gp3``."""
        number = f"{quantity:,f}".rstrip("0").rstrip(".") if quantity % 1 else f"{quantity:,.0f}"
        return f"{number}{_UNITS.get(self.family, ' x')} {self.name}"


@dataclass(frozen=True)
class Price:
    """A price in US dollars for an hour or a month of one unit.

    Attributes:
        usd: The price.
        source: Where it comes from.
        as_of: The day for which the source has it.
    """

    usd: Decimal
    source: str
    as_of: date


#: The prices of one Region.
Prices = Mapping[Meter, Price]


def usd_an_hour(meter: Meter, price: Price) -> Decimal:
    """Returns what one unit costs for an hour."""
    return price.usd if meter.family in _HOURLY else price.usd / MONTH_H
