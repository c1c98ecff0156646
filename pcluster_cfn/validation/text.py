"""A configuration given as text: its values, and where each of them is in the file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from yaml import Mark
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cfn_template.composing import in_file
from cfn_template.limits import Place
from cfn_template.values import HOLE, List, Map, PartialText, Path, Text, Unknown
from cluster_schema.composing import compose
from cluster_schema.conversion import pointer
from cluster_schema.limits import UnreadableError
from cluster_schema.reading import json_value, scalar_value
from pcluster_cfn.validation.foresight import Problem


@dataclass
class ConfigurationText:
    """What a text holds.

    Args:
        value: With places; Unknown if the text is not known well enough to be read.
        problems: What cannot be read in it.
        typed: The values as the engine reads them, where that differs: JSON has types of its own.
    """

    value: Any
    problems: list[Problem] = field(default_factory=list)
    typed: Any = None


def read_text(text: str, node: Any, lines: Sequence[str]) -> ConfigurationText:
    """Reads the text of a configuration inside a template.

    Args:
        text: What the node evaluates to; holes stand for what is not known.
        node: The text as it stands in the template, or the function that makes it.
        lines: The template's lines.
    """
    reason = text.reason if isinstance(text, PartialText) else ""
    return _read(str(text), _locator(node, lines), reason)


def read_file(text: str) -> ConfigurationText:
    """Reads the text of a configuration file."""
    return _read(text, in_file, "")


def _read(text: str, locate: Callable[[Mark], Place], reason: str) -> ConfigurationText:
    reader = _Reader(locate, reason)
    try:
        root = compose(text)
    except UnreadableError as error:
        if not reason:
            place = locate(error.mark or Mark("", 0, 0, 0, None, 0))
            reader.problems.append(Problem(place, f"the configuration cannot be read: {error.problem}"))
        return ConfigurationText(Unknown(reason or "the text cannot be read"), reader.problems)
    if root is None:
        return ConfigurationText(None)
    return ConfigurationText(reader.value(root), reader.problems, _as_json(text, reason))


def _as_json(text: str, reason: str) -> Any:
    """JSON has types of its own: 1e3 is a number there, and text in YAML."""
    try:
        return _without_holes(json_value(text), reason)
    except ValueError:  # not JSON, or beyond what is read of it, which YAML has said already
        return None


def _without_holes(value: Any, reason: str) -> Any:
    if isinstance(value, dict):
        is_known = not reason or not any(HOLE in key for key in value)
        made = {key: _without_holes(item, reason) for key, item in value.items()}
        return made if is_known else Unknown(reason)
    if isinstance(value, list):
        return [_without_holes(item, reason) for item in value]
    return Unknown(reason) if reason and isinstance(value, str) and HOLE in value else value


@dataclass
class _Reader:
    """Reads the nodes of a configuration's own text, with YAML's types, as the engine reads them."""

    locate: Callable[[Mark], Place]
    reason: str
    problems: list[Problem] = field(default_factory=list)

    def value(self, node: Node, path: Path = ()) -> Any:
        """Returns the value of a node; Unknown where it, or a key in it, has holes."""
        if isinstance(node, SequenceNode):
            made = List(self.locate(node.start_mark))
            for index, item in enumerate(node.value):
                made.add(self.value(item, (*path, index)), self.locate(item.start_mark))
            return made
        return self._map(node, path) if isinstance(node, MappingNode) else self._scalar(node, path)

    def _map(self, node: MappingNode, path: Path) -> Any:
        made = Map(self.locate(node.start_mark))
        for key, item in node.value:
            value = self.value(item, (*path, key.value))
            made.put(key.value, value, self.locate(key.start_mark), self.locate(item.start_mark))
        if self.reason and any(HOLE in key for key in made):
            return Unknown(self.reason)
        return made

    def _scalar(self, node: Node, path: Path) -> Any:
        assert isinstance(node, ScalarNode)  # noqa: S101 - there is no fourth kind
        if self.reason and HOLE in node.value:
            return Unknown(self.reason)
        try:
            return scalar_value(node)
        except UnreadableError as error:
            self.problems.append(Problem(self.locate(node.start_mark), error.problem, pointer(path)))
            return Unknown(error.problem)


def _locator(node: Any, lines: Sequence[str]) -> Callable[[Mark], Place]:
    """Returns what finds a mark of the text in the template; the text's begin if that cannot be told."""
    begin = getattr(node, "place", None) or Place(1, 1)
    source = _source(node)
    if source is None or source.place is None:
        return _noted(begin)
    start, column = source.place.line, source.place.column
    if source.style == "|":
        written = source.split("\n")

        def inside_block(mark: Mark) -> Place:
            number = start + mark.line
            if mark.line >= len(written) or number >= len(lines):
                return Place(start + 1 + len(written), 1)
            indentation = len(lines[number]) - len(written[mark.line])
            return Place(number + 1, max(indentation, 0) + mark.column + 1)

        return inside_block
    # Unchanged in one line, whatever tag and quotes are before it.
    is_written = bool(source) and start <= len(lines)
    found = lines[start - 1].find(source, column - 1) if is_written else -1
    if found >= 0:
        return lambda mark: Place(start, found + mark.column + 1)
    return _noted(begin)


def _noted(begin: Place) -> Callable[[Mark], Place]:
    """The begin of a text that is not in the template as it is, and the place in the text as a note."""
    return lambda mark: replace(begin, note=f"line {mark.line + 1}, column {mark.column + 1} of the text")


def _source(node: Any) -> Text | None:
    """The text as it is in the template; None where a function puts it together."""
    if isinstance(node, dict) and set(node) == {"Fn::Sub"}:
        argument = node["Fn::Sub"]
        node = argument[0] if isinstance(argument, list) and argument else argument
    return node if isinstance(node, Text) else None
