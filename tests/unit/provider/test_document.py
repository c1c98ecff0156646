"""Records as plain JSON values, and back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest

from cluster_provider.core.document import format_instant, from_document, parse_instant, to_document

AT = datetime(2026, 11, 2, 8, 0, 5, 123_999, tzinfo=UTC)
TEXT = "2026-11-02T08:00:05.123Z"


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Inner:
    name: str
    colour: Colour = Colour.RED


@dataclass(frozen=True)
class Outer:
    inner: Inner
    maybe: Inner | None = None
    at: datetime | None = None
    many: list[Inner] = field(default_factory=list)
    pair: tuple[Inner, ...] = ()
    named: dict[str, Inner] = field(default_factory=dict)
    free: dict[str, Any] | None = None
    count: int = 0
    share: float = 0.5
    loose: Mapping[str, str] = field(default_factory=dict)


WHOLE = Outer(
    inner=Inner("a"),
    maybe=Inner("b"),
    at=AT.replace(microsecond=123_000),
    many=[Inner("c")],
    pair=(Inner("d"),),
    named={"e": Inner("f")},
    free={"any": ["thing", 1, None]},
    count=3,
    share=0.25,
    loose={"a": "b"},
)


def test_a_record_comes_back_from_json_as_it_was() -> None:
    assert from_document(Outer, json.loads(json.dumps(to_document(WHOLE)))) == WHOLE
    assert from_document(Outer, json.loads(json.dumps(to_document(Outer(Inner("a")))))) == Outer(Inner("a"))


def test_a_record_is_kept_as_plain_values() -> None:
    kept = to_document(WHOLE)
    assert kept["inner"] == {"name": "a", "colour": "red"}
    assert type(kept["inner"]["colour"]) is str
    assert (kept["at"], kept["pair"], kept["count"]) == (TEXT, [kept["pair"][0]], 3)


def test_a_field_that_an_older_version_does_not_know_is_left_out() -> None:
    assert from_document(Inner, {"name": "a", "colour": "red", "newer": 1}) == Inner("a")


def test_a_field_that_an_older_version_did_not_write_has_its_default() -> None:
    assert from_document(Inner, {"name": "a"}) == Inner("a")


def test_a_record_without_a_field_that_it_needs_is_an_error() -> None:
    with pytest.raises(TypeError):
        from_document(Inner, {"colour": "red"})


def test_an_instant_is_kept_in_utc_with_milliseconds_so_that_texts_sort_as_times() -> None:
    assert format_instant(AT) == TEXT
    assert format_instant(AT.astimezone(timezone(timedelta(hours=9)))) == TEXT
    assert parse_instant(TEXT) == AT.replace(microsecond=123_000)
    assert parse_instant(TEXT).utcoffset() == timedelta(0)
    assert format_instant(AT.replace(microsecond=7000)).endswith("05.007Z")
