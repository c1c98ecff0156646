"""Evaluates pieces of a template: its functions and its conditions.

The same code evaluates for a live stack, where every name has a value or an error, and for a check before a
deployment, where some values are Unknown. They differ in their ``functions.Context`` alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cfn_template.functions import FUNCTIONS, Context
from cfn_template.limits import MADE_MAX_CHARACTERS
from cfn_template.texts import (
    EvaluationError,
    TooLargeError,
    UnknownFunctionError,
    as_shown,
    as_text,
    exactly,
)
from cfn_template.values import NO_VALUE, Unknown, copied_list, copied_map, first_unknown

#: The prefix of functions. A function beside other keys would yield further keys.
_GIVES_KEYS = "Fn::"


@dataclass
class Evaluator:
    """Evaluates pieces of one template.

    Args:
        context: Supplies values from outside the template.
        mappings: The template's section ``Mappings``.
        conditions: The template's section ``Conditions``.
    """

    context: Context
    mappings: Mapping[str, Any]
    conditions: Mapping[str, Any]
    _decided: dict[str, bool | Unknown] = field(default_factory=dict)
    _made_characters: int = 0

    def evaluate(self, node: Any) -> Any:
        """Returns a copy of a piece of a template with every function replaced by its value.

        Raises:
            EvaluationError: A function has no value, and the context raises.
        """
        if isinstance(node, list):
            items = ((index, self.evaluate(item)) for index, item in enumerate(node))
            return copied_list(node, [(index, item) for index, item in items if item is not NO_VALUE])
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name in FUNCTIONS or str(name).startswith(_GIVES_KEYS):
                return self._call(node, name, argument)
        return self._map(node)

    def holds(self, name: Any) -> bool | Unknown:
        """Returns whether a condition of the template is true.

        Raises:
            EvaluationError: There is no such condition, or it depends on itself.
        """
        if not isinstance(name, str) or name not in self.conditions:
            shown = name if isinstance(name, str) else as_shown(name)
            raise EvaluationError(f"Template format error: Unresolved condition {shown}")
        for each in self._undecided(name):
            self._decided[each] = self._tested(each)
        return self._decided[name]

    def choose(self, node: Any) -> Any:
        """Returns a copy of a piece of a template with every ``Fn::If`` replaced by the branch it takes.

        An ``Fn::If`` whose condition is Unknown stays as it is.

        Raises:
            EvaluationError: A condition has no value.
        """
        if isinstance(node, list):
            chosen = [(index, self.choose(item)) for index, item in enumerate(node)]
            return copied_list(node, [(index, item) for index, item in chosen if item != _NO_VALUE_REF])
        if not isinstance(node, dict):
            return node
        if set(node) == {"Fn::If"}:
            branch = self.branch(node["Fn::If"])
            return node if isinstance(branch, Unknown) else self.choose(branch)
        kept = {key: self.choose(value) for key, value in node.items()}
        return copied_map(node, {key: value for key, value in kept.items() if value != _NO_VALUE_REF})

    def branch(self, arguments: Any) -> Any:
        """Returns the branch that ``Fn::If`` takes, as it stands in the template.

        Raises:
            EvaluationError: Its arguments are not valid, or its condition has no value.
        """
        condition, if_true, if_false = exactly(arguments, 3, "Fn::If")
        held = self.holds(condition)
        if isinstance(held, Unknown):
            return held
        return if_true if held else if_false

    def charge(self, value: Any) -> None:
        """Counts the characters of a function's value.

        Raises:
            TooLargeError: The values of all functions have more than ``MADE_MAX_CHARACTERS``.
        """
        self._made_characters += _characters(value)
        self._require_unspent()

    def _require_unspent(self) -> None:
        if self._made_characters > MADE_MAX_CHARACTERS:
            raise TooLargeError(
                f"the functions of this template make more than {MADE_MAX_CHARACTERS:,} characters: "
                "the rest is not evaluated"
            )

    def _call(self, node: dict[str, Any], name: str, argument: Any) -> Any:
        try:
            self._require_unspent()
            function = FUNCTIONS.get(name)
            if function is None:
                raise UnknownFunctionError(name)
            value = function(self, argument)
            self.charge(value)
        except EvaluationError as error:
            return self.context.failed(error, node)
        return value

    def _map(self, node: dict[str, Any]) -> Any:
        evaluated: dict[str, Any] = {}
        for key, item in node.items():
            if str(key).startswith(_GIVES_KEYS):
                return self.context.failed(UnknownFunctionError(key), node)
            value = self.evaluate(item)
            if value is not NO_VALUE:
                evaluated[key] = value
        return copied_map(node, evaluated)

    def _tested(self, name: str) -> bool | Unknown:
        try:
            return self._test(self.conditions[name])
        except EvaluationError as error:
            failed = self.context.failed(error, self.conditions[name])
            return failed if isinstance(failed, Unknown) else Unknown(str(error))

    def _test(self, node: Any) -> bool | Unknown:
        if not isinstance(node, dict) or len(node) != 1:
            raise EvaluationError("Template format error: a condition must be one condition function")
        ((name, arguments),) = node.items()
        match name:
            case "Condition":
                return self.holds(arguments)
            case "Fn::Equals":
                left, right = exactly(arguments, 2, name)
                return _equal(self.evaluate(left), self.evaluate(right))
            case "Fn::Not":
                (only,) = exactly(arguments, 1, name)
                tested = self._test(only)
                return tested if isinstance(tested, Unknown) else not tested
            case "Fn::And" | "Fn::Or":
                return self._any_or_all(arguments, name, deciding=name == "Fn::Or")
        raise UnknownFunctionError(str(name), "condition function")

    def _any_or_all(self, arguments: Any, name: str, *, deciding: bool) -> bool | Unknown:
        if not isinstance(arguments, list):
            raise EvaluationError(f"Template error: every {name} object requires a list of conditions")
        doubt: Unknown | None = None
        for argument in arguments:
            tested = self._test(argument)
            if isinstance(tested, Unknown):
                doubt = tested
            elif tested is deciding:
                return deciding
        return doubt or not deciding

    def _undecided(self, name: str) -> list[str]:
        """Returns a condition and those that it depends on, dependencies first.

        Raises:
            EvaluationError: A condition depends on itself.
        """
        order: dict[str, None] = {}
        inside: set[str] = set()
        waiting = [(name, False)]
        while waiting:
            each, is_left = waiting.pop()
            if is_left:
                inside.discard(each)
                order[each] = None
            elif each in inside:
                self._circle(each)
            elif each not in order and each not in self._decided and each in self.conditions:
                inside.add(each)
                waiting.append((each, True))
                waiting += [(asked, False) for asked in _asked(self.conditions[each])]
        return list(order)

    def _circle(self, name: str) -> None:
        error = EvaluationError(f"Template format error: Circular dependency of condition {name}")
        failed = self.context.failed(error, self.conditions[name])
        # The conditions of a circle are Unknown, and so are those that depend on one of them.
        self._decided[name] = failed if isinstance(failed, Unknown) else Unknown(str(error))


_NO_VALUE_REF = {"Ref": "AWS::NoValue"}


def _characters(value: Any) -> int:
    """Returns the characters of a value, plus one for each item of a list."""
    if isinstance(value, list | dict):
        return sum(_characters(item) + 1 for item in (value.values() if isinstance(value, dict) else value))
    return len(value) if isinstance(value, str) else 1


def _equal(left: Any, right: Any) -> bool | Unknown:
    unknown = first_unknown([left, right])
    if unknown is not None:
        return unknown
    return bool(_comparable(left) == _comparable(right))


def _comparable(value: Any) -> Any:
    return value if isinstance(value, list | dict) else as_text(value)


def _asked(condition: Any) -> Iterator[str]:
    """Yields the names of the conditions that a condition depends on."""
    waiting = [condition]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node.get("Condition"), str):
                yield node["Condition"]
            branches = node.get("Fn::If")
            if isinstance(branches, list) and branches and isinstance(branches[0], str):
                yield branches[0]
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
