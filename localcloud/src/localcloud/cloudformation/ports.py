"""What stacks need from Lambda and EventBridge, set once at installation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class PutServiceEvent(Protocol):
    """Puts an event of an AWS service on the default bus."""

    def __call__(self, source: str, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
        """See ``localcloud.events.put_service_event``."""
        ...


class BeginInvocation(Protocol):
    """Invokes a function synchronously, without waiting for its end."""

    def __call__(self, function_arn: str, payload: bytes, ended: Callable[[bytes | None], None]) -> None:
        """Begins an invocation; ``ended`` gets the result in another thread, None if the function failed.

        Raises:
            LambdaClientError: Lambda refused the invocation.
        """
        ...


@dataclass
class Ports:
    """Calls to Lambda and EventBridge.

    Attributes:
        invoke_async: Invokes a function by ARN with a payload and returns the request id.
        begin_invocation: Invokes a function and calls back at its end.
        put_service_event: Puts an event on the default bus.
    """

    invoke_async: Callable[[str, bytes], str]
    begin_invocation: BeginInvocation
    put_service_event: PutServiceEvent


class _Registry:
    ports: Ports | None = None


def connect(ports: Ports) -> None:
    """Sets the ports of this process."""
    _Registry.ports = ports


def connected() -> Ports:
    """Returns the ports of this process."""
    if _Registry.ports is None:
        raise RuntimeError("localcloud.cloudformation.install() has not been called")
    return _Registry.ports
