"""Prices from AWS, by real clients of the SDK with answers in the documented form."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from pcluster_cfn.cost.meters import Family, Meter
from pcluster_cfn.cost.price_list import PRICE_LIST, SPOT_HISTORY, list_prices, query_for, spot_prices
from tests.unit.cost.price_list_answers import Session, product

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
C5 = Meter(Family.INSTANCE, "c5.large")


def found(meter, *texts, region="eu-west-1"):
    session = Session()
    session.answers(*texts)
    return {each: price.usd for each, price in list_prices(session, region, [meter])}


def test_an_instance_is_asked_for_in_its_region_with_linux_and_shared_tenancy():
    session = Session()
    wanted = {
        "regionCode": "eu-west-1",
        "instanceType": "c5.large",
        "operatingSystem": "Linux",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
        "tenancy": "Shared",
        "productFamily": "Compute Instance",
    }
    filters = [{"Type": "TERM_MATCH", "Field": key, "Value": value} for key, value in wanted.items()]
    session.answers(product("0.0960000000"), filters=filters, service="AmazonEC2")
    ((meter, price),) = list_prices(session, "eu-west-1", [C5])
    assert (meter, price.usd, price.source, price.as_of) == (
        C5,
        Decimal("0.096"),
        PRICE_LIST,
        date(2026, 11, 20),
    )
    assert session.asked_in == {"pricing": "us-east-1"}


def test_metal_instances_are_products_of_another_family():
    query = query_for(Meter(Family.INSTANCE, "c5.metal"))
    assert query.filters["productFamily"] == "Compute Instance (bare metal)"


def test_nothing_is_asked_once_the_time_is_over():
    session = Session()
    session.answers(product("0.1"))
    over = iter([False, True])
    metal = Meter(Family.INSTANCE, "c5.metal")
    found = list_prices(session, "eu-west-1", [C5, metal], lambda: next(over))
    assert [meter for meter, _ in found] == [C5]


def test_all_pages_are_read():
    session = Session()
    session.answers(product("0.1"), token="t")
    session.answers(product("0.2"), after="t")
    assert list(list_prices(session, "eu-west-1", [C5])) == []


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [product("0.0000000000")],
        [product("0.1"), product("0.2")],
        [product("0.7", currency="CNY")],
    ],
)
def test_without_exactly_one_price_there_is_none(texts):
    assert found(C5, *texts) == {}


def test_of_a_tiered_price_the_first_tier_counts():
    meter = Meter(Family.EFS_THROUGHPUT, "provisioned")
    usage = {"usagetype": "EU-ProvisionedTP-MiBpsHrs"}
    texts = product("6.6", "MiBps-Mo", **usage), product("5", "MiBps-Mo", begin="100", **usage)
    assert found(meter, *texts) == {meter: Decimal("6.6")}


def test_the_usage_type_tells_tiers_of_iops_apart():
    meter = Meter(Family.VOLUME_IOPS, "io2")
    texts = [
        product("0.065", "IOPS-Mo", usagetype="EU-EBS:VolumeP-IOPS.io2"),
        product("0.046", "IOPS-Mo", usagetype="EU-EBS:VolumeP-IOPS.io2.tier2"),
    ]
    assert found(meter, *texts) == {meter: Decimal("0.065")}


def test_throughput_that_is_listed_by_the_gib_is_converted():
    meter = Meter(Family.VOLUME_THROUGHPUT, "gp3")
    text = product("40.96", "GiBps-mo", usagetype="EBS:VolumeP-Throughput.gp3")
    assert found(meter, text) == {meter: Decimal("0.04")}


def test_lustre_is_told_apart_by_its_throughput():
    meter = Meter(Family.LUSTRE, "SSD 250")
    texts = [
        product("0.145", "GB-Mo", throughputCapacity="125"),
        product("0.21", "GB-Mo", throughputCapacity="250"),
    ]
    assert found(meter, *texts) == {meter: Decimal("0.21")}


@pytest.mark.parametrize(
    "meter",
    [
        Meter(Family.LUSTRE, "SSD scratch"),
        Meter(Family.PUBLIC_IPV4, "address"),
        Meter(Family.SPOT, "c5.large"),
    ],
)
def test_what_is_not_in_the_list_is_not_asked_for(meter):
    session = Session()
    assert list(list_prices(session, "eu-west-1", [meter])) == []
    assert session.asked_in == {}


@pytest.mark.parametrize("family", [each for each in Family if each is not Family.SPOT])
def test_every_family_has_a_query_or_is_known_to_have_none(family):
    name = {Family.LUSTRE: "SSD 125"}.get(family, "gp3")
    asked = query_for(Meter(family, name)) is not None
    assert asked == (
        family not in {Family.PUBLIC_IPV4, Family.CPU_CREDIT, Family.FUNCTION, Family.CLOUDWATCH}
    )


def test_of_the_zones_the_dearest_spot_price_counts():
    session = Session()
    session.spot(("c5.large", "a", "0.031"), ("c5.large", "b", "0.042"), ("c5.large", "c", "0.040"))
    meter = Meter(Family.SPOT, "c5.large")
    ((found, price),) = spot_prices(session, [C5, meter], NOW)
    assert (found, price.usd, price.source, price.as_of) == (
        meter,
        Decimal("0.042"),
        SPOT_HISTORY,
        NOW.date(),
    )


def test_without_spot_instances_ec2_is_not_asked():
    session = Session()
    assert list(spot_prices(session, [C5], NOW)) == []
    assert session.asked_in == {}
