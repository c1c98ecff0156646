"""Values of templates: each has its place in the file, and values may be unknown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from cfn_template.limits import Place

#: The value of ``Ref: AWS::NoValue``: the key or the item with it is left out.
NO_VALUE: Any = object()
#: Stands for an unknown character in text that is known in part. A character of Unicode's private use area.
HOLE = "\ue000"
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Unknown:
    """A value that is not known.

    Args:
        reason: Why not: ``parameter Subnet has no value``.
        is_list: Whether it is known to be a list.
    """

    reason: str
    is_list: bool = False


class Text(str):
    """Text, its place, and its YAML style: ``|``, ``>``, a quote or None."""

    place: Place | None
    style: str | None

    def __new__(cls, text: str, place: Place | None = None, style: str | None = None) -> Self:
        """Returns a text."""
        made = super().__new__(cls, text)
        made.place = place
        made.style = style
        return made


class PartialText(Text):
    """Text with a hole for each unknown character."""

    reason: str

    @classmethod
    def of(cls, text: str, reason: str) -> "PartialText":
        """Returns a text with holes.

        Args:
            text: The text, with ``HOLE`` for each unknown character.
            reason: Why the first of them is unknown.
        """
        made = cls(text)
        made.reason = reason
        return made


class Whole(int):
    """A whole number and its place."""

    place: Place


class Real(float):
    """A number with a fraction and its place."""

    place: Place


class Map(dict[str, Any]):
    """A map, its place, the places of its keys and values, and its repeated keys."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.keys_at: dict[str, Place] = {}
        self.values_at: dict[str, Place] = {}
        self.twice: list[tuple[str, Place]] = []

    def put(self, key: str, value: Any, key_at: Place, value_at: Place) -> None:
        """Sets a key. The last of repeated keys counts."""
        if key in self:
            self.twice.append((key, key_at))
        self[key] = value
        self.keys_at[key] = key_at
        self.values_at[key] = value_at


class List(list[Any]):
    """A list, its place, and the places of its items."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.items_at: list[Place] = []

    def add(self, value: Any, place: Place) -> None:
        """Appends an item."""
        self.append(value)
        self.items_at.append(place)


def copied_map(source: Mapping[str, Any], items: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a map with the places of another one for the keys that both have, if that one has places."""
    if not isinstance(source, Map):
        return dict(items)
    made = Map(source.place)
    made.update(items)
    made.keys_at = {key: source.keys_at.get(key, source.place) for key in items}
    made.values_at = {key: source.values_at.get(key, source.place) for key in items}
    made.twice = source.twice
    return made


def copied_list(source: Sequence[Any], items: Sequence[tuple[int, Any]]) -> list[Any]:
    """Returns a list with the places of another one, if that one has places.

    Args:
        source: The list that the items come from.
        items: The items, each with its index in the source.
    """
    if not isinstance(source, List):
        return [item for _, item in items]
    made = List(source.place)
    for index, item in items:
        made.add(item, source.items_at[index])
    return made


def unplaced(value: Any) -> Any:
    """Returns a copy without places, for use at another place."""
    if isinstance(value, dict):
        return {str(key): unplaced(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unplaced(item) for item in value]
    if isinstance(value, bool):
        return value
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    return value


def place_of(root: Any, path: Path, *, of_key: bool = False) -> Place | None:
    """Returns the place of a value, or of the innermost value on its path that exists; None without places.

    Args:
        root: Values with places.
        path: Keys and indices, from the root.
        of_key: Whether to return the place of the last key rather than of its value.
    """
    found: Place | None = getattr(root, "place", None)
    node, inner = root, None
    for position, key in enumerate(map(str, path)):
        is_last = position == len(path) - 1
        if isinstance(node, Map) and key in node:
            inner = node[key]
            found = node.keys_at[key] if is_last and of_key else _own(inner) or node.values_at[key]
        elif isinstance(node, List) and key.isdecimal() and int(key) < len(node):
            inner = node[int(key)]
            found = _own(inner) or node.items_at[int(key)]
        else:
            # A missing key has the place of the key of the map that lacks it.
            return _key_place(root, path[:position]) or found
        node = inner
    return found


def _own(value: Any) -> Place | None:
    place: Place | None = getattr(value, "place", None)
    return place


def _key_place(root: Any, path: Path) -> Place | None:
    return place_of(root, path, of_key=True) if path else None


def unknown_parts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yields the path of each unknown part of a value, with the reason."""
    if isinstance(value, Unknown | PartialText):
        yield path, value.reason
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from unknown_parts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unknown_parts(item, (*path, index))


def first_unknown(value: Any) -> Unknown | None:
    """Returns an Unknown for the first unknown part of a value; None if all of it is known."""
    for _, reason in unknown_parts(value):
        return Unknown(reason)
    return None


def repeated_keys(value: Any, path: Path = ()) -> Iterator[tuple[Path, Place]]:
    """Yields the path of each repeated key, with the place of a later occurrence."""
    if isinstance(value, Map):
        for key, place in value.twice:
            yield (*path, key), place
    if isinstance(value, dict):
        for key, item in value.items():
            yield from repeated_keys(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from repeated_keys(item, (*path, index))
