"""Changes in the text of a template that leave everything else as it was: comments, layout, functions."""

import re
from dataclasses import dataclass, field

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cfn_template.composing import compose, in_file, is_json
from cfn_template.limits import Place
from cfn_template.nodes import child, scalar

#: Source: YAML 1.1, "Line Break Characters".
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)\}")
_BLOCK_STYLES = ("|", ">")


class NotEditableError(Exception):
    """A change that has to be made by hand: its place, and why."""

    def __init__(self, place: Place, why: str) -> None:
        super().__init__(why)
        self.place = place
        self.why = why


@dataclass(frozen=True)
class _Entry:
    """A key of a map in the text, with its value."""

    owner: MappingNode
    key: ScalarNode
    value: Node


@dataclass
class TemplateEdits:
    """Collects changes of a template's text, each found by its place, and makes all of them at once.

    Args:
        text: A template that can be read, in YAML or JSON.
    """

    text: str
    _changes: dict[tuple[int, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._is_json = is_json(self.text)
        self._begins = [0, *(found.end() for found in _LINE_BREAK.finditer(self.text))]
        self._entries: dict[Place, _Entry] = {}
        self._values: dict[Place, Node] = {}
        self._root = compose(self.text)
        self._index(self._root)

    def apply(self) -> str:
        """Returns the text with all changes."""
        text = self.text
        for (start, end), new in sorted(self._changes.items(), reverse=True):
            text = text[:start] + new + text[end:]
        return text

    def replace(self, place: Place, old: str, new: str) -> str | None:
        """Changes the value at a place, or returns the parameter that the value there comes from.

        Args:
            place: Place of a value, also inside a configuration that is given as text.
            old: What the value is.
            new: What it becomes: letters, digits, dots and hyphens.

        Raises:
            NotEditableError: Something else is written there.
        """
        node = self._values.get(place)
        if isinstance(node, ScalarNode) and node.style not in _BLOCK_STYLES:
            if node.tag.startswith("!") or node.value != old:
                raise NotEditableError(place, f"{old} is not written there as it is")
            self._put(*self._span(node), self._quoted(node, new), place)
            return None
        start = self._offset(place)
        if variable := _VARIABLE.match(self.text, start):
            return variable["name"]
        written = re.compile(rf"(['\"]?){re.escape(old)}\1(?=[\s,}}\]]|$)").match(self.text, start)
        if written is None:
            raise NotEditableError(place, f"{old} is not written there as it is")
        self._put(start, written.end(), written[1] + new + written[1], place)
        return None

    def append(self, place: Place, suffix: str, *, instead: re.Pattern[str]) -> None:
        """Adds text to the end of a text.

        Args:
            place: Place of the text, the argument of ``Fn::Sub`` for instance.
            suffix: Letters, digits and hyphens.
            instead: An end that it takes the place of.

        Raises:
            NotEditableError: No text of one line is there.
        """
        node = self._values.get(place)
        if not isinstance(node, ScalarNode) or node.style in _BLOCK_STYLES:
            raise NotEditableError(place, "the text is not on one line")
        end = self._span(node)[1] - (1 if node.style in {"'", '"'} else 0)
        before = instead.search(node.value)
        start = end - (len(before[0]) if before else 0)
        if before and self.text[start:end] != before[0]:
            raise NotEditableError(place, f"{before[0]} is not written there as it is")
        self._put(start, end, suffix, place)

    def default(self, name: str, old: str, new: str) -> Place | None:
        """Changes a parameter's default if it is the old value, and allows the new value.

        Returns:
            Place of the default; None if the parameter has no default or another one.

        Raises:
            NotEditableError: The default or the allowed values cannot be changed.
        """
        declared = child(child(self._root, "Parameters"), name)
        allowed = child(declared, "AllowedValues")
        if isinstance(allowed, SequenceNode) and new not in [scalar(item) for item in allowed.value]:
            self._append_item(allowed, new)
        default = child(declared, "Default")
        if scalar(default) != old or default is None:
            return None
        place = in_file(default.start_mark)
        self.replace(place, old, new)
        return place

    def insert(self, properties: Place, key: str, value: str, *, before: str) -> None:
        """Adds a key to a map, before another key of it or else before its first one.

        Args:
            properties: Place of the map.
            key: The new key.
            value: Its value: letters, digits, dots and hyphens.
            before: The key that it is put before.

        Raises:
            NotEditableError: No map with keys is there, or it has the key in a branch that is not taken.
        """
        node = self._values.get(properties)
        if not isinstance(node, MappingNode) or not node.value:
            raise NotEditableError(properties, f"there is no map to put {key}: {value} into")
        keys = [name for name, _ in node.value]
        present = next((name for name in keys if name.value == key), None)
        if present is not None:
            raise NotEditableError(
                in_file(present.start_mark), f"{key} is there, in a branch that is not taken"
            )
        at = next((name for name in keys if name.value == before), keys[0])
        start = self._span(at)[0]
        line = self.text[self._begins[at.start_mark.line] : start]
        follows = "\n" + line if not line.strip() else ", "
        if self._is_json or node.flow_style:
            written = f'"{key}": "{value}"' if self._is_json else f"{key}: {value}"
            self._add(start, written + ("," + follows if follows != ", " else follows))
        elif line.strip():
            raise NotEditableError(in_file(at.start_mark), f"put {key}: {value} into this map")
        else:
            self._add(start, f"{key}: {value}{follows}")

    def remove(self, key: Place) -> None:
        """Removes a key with its value.

        Args:
            key: Place of the key, also inside a configuration that is given as text.

        Raises:
            NotEditableError: It is the only key of an item of a list, or shares its line with something else.
        """
        found = self._entries.get(key)
        if found is not None and (self._is_json or found.owner.flow_style):
            self._remove_flow(found)
        else:
            self._remove_lines(key)

    def _remove_flow(self, entry: _Entry) -> None:
        start, end = self._span(entry.key)[0], self._span(entry.value)[1]
        if after := re.compile(r"\s*,\s*").match(self.text, end):
            end = after.end()
        elif before := re.compile(r",\s*$").search(self.text[:start]):
            start = before.start()
        self._put(start, end, "", in_file(entry.key.start_mark))

    def _remove_lines(self, key: Place) -> None:
        first, indent = key.line - 1, key.column - 1
        before = self._line(first)[:indent]
        last = first
        for number in range(first + 1, len(self._begins)):
            line = self._line(number)
            if line.strip() and len(line) - len(line.lstrip()) <= indent:
                break
            last = number if line.strip() else last
        if not before.strip():
            self._put(self._begins[first], self._begin(last + 1), "", key)
            return
        following = self._line(last + 1) if last + 1 < len(self._begins) else ""
        sibling = len(following) - len(following.lstrip()) == indent and following.strip()
        if before.strip() != "-" or not sibling or following.lstrip().startswith(("#", "- ")):
            raise NotEditableError(key, "remove this key")
        self._put(self._begins[first] + indent, self._begins[last + 1] + indent, "", key)

    def _append_item(self, items: SequenceNode, value: str) -> None:
        place = in_file(items.start_mark)
        if not items.value:
            raise NotEditableError(place, f"allow {value} there")
        last = items.value[-1]
        end = self._span(last)[1]
        written = self._quoted(last, value) if isinstance(last, ScalarNode) else value
        if self._is_json or items.flow_style:
            self._put(end, end, f", {written}", place)
        else:
            indent = self._line(items.start_mark.line)[: items.start_mark.column]
            self._put(end, end, f"\n{indent}- {written}", place)

    def _quoted(self, like: ScalarNode, text: str) -> str:
        quote = '"' if self._is_json else like.style if like.style in {"'", '"'} else ""
        return f"{quote}{text}{quote}"

    def _put(self, start: int, end: int, new: str, place: Place) -> None:
        if self._changes.get((start, end), new) != new:
            raise NotEditableError(place, "two clusters need different values there; give each its own")
        self._changes[start, end] = new

    def _add(self, at: int, text: str) -> None:
        before = self._changes.get((at, at), "")
        if text not in before:  # the clusters of a loop stand at one place
            self._changes[at, at] = before + text

    def _index(self, node: Node | None) -> None:
        if node is None or (in_file(node.start_mark) in self._values and isinstance(node, ScalarNode)):
            return
        self._values[in_file(node.start_mark)] = node
        if isinstance(node, SequenceNode):
            for item in node.value:
                self._index(item)
        elif isinstance(node, MappingNode):
            for key, value in node.value:
                self._entries[in_file(key.start_mark)] = _Entry(node, key, value)
                self._index(value)

    def _span(self, node: Node) -> tuple[int, int]:
        return self._offset(in_file(node.start_mark)), self._offset(in_file(node.end_mark))

    def _offset(self, place: Place) -> int:
        return self._begins[place.line - 1] + place.column - 1

    def _begin(self, number: int) -> int:
        return self._begins[number] if number < len(self._begins) else len(self.text)

    def _line(self, number: int) -> str:
        return self.text[self._begin(number) : self._begin(number + 1)]
