"""One embedded cloud for the tests of a module; every test begins and ends without faults."""

import pytest

from localcloud.cloud import Cloud


@pytest.fixture(scope="module")
def running():
    with Cloud.start() as cloud:
        yield cloud
        assert cloud.errors() == []


@pytest.fixture
def cloud(running):
    yield running
    running.set_faults([])
