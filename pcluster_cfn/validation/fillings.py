"""Configurations that stand for one of which a part is not known: whatever holds for all of them, holds.

The library judges whole configurations. So what only CloudFormation will know is filled in more than once,
each time with other values that the schema allows there, and a verdict counts if it is the same each time.
"""

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

from cluster_schema import configuration_schema
from cluster_schema.conversion import UNKNOWN, Schema

#: How often a configuration is filled in; a boolean has both its values then. Once more it is left open.
FILLINGS = 2
#: A number without an upper limit is filled in once with the lowest, and once with this much more.
_SPREAD = 10_000
#: What a text may be that has to match a pattern; the number makes each another one.
_TEXTS = (
    "unknown-{0}",
    "unknown{0}",
    "subnet-{0:017x}",
    "sg-{0:017x}",
    "ami-{0:017x}",
    "vol-{0:017x}",
    "snap-{0:017x}",
    "fs-{0:017x}",
    "fsvol-{0:017x}",
    "fc-{0:017x}",
    "fsap-{0:017x}",
    "eipalloc-{0:017x}",
    "cr-{0:017x}",
    "lt-{0:017x}",
    "backup-{0:017x}",
    "arn:aws:iam::123456789012:policy/unknown-{0}",
    "arn:aws:iam::123456789012:role/unknown-{0}",
    "arn:aws:iam::123456789012:instance-profile/unknown-{0}",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:unknown-{0}",
    "s3://unknown-{0}/key",
    "https://unknown-{0}.example/key",
    "10.{0}.0.0/16",
    "/unknown/{0}",
    "1:{0:02d}:00",
    "{0:02d}:00",
    "{0}",
)


class _UnfillableError(Exception):
    """There is no value at hand that the schema allows in a place."""


def fillings(configuration: Any, version: str) -> list[Any]:
    """Returns configurations that stand for one; none if it cannot be filled in.

    One that is known stands for itself. Otherwise the last has only what is known, as far as the schema lets
    the rest be left out: a function may come to AWS::NoValue.

    Args:
        configuration: One that fits the version's schema, UNKNOWN standing for what is not known.
        version: Whose schema applies.
    """
    if not _is_open(configuration):
        return [configuration]
    numbers = count(1)
    try:
        return [
            _filled(configuration, configuration_schema(version), turn, numbers)
            for turn in range(FILLINGS + 1)
        ]
    except _UnfillableError:
        return []


def _is_open(value: Any) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is UNKNOWN or any(_is_open(item) for item in items)


def _filled(value: Any, schema: Schema, turn: int, numbers: Iterator[int]) -> Any:
    is_left_out = turn == FILLINGS
    items: Any
    match value:
        case dict():
            places, needed = schema.get("properties", {}), _needed(schema)
            kept = {key: item for key, item in value.items() if item is not UNKNOWN or key in needed}
            items = kept if is_left_out else value
            return {key: _filled(item, places.get(key, {}), turn, numbers) for key, item in items.items()}
        case list():
            known = [item for item in value if item is not UNKNOWN]
            items = known if is_left_out and len(known) >= schema.get("minItems", 0) else value
            return [_filled(item, schema.get("items", {}), turn, numbers) for item in items]
        case _:
            return _sample(schema, turn, numbers) if value is UNKNOWN else value


def _needed(schema: Schema) -> set[str]:
    """The keys that a section must have, or of which it must have one."""
    alternatives = [key for choice in schema.get("oneOf", []) for key in choice["required"]]
    return {*schema.get("required", []), *alternatives}


def _sample(schema: Schema, turn: int, numbers: Iterator[int]) -> Any:
    if "enum" in schema:
        return schema["enum"][turn % len(schema["enum"])]
    named = schema.get("type", "string")
    match named if isinstance(named, str) else named[-1]:
        case "boolean":
            return bool(turn % 2)
        case "integer" | "number":
            return _number(schema, turn)
        case "array":
            return [
                _sample(schema.get("items", {}), turn, numbers) for _ in range(schema.get("minItems", 1) or 1)
            ]
        case "string":
            return _text(schema, next(numbers))
        case _:
            raise _UnfillableError  # a section: which keys it has is not known either


def _number(schema: Schema, turn: int) -> int:
    lowest = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    highest = schema.get("maximum", schema.get("exclusiveMaximum", lowest + _SPREAD + 1) - 1)
    return int(highest if turn % FILLINGS else lowest)


def _text(schema: Schema, number: int) -> str:
    texts = (text.format(number) for text in _TEXTS)
    fitting = (text for text in texts if _allows(schema, text))
    found = next(fitting, None)
    if found is None:
        raise _UnfillableError
    return found


def _allows(schema: Schema, text: str) -> bool:
    within = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text))
    return within and re.search(schema.get("pattern", ""), text) is not None
