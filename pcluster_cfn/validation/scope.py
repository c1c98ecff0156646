"""What a template's functions can see before anything is deployed: parameters, mappings, conditions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cfn_template.nodes import child, entries, scalar, value
from cluster_schema.conversion import UNKNOWN
from cluster_schema.limits import TEXT_MAX_BYTES

#: What all functions of a template give together: no more than a few times the largest template.
MADE_MAX_CHARACTERS = 8 * TEXT_MAX_BYTES


class TooLargeError(Exception):
    """What a function would give is larger than what CloudFormation takes; the text says so."""


@dataclass
class Scope:
    """All that functions of one template can be asked for.

    Args:
        names: Values of parameters and pseudo parameters; what is not there is not known.
        mappings: The node of ``Mappings``.
        conditions: The nodes of ``Conditions``, by name.
        attribute: Returns what ``Fn::GetAtt`` gives: text, or UNKNOWN.
    """

    names: Mapping[str, Any]
    mappings: Node | None
    conditions: Mapping[str, Node]
    attribute: Callable[[str], Any] = lambda _: UNKNOWN
    decided: dict[str, bool | None] = field(default_factory=dict)
    _made_characters: int = 0
    _indexed: dict[int, dict[str, Node]] = field(default_factory=dict)

    @property
    def is_spent(self) -> bool:
        """Whether functions have given so much that none is carried out any more."""
        return self._made_characters > MADE_MAX_CHARACTERS

    def charge(self, characters: int) -> None:
        """Counts what a function gives.

        Raises:
            TooLargeError: All functions together have given more than ``MADE_MAX_CHARACTERS``.
        """
        self._made_characters += characters
        if self.is_spent:
            raise TooLargeError(
                f"the functions of this template make more than {MADE_MAX_CHARACTERS:,} characters: "
                "what is behind is not checked"
            )

    def entry(self, mapping: Node | None, name: str) -> Node | None:
        """Returns the value of a key of a map that may be large and is asked often; None without one."""
        if mapping is None:
            return None
        if id(mapping) not in self._indexed:
            self._indexed[id(mapping)] = dict(reversed(list(entries(mapping))))  # the first one counts
        return self._indexed[id(mapping)].get(name)

    def undecided(self, name: str) -> list[str]:
        """Returns what has to be decided for a condition, each behind those that it asks for."""
        order: dict[str, None] = {}
        begun: set[str] = set()
        waiting = [(name, False)]
        while waiting:
            each, is_left = waiting.pop()
            if is_left:
                order[each] = None
            elif each not in begun and each not in self.decided and each in self.conditions:
                begun.add(each)
                waiting.append((each, True))
                waiting += [(asked, False) for asked in _asked(self.conditions[each])]
        return list(order)


def scope_of(root: Node, given: Mapping[str, str], known: Mapping[str, Any]) -> Scope:
    """Returns the scope of a template.

    Args:
        root: The template.
        given: Texts of parameters, in place of their defaults.
        known: Values of pseudo parameters, and what references to resources give, if that is known.
    """
    declared = dict(entries(child(root, "Parameters")))
    names = {name: _value(node, given.get(name)) for name, node in declared.items()}
    return Scope(
        names={**known, **names},
        mappings=child(root, "Mappings"),
        conditions=dict(entries(child(root, "Conditions"))),
    )


def _value(declaration: Node, given: str | None) -> Any:
    """The value of a parameter; a secret one is not known, so that no message shows it."""
    kind = scalar(child(declaration, "Type")) or "String"
    text = value(child(declaration, "Default")) if given is None else given
    no_echo = (value(child(declaration, "NoEcho")) or "").lower() == "true"
    if text is None or no_echo or kind.startswith("AWS::SSM::Parameter::Value<"):
        return UNKNOWN
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        return [item.strip() for item in text.split(",")] if text else []
    return text


def _asked(condition: Node) -> list[str]:
    """Returns the names of the conditions that one asks for."""
    found: list[Node] = []
    waiting, seen = [condition], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, MappingNode):
            inner = dict(entries(node))
            found += [inner["Condition"]] if "Condition" in inner else []
            found += _first(inner.get("Fn::If"))
            waiting += inner.values()
        elif isinstance(node, SequenceNode):
            found += _first(node) if node.tag == "!If" else []
            waiting += node.value
        elif node.tag == "!Condition":
            found.append(node)
    return [node.value for node in found if isinstance(node, ScalarNode)]


def _first(node: Node | None) -> list[Node]:
    return node.value[:1] if isinstance(node, SequenceNode) else []
