"""Keeps requests that moto answers at the same time apart."""

from typing import Any

from moto.core.responses import BaseResponse


def keep_apart() -> None:
    """Gives each request its own table of how its response is serialised.

    moto keeps one table for all requests of a service and changes it while it responds: a request that is
    answered at that moment fails, and what one response leaves out is missing from the next.
    """
    response: Any = BaseResponse
    if response.__init__ is not _initialise:
        response.__init__ = _initialise


_initialise_sharing: Any = BaseResponse.__init__


def _initialise(response: Any, service_name: str | None = None) -> None:
    _initialise_sharing(response, service_name)
    response.RESPONSE_KEY_PATH_TO_TRANSFORMER = dict(type(response).RESPONSE_KEY_PATH_TO_TRANSFORMER)
