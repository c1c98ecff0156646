"""`Fn::ForEach`: what a loop in a template stands for, written out.

Source: CloudFormation template reference, "Fn::ForEach"; cfn-language-discussion, RFC 0009.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.cloudformation.errors import UnresolvedValueError, ValidationError

PREFIX = "Fn::ForEach::"
#: Where loops may be, at any depth.
SECTIONS = ("Conditions", "Resources", "Outputs")
_NAME = re.compile(rf"{PREFIX}[A-Za-z0-9]+")
_NOT_ALPHANUMERIC = re.compile(r"[^A-Za-z0-9]+")


class _Expansion:
    """Writes loops out.

    Args:
        evaluate: Evaluates a collection that is a function of parameters and mappings.
    """

    def __init__(self, evaluate: Callable[[Any], Any]) -> None:
        self._evaluate = evaluate

    def expand(self, node: Any, items: Mapping[str, str]) -> Any:
        """Returns a copy of a piece of a template without loops.

        Args:
            node: The piece.
            items: The item of each loop around it, by identifier.
        """
        if isinstance(node, str):
            return _replace(node, items)
        if isinstance(node, list):
            return [self.expand(member, items) for member in node]
        if not isinstance(node, dict):
            return node
        if set(node) == {"Ref"} and node["Ref"] in items:
            return items[node["Ref"]]
        expanded: dict[str, Any] = {}
        for key, value in node.items():
            if isinstance(key, str) and key.startswith(PREFIX):
                members = self._loop(key, value, items)
            else:
                members = [(_replace(str(key), items), self._member(key, value, items))]
            for name, member in members:
                if name in expanded:
                    raise _failed(f"Duplicate key {name}")
                expanded[name] = member
        return _plain(expanded)

    def _member(self, key: str, value: Any, items: Mapping[str, str]) -> Any:
        if key == "Fn::If" and isinstance(value, list):
            # The condition's name stays. Source: aws-cloudformation/cfn-lint, _language_extensions.py.
            return value[:1] + [self.expand(branch, items) for branch in value[1:]]
        return self.expand(value, items)

    def _loop(self, key: str, loop: Any, items: Mapping[str, str]) -> list[tuple[str, Any]]:
        if not _NAME.fullmatch(key):
            raise _failed(f"the name of {key} is not alphanumeric")
        match loop:
            case [str(identifier), collection, dict(fragment)]:
                pass
            case _:
                raise _failed(f"{key} layout is incorrect")
        written: list[tuple[str, Any]] = []
        for item in self._collection(key, self.expand(collection, items)):
            written.extend(self.expand(fragment, {**items, identifier: item}).items())
        return written

    def _collection(self, key: str, collection: Any) -> list[str]:
        try:
            values = self._evaluate(collection)
        except UnresolvedValueError as error:
            raise _failed(f"the collection of {key} cannot be resolved: {error}") from error
        if not isinstance(values, list) or not all(isinstance(value, str | int) for value in values):
            raise _failed(f"the collection of {key} is not a list of strings")
        return [str(value) for value in values]


def expand_loops(template: Mapping[str, Any], evaluate: Callable[[Any], Any]) -> dict[str, Any]:
    """Returns a template with its loops written out.

    Args:
        template: As given, with `AWS::LanguageExtensions`.
        evaluate: Evaluates a collection that is a function of parameters and mappings.

    Raises:
        ValidationError: A loop has another form, no collection that is known, or makes one key twice.
    """
    expansion = _Expansion(evaluate)
    return {
        section: expansion.expand(content, {}) if section in SECTIONS else content
        for section, content in template.items()
    }


def _replace(text: str, items: Mapping[str, str]) -> str:
    for identifier, item in items.items():
        text = text.replace(f"${{{identifier}}}", item)
        text = text.replace(f"&{{{identifier}}}", _NOT_ALPHANUMERIC.sub("", item))
    return text


def _plain(node: dict[str, Any]) -> Any:
    """Returns the text of a substitution with nothing left to substitute: it may name a resource."""
    if set(node) == {"Fn::Sub"} and isinstance(node["Fn::Sub"], str) and "${" not in node["Fn::Sub"]:
        return node["Fn::Sub"]
    return node


def _failed(reason: str) -> ValidationError:
    return ValidationError(f"Transform AWS::LanguageExtensions failed with: {reason}.")
