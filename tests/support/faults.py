"""What can happen to the provider at a port call: it dies, the service does not answer, others come between.

Every call of a port passes a hook, before and after it takes place. What the hook raises is what the
provider meets; what it does is what happens meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cluster_provider.ports import Ports

#: Port calls that change something; the others only read.
EFFECTS = frozenset(
    {
        "operations.change",
        "operations.lease",
        "operations.release",
        "claims.claim",
        "claims.disclaim",
        "engines.invoke",
        "responses.send",
        "dead_letters.remove",
    }
)


class Killed(BaseException):
    """The process ends here, without a word: no handler of an Exception sees it."""


class Denied(Exception):  # noqa: N818 - a condition of the account
    """AWS refuses a call, however often it is repeated, until the permission is given."""


@dataclass(frozen=True)
class Seam:
    """A place between two things that the provider does.

    Args:
        call: The port call, as ``port.method``.
        taken: Whether the call has taken place.
    """

    call: str
    taken: bool

    @property
    def is_effect(self) -> bool:
        return self.call in EFFECTS


Hook = Callable[[Seam], None]


class FaultyPorts:
    """Ports whose every call passes a hook, before and after.

    Args:
        real: The ports behind.
        hook: Called at every seam.
    """

    def __init__(self, real: Ports, hook: Hook) -> None:
        self._real = real
        self._hook = hook

    def ports(self) -> Any:
        real = self._real
        return Ports(
            clock=real.clock,
            stacks=self._wrap("stacks", real.stacks),
            engines=self._wrap("engines", real.engines),
            responses=self._wrap("responses", real.responses),
            store=self._wrap("operations", real.store),
            claims=self._wrap("claims", real.claims),
            metrics=real.metrics,  # a line on standard output, right after what it measures
            dead_letters=self._wrap("dead_letters", real.dead_letters),
            # A failure never passes to the provider. tests/scenario/test_notifications.py lets it die there.
            notifications=real.notifications,
        )

    def _wrap(self, name: str, port: Any) -> Any:
        return _Faulty(name, port, self._hook)


class _Faulty:
    def __init__(self, name: str, port: Any, hook: Hook) -> None:
        self._name = name
        self._port = port
        self._hook = hook

    def __getattr__(self, method: str) -> Any:
        target = getattr(self._port, method)
        if not callable(target):
            return target
        call = f"{self._name}.{method}"

        def passed(*args: Any, **options: Any) -> Any:
            self._hook(Seam(call, taken=False))
            result = target(*args, **options)
            self._hook(Seam(call, taken=True))
            return result

        return passed
