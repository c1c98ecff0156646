"""Converts dataclasses to plain JSON values and back, by their type hints: the form of stored records."""

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


#: Types whose values are plain JSON values. A subclass, such as an enumeration of texts, is not.
_PLAIN = frozenset({str, int, float, bool, type(None)})


def stored_as(name: str) -> dict[str, str]:
    """Returns the metadata of a field that is stored under another name, that of earlier releases.

    Records outlive the code: after an upgrade or its rollback, the other release's records are still read.
    """
    return {_STORED_AS: name}


def to_document(value: Any) -> Any:
    """Returns a value with its dataclasses, enums, instants, lists and maps as plain JSON values."""
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
    """Returns a value of a type from plain JSON values; the inverse of :func:`to_document`.

    Fields that the type does not have are ignored, so that an older release reads the records of a newer one.
    To read the records of older releases, a type may have a static method ``upgrade_document``, which returns
    a document in the present form.

    Args:
        kind: The type.
        document: The plain JSON values.

    Raises:
        TypeError: The document lacks a field that has no default.
    """
    whole: Any = kind
    return cast("T", _reader(whole)(document))


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """Returns the function that builds values of a type.

    Every pass reads a record, so each type is analysed only once.
    """
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
    """Returns the name and the reader of each field, by the stored name."""
    hints = typing.get_type_hints(kind)
    return {stored: (name, _reader(hints[name])) for stored, name in _names(kind)}


@cache
def _names(kind: Any) -> tuple[tuple[str, str], ...]:
    """Returns the stored name and the name of each field."""
    return tuple(
        (field.metadata.get(_STORED_AS, field.name), field.name) for field in dataclasses.fields(kind)
    )


def format_instant(at: datetime) -> str:
    """Returns an aware instant as ``YYYY-MM-DDThh:mm:ss.sssZ`` in UTC; the texts sort by time."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def parse_instant(text: str) -> datetime:
    """Returns the aware UTC instant of a text by :func:`format_instant`."""
    return datetime.fromisoformat(text)
