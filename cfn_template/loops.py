"""Expands the loops of a template (`Fn::ForEach`).

Source: CloudFormation template reference, "Fn::ForEach"; cfn-language-discussion, RFC 0009.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cfn_template.limits import VALUES_MAX, Place
from cfn_template.texts import EvaluationError
from cfn_template.values import Map, Text, Unknown, copied_list, copied_map, first_unknown

PREFIX = "Fn::ForEach::"
#: The sections that may have loops, at any depth.
SECTIONS = ("Conditions", "Resources", "Outputs")
_NAME = re.compile(rf"{PREFIX}[A-Za-z0-9]+")
_NOT_ALPHANUMERIC = re.compile(r"[^A-Za-z0-9]+")


#: The transform that loops need.
LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"


class LoopError(ValueError):
    """A loop that cannot be expanded; the message says which and why."""


@dataclass(frozen=True)
class LeftLoop:
    """A loop that is not expanded, because its collection is not known.

    Args:
        section: ``Resources``, ``Conditions`` or ``Outputs``.
        key: ``Fn::ForEach::Name``.
        reason: Why the collection is not known.
        place: Of the key; None in values without places.
    """

    section: str
    key: str
    reason: str
    place: Place | None


def transforms_of(template: Mapping[str, Any]) -> list[str]:
    """Returns the names of the transforms that a template declares, in order."""
    declared = template.get("Transform", [])
    listed = declared if isinstance(declared, list) else [declared]
    return [str(each.get("Name") if isinstance(each, dict) else each) for each in listed]


def expand_loops(
    template: Mapping[str, Any], evaluate: Callable[[Any], Any]
) -> tuple[dict[str, Any], list[LeftLoop]]:
    """Returns a template with its loops expanded, and the loops whose collection is not known.

    Args:
        template: A template with ``AWS::LanguageExtensions``.
        evaluate: Evaluates a collection that is a function of parameters and mappings.

    Raises:
        LoopError: A loop is not valid, its collection is no list of text, it makes a key twice, or all loops
            together make more values than a template may have.
    """
    expanded = copied_map(template, template)
    left: list[LeftLoop] = []
    for section in SECTIONS:
        if section in template:
            expansion = _Expansion(section, evaluate)
            expanded[section] = expansion.expand(template[section], {})
            left += expansion.left
    return expanded, left


class _Expansion:
    """Expands the loops of one section."""

    def __init__(self, section: str, evaluate: Callable[[Any], Any]) -> None:
        self.left: list[LeftLoop] = []
        self._section = section
        self._evaluate = evaluate
        self._made = 0

    def expand(self, node: Any, items: Mapping[str, str]) -> Any:
        """Returns a copy of a piece of a template without loops.

        Args:
            node: The piece.
            items: The item of each loop around it, by identifier.
        """
        self._made += 1
        if self._made > VALUES_MAX:
            raise LoopError(f"loops make more than {VALUES_MAX:,} keys and values: repeat less")
        if isinstance(node, str):
            return _replace(node, items)
        if isinstance(node, list):
            return copied_list(node, [(at, self.expand(member, items)) for at, member in enumerate(node)])
        if not isinstance(node, dict):
            return node
        if set(node) == {"Ref"} and node["Ref"] in items:
            return items[node["Ref"]]
        expanded: dict[str, Any] = Map(node.place) if isinstance(node, Map) else {}
        for key, value in node.items():
            if key.startswith(PREFIX):
                members = self._loop(node, key, value, items)
            else:
                members = [(node, key, _replace(key, items), self._member(key, value, items))]
            for source, written, name, member in members:
                if name in expanded:
                    raise LoopError(f"Duplicate key {name}")
                _put(expanded, name, member, source, written)
        return _plain(expanded)

    def _member(self, key: str, value: Any, items: Mapping[str, str]) -> Any:
        if key == "Fn::If" and isinstance(value, list):
            # The condition's name stays. Source: aws-cloudformation/cfn-lint, _language_extensions.py.
            kept = [(0, value[0])] if value else []
            branches = [(at, self.expand(item, items)) for at, item in enumerate(value) if at]
            return copied_list(value, kept + branches)
        return self.expand(value, items)

    def _loop(
        self, node: dict[str, Any], key: str, loop: Any, items: Mapping[str, str]
    ) -> list[tuple[dict[str, Any], str, str, Any]]:
        """Returns each entry that a loop makes: its source map and key, its new name, and its value."""
        if not _NAME.fullmatch(key):
            raise LoopError(f"the name of {key} is not alphanumeric")
        match loop:
            case [str(identifier), collection, dict(fragment)]:
                pass
            case _:
                raise LoopError(f"{key} layout is incorrect")
        values = self._collection(key, self.expand(collection, items))
        if isinstance(values, Unknown):
            place = node.keys_at.get(key) if isinstance(node, Map) else None
            self.left.append(LeftLoop(self._section, key, values.reason, place))
            return [(node, key, key, loop)]
        written = []
        for item in values:
            made = self.expand(fragment, {**items, identifier: item})
            # A key of the fragment has one place, whatever its name is for an item.
            sources = list(fragment) if len(made) == len(fragment) else [next(iter(fragment), "")] * len(made)
            written += [(fragment, at, name, made[name]) for at, name in zip(sources, made, strict=True)]
        return written

    def _collection(self, key: str, collection: Any) -> list[str] | Unknown:
        try:
            values = self._evaluate(collection)
        except EvaluationError as error:
            raise LoopError(f"the collection of {key} cannot be resolved: {error}") from error
        unknown = values if isinstance(values, Unknown) else first_unknown(values)
        if unknown is not None:
            return unknown
        is_list = isinstance(values, list)
        if not is_list or not all(isinstance(value, str | int) for value in values):
            raise LoopError(f"the collection of {key} is not a list of strings")
        return [str(value) for value in values]


def _put(made: dict[str, Any], name: str, value: Any, source: dict[str, Any], key: str) -> None:
    if isinstance(made, Map) and isinstance(source, Map):
        made.put(name, value, source.keys_at.get(key, source.place), source.values_at.get(key, source.place))
    else:
        made[name] = value


def _replace(text: str, items: Mapping[str, str]) -> str:
    replaced = str(text)
    for identifier, item in items.items():
        replaced = replaced.replace(f"${{{identifier}}}", item)
        replaced = replaced.replace(f"&{{{identifier}}}", _NOT_ALPHANUMERIC.sub("", item))
    return Text(replaced, text.place, text.style) if isinstance(text, Text) else replaced


def _plain(node: dict[str, Any]) -> Any:
    """Replaces an ``Fn::Sub`` without variables by its text, which may name a resource."""
    if set(node) == {"Fn::Sub"} and isinstance(node["Fn::Sub"], str) and "${" not in node["Fn::Sub"]:
        return node["Fn::Sub"]
    return node
