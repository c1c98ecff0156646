"""One embedded cloud for the tests of a module."""

import pytest

from localcloud.cloud import Cloud


@pytest.fixture(scope="module")
def cloud():
    with Cloud.start() as cloud:
        yield cloud
        assert cloud.errors() == []
