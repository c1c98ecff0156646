"""What a template's functions can see before anything is deployed: parameters, mappings, conditions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from yaml.nodes import Node

from cluster_schema.conversion import UNKNOWN
from pcluster_cfn.template import child, entries, scalar, value


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
