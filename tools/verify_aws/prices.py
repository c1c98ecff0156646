"""What a run costs at most.

Source: AWS's price pages for us-east-1: EC2 (On-Demand, T3 unlimited mode, EBS), VPC, Lambda, CloudWatch.
The figures were written down on 2026-11-30 without access to these pages. So the sum is multiplied by
``MARGIN``, and once more by ``ELSEWHERE`` in Regions that may be dearer.
"""

from dataclasses import dataclass

WRITTEN_ON = "2026-11-30"
MARGIN = 1.5
ELSEWHERE = 2.0
_AT_LIST_PRICE = frozenset({"us-east-1", "us-east-2", "us-west-2"})

_MONTH_H = 730
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
        Item("head nodes, t3.small", node_h, "hours", 0.0208),
        Item("their two processors beyond the baseline", 2 * node_h, "hours", 0.05),
        Item("their public addresses", node_h, "hours", 0.005),
        Item("their root volumes, gp3", node_h * _ROOT_VOLUME_GB / _MONTH_H, "GB-months", 0.08),
        Item("the engine function", _ENGINE_CALLS * _ENGINE_TIMEOUT_S * _ENGINE_GB, "GB-seconds", 1.66667e-5),
        Item("alarms", _ALARMS * hours / _MONTH_H, "months", 0.10),
        Item("metrics", _METRICS * hours / _MONTH_H, "months", 0.30),
        Item("requests, logs, tables, queues, uploads", 1, "lump sum", 0.25),
    ]


def margin(region: str) -> float:
    """Returns what the sum is multiplied by in a Region."""
    return MARGIN * (1 if region in _AT_LIST_PRICE else ELSEWHERE)


def bound_usd(hours: float, region: str) -> float:
    """Returns what a run costs at most, rounded up to a cent."""
    return int(sum(item.usd for item in items(hours)) * margin(region) * 100 + 1) / 100


def left_usd_an_hour(region: str) -> float:
    """Returns what an hour costs in which a run's clusters stay because nothing could delete them."""
    return bound_usd(2, region) - bound_usd(1, region)
