"""Dataclasses to plain JSON values and back, by their type hints: the shape in which records are kept."""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast

T = TypeVar("T")

_STORED_AS = "stored_as"


#: Types whose values are plain JSON already; a subclass, such as an enumeration of texts, is not.
_PLAIN = frozenset({str, int, float, bool, type(None)})


def stored_as(name: str) -> dict[str, str]:
    """Returns the metadata of a field that is stored under another name: the one of earlier releases.

    Records outlive the code: an upgrade finds those of requests in flight, and so does a rollback.
    """
    return {_STORED_AS: name}


def to_document(value: Any) -> Any:
    """Turns dataclasses, enums, instants, lists and maps into plain JSON values."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        return {key: to_document(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_document(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return format_instant(value)
    kind: Any = type(value)
    return {stored: to_document(getattr(value, name)) for stored, name in _names(kind)}


def from_document(kind: type[T], document: Any) -> T:
    """Builds a value of a type from plain JSON values; the inverse of :func:`to_document`.

    Fields that the document has and the type has not are left out: an older version of this code reads
    what a newer one wrote. A type with a static method ``upgrade_document`` reads what older ones wrote: the
    method returns the document in the present form.

    Raises:
        TypeError: The document lacks a field that has no default.
    """
    whole: Any = kind
    return cast("T", _reader(whole)(document))


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """What builds values of a type. A record is read at every wake-up, so its types are looked at once."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        (option,) = (option for option in arguments if option is not types.NoneType)
        return _reader(option)
    if origin in {list, tuple}:
        read = _reader(arguments[0])
        return lambda document: origin(map(read, document))
    if origin is dict:
        read = _reader(arguments[1])
        return lambda document: {key: read(item) for key, item in document.items()}
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    return parse_instant if kind is datetime else _as_it_is


def _as_it_is(document: Any) -> Any:
    return document


def _dataclass_reader(kind: Any) -> Callable[[Any], Any]:
    upgrade = getattr(kind, "upgrade_document", None)

    def read(document: Mapping[str, Any]) -> Any:
        readers = _readers(kind)
        if upgrade is not None:
            document = upgrade(document)
        return kind(
            **{
                readers[stored][0]: None if item is None else readers[stored][1](item)
                for stored, item in document.items()
                if stored in readers
            }
        )

    return read


@cache
def _readers(kind: Any) -> dict[str, tuple[str, Callable[[Any], Any]]]:
    """Name and reader of each field, by the name under which it is stored."""
    hints = typing.get_type_hints(kind)
    return {stored: (name, _reader(hints[name])) for stored, name in _names(kind)}


@cache
def _names(kind: Any) -> tuple[tuple[str, str], ...]:
    """Each field's stored name and its name."""
    return tuple(
        (field.metadata.get(_STORED_AS, field.name), field.name) for field in dataclasses.fields(kind)
    )


def format_instant(at: datetime) -> str:
    """An aware UTC instant as ``YYYY-MM-DDThh:mm:ss.sssZ``; text order is time order."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def parse_instant(text: str) -> datetime:
    """The aware UTC instant that :func:`format_instant` wrote."""
    return datetime.fromisoformat(text)
