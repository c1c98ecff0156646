"""YAML nodes as values, with the place that each value and each key came from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from yaml import Mark
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cluster_schema.conversion import Path, pointer

#: What ``Ref: AWS::NoValue`` evaluates to: the key or the item that holds it is left out.
NO_VALUE: Any = object()


@dataclass(frozen=True, order=True)
class Place:
    """Where something is in a file; both count from 1. The note says more where that is not exact."""

    line: int
    column: int
    note: str = ""


@dataclass(frozen=True)
class Problem:
    """What makes a text unusable, whatever its schema says."""

    path: str
    place: Place
    message: str


def in_file(mark: Mark) -> Place:
    """Returns the place of a mark of the file itself."""
    return Place(mark.line + 1, mark.column + 1)


@dataclass
class Reader:
    """Reads a node tree into values and remembers where they were; paths are JSON Pointers.

    Args:
        locate: Finds the place of a mark.
    """

    locate: Callable[[Mark], Place] = in_file
    values: dict[str, Place] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def read(self, node: Node, path: Path | None = ()) -> Any:
        """Returns the value of a node.

        Args:
            node: Not changed.
            path: Where the value will be; None for a value that is used and not kept.
        """
        if path is not None:
            self.values[pointer(path)] = self.locate(node.start_mark)
        return self.content(node, path)

    def content(self, node: Node, path: Path | None) -> Any:
        """Returns the value of a node whose place is known already."""
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return self._sequence(node, path)
        assert isinstance(node, ScalarNode)  # noqa: S101 - there is no fourth kind
        return self.scalar(node, path)

    def scalar(self, node: ScalarNode, path: Path | None) -> Any:
        """Returns the value of a scalar; subclasses decide its type."""
        raise NotImplementedError

    def report(self, node: Node, path: Path | None, message: str) -> None:
        """Notes a problem."""
        self.problems.append(Problem(pointer(path or ()), self.locate(node.start_mark), message))

    def place(self, path: str, *, of_key: bool) -> Place | None:
        """Returns where a value or its key is, or else what it would be in; None if nothing was read."""
        for place in (self.keys, self.values) if of_key else (self.values, self.keys):
            if path in place:
                return place[path]
        above = path.rpartition("/")[0]
        return self.place(above, of_key=True) if path else None

    def _mapping(self, node: MappingNode, path: Path | None) -> Any:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self.report(key_node, path, "a key must be text")
                continue
            key = key_node.value
            inside = None if path is None else (*path, key)
            if key in values:
                self.report(key_node, inside, f"the key {key} is there twice")
            value = self.read(value_node, inside)
            if value is not NO_VALUE:
                values[key] = value
                if inside is not None:
                    self.keys[pointer(inside)] = self.locate(key_node.start_mark)
        return values

    def _sequence(self, node: SequenceNode, path: Path | None) -> list[Any]:
        items: list[Any] = []
        for item_node in node.value:
            value = self.read(item_node, None if path is None else (*path, len(items)))
            if value is not NO_VALUE:
                items.append(value)
        return items
