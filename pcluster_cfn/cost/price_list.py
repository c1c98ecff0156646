"""Prices from AWS: the Price List API, and the history of Spot prices.

Source: AWS Billing user guide, "Price List Query API"; API reference, GetProducts, whose answer is a list of
JSON texts; EC2 API reference, DescribeSpotPriceHistory. Filters of instances are those with which
github.com/aws/karpenter-provider-aws finds them (pkg/providers/pricing/pricing.go), filters of the others
those of github.com/infracost/infracost (internal/resources/aws).
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from botocore.config import Config

from pcluster_cfn.cost.meters import Family, Meter, Price

#: The API has few endpoints, each with all Regions' prices. Source: AWS General Reference, "AWS Billing".
_ENDPOINT = "us-east-1"
#: A plan waits for prices no longer than this for each request, and goes on without them.
_PATIENCE = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2, "mode": "standard"})
PRICE_LIST, SPOT_HISTORY = "AWS Price List API", "EC2 Spot price history"
_LINUX = "Linux/UNIX"


class Clients(Protocol):
    """A source of AWS clients. The engine has its own, so nothing of the command is named here."""

    def client(self, service: str, /) -> Any:
        """Returns a boto3 client of a service."""


@dataclass(frozen=True)
class Query:
    """How a price is found.

    Attributes:
        service: The service code.
        filters: Attributes that the products have.
        usage_type: Pattern of the end of the products' usage type; Regions have prefixes.
        throughput: First number of the attribute ``throughputCapacity``; empty if it does not matter.
        per: How many of our units one unit of the list has.
    """

    service: str
    filters: Mapping[str, str]
    usage_type: str = ""
    throughput: str = ""
    per: Mapping[str, int] = field(default_factory=dict)


def query_for(meter: Meter) -> Query | None:
    """Returns how the price of something is found; None if it is not in the Price List."""
    name = meter.name
    match meter.family:
        case Family.INSTANCE:
            metal = ".metal" in name
            return Query(
                "AmazonEC2",
                {
                    "instanceType": name,
                    "operatingSystem": "Linux",
                    "preInstalledSw": "NA",
                    "capacitystatus": "Used",
                    "marketoption": "OnDemand",
                    "tenancy": "Dedicated" if metal else "Shared",
                    "productFamily": "Compute Instance (bare metal)" if metal else "Compute Instance",
                },
            )
        case Family.VOLUME:
            return Query("AmazonEC2", {"productFamily": "Storage", "volumeApiName": name})
        case Family.VOLUME_IOPS:
            ending = {"io1": "EBS:VolumeP-IOPS.piops"}.get(name, f"EBS:VolumeP-IOPS.{name}")
            return Query("AmazonEC2", {"productFamily": "System Operation", "volumeApiName": name}, ending)
        case Family.VOLUME_THROUGHPUT:
            filters = {"productFamily": "Provisioned Throughput", "volumeApiName": name}
            return Query("AmazonEC2", filters, f"EBS:VolumeP-Throughput.{name}", per={"GiBps-mo": 1024})
        case Family.EFS_THROUGHPUT:
            return Query("AmazonEFS", {"productFamily": "Provisioned Throughput"}, "ProvisionedTP-MiBpsHrs")
        case Family.LUSTRE:
            media, speed = name.split(" ")
            if not speed.isdigit():
                return None
            return Query("AmazonFSx", {"fileSystemType": "Lustre", "storageType": media}, throughput=speed)
        case Family.LOAD_BALANCER:
            return Query("AWSELB", {"productFamily": "Load Balancer-Network"}, "LoadBalancerUsage")
        case Family.NAT_GATEWAY:
            return Query("AmazonEC2", {"productFamily": "NAT Gateway"}, "NatGateway-Hours")
        case _:
            return None


def list_prices(
    aws: Clients, region: str, meters: Iterable[Meter], is_over: Callable[[], bool] = lambda: False
) -> Iterator[tuple[Meter, Price]]:
    """Yields the prices of a Region from the Price List API, for what has exactly one.

    Args:
        aws: Clients.
        region: The Region.
        meters: What prices are needed of.
        is_over: Whether the time for it is over; asked before each request.

    Raises:
        ClientError: The credentials do not allow ``pricing:GetProducts``, for instance.
        BotoCoreError: The API cannot be reached.
    """
    client: Any = None
    for meter in sorted(meters):
        query = query_for(meter)
        if query is None:
            continue
        if is_over():
            return
        client = client or _client(aws, "pricing", region_name=_ENDPOINT)
        wanted = {"regionCode": region, **query.filters}
        pages = client.get_paginator("get_products").paginate(
            ServiceCode=query.service,
            Filters=[{"Type": "TERM_MATCH", "Field": key, "Value": value} for key, value in wanted.items()],
        )
        products = (json.loads(text) for page in pages for text in page["PriceList"])
        found = {price for product in products for price in _prices(product, query)}
        if len({usd for usd, _ in found}) == 1:
            usd, as_of = max(found)
            yield meter, Price(usd, PRICE_LIST, as_of)


def spot_prices(aws: Clients, meters: Iterable[Meter], now: datetime) -> Iterator[tuple[Meter, Price]]:
    """Yields the present Spot prices of Linux instances: of the zones of the Region, the dearest one's.

    Raises:
        ClientError: The credentials do not allow ``ec2:DescribeSpotPriceHistory``, for instance.
        BotoCoreError: The API cannot be reached.
    """
    types = sorted(meter.name for meter in meters if meter.family is Family.SPOT)
    if not types:
        return
    pages = (
        _client(aws, "ec2")
        .get_paginator("describe_spot_price_history")
        .paginate(InstanceTypes=types, ProductDescriptions=[_LINUX], StartTime=now)
    )
    dearest: dict[str, Decimal] = {}
    for each in (entry for page in pages for entry in page["SpotPriceHistory"]):
        usd = Decimal(each["SpotPrice"])
        dearest[each["InstanceType"]] = max(usd, dearest.get(each["InstanceType"], usd))
    for name, usd in dearest.items():
        yield Meter(Family.SPOT, name), Price(usd, SPOT_HISTORY, now.date())


def _client(aws: Clients, service: str, **options: str) -> Any:
    """Returns a client that gives up soon. Sessions take options that an embedded cloud does not need."""
    session: Any = aws
    return session.client(service, config=_PATIENCE, **options)


def _prices(product: Mapping[str, Any], query: Query) -> Iterator[tuple[Decimal, date]]:
    """Yields the On-Demand prices of a product, each with the day since when it counts."""
    attributes = product["product"]["attributes"]
    if query.usage_type and not attributes.get("usagetype", "").endswith(query.usage_type):
        return
    capacity = re.match(r"\d+", attributes.get("throughputCapacity", ""))
    if query.throughput and (capacity is None or capacity[0] != query.throughput):
        return
    published = date.fromisoformat(product["publicationDate"][:10])
    for term in product["terms"].get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            try:
                usd = Decimal(dimension["pricePerUnit"]["USD"])
            except (KeyError, InvalidOperation):
                continue  # China has its own currency
            # The first range of a tiered price counts: it is the dearest one.
            if usd and dimension.get("beginRange", "0") in {"0", "0.0000000000"}:
                yield usd / query.per.get(dimension["unit"], 1), published
