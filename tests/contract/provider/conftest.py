"""An embedded cloud for the adapters: the same contract is run on it and on the fakes."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cfn_template.reading import read_plain
from localcloud.cloud import Cloud
from tests.support.fakes import MovedClock

_numbers = count(1)


@pytest.fixture(scope="package")
def cloud() -> Iterator[Cloud]:
    with Cloud.start(skip_idle=True) as running:
        yield running


@pytest.fixture
def unique() -> str:
    """A name that no other test uses: they share one account."""
    return f"hpc-{next(_numbers)}"


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def dynamodb(cloud: Cloud, unique: str) -> tuple[Any, str]:
    """A client, and a table as template.yaml declares it, so that keys and indexes cannot drift apart."""
    client = cloud.client("dynamodb")
    template = read_plain(Path("template.yaml").read_text())
    declared = template["Resources"]["OperationsTable"]["Properties"]
    names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    client.create_table(TableName=unique, **{name: declared[name] for name in names})
    return client, unique
