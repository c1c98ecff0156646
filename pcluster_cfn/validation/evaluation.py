"""Pieces of a template as CloudFormation would hand them over, as far as that can be known.

Every scalar becomes text, functions become their values. Text that is known in part has holes in it.
"""

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cfn_template.nodes import entries, handed_over
from cluster_schema.conversion import UNKNOWN, Path
from cluster_schema.limits import TEXT_MAX_BYTES
from pcluster_cfn.validation.places import NO_VALUE, Reader
from pcluster_cfn.validation.scope import Scope, TooLargeError

#: Stands for text that is not known; from Unicode's private use, so no template means anything by it.
HOLE = "\ue000"
_NULL = "tag:yaml.org,2002:null"
_TAGS = {
    ScalarNode: "tag:yaml.org,2002:str",
    SequenceNode: "tag:yaml.org,2002:seq",
    MappingNode: "tag:yaml.org,2002:map",
}
#: Names of functions without the prefix ``Fn::``.
_UNPREFIXED = {"Ref", "Condition"}
#: The place of an item in a list; none has a billion.
_INDEX = re.compile("[0-9]{1,9}")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class _UnresolvedError(Exception):
    """A function cannot be carried out: an argument is not known, or CloudFormation will refuse it."""


@dataclass
class Evaluation(Reader):
    """Reads pieces of one template."""

    scope: Scope = field(kw_only=True)

    def content(self, node: Node, path: Path | None) -> Any:
        """Returns what a node evaluates to; UNKNOWN for a function whose value cannot be known."""
        called = function(node)
        if called is None:
            if any(key.startswith("Fn::") for key, _ in entries(node)):
                return UNKNOWN  # Fn::ForEach and Fn::Transform give keys that are not known yet
            return super().content(node, path)
        name, argument = called
        if name == "Fn::If":
            return self._branch(argument, path)
        if name not in _FUNCTIONS or self.scope.is_spent:
            return UNKNOWN
        try:
            value = _FUNCTIONS[name](self, argument)
            self.scope.charge(_characters(value))
        except _UnresolvedError:
            return UNKNOWN
        except TooLargeError as error:
            self.report(node, path, str(error))
            return UNKNOWN
        return value

    def scalar(self, node: ScalarNode, path: Path | None) -> Any:  # noqa: ARG002 - every scalar is text
        """Returns the text of a scalar; a boolean in the spelling of JSON."""
        if node.tag == _NULL:
            return None
        return handed_over(node)

    def holds(self, name: str) -> bool | None:
        """Says whether a condition of the template is true; None if that is not known."""
        order = [] if name in self.scope.decided else self.scope.undecided(name)
        self.scope.decided |= dict.fromkeys(order)  # of a condition that asks for itself nothing is known
        for each in order:
            self.scope.decided[each] = self._test(self.scope.conditions[each])
        return self.scope.decided.get(name)

    def text(self, node: Node) -> str:
        """Returns the text that a node evaluates to, with a hole if it is not known."""
        value = self.read(node, None)
        if value is UNKNOWN:
            return HOLE
        if not isinstance(value, str):
            raise _UnresolvedError
        return value

    def known(self, node: Node) -> str:
        """Returns the text that a node evaluates to, without holes."""
        text = self.text(node)
        if HOLE in text:
            raise _UnresolvedError
        return text

    def items(self, node: Node) -> list[Any]:
        """Returns the list that a node evaluates to."""
        value = self.read(node, None)
        if not isinstance(value, list):
            raise _UnresolvedError
        return value

    def _branch(self, argument: Node, path: Path | None) -> Any:
        if not isinstance(argument, SequenceNode) or len(argument.value) != 3:  # noqa: PLR2004 - Fn::If
            return UNKNOWN
        condition, if_true, if_false = argument.value
        held = self.holds(str(condition.value))
        if held is None:
            return UNKNOWN
        return self.read(if_true if held else if_false, path)

    def _test(self, node: Node) -> bool | None:
        name, argument = function(node) or ("", node)
        parts = argument.value if isinstance(argument, SequenceNode) else []
        if name == "Condition":
            return self.holds(str(argument.value))
        if name == "Fn::Equals" and len(parts) == 2:  # noqa: PLR2004 - Fn::Equals
            return self._equal(*parts)
        tested = [self._test(part) for part in parts]
        if name == "Fn::Not" and len(tested) == 1:
            return None if tested[0] is None else not tested[0]
        deciding = {"Fn::And": False, "Fn::Or": True}.get(name)
        if deciding is None:
            return None
        if deciding in tested:
            return deciding
        return None if None in tested else not deciding

    def _equal(self, left: Node, right: Node) -> bool | None:
        values = [settled(self.read(node, None)) for node in (left, right)]
        return None if UNKNOWN in values else values[0] == values[1]


def settled(value: Any) -> Any:
    """Returns a value in which text with holes is UNKNOWN."""
    if isinstance(value, dict):
        return {key: settled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [settled(item) for item in value]
    return UNKNOWN if isinstance(value, str) and HOLE in value else value


def _characters(value: Any) -> int:
    """Returns how much a function has given, a little for each item of a list as well."""
    if isinstance(value, list | dict):
        return sum(_characters(item) + 1 for item in (value.values() if isinstance(value, dict) else value))
    return len(value) if isinstance(value, str) else 1


def _too_large(name: str) -> TooLargeError:
    return TooLargeError(
        f"{name} makes a text of more than {TEXT_MAX_BYTES:,} characters, which no template can have"
    )


def function(node: Node) -> tuple[str, Node] | None:
    """Returns the function that a node calls and its argument: ``!Sub x`` and ``{Fn::Sub: x}``."""
    if node.tag.startswith("!"):
        name = node.tag[1:]
        argument = copy.copy(node)
        argument.tag = _TAGS[type(node)]
        return name if name in _UNPREFIXED else f"Fn::{name}", argument
    if isinstance(node, MappingNode) and len(node.value) == 1:
        ((key, argument),) = entries(node)
        if key in _UNPREFIXED or (key.startswith("Fn::") and not key.startswith("Fn::ForEach")):
            return key, argument
    return None


def _parts(argument: Node, *counts: int) -> list[Node]:
    if not isinstance(argument, SequenceNode) or len(argument.value) not in counts:
        raise _UnresolvedError
    return list(argument.value)


def _ref(evaluation: Evaluation, argument: Node) -> Any:
    if argument.value == "AWS::NoValue":
        return NO_VALUE
    return evaluation.scope.names.get(str(argument.value), UNKNOWN)


def _get_att(evaluation: Evaluation, argument: Node) -> Any:
    if isinstance(argument, SequenceNode):
        return evaluation.scope.attribute(".".join(evaluation.known(part) for part in argument.value))
    return evaluation.scope.attribute(str(argument.value))


def _sub(evaluation: Evaluation, argument: Node) -> str:
    text, local = (argument, None) if isinstance(argument, ScalarNode) else _parts(argument, 2)
    if not isinstance(text, ScalarNode):
        raise _UnresolvedError
    values: dict[str, Any] = {}
    pieces: list[str] = []
    end = 0
    room = TEXT_MAX_BYTES
    for variable in _VARIABLE.finditer(text.value):
        name = variable[1].strip()
        if name not in values:  # once, however often the text says it
            values[name] = _substitute(evaluation, name, local)
        value = values[name]
        # What is not known becomes a hole as wide as its name, so that what follows it stays where it is.
        known = isinstance(value, str) and value != HOLE
        pieces += [text.value[end : variable.start()], value if known else HOLE * len(variable[0])]
        end = variable.end()
        room -= len(pieces[-1])
        if room < 0:
            raise _too_large("Fn::Sub")
    return "".join([*pieces, text.value[end:]])


def _substitute(evaluation: Evaluation, name: str, local: Node | None) -> Any:
    """Returns what a variable of ``Fn::Sub`` stands for."""
    if name.startswith("!"):
        return "${" + name[1:] + "}"
    own = evaluation.scope.entry(local, name)
    if own is not None:
        return evaluation.text(own)
    if "." in name:
        return evaluation.scope.attribute(name)
    return evaluation.scope.names.get(name, UNKNOWN)


def _join(evaluation: Evaluation, argument: Node) -> str:
    delimiter, items = _parts(argument, 2)
    texts = [HOLE if item is UNKNOWN else item for item in evaluation.items(items)]
    if not all(isinstance(text, str) for text in texts):
        raise _UnresolvedError
    between = evaluation.known(delimiter)
    if sum(map(len, texts)) + len(between) * len(texts) > TEXT_MAX_BYTES:
        raise _too_large("Fn::Join")
    return between.join(texts)


def _split(evaluation: Evaluation, argument: Node) -> list[str]:
    delimiter, text = _parts(argument, 2)
    whole, between = evaluation.known(text), evaluation.known(delimiter)
    if not between:
        raise _UnresolvedError
    return whole.split(between)


def _select(evaluation: Evaluation, argument: Node) -> Any:
    index, items = _parts(argument, 2)
    listed, position = evaluation.items(items), evaluation.known(index)
    if not _INDEX.fullmatch(position) or int(position) >= len(listed):
        raise _UnresolvedError
    return listed[int(position)]


def _find_in_map(evaluation: Evaluation, argument: Node) -> Any:
    found = evaluation.scope.mappings
    for name in _parts(argument, 3, 4)[:3]:  # a fourth part holds the default
        found = evaluation.scope.entry(found, evaluation.known(name))
    if found is None:
        raise _UnresolvedError
    return _literal(evaluation, found)


def _literal(evaluation: Evaluation, node: Node) -> Any:
    """Returns a value of a mapping. Source: user guide, "Mappings section": text, or a list of texts."""
    if node.tag.startswith("!"):
        raise _UnresolvedError
    if isinstance(node, SequenceNode):
        return [_literal(evaluation, item) for item in node.value]
    if not isinstance(node, ScalarNode):
        raise _UnresolvedError
    return evaluation.scalar(node, None)


_FUNCTIONS: dict[str, Callable[[Evaluation, Node], Any]] = {
    "Ref": _ref,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAtt": _get_att,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
}
