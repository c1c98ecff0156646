"""CloudFormation: stacks that take time, fail, roll back and clean up, made of moto's resource models."""

from collections.abc import Callable
from typing import Any, cast

from moto.cloudformation import urls
from moto.cloudformation.models import cloudformation_backends
from moto.core.base_backend import BackendDict

from localcloud import events, functions
from localcloud.cloudformation import requests
from localcloud.cloudformation.handlers import register
from localcloud.cloudformation.handlers.nested import NestedStackHandler
from localcloud.cloudformation.handlers.wait import signal_wait_handle
from localcloud.cloudformation.names import Names
from localcloud.cloudformation.nesting import Nesting
from localcloud.cloudformation.ports import BeginInvocation, Ports, PutServiceEvent, connect
from localcloud.cloudformation.registry import StackRegistry
from localcloud.cloudformation.response_endpoint import response_endpoint
from localcloud.cloudformation.responses import StackResponse
from localcloud.cloudformation.stack import Stack
from localcloud.cloudformation.steps import lock
from localcloud.notifications import ResourceEvent, subscribe, unsubscribe

__all__ = [
    "ResourceEvent",
    "delete_stack",
    "install",
    "names",
    "responses",
    "responses_address",
    "signal_wait_handle",
    "stacks",
    "stop",
    "subscribe",
    "unsubscribe",
]

_reset_of_moto = BackendDict.reset


def install(
    *,
    invoke_async: Callable[[str, bytes], str] = functions.invoke_async,
    begin_invocation: BeginInvocation = functions.begin,
    put_service_event: PutServiceEvent = events.put_service_event,
) -> None:
    """Replaces moto's stacks in this process; call it before the first request.

    Args:
        invoke_async: Invokes a function by ARN with a payload and returns the request id; must not wait
            for anything that needs a stack to move.
        begin_invocation: Invokes a function by ARN and calls back at its end; must not wait either.
        put_service_event: Puts an event on the default bus; called outside the lock.
    """
    connect(Ports(invoke_async, begin_invocation, put_service_event))
    register("AWS::CloudFormation::Stack", NestedStackHandler(Nesting()))
    cloudformation_backends.backend = StackRegistry
    cloudformation_backends.clear()
    BackendDict.reset = staticmethod(_reset)  # type: ignore[method-assign]
    # This is the only path: responses of custom resources arrive at our endpoint and not at moto's.
    urls.url_paths.clear()
    urls.url_paths["{0}/$"] = StackResponse.dispatch
    response_endpoint.start()


def _reset() -> None:
    """Forgets everything.

    Who changes a stack holds our lock when it makes a backend, for which moto's lock is needed. A reset holds
    moto's all the time, and takes ours for the stacks: it has to take ours first.
    """
    with lock:
        _reset_of_moto()


def names() -> Names:
    """Returns the host names of response URLs and the authority that their clients must trust."""
    return response_endpoint.names


def responses_address() -> str:
    """Returns the host and port where the server behind all response URLs listens."""
    return f"127.0.0.1:{response_endpoint.port}"


def responses() -> list[dict[str, Any]]:
    """Returns every PUT to a response URL or a wait condition's handle so far, oldest first."""
    return [delivery.to_json() for delivery in list(response_endpoint.deliveries)]


def stacks(account_id: str, region_name: str) -> list[Stack]:
    """Returns the stacks of a Region that exist, the oldest first."""
    registry = cast("StackRegistry", cloudformation_backends[account_id][region_name])
    return list(registry.stacks.values())


def delete_stack(stack_id: str) -> None:
    """Starts the deletion of a stack, as the API does; does nothing if it is deleted or being deleted."""
    _, _, _, region_name, account_id, _ = stack_id.split(":", maxsplit=5)
    registry = cast("StackRegistry", cloudformation_backends[account_id][region_name])
    with lock:
        requests.delete(registry, stack_id, None, [])


def stop() -> None:
    """Stops the response endpoint and removes its certificate files."""
    response_endpoint.stop()
