"""A configuration given as text inside a template: its values, and where each of them is in the template."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from yaml import Mark
from yaml.nodes import Node, ScalarNode, SequenceNode

from cluster_schema.composing import compose
from cluster_schema.conversion import UNKNOWN, Path
from cluster_schema.limits import UnreadableError
from cluster_schema.reading import json_value, scalar_value
from pcluster_cfn.validation.evaluation import HOLE, function, settled
from pcluster_cfn.validation.places import Place, Problem, Reader, in_file


class TextReader(Reader):
    """Reads the nodes of a configuration's own text, with YAML's types, as the engine reads them."""

    def content(self, node: Node, path: Path | None) -> Any:
        """Returns the value of a node; UNKNOWN where its keys are not known."""
        value = super().content(node, path)
        return UNKNOWN if isinstance(value, dict) and any(HOLE in key for key in value) else value

    def scalar(self, node: ScalarNode, path: Path | None) -> Any:
        """Returns the value of a scalar in the type that YAML gives it."""
        if HOLE in node.value:
            return UNKNOWN
        try:
            return scalar_value(node)
        except UnreadableError as error:
            self.report(node, path, error.problem)
            return UNKNOWN


@dataclass(frozen=True)
class Configuration:
    """What a text holds; UNKNOWN if it is not known well enough to be read."""

    value: Any
    reader: TextReader


def read_text(text: str, node: Node, lines: Sequence[str]) -> Configuration:
    """Reads the text of a configuration.

    Args:
        text: What the node evaluates to; holes stand for what is not known.
        node: The text in the template, or the function that makes it.
        lines: The template's lines.
    """
    reader = TextReader(locate=_locator(node, lines))
    try:
        root = compose(text)
    except UnreadableError as error:
        if HOLE not in text:
            place = reader.locate(error.mark) if error.mark else in_file(node.start_mark)
            reader.problems.append(_unreadable(error, place))
        return Configuration(UNKNOWN, reader)
    if root is None:
        return Configuration(None, reader)
    value = reader.read(root)
    return Configuration(_as_json(text, value), reader)


def _as_json(text: str, value: Any) -> Any:
    """JSON has types of its own: 1e3 is a number there, and text in YAML."""
    try:
        return settled(json_value(text))
    except ValueError:  # not JSON, or beyond what is read of it, which YAML has said already
        return value


def _unreadable(error: UnreadableError, place: Place) -> Problem:
    return Problem("", place, f"the configuration cannot be read: {error.problem}")


def _locator(node: Node, lines: Sequence[str]) -> Callable[[Mark], Place]:
    """Returns what finds a mark of the text in the template; the text's begin if that cannot be told."""
    source = _source(node)
    if source is None:
        return _told_at(node)
    start = source.start_mark
    if source.style == "|":
        written = source.value.split("\n")

        def inside_block(mark: Mark) -> Place:
            number = start.line + 1 + mark.line
            if mark.line >= len(written) or number >= len(lines):
                return Place(start.line + 1 + len(written), 1)
            indentation = len(lines[number]) - len(written[mark.line])
            return Place(number + 1, max(indentation, 0) + mark.column + 1)

        return inside_block
    # Unchanged in one line, whatever tag and quotes are before it.
    is_written = bool(source.value) and start.line < len(lines)
    column = lines[start.line].find(source.value, start.column) if is_written else -1
    if column >= 0:
        return lambda mark: Place(start.line + 1, column + mark.column + 1)
    return _told_at(node)


def _told_at(node: Node) -> Callable[[Mark], Place]:
    """The begin of a text that is not in the template as it is, and the place in the text as a note."""
    begin = in_file(node.start_mark)
    return lambda mark: replace(begin, note=f"line {mark.line + 1}, column {mark.column + 1} of the text")


def _source(node: Node) -> ScalarNode | None:
    """The scalar that holds the text as it is in the template; None where a function puts it together."""
    called = function(node)
    if called is None:
        return node if isinstance(node, ScalarNode) else None
    name, argument = called
    if name != "Fn::Sub":
        return None
    if isinstance(argument, SequenceNode) and argument.value:
        argument = argument.value[0]
    return argument if isinstance(argument, ScalarNode) else None
