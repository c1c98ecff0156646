"""How long resources take and which of them fail, told from outside."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

_ACTIONS = ("CREATE", "UPDATE", "DELETE", "*")
_KEYS = {"stack", "logical_id", "type", "action", "duration_s", "fail", "times"}


@dataclass(frozen=True)
class Behaviour:
    """What one action on one resource does.

    Attributes:
        duration_s: How long it takes at least.
        fail: Why it fails; None where it does not.
    """

    duration_s: float = 0.0
    fail: str | None = None


@dataclass
class _Rule:
    stack: str
    logical_id: str
    resource_type: str
    action: str
    behaviour: Behaviour
    times: int | None

    def takes(self, stack_name: str, logical_id: str, resource_type: str, action: str) -> bool:
        return (
            self.times != 0
            and self.action in {action, "*"}
            and fnmatchcase(stack_name, self.stack)
            and fnmatchcase(logical_id, self.logical_id)
            and fnmatchcase(resource_type, self.resource_type)
        )


class Behaviours:
    """The rules in force: the first that matches decides, and without one an action is done at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []

    def replace(self, rules: Iterable[Mapping[str, Any]]) -> None:
        """Puts rules in force in place of all others.

        Args:
            rules: Each with optional ``stack``, ``logical_id`` and ``type`` (patterns as in file names, by
                default any), ``action`` (CREATE, UPDATE, DELETE or, by default, ``*``), ``duration_s``,
                ``fail`` (a reason) and ``times`` (how often it decides; by default always). Taking an
                update back is an UPDATE as well: a failure that is to be rolled back needs ``times``.

        Raises:
            ValueError: A rule has a key or a value that means nothing; the rules in force stay.
        """
        parsed = [_parse(rule) for rule in rules]
        with self._lock:
            self._rules = parsed

    def decide(self, stack_name: str, logical_id: str, resource_type: str, action: str) -> Behaviour:
        """Returns what an action does, and counts it against the rule that says so."""
        with self._lock:
            for rule in self._rules:
                if rule.takes(stack_name, logical_id, resource_type, action):
                    if rule.times is not None:
                        rule.times -= 1
                    return rule.behaviour
        return Behaviour()


def _parse(rule: Mapping[str, Any]) -> _Rule:
    if unknown := set(rule) - _KEYS:
        raise ValueError(f"unknown keys {sorted(unknown)}; a behaviour has {sorted(_KEYS)}")
    action = rule.get("action", "*")
    if action not in _ACTIONS:
        raise ValueError(f"action {action!r} is not one of {', '.join(_ACTIONS)}")
    duration_s = float(rule.get("duration_s") or 0)
    if duration_s < 0:
        raise ValueError(f"duration_s {duration_s} is negative")
    times = rule.get("times")
    if times is not None and (not isinstance(times, int) or times < 0):
        raise ValueError(f"times {times!r} is neither a count nor null")
    return _Rule(
        stack=rule.get("stack", "*"),
        logical_id=rule.get("logical_id", "*"),
        resource_type=rule.get("type", "*"),
        action=action,
        behaviour=Behaviour(duration_s, rule.get("fail")),
        times=times,
    )


#: The rules of this process.
behaviours = Behaviours()
