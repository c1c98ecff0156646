"""Types configurations by JSON Schema, and reports every value that is not valid with its path."""

import difflib
import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError

from cluster_schema.limits import DIGITS_MAX

Schema = dict[str, Any]
Path = tuple[str | int, ...]
Detail = dict[str, str]


class _Unknown:
    """The type of ``UNKNOWN``."""

    def __repr__(self) -> str:
        return "UNKNOWN"


#: A value that only CloudFormation knows. It is valid everywhere.
UNKNOWN = _Unknown()

#: Source: docs/reference/engine.md, error details of ConfigurationInvalid.
VALUE_MAX_CHARACTERS = 100
#: The most errors that are examined; a result holds some hundreds of misfits.
ERRORS_MAX = 2_000
#: Longer texts match no pattern. The longest valid text is a path in a file system.
#: Source: FSx API reference, FileSystemPath.
PATTERN_TEXT_MAX_CHARACTERS = 4_096
#: The same for a pattern with several wildcards, which takes time by the cube of the text's length. The
#: longest valid text is the ARN of a secret or of a parameter: 1,011 characters. Source: Systems Manager user
#: guide, "Create Parameter Store parameters".
WILD_PATTERN_TEXT_MAX_CHARACTERS = 1_024
_WILD = ".*"
#: Choices that a message lists; more would hide its sentence.
CHOICES_MAX = 20
_MISSING = "a value, because "


def convert(value: Any, schema: Schema, booleans: dict[str, bool]) -> Any:
    """Returns the value with each text converted to the type that the schema names for its place.

    Text that cannot be read as that type stays as it is, and ``misfits`` reports it. Where the schema allows
    text or any type, text stays text, whatever it looks like.

    Args:
        value: JSON values; not changed.
        schema: The JSON Schema of this place.
        booleans: Every text that the library reads as a boolean, with its value.
    """
    match value:
        case dict():
            properties = schema.get("properties", {})
            return {key: convert(item, properties.get(key, {}), booleans) for key, item in value.items()}
        case list():
            items = schema.get("items", {})
            return [convert(item, items, booleans) for item in value]
        case str():
            return _read(value, _types(schema), booleans)
        case 0 | 1 if _types(schema) == ["boolean"]:
            return bool(value)  # YAML text may say 1 where the library reads a boolean
        case _:
            return value


def misfits(value: Any, original: Any, schema: Schema) -> list[Detail]:
    """Returns every value that is not valid by the schema, in the order of paths.

    Args:
        value: The converted configuration.
        original: The configuration as it arrived, for messages.
        schema: The schema of the whole configuration.

    Returns:
        One entry per path with ``path``, ``value`` and ``expected``; with ``message`` if the library has its
        own message for the broken rule; with ``suggestion`` for an unknown key that resembles a known one.
    """
    found: dict[Path, Detail] = {}
    # A wrong type explains the other errors of the same value, so it comes first.
    errors = sorted(islice(_Validator(schema).iter_errors(value), ERRORS_MAX), key=_is_consequence)
    for error in errors:
        if _may_fit(error):
            continue
        for path, detail in _explain(error, original):
            found.setdefault(path, detail)
    return [found[path] for path in sorted(found, key=lambda path: [str(part) for part in path])]


def is_missing(detail: Detail) -> bool:
    """Whether a misfit is a required key that is not there."""
    return detail["expected"].startswith(_MISSING)


def _matches(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:  # noqa: ARG001 - as jsonschema calls it
    """Refuses a text that does not match, or that is longer than any text that can match."""
    if not isinstance(instance, str):
        return
    is_wild = pattern.count(_WILD) > 1
    longest = WILD_PATTERN_TEXT_MAX_CHARACTERS if is_wild else PATTERN_TEXT_MAX_CHARACTERS
    if len(instance) > longest or not re.search(pattern, instance):
        yield ValidationError("does not match")


_Validator = validators.extend(Draft202012Validator, {"pattern": _matches})  # type: ignore[no-untyped-call]


def _may_fit(error: ValidationError) -> bool:
    """Whether an error depends on a value that is not known."""
    instance: Any = error.instance
    if instance is UNKNOWN:
        return True
    # A value that turns out to be AWS::NoValue removes its key or its item.
    may_vanish = error.validator in {"oneOf", "maxItems"}
    items = instance.values() if isinstance(instance, dict) else instance
    return may_vanish and any(item is UNKNOWN for item in items)


def _is_consequence(error: ValidationError) -> bool:
    return error.validator != "type"


def _types(schema: Schema) -> list[str]:
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def _read(text: str, types: list[str], booleans: dict[str, bool]) -> Any:
    if "boolean" in types:
        # Next to text only the two words of JSON count: "1" or "yes" may well be meant as text there.
        known = {"true": True, "false": False} if "string" in types else booleans
        return known.get(text.lower() if "string" in types else text, text)
    if "integer" in types:
        return _integer(text)
    if "number" in types:
        return _number(text)
    return text


def _integer(text: str) -> int | str:
    if len(text) > DIGITS_MAX:
        return text
    try:
        return int(text)
    except ValueError:
        return text


def _number(text: str) -> float | str:
    whole = _integer(text)
    if not isinstance(whole, str):
        return whole
    try:
        number = float(text) if len(text) <= DIGITS_MAX else float("nan")
    except ValueError:
        return text
    return number if number - number == 0 else text  # the library refuses NaN and infinities too


def _explain(error: ValidationError, original: Any) -> Iterator[tuple[Path, Detail]]:
    path = tuple(error.absolute_path)
    schema: Schema = error.schema if isinstance(error.schema, dict) else {}
    instance: Any = error.instance
    match error.validator:
        case "additionalProperties":
            known = list(schema["properties"])
            for key in instance:
                if key not in schema["properties"]:
                    own = schema.get("x-unknown-keys", {}).get(key)
                    yield (*path, key), _unknown_key((*path, key), original, known, own)
        case "required":
            for key in schema["required"]:
                if key not in instance:
                    expected = f"{_MISSING}{key} is required: {_describe(schema['properties'][key])}"
                    yield (*path, key), _detail((*path, key), original, expected)
        case "oneOf":
            yield path, _detail(path, original, "exactly one of the keys " + _keys(schema["oneOf"]))
        case _:
            own = schema.get("x-messages", {}).get(error.validator)
            yield path, _detail(path, original, _describe(schema), own)


def _unknown_key(path: Path, original: Any, known: list[str], own: str | None) -> Detail:
    detail = _detail(path, original, f"a known key: {_choices(known)}", own)
    if own:
        return detail
    nearest = _nearest(str(path[-1]), known)
    return {**detail, "suggestion": nearest} if nearest else detail


def _nearest(key: str, known: list[str]) -> str | None:
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(key.lower(), by_lower, n=1)
    return by_lower[close[0]] if close else None


def _detail(path: Path, original: Any, expected: str, own: str | None = None) -> Detail:
    detail = {"path": pointer(path), "value": _shown(_at(original, path)), "expected": expected}
    return {**detail, "message": own} if own else detail


def pointer(path: Path) -> str:
    """Returns the path as a JSON Pointer. Source: RFC 6901, section 3."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _at(value: Any, path: Path) -> Any:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError):
            return None  # a required key that is not there
    return value


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= VALUE_MAX_CHARACTERS else text[: VALUE_MAX_CHARACTERS - 1] + "…"


def _keys(alternatives: list[Schema]) -> str:
    return ", ".join(key for alternative in alternatives for key in alternative["required"])


def _choices(values: list[Any]) -> str:
    shown = ", ".join(str(value) for value in values[:CHOICES_MAX])
    return shown if len(values) <= CHOICES_MAX else f"{shown} and {len(values) - CHOICES_MAX} more"


def _describe(schema: Schema) -> str:
    """Says in words what a place accepts: ``an integer, at least 1``."""
    if "x-expected" in schema:
        return str(schema["x-expected"])
    if "enum" in schema:
        return f"one of {_choices(schema['enum'])}"
    parts = [" or ".join(_TYPE_WORDS[name] for name in _types(schema)) or "any value"]
    parts += [words.format(schema[keyword]) for keyword, words in _LIMIT_WORDS.items() if keyword in schema]
    return ", ".join(parts)


_TYPE_WORDS = {
    "array": "a list",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
    "object": "a map of keys",
    "string": "text",
}
_LIMIT_WORDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minItems": "at least {} item(s)",
    "maxItems": "at most {} item(s)",
    "minLength": "at least {} character(s)",
    "maxLength": "at most {} characters",
    "pattern": "matching {}",
}
