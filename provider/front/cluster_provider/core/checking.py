"""Properties held against the schema of their resource type: what a template's author should hear first."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from cluster_provider.core.bounds import SHOWN_MAX, clip, shown
from cluster_provider.core.endpoints import URL_MAX
from cluster_provider.core.errors import InvalidProperty, MissingProperty

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

#: What a ParallelCluster version looks like.
VERSION: dict[str, Any] = {"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$", "maxLength": 20}

#: Which hosts it may name is judged where the stack's Region is known (endpoints.py).
WAIT_CONDITION_HANDLE: dict[str, Any] = {"type": "string", "pattern": "^https://", "maxLength": URL_MAX}


@dataclass(frozen=True)
class Rules:
    """What the properties of a resource type may be.

    Args:
        schema: Their JSON Schema, an object's.
        expected: By property, what it may be, in words.
    """

    schema: Mapping[str, Any]
    expected: Mapping[str, str]

    def check(self, raw: Mapping[str, Any]) -> None:
        """Checks properties as CloudFormation hands them over.

        Raises:
            MissingProperty: A required property is absent.
            InvalidProperty: A property has an impossible value or an unknown name.
        """
        error = self._first_error(raw)
        if error is not None:
            raise self._explain(error, raw)

    def invalid(self, name: str, value: Any, path: str = "") -> InvalidProperty:
        """The error for a value that a property cannot have.

        Args:
            name: The property.
            value: The value.
            path: Where in the property the value stands, if not the property itself.
        """
        expected = self.expected.get(name, "a string")
        return InvalidProperty(shown(path or name), f"{clip(value)!r} is not possible; expected {expected}.")

    def _first_error(self, raw: Mapping[str, Any]) -> "ValidationError | None":
        """What a user should hear first of all that the schema refuses."""
        # Imported here: only requests are looked at so, and most cold starts are wake-ups.
        from jsonschema.exceptions import relevance  # noqa: PLC0415

        errors = _validator()(self.schema).iter_errors(dict(raw))
        return min(errors, key=lambda error: (-len(error.path), relevance(error)), default=None)

    def _explain(self, error: "ValidationError", raw: Mapping[str, Any]) -> MissingProperty | InvalidProperty:
        properties = self.schema["properties"]
        if error.validator == "required":
            name = next(name for name in self.schema["required"] if name not in raw)
            return MissingProperty(name, f"this property is needed: {self.expected[name]}.")
        if error.validator == "additionalProperties":
            name = next(name for name in raw if name not in properties)
            near = get_close_matches(name[:SHOWN_MAX], properties, n=1)
            known = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(sorted(properties))}."
            return InvalidProperty(shown(name), "there is no such property.", known)
        path = [str(step) for step in error.absolute_path]
        return self.invalid(path[0], error.instance, "/".join(path))


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415 - as above

    # types-jsonschema leaves this function untyped
    return validators.extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> "Iterator[ValidationError]":
    """A pattern's ``$`` is the end of the text, and not also the place before a last newline.

    Source: JSON Schema 2020-12, "pattern" (ECMA-262); Python's ``$`` is more lenient, and so is jsonschema.
    """
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - as above

    strict = pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern
    if isinstance(instance, str) and re.search(strict, instance) is None:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")
