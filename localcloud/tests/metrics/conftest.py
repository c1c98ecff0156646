"""One embedded cloud whose time does not pass by itself: metrics are judged by when they were."""

import pytest

from localcloud.cloud import Cloud


@pytest.fixture(scope="package")
def cloud():
    with Cloud.start(skip_idle=False) as started:
        yield started
        assert started.errors() == []
