"""Which prices count: AWS's, then those that were kept, then the table's; and what is said of them."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

from pcluster_cfn.cost.cache import PriceCache, cache_folder
from pcluster_cfn.cost.meters import Family, Meter, Price
from pcluster_cfn.cost.price_list import PRICE_LIST
from pcluster_cfn.cost.quotes import read_quotes
from tests.unit.cost.price_list_answers import Session, product

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
C5 = Meter(Family.INSTANCE, "c5.large")
SPOT = Meter(Family.SPOT, "c5.large")


def quotes(session, tmp_path, *meters, region="us-east-1", now=NOW):
    return read_quotes(session, region, set(meters), folder=tmp_path, now=now)


def test_a_price_of_aws_outranks_the_table_and_is_kept_for_the_next_command(tmp_path):
    session = Session("us-east-1")
    session.answers(product("0.0900000000"))
    assert quotes(session, tmp_path, C5).prices[C5].usd == Decimal("0.09")
    again = quotes(session, tmp_path, C5)  # a second question would have no answer
    assert (again.prices[C5].usd, again.prices[C5].source, again.note) == (Decimal("0.09"), PRICE_LIST, "")


def test_a_kept_price_counts_for_a_week_and_a_spot_price_for_an_hour(tmp_path):
    cache = PriceCache(tmp_path, "us-east-1")
    price = Price(Decimal("0.09"), PRICE_LIST, date(2026, 11, 20))
    cache.add({C5: price, SPOT: price}, NOW)
    assert set(cache.read(NOW + timedelta(minutes=59))) == {C5, SPOT}
    assert set(cache.read(NOW + timedelta(days=6))) == {C5}
    assert cache.read(NOW + timedelta(days=8)) == {}
    assert cache.read(NOW - timedelta(minutes=1)) == {}  # the clock was set back


def test_prices_are_added_to_those_that_are_kept_and_each_region_has_its_own(tmp_path):
    cache = PriceCache(tmp_path, "us-east-1")
    price = Price(Decimal("0.09"), PRICE_LIST, date(2026, 11, 20))
    cache.add({C5: price}, NOW)
    cache.add({SPOT: price}, NOW)
    assert set(cache.read(NOW)) == {C5, SPOT}
    assert PriceCache(tmp_path, "eu-west-1").read(NOW) == {}
    assert [path.name for path in tmp_path.iterdir()] == [
        "prices-us-east-1.json"
    ]  # no file is left half-written


@pytest.mark.parametrize(
    "text", ["", "{", "[{}]", '[{"family": "no"}]', "null", '[{"family":"spot","name":1}]']
)
def test_a_cache_that_cannot_be_read_is_empty(tmp_path, text):
    (tmp_path / "prices-us-east-1.json").write_text(text)
    assert PriceCache(tmp_path, "us-east-1").read(NOW) == {}


def test_a_denied_price_list_leaves_the_table_and_says_so(tmp_path):
    session = Session("us-east-1")
    session.stubs["pricing"].add_client_error(
        "get_products", "AccessDeniedException", "User: x is not authorized"
    )
    found = quotes(session, tmp_path, C5)
    assert (found.prices[C5].usd, found.note) == (Decimal("0.085"), "User: x is not authorized")


@pytest.mark.parametrize(
    "error", [EndpointConnectionError(endpoint_url="https://api.pricing"), NoCredentialsError()]
)
def test_a_price_list_that_cannot_be_reached_leaves_the_table(tmp_path, error):
    class Offline(Session):
        def client(self, service, /, **options):
            if service == "lambda":
                return super().client(service, **options)
            raise error

    found = quotes(Offline("us-east-1"), tmp_path, C5, SPOT)
    assert (found.prices[C5].usd, found.note) == (Decimal("0.085"), str(error))
    assert SPOT not in found.prices


def test_spot_prices_are_read_although_the_price_list_is_denied(tmp_path):
    session = Session("us-east-1")
    session.stubs["pricing"].add_client_error("get_products", "AccessDeniedException", "no")
    session.spot(("c5.large", "a", "0.031"))
    found = quotes(session, tmp_path, C5, SPOT)
    assert (found.prices[SPOT].usd, found.note) == (Decimal("0.031"), "no")


def test_an_embedded_cloud_is_asked_nothing(tmp_path):
    class Embedded(Session):
        def client(self, service, /, **_):
            assert service == "lambda"
            return self._session.client("lambda", endpoint_url="http://127.0.0.1:4566")

    found = quotes(Embedded("us-east-1"), tmp_path, C5)
    assert (found.prices[C5].usd, found.note) == (Decimal("0.085"), "the embedded cloud has no prices")


def test_a_cache_that_cannot_be_written_fails_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    session = Session("us-east-1")
    session.answers(product("0.09"))
    found = quotes(session, tmp_path / "file", C5)
    assert found.prices[C5].usd == Decimal("0.09")
    assert found.note.startswith("the cache of prices cannot be written: ")


def test_the_cache_is_where_xdg_has_it():
    assert cache_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/pcluster-cfn")
    assert cache_folder({"XDG_CACHE_HOME": "relative"}) == Path.home() / ".cache/pcluster-cfn"
    assert cache_folder({}) == Path.home() / ".cache/pcluster-cfn"


def test_the_file_has_each_price_with_its_source_and_day(tmp_path):
    session = Session("us-east-1")
    session.answers(product("0.09"))
    quotes(session, tmp_path, C5)
    (entry,) = json.loads((tmp_path / "prices-us-east-1.json").read_text())
    assert entry == {
        "family": "instance",
        "name": "c5.large",
        "usd": "0.09",
        "source": PRICE_LIST,
        "as_of": "2026-11-20",
        "read_at": NOW.isoformat(),
    }
