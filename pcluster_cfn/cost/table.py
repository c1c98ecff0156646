"""The dated table of prices that ships with the command."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from pcluster_cfn.cost.meters import Family, Meter, Price, Prices

_EVERYWHERE = "all"


@dataclass(frozen=True)
class PriceList:
    """An entry of ``prices.yaml``: prices of one family that have one source.

    Attributes:
        family: The family.
        unit: What one price is for.
        regions: The Regions that have these prices; ``all`` for every Region.
        as_of: The day that the source has.
        source: Where the prices come from.
        prices: US dollars by name.
    """

    family: Family
    unit: str
    regions: tuple[str, ...]
    as_of: date
    source: str
    prices: Mapping[str, Decimal]


@cache
def price_lists() -> tuple[PriceList, ...]:
    """Returns the table's entries."""
    text = (files("pcluster_cfn.cost") / "prices.yaml").read_text(encoding="utf-8")
    return tuple(
        PriceList(
            Family(entry["family"]),
            entry["unit"],
            tuple(entry["regions"]),
            entry["as_of"],
            entry["source"],
            dict(_flat(entry["prices"])),
        )
        for entry in yaml.safe_load(text)
    )


def table_prices(region: str) -> Prices:
    """Returns the table's prices of a Region; the first entry that has one counts."""
    found: dict[Meter, Price] = {}
    for entry in price_lists():
        if not {region, _EVERYWHERE} & set(entry.regions):
            continue
        for name, usd in entry.prices.items():
            found.setdefault(Meter(entry.family, name), Price(usd, entry.source, entry.as_of))
    return found


def _flat(prices: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Decimal]]:
    """Yields names and prices; the sizes of an instance family get its name before them."""
    for name, value in prices.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", Decimal(str(value))
