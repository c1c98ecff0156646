"""What a run costs at most.

Prices are those of the command's dated table, for us-east-1. Its days are not today, so the sum is multiplied
by ``MARGIN``, and once more by ``ELSEWHERE`` in Regions that may be dearer.
"""

from dataclasses import dataclass

from pcluster_cfn.cost.meters import MONTH_H, Family, Meter
from pcluster_cfn.cost.table import table_prices

MARGIN = 1.5
ELSEWHERE = 2.0
_HOME = "us-east-1"
_AT_LIST_PRICE = frozenset({"us-east-1", "us-east-2", "us-west-2"})

#: All clusters of a run: what a failed scenario leaves is there until the end.
_CLUSTERS = 5
_ROOT_VOLUME_GB = 40
_ALARMS, _METRICS = 7, 20
#: Calls of the engine, each until its timeout (template.yaml), and its memory.
_ENGINE_CALLS, _ENGINE_TIMEOUT_S, _ENGINE_GB = 100, 300, 2


@dataclass(frozen=True)
class Item:
    """Something that costs.

    Attributes:
        what: What it is.
        amount: How much of it a run uses.
        unit: The unit of the amount.
        price_usd: Price of one unit in us-east-1.
    """

    what: str
    amount: float
    unit: str
    price_usd: float

    @property
    def usd(self) -> float:
        """The price of the amount."""
        return self.amount * self.price_usd


def items(hours: float) -> list[Item]:
    """Returns everything that costs, at its most.

    Args:
        hours: How long a run may take, its clean-up included.
    """
    node_h = _CLUSTERS * hours
    return [
        Item("head nodes, t3.small", node_h, "hours", _usd(Family.INSTANCE, "t3.small")),
        Item("their two processors beyond the baseline", 2 * node_h, "hours", _usd(Family.CPU_CREDIT, "t3")),
        Item("their public addresses", node_h, "hours", _usd(Family.PUBLIC_IPV4, "address")),
        Item(
            "their root volumes, gp3",
            node_h * _ROOT_VOLUME_GB / MONTH_H,
            "GB-months",
            _usd(Family.VOLUME, "gp3"),
        ),
        Item(
            "the engine function",
            _ENGINE_CALLS * _ENGINE_TIMEOUT_S * _ENGINE_GB,
            "GB-seconds",
            _usd(Family.FUNCTION, "x86"),
        ),
        Item("alarms", _ALARMS * hours / MONTH_H, "months", _usd(Family.CLOUDWATCH, "alarm")),
        Item("metrics", _METRICS * hours / MONTH_H, "months", _usd(Family.CLOUDWATCH, "metric")),
        Item("requests, logs, tables, queues, uploads", 1, "lump sum", 0.25),
    ]


def _usd(family: Family, name: str) -> float:
    return float(table_prices(_HOME)[Meter(family, name)].usd)


def margin(region: str) -> float:
    """Returns what the sum is multiplied by in a Region."""
    return MARGIN * (1 if region in _AT_LIST_PRICE else ELSEWHERE)


def bound_usd(hours: float, region: str) -> float:
    """Returns what a run costs at most, rounded up to a cent."""
    return int(sum(item.usd for item in items(hours)) * margin(region) * 100 + 1) / 100


def left_usd_an_hour(region: str) -> float:
    """Returns what an hour costs in which a run's clusters stay because nothing could delete them."""
    return bound_usd(2, region) - bound_usd(1, region)
