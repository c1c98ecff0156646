"""The prices of a Region: looked up with the user's credentials, from the cache, or from the dated table."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from pcluster_cfn.aws import Aws, reaches_embedded_cloud
from pcluster_cfn.cost.cache import PriceCache, cache_folder
from pcluster_cfn.cost.meters import Family, Meter, Price, Prices
from pcluster_cfn.cost.price_list import list_prices, spot_prices
from pcluster_cfn.cost.table import table_prices
from pcluster_cfn.errors import message_of


@dataclass(frozen=True)
class Quotes:
    """Prices of a Region.

    Attributes:
        region: The Region.
        prices: The prices.
        note: Why some are those of the dated table; empty if AWS was asked for all of them.
    """

    region: str
    prices: Prices
    note: str = ""


def offline_quotes(region: str, note: str = "AWS was not asked") -> Quotes:
    """Returns the prices of the table."""
    return Quotes(region, table_prices(region), note)


def read_quotes(
    aws: Aws,
    region: str,
    meters: Collection[Meter],
    *,
    folder: Path | None = None,
    now: datetime | None = None,
) -> Quotes:
    """Returns prices. What AWS does not answer is in the note, and the table's price stands in for it.

    Args:
        aws: Clients of the account, in the Region.
        region: The Region.
        meters: What prices are needed of.
        folder: Folder of the cache; by default that of the user.
        now: The present instant.
    """
    if reaches_embedded_cloud(aws):
        return offline_quotes(region, "the embedded cloud has no prices")
    at = now or datetime.now(UTC)
    cache = PriceCache(folder or cache_folder(), region)
    kept = {meter: price for meter, price in cache.read(at).items() if meter in meters}
    found: dict[Meter, Price] = {}
    note = ""
    missing = [meter for meter in meters if meter not in kept]
    try:
        found.update(list_prices(aws, region, [each for each in missing if each.family is not Family.SPOT]))
    except (ClientError, BotoCoreError) as error:
        note = _reason(error)
    try:
        found.update(spot_prices(aws, missing, at))
    except (ClientError, BotoCoreError) as error:
        note = note or _reason(error)
    if found:
        note = note or _keep(cache, found, at)
    return Quotes(region, {**table_prices(region), **kept, **found}, note)


def _keep(cache: PriceCache, found: Prices, at: datetime) -> str:
    """Keeps prices for the next command; returns why that failed, or nothing."""
    try:
        cache.add(found, at)
    except OSError as error:
        return f"the cache of prices cannot be written: {error.strerror}"
    return ""


def _reason(error: ClientError | BotoCoreError) -> str:
    return message_of(error) if isinstance(error, ClientError) else str(error)
