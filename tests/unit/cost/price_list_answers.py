"""Answers of the Price List API in the documented form, and sessions whose clients give them."""

import json

import boto3
from botocore.stub import ANY, Stubber


def product(usd, unit="Hrs", *, begin="0", currency="USD", **attributes):
    """Returns one text of ``PriceList``. Source: API reference, GetProducts, "Example"."""
    sku = "WQGC34PB2AWS8R4U"
    dimension = {
        "unit": unit,
        "endRange": "Inf",
        "description": "…",
        "appliesTo": [],
        "rateCode": f"{sku}.JRTCKXETXF.6YS6EN2CT7",
        "beginRange": begin,
        "pricePerUnit": {currency: usd},
    }
    term = {
        "priceDimensions": {dimension["rateCode"]: dimension},
        "sku": sku,
        "effectiveDate": "2026-11-01T00:00:00Z",
        "offerTermCode": "JRTCKXETXF",
        "termAttributes": {},
    }
    return json.dumps(
        {
            "product": {"productFamily": "…", "attributes": {"servicecode": "…", **attributes}, "sku": sku},
            "serviceCode": "…",
            "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": term}},
            "version": "20261120182201",
            "publicationDate": "2026-11-20T18:22:01Z",
        }
    )


class Session:
    """A session with stubbed clients; of a service without answers it has no client."""

    def __init__(self, region="eu-west-1"):
        self.stubs = {}
        self.asked_in = {}
        self._session = boto3.Session("testing", "testing", region_name=region)
        for service in ("pricing", "ec2"):
            home = "us-east-1" if service == "pricing" else region
            self.stubs[service] = Stubber(self._session.client(service, region_name=home))
            self.stubs[service].activate()

    def client(self, service, /, region_name=None, config=None):
        if service == "lambda":
            return self._session.client("lambda", endpoint_url="https://lambda.us-east-1.amazonaws.com")
        self.asked_in[service] = region_name
        assert config.connect_timeout == 3
        return self.stubs[service].client

    def answers(self, *texts, filters=ANY, service=ANY, token=None, after=None):
        answer = {"FormatVersion": "aws_v1", "PriceList": list(texts)} | (
            {"NextToken": token} if token else {}
        )
        expected = {"ServiceCode": service, "Filters": filters} | ({"NextToken": after} if after else {})
        self.stubs["pricing"].add_response("get_products", answer, expected)

    def spot(self, *entries):
        history = [
            {
                "InstanceType": kind,
                "SpotPrice": usd,
                "AvailabilityZone": zone,
                "ProductDescription": "Linux/UNIX",
            }
            for kind, zone, usd in entries
        ]
        self.stubs["ec2"].add_response("describe_spot_price_history", {"SpotPriceHistory": history})
