"""Isolates calls of the library: each starts without clients, caches and Region, and leaves none behind."""

import asyncio
import inspect
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import resources

import boto3
import pcluster
import pcluster.utils
from pcluster.aws.aws_api import AWSApi
from pcluster.aws.common import Cache
from pcluster.validators.s3_validators import UrlValidator

from cluster_engine.gate import Gate

logger = logging.getLogger(__name__)

#: The library fetches its list of Regions without a timeout. Without an answer it uses the list that it
#: ships. Source: pcluster/utils.py, retrieve_supported_regions.
REGIONS_TIMEOUT_S = 3.0

#: For the other connections that the library opens without a timeout: scripts at HTTPS addresses. Longer than
#: the 10 s of that validator; botocore has its own timeouts. Source: pcluster/validators/common.py.
SOCKET_TIMEOUT_S = 15.0


@contextmanager
def isolated(region: str, gate: Gate) -> Iterator[None]:
    """Gives the library a session of its own and the Region while its context lasts."""
    with ExitStack() as stack:
        stack.callback(_restore_region, os.environ.get("AWS_DEFAULT_REGION"))
        os.environ["AWS_DEFAULT_REGION"] = region
        stack.callback(_forget)
        _forget()
        session = boto3.Session()
        gate.install(session)
        boto3.DEFAULT_SESSION = (
            session  # the library makes all its clients by boto3.client(), which uses this
        )
        stack.callback(socket.setdefaulttimeout, socket.getdefaulttimeout())
        _ensure_regions()
        socket.setdefaulttimeout(SOCKET_TIMEOUT_S)
        _ensure_event_loop()
        yield


def _forget() -> None:
    boto3.DEFAULT_SESSION = None
    AWSApi.reset()
    Cache.clear_all()
    # The one cache that is not a Cache: it keeps verdicts on script addresses for 10 s.
    # Source: pcluster/utils.py, AsyncUtils.async_timeout_cache.
    inspect.getclosurevars(UrlValidator._validate_async).nonlocals["_cache"].clear()  # noqa: SLF001


def _restore_region(region: str | None) -> None:
    if region is None:
        os.environ.pop("AWS_DEFAULT_REGION", None)
    else:
        os.environ["AWS_DEFAULT_REGION"] = region


def _ensure_event_loop() -> None:
    try:
        asyncio.get_event_loop_policy().get_event_loop()
    except RuntimeError:
        asyncio.set_event_loop(asyncio.new_event_loop())


def _ensure_regions() -> None:
    """Makes the library fetch its list of Regions, or use the one that it ships if no answer comes.

    The library does so itself, but not if an answer stalls: it would ask again when it sets the Region, and
    the call would fail. Older releases have the list in their code.
    """
    retrieve = getattr(pcluster.utils, "retrieve_supported_regions", None)
    if retrieve is None:
        return
    socket.setdefaulttimeout(REGIONS_TIMEOUT_S)
    try:
        retrieve()
    except OSError as error:  # the library expects URLError only
        logger.warning("the list of supported Regions could not be read: %s", error)
        shipped = resources.files(pcluster) / "resources" / "supported-regions"
        vars(retrieve)["cache"] = shipped.read_text(encoding="utf-8").split("\n")
