"""The table of prices: everything in it has a source and a day."""

from datetime import date
from decimal import Decimal

import pytest

from pcluster_cfn.cost.meters import Family, Meter
from pcluster_cfn.cost.table import PriceList, price_lists, table_prices


@pytest.mark.parametrize("entry", price_lists(), ids=lambda entry: f"{entry.family}-{entry.regions[0]}")
def test_every_entry_has_a_source_a_day_regions_and_prices(entry: PriceList):
    assert "." in entry.source, "names a page or a file"
    assert len(entry.source) > 20
    assert isinstance(entry.as_of, date)
    assert date(2018, 1, 1) < entry.as_of <= date(2026, 11, 30)
    assert entry.regions
    assert entry.prices
    assert all(Decimal(0) < usd < 1000 for usd in entry.prices.values())


def test_no_region_has_two_entries_with_the_same_price_from_two_sources():
    seen = set()
    for entry in price_lists():
        for region in entry.regions:
            keys = {(region, entry.family, name) for name in entry.prices}
            assert not keys & seen, "the second one would never count"
            seen |= keys


def test_units_say_what_a_price_is_for():
    units = {entry.family: entry.unit for entry in price_lists()}
    assert units[Family.INSTANCE] == units[Family.NAT_GATEWAY] == "hour"
    assert units[Family.VOLUME] == units[Family.LUSTRE] == "month"


def test_a_region_has_its_own_prices_and_those_of_all_regions():
    address = Meter(Family.PUBLIC_IPV4, "address")
    assert table_prices("us-east-1")[Meter(Family.INSTANCE, "c5.large")].usd == Decimal("0.085")
    assert table_prices("us-east-2")[Meter(Family.INSTANCE, "hpc7a.96xlarge")].usd == Decimal("7.2")
    assert set(table_prices("ap-south-1")) == {address}
    assert table_prices("ap-south-1")[address].usd == Decimal("0.005")


def test_spot_prices_do_not_ship_because_they_change_by_the_hour():
    assert all(entry.family is not Family.SPOT for entry in price_lists())
