"""Refuses a configuration beyond the bounds of a call, before the library is asked.

It is imported only for a call with bounds, so that no other start waits for it.
"""

from collections.abc import Callable
from typing import Any

from cluster_engine import prices
from cluster_engine.configuration import Configuration
from cluster_engine.contract import EngineError
from pcluster_cfn.cost.budget import MAX_COST, Bound, Excess, excesses, scale_of
from pcluster_cfn.cost.estimate import meters_of


def refuse_beyond(
    budget: dict[str, dict[str, str]],
    wanted: Configuration,
    region: str,
    in_force: Callable[[], Configuration] | None,
) -> None:
    """Refuses a configuration that exceeds a bound.

    Args:
        budget: The argument of the call.
        wanted: The configuration.
        region: The cluster's Region, whose prices count.
        in_force: Reads the cluster's present configuration, which an update may always shrink; None for a
            cluster that is to be made.

    Raises:
        EngineError: ``BudgetExceeded``, or the present configuration could not be read.
    """
    bounds = Bound.parse_all(budget)
    needs_prices = any(bound.name == MAX_COST for bound in bounds)
    known = prices.read(region, meters_of(wanted)) if needs_prices else {}
    found = excesses(scale_of(wanted, known), bounds)
    if found and in_force is not None:
        present = in_force()
        if needs_prices:
            known = prices.read(region, meters_of(wanted) | meters_of(present))
        found = excesses(scale_of(wanted, known), bounds, scale_of(present, known))
    if found:
        said = [f"{each.what[0].upper()}{each.what[1:]}" for each in found]
        message = " ".join([*said, *(each.way_out for each in found)])
        raise EngineError("BudgetExceeded", message, details=[_detail(each) for each in found])


def _detail(excess: Excess) -> dict[str, Any]:
    bound = excess.bound
    return {
        "message": excess.what,
        "way_out": excess.way_out,
        "bound": bound.name,
        "set_by": bound.set_by,
        "limit": f"{bound.limit:f}",
        "value": None if excess.value is None else f"{excess.value:f}",
        "parts": [{"path": share.path, "name": share.name, "value": share.value} for share in excess.shares],
    }
