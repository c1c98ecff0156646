"""Rules that a user sets: how long resources take, which fail, and when a failed one is deleted."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

#: When an update deletes a resource whose creation failed: before it makes it anew, or in its clean-up.
RetryOrder = Literal["delete-first", "create-first"]

_ACTIONS = ("CREATE", "UPDATE", "DELETE", "*")
_RESOURCE_KEYS = {"stack", "logical_id", "type"}
_KEYS = {*_RESOURCE_KEYS, "action", "duration_s", "fail", "times"}
_RETRY = "retry"


@dataclass(frozen=True)
class Behaviour:
    """What one action on one resource does.

    Attributes:
        duration_s: How long it takes at least.
        fail: The reason it fails with; None for success.
    """

    duration_s: float = 0.0
    fail: str | None = None


@dataclass(frozen=True)
class _Resources:
    """Patterns for a resource."""

    stack: str
    logical_id: str
    resource_type: str

    def match(self, stack_name: str, logical_id: str, resource_type: str) -> bool:
        return (
            fnmatchcase(stack_name, self.stack)
            and fnmatchcase(logical_id, self.logical_id)
            and fnmatchcase(resource_type, self.resource_type)
        )


@dataclass
class _Rule:
    resources: _Resources
    action: str
    behaviour: Behaviour
    times: int | None

    def takes(self, stack_name: str, logical_id: str, resource_type: str, action: str) -> bool:
        return (
            self.times != 0
            and self.action in {action, "*"}
            and self.resources.match(stack_name, logical_id, resource_type)
        )


@dataclass(frozen=True)
class _RetryRule:
    resources: _Resources
    order: RetryOrder


class Behaviours:
    """The rules in force. The first that matches decides; without one an action ends at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self._retries: list[_RetryRule] = []

    def replace(self, rules: Iterable[Mapping[str, Any]]) -> None:
        """Replaces all rules.

        Args:
            rules: Each with optional ``stack``, ``logical_id`` and ``type`` (patterns as in file names, by
                default any), ``action`` (CREATE, UPDATE, DELETE or, by default, ``*``), ``duration_s``,
                ``fail`` (a reason) and ``times`` (how often it decides; by default always). Taking an
                update back is an UPDATE as well: a failure that is to be rolled back needs ``times``.
                A rule with ``retry`` (``delete-first`` or ``create-first``) has only patterns besides: it
                decides when an update deletes a resource whose creation failed.

        Raises:
            ValueError: A rule has an unknown key or a value that is not valid; the present rules stay.
        """
        given = list(rules)
        parsed = [_parse(rule) for rule in given if _RETRY not in rule]
        retries = [_parse_retry(rule) for rule in given if _RETRY in rule]
        with self._lock:
            self._rules, self._retries = parsed, retries

    def decide(self, stack_name: str, logical_id: str, resource_type: str, action: str) -> Behaviour:
        """Returns what an action does, and counts it against the rule that decided."""
        with self._lock:
            for rule in self._rules:
                if rule.takes(stack_name, logical_id, resource_type, action):
                    if rule.times is not None:
                        rule.times -= 1
                    return rule.behaviour
        return Behaviour()

    def retry_order(self, stack_name: str, logical_id: str, resource_type: str) -> RetryOrder:
        """Returns when a resource whose creation failed is deleted by the update that makes it anew.

        AWS documents that such a resource is deleted by the next stack operation, not in which order, so both
        can be had. Source: CloudFormation user guide, "Stack failure options".
        """
        with self._lock:
            for rule in self._retries:
                if rule.resources.match(stack_name, logical_id, resource_type):
                    return rule.order
        return "delete-first"


def _parse(rule: Mapping[str, Any]) -> _Rule:
    if unknown := set(rule) - _KEYS:
        raise ValueError(f"unknown keys {sorted(unknown)}; a behaviour has {sorted({*_KEYS, _RETRY})}")
    action = rule.get("action", "*")
    if action not in _ACTIONS:
        raise ValueError(f"action {action!r} is not one of {', '.join(_ACTIONS)}")
    duration_s = float(rule.get("duration_s") or 0)
    if duration_s < 0:
        raise ValueError(f"duration_s {duration_s} is negative")
    times = rule.get("times")
    if times is not None and (not isinstance(times, int) or times < 0):
        raise ValueError(f"times {times!r} is neither a count nor null")
    return _Rule(_resources(rule), action, Behaviour(duration_s, rule.get("fail")), times)


def _parse_retry(rule: Mapping[str, Any]) -> _RetryRule:
    if unknown := set(rule) - _RESOURCE_KEYS - {_RETRY}:
        raise ValueError(f"a rule with {_RETRY!r} has patterns only besides, not {sorted(unknown)}")
    order = rule[_RETRY]
    if order not in get_args(RetryOrder):
        raise ValueError(f"{_RETRY} {order!r} is not one of {', '.join(get_args(RetryOrder))}")
    return _RetryRule(_resources(rule), order)


def _resources(rule: Mapping[str, Any]) -> _Resources:
    return _Resources(rule.get("stack", "*"), rule.get("logical_id", "*"), rule.get("type", "*"))


#: The rules of this process.
behaviours = Behaviours()
