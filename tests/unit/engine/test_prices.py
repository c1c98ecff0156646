"""Where an engine's prices come from: the Price List, within a time; the table for the rest."""

from datetime import date
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from cluster_engine import prices
from pcluster_cfn.cost.meters import Family, Meter, Price

C5, M5 = Meter(Family.INSTANCE, "c5.large"), Meter(Family.INSTANCE, "m5.large")
SPOT = Meter(Family.SPOT, "c5.large")
LISTED = Price(Decimal("0.07"), "list", date(2026, 11, 1))
DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetProducts")


@pytest.fixture
def asked(monkeypatch):
    """What the Price List was asked for; it has a price of everything."""
    found = []

    def answer(_, region, meters, is_over):
        for meter in sorted(meters):
            if is_over():
                return
            found.append((region, meter))
            yield meter, LISTED

    monkeypatch.setattr(prices, "list_prices", answer)
    return found


def test_what_is_listed_wins_over_the_table_which_has_the_rest(asked):
    found = prices.read("us-east-1", {C5})
    assert (found[C5], found[M5].usd) == (LISTED, Decimal("0.096"))
    assert asked == [("us-east-1", C5)]


def test_spot_prices_are_not_asked_for(asked):
    assert SPOT not in prices.read("us-east-1", {SPOT, C5})
    assert asked == [("us-east-1", C5)]


@pytest.mark.parametrize("error", [DENIED, ConnectTimeoutError(endpoint_url="https://api.pricing")])
def test_what_is_not_answered_has_the_tables_price(monkeypatch, error):
    def answer(*_):
        yield C5, LISTED
        raise error

    monkeypatch.setattr(prices, "list_prices", answer)
    found = prices.read("us-east-1", {C5, M5})
    assert (found[C5], found[M5].usd) == (LISTED, Decimal("0.096"))


def test_the_list_is_asked_no_longer_than_for_its_time(asked, monkeypatch):
    monkeypatch.setattr(prices, "PATIENCE_S", -1.0)
    assert prices.read("us-east-1", {C5, M5})[C5].usd == Decimal("0.085")
    assert asked == []
