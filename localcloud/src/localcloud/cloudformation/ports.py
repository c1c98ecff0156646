"""What stacks need from the rest of the cloud, given once at installation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class PutServiceEvent(Protocol):
    """Puts an event of an AWS service on the default bus."""

    def __call__(self, source: str, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
        """See ``localcloud.events.put_service_event``."""
        ...


@dataclass
class Ports:
    """The neighbours.

    Attributes:
        invoke_async: Invokes a function by ARN with a payload and returns the request id.
        put_service_event: Puts an event on the default bus.
    """

    invoke_async: Callable[[str, bytes], str]
    put_service_event: PutServiceEvent


class _Registry:
    ports: Ports | None = None


def connect(ports: Ports) -> None:
    """Names the neighbours of this process."""
    _Registry.ports = ports


def connected() -> Ports:
    """Returns the neighbours of this process."""
    if _Registry.ports is None:
        raise RuntimeError("localcloud.cloudformation.install() has not been called")
    return _Registry.ports
