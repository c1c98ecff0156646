"""A moto server for the adapters: the same contract is run on it and on the fakes."""

from collections.abc import Iterator

import boto3
import pytest
import urllib3
from moto.server import ThreadedMotoServer

REGION = "us-east-1"


@pytest.fixture(scope="package")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def aws(endpoint: str) -> Iterator[object]:
    """A boto3 client factory on an empty account."""
    yield lambda service, **options: boto3.client(
        service, region_name=REGION, endpoint_url=endpoint, **options
    )
    urllib3.request("POST", f"{endpoint}/moto-api/reset")
