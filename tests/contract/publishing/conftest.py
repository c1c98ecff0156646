"""One embedded cloud for everything that is published."""

import pytest

from localcloud.cloud import Cloud


@pytest.fixture(scope="session")
def cloud():
    with Cloud.start() as running:
        yield running
