"""Faults that a user sets for requests, responses and events."""

import random
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any, Literal

from localcloud.callers import Caller

Kind = Literal[
    "throttle",
    "error",
    "deny",
    "drop",
    "kill-before",
    "kill-after",
    "time-out-before",
    "time-out-after",
    "delay",
    "duplicate",
    "conflict",
]

#: Edges that are no API. Responses are what functions PUT to a response URL or a wait condition's handle
#: (operations Create, Update, Delete, Signal), requests are what CloudFormation asks of custom resources
#: (Create, Update, Delete), the bus is EventBridge on the way to a target (its operation is the detail-type),
#: events are those in a function's asynchronous queue (Invoke), whoever sent them. In DynamoDB a query of an
#: index (its operation is the index's name) is late, and a write (PutItem, TransactWriteItems, ...) meets a
#: transaction; function is the table's name for both.
RESPONSE, REQUEST, BUS, EVENT = "response", "request", "bus", "event"
INDEX, TRANSACTION = "index", "transaction"

#: What can strike where; anything but the pseudo services is an API or the way of a response.
_ANSWERS: frozenset[Kind] = frozenset({"throttle", "error", "deny"})
_ENDS: frozenset[Kind] = frozenset({"kill-before", "kill-after", "time-out-before", "time-out-after"})
_CALL: frozenset[Kind] = _ANSWERS | _ENDS | {"drop"}
_POSSIBLE: dict[str, frozenset[Kind]] = {
    REQUEST: frozenset({"delay", "duplicate"}),
    BUS: frozenset({"delay", "drop", "duplicate"}),
    EVENT: frozenset({"delay", "drop", "duplicate"}),
    INDEX: frozenset({"delay"}),
    TRANSACTION: frozenset({"conflict"}),
}


@dataclass
class Fault:
    """One fault, with how often it matched and struck.

    Attributes:
        service: Glob of the API's signing name (``cloudformation``, ``ec2``, ``dynamodb``), or ``response``,
            ``request``, ``bus``, ``event``,
            ``index`` or ``transaction``.
        operation: Glob of the operation's name.
        function: Glob of the calling function's name, of the called one's where a request or an event is
            delivered. ``*`` means everybody, clients outside included; ``?*`` means every function.
        kind: What happens.
        times: How often it strikes; None for always.
        skip: How many matches are let through first.
        ratio: Share of the matches after those that is struck, evenly spread, from 0 to 1.
        seed: Strikes the same share at random instead, the same ones for the same seed.
        after_s: Seconds by which a delayed delivery, or the second of a duplicate, comes later.
        matched: How often it matched.
        struck: How often it struck.
    """

    service: str
    operation: str
    function: str
    kind: Kind
    times: int | None = None
    skip: int = 0
    ratio: float = 1.0
    seed: int | None = None
    after_s: float = 0.0
    matched: int = 0
    struck: int = 0
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - no secret, but repeatable

    def strikes(self, service: str, operation: str, function: str, possible: frozenset[Kind]) -> bool:
        """Returns whether it strikes this one, and counts it."""
        matches = (
            self.kind in possible
            and fnmatchcase(service, self.service)
            and fnmatchcase(operation, self.operation)
            and (self.function == "*" or fnmatchcase(function, self.function))
        )
        if not matches:
            return False
        self.matched += 1
        counted = self.matched - self.skip
        if counted <= 0 or self.struck == self.times:
            return False
        strikes = self._strikes_next(counted)
        self.struck += strikes
        return strikes

    def to_json(self) -> dict[str, Any]:
        """Returns its settings and counts."""
        names = [item.name for item in fields(self) if item.init]
        return {name: getattr(self, name) for name in names}

    def _strikes_next(self, counted: int) -> bool:
        if self.seed is not None:
            return self._random.random() < self.ratio
        # The n-th match is struck where n times the ratio reaches the next whole number.
        return int(counted * self.ratio) > int((counted - 1) * self.ratio)


class Faults:
    """The faults in force: the first that strikes decides."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def replace(self, faults: Iterable[Mapping[str, Any]]) -> None:
        """Replaces all faults.

        Args:
            faults: Each with a ``kind`` and optional ``service``, ``operation``, ``function``, ``times``,
                ``skip``, ``ratio``, ``seed`` and ``after_s``; see ``Fault``.

        Raises:
            ValueError: A fault has an unknown key or a value that is not valid; the present faults stay.
        """
        parsed = [_parse(fault) for fault in faults]
        with self._lock:
            self._faults = parsed

    def to_json(self) -> list[dict[str, Any]]:
        """Returns the faults in force with how often each matched and struck."""
        with self._lock:
            return [fault.to_json() for fault in self._faults]

    @property
    def is_empty(self) -> bool:
        """Whether there are no faults."""
        return not self._faults

    def for_call(self, service: str, operation: str, caller: Caller | None) -> Kind | None:
        """Returns the kind of fault for an API call or a response; None for none."""
        possible = _CALL if caller is not None else _CALL - _ENDS
        fault = self._strike(service, operation, caller.function if caller else "", possible)
        return fault.kind if fault else None

    def deliveries(self, sent: str, operation: str, function: str) -> list[float]:
        """Returns the delay of each delivery to a function, in seconds; [0] without a fault."""
        fault = self._strike(sent, operation, function, _POSSIBLE[sent])
        if fault is None:
            return [0.0]
        return {"drop": [], "delay": [fault.after_s]}.get(fault.kind, [0.0, fault.after_s])

    def conflicts(self, operation: str, table: str) -> bool:
        """Returns whether a write to a table meets another transaction."""
        return self._strike(TRANSACTION, operation, table, _POSSIBLE[TRANSACTION]) is not None

    def _strike(self, service: str, operation: str, function: str, possible: frozenset[Kind]) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.strikes(service, operation, function, possible):
                    return fault
        return None


_OPTIONAL: dict[str, type | tuple[type, ...]] = {
    "service": str,
    "operation": str,
    "function": str,
    "skip": int,
    "ratio": (int, float),
    "seed": int,
    "after_s": (int, float),
}


def _parse(fault: Mapping[str, Any]) -> Fault:
    known = {*_OPTIONAL, "kind", "times"}
    if unknown := set(fault) - known:
        raise ValueError(f"unknown keys {sorted(unknown)}; a fault has {sorted(known)}")
    service = fault.get("service", "*")
    possible = _POSSIBLE.get(service, _CALL)
    if fault.get("kind") not in possible:
        raise ValueError(
            f"kind {fault.get('kind')!r} of service {service!r} is not one of {sorted(possible)}"
        )
    for key, kind in _OPTIONAL.items():
        if key in fault and not isinstance(fault[key], kind):
            raise ValueError(f"{key} {fault[key]!r} is no {kind}")
    times = fault.get("times")
    if times is not None and (not isinstance(times, int) or times < 0):
        raise ValueError(f"times {times!r} is neither a count nor null")
    parsed = Fault(**{"service": "*", "operation": "*", "function": "*", **fault})
    if parsed.skip < 0 or parsed.after_s < 0 or not 0 <= parsed.ratio <= 1:
        raise ValueError("skip and after_s are at least 0, ratio is from 0 to 1")
    return parsed


#: The faults of this process.
faults = Faults()
