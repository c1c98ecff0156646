"""An embedded cloud for the adapters: the same contract is run on it and on the fakes."""

from collections.abc import Iterator
from itertools import count

import pytest

from localcloud.cloud import Cloud

_numbers = count(1)


@pytest.fixture(scope="package")
def cloud() -> Iterator[Cloud]:
    with Cloud.start(skip_idle=True) as running:
        yield running


@pytest.fixture
def unique() -> str:
    """A name that no other test uses: they share one account."""
    return f"hpc-{next(_numbers)}"
