"""An embedded cloud for the adapters: the same contract is run on it and on the fakes."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

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


class _TemplateLoader(yaml.SafeLoader):
    """Reads the template's table definition; intrinsic functions elsewhere do not matter here."""


_TemplateLoader.add_multi_constructor("!", lambda *_: None)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def dynamodb(cloud: Cloud, unique: str) -> tuple[Any, str]:
    """A client, and a table as template.yaml declares it, so that keys and indexes cannot drift apart."""
    client = cloud.client("dynamodb")
    template = yaml.load(Path("template.yaml").read_text(), _TemplateLoader)  # noqa: S506 - a safe loader
    declared = template["Resources"]["OperationsTable"]["Properties"]
    names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    client.create_table(TableName=unique, **{name: declared[name] for name in names})
    return client, unique
