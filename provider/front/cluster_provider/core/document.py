"""Dataclasses to plain JSON values and back, by their type hints: the shape in which records are kept."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast

T = TypeVar("T")


def to_document(value: Any) -> Any:
    """Turns dataclasses, enums, instants, lists and maps into plain JSON values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_document(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, Mapping):
        return {key: to_document(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_document(item) for item in value]
    return value


def from_document(kind: type[T], document: Any) -> T:
    """Builds a value of a type from plain JSON values; the inverse of :func:`to_document`.

    Fields that the document has and the type has not are left out: an older version of this code reads
    what a newer one wrote.

    Raises:
        TypeError: The document lacks a field that has no default.
    """
    return cast("T", _read(kind, document))


def _read(kind: Any, document: Any) -> Any:
    if document is None or kind is Any:
        return document
    origin = typing.get_origin(kind)
    if origin in {typing.Union, types.UnionType}:
        (kind,) = (option for option in typing.get_args(kind) if option is not types.NoneType)
        return _read(kind, document)
    if origin in {list, tuple}:
        return origin(_read(typing.get_args(kind)[0], item) for item in document)
    if origin is dict:
        return {key: _read(typing.get_args(kind)[1], item) for key, item in document.items()}
    if dataclasses.is_dataclass(kind):
        hints = _hints(cast("type", kind))
        fields = {name: _read(hints[name], item) for name, item in document.items() if name in hints}
        return cast("type", kind)(**fields)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(document)
    if kind is datetime:
        return parse_instant(document)
    return document


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def format_instant(at: datetime) -> str:
    """An aware UTC instant as ``YYYY-MM-DDThh:mm:ss.sssZ``; text order is time order."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def parse_instant(text: str) -> datetime:
    """The aware UTC instant that :func:`format_instant` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
