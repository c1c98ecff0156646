"""Prices that were looked up, kept on disk for a while."""

import json
import os
import tempfile
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from pcluster_cfn.cost.meters import Family, Meter, Price, Prices

#: How long a price counts. AWS changes list prices some times a year, Spot prices by the hour.
_MAX_AGE = timedelta(days=7)
_MAX_AGES = {Family.SPOT: timedelta(hours=1)}


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns the folder of the command's caches. Source: XDG Base Directory Specification, 0.8."""
    named = environment.get("XDG_CACHE_HOME", "")
    # A path that is not absolute must be ignored, as the specification has it.
    base = Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
    return base / "pcluster-cfn"


class PriceCache:
    """The prices of one Region, in a file.

    Args:
        folder: The folder of the file.
        region: The Region.
    """

    def __init__(self, folder: Path, region: str) -> None:
        self._path = folder / f"prices-{region}.json"

    def read(self, now: datetime) -> Prices:
        """Returns the prices that still count; none if there is no file, or it cannot be read."""
        return {meter: price for meter, (price, _) in self._dated(now).items()}

    def _dated(self, now: datetime) -> dict[Meter, tuple[Price, datetime]]:
        """Returns the prices that still count, each with the instant at which it was looked up."""
        try:
            entries = json.loads(self._path.read_text(encoding="utf-8"))
            kept = {
                Meter(Family(each["family"]), each["name"]): (
                    Price(Decimal(each["usd"]), each["source"], date.fromisoformat(each["as_of"])),
                    datetime.fromisoformat(each["read_at"]),
                )
                for each in entries
            }
            return {
                meter: (price, read_at)
                for meter, (price, read_at) in kept.items()
                if timedelta(0) <= now - read_at <= _MAX_AGES.get(meter.family, _MAX_AGE)
            }
        # A file of another version, or one that was cut off, holds nothing that cannot be looked up again.
        except (OSError, ValueError, KeyError, TypeError, InvalidOperation):
            return {}

    def add(self, prices: Prices, now: datetime) -> None:
        """Adds prices to those that still count. Another process sees all of the file or none of it.

        Raises:
            OSError: The file cannot be written.
        """
        dated = self._dated(now) | {meter: (price, now) for meter, price in prices.items()}
        entries = [
            {
                "family": meter.family.value,
                "name": meter.name,
                "usd": str(price.usd),
                "source": price.source,
                "as_of": price.as_of.isoformat(),
                "read_at": read_at.isoformat(),
            }
            for meter, (price, read_at) in dated.items()
        ]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=self._path.parent, prefix=self._path.name, delete=False
        ) as file:
            json.dump(entries, file, indent=1)
        Path(file.name).replace(self._path)
