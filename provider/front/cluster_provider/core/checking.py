"""Properties held against the schema of their resource type: what a template's author should hear first."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from cluster_provider.core.bounds import SHOWN_MAX, URL_MAX, clip, shown
from cluster_provider.core.errors import InvalidProperty, MissingProperty

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

#: What a ParallelCluster version looks like.
VERSION: dict[str, Any] = {"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$", "maxLength": 20}

#: Which hosts it may name is judged where the stack's Region is known (endpoints.py).
WAIT_CONDITION_HANDLE: dict[str, Any] = {"type": "string", "pattern": "^https://", "maxLength": URL_MAX}

#: A response has room for no more mistakes; a record keeps them.
MISTAKES_MAX = 20


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
            InvalidProperty: A property has an impossible value or an unknown name. All mistakes are in it.
        """
        mistakes = self._mistakes(raw)
        if len(mistakes) == 1:
            raise mistakes[0]
        if mistakes:
            raise _together(mistakes)

    def invalid(self, name: str, value: Any, path: str = "") -> InvalidProperty:
        """The error for a value that a property cannot have.

        Args:
            name: The property.
            value: The value.
            path: Where in the property the value stands, if not the property itself.
        """
        expected = self.expected.get(name, "a string")
        return InvalidProperty(shown(path or name), f"{clip(value)!r} is not valid; expected {expected}.")

    def _mistakes(self, raw: Mapping[str, Any]) -> list[MissingProperty | InvalidProperty]:
        """Everything that the schema refuses, as errors; what a user should hear first of all comes first."""
        # Imported here: only requests are looked at so, and most cold starts are wake-ups.
        from jsonschema.exceptions import relevance  # noqa: PLC0415

        errors = _validator()(self.schema).iter_errors(dict(raw))
        ordered = sorted(errors, key=lambda error: (-len(error.path), relevance(error)))
        explained = (mistake for error in ordered for mistake in self._explain(error, raw))
        # One value that breaks two rules is one mistake.
        return list(islice({mistake.where: mistake for mistake in explained}.values(), MISTAKES_MAX))

    def _explain(
        self, error: "ValidationError", raw: Mapping[str, Any]
    ) -> Iterator[MissingProperty | InvalidProperty]:
        properties = self.schema["properties"]
        unknown = [name for name in raw if name not in properties][:MISTAKES_MAX]
        if error.validator == "required":
            # A name that is misspelt is missing as well; that is one mistake.
            misspelt = {near for name in unknown for near in _nearest(name, properties)}
            for name in self.schema["required"]:
                if name not in raw and name not in misspelt:
                    yield MissingProperty(name, f"this property is needed: {self.expected[name]}.")
        elif error.validator == "additionalProperties":
            for name in unknown:
                near = _nearest(name, properties)
                known = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(sorted(properties))}."
                yield InvalidProperty(shown(name), "there is no such property.", known)
        else:
            path = [str(step) for step in error.absolute_path]
            yield self.invalid(path[0], error.instance, "/".join(path))


def _nearest(name: str, known: Mapping[str, Any]) -> list[str]:
    """The known name that is most like one; an empty list if none is.

    The first letter's case does not count: other tools write ``clusterName``.
    """
    return get_close_matches(name[:1].upper() + name[1:SHOWN_MAX], known, n=1)


def _together(mistakes: list[MissingProperty | InvalidProperty]) -> MissingProperty | InvalidProperty:
    """One error for several mistakes: each with its own way out, and what several share once, at the end."""
    ways_out = Counter(mistake.next_step for mistake in mistakes)
    shared = next((text for text, times in ways_out.items() if text and times > 1), "")
    whats = [
        mistake.what if mistake.next_step in {"", shared} else f"{mistake.what} {mistake.next_step}"
        for mistake in mistakes
    ]
    others = [f"{each.where}: {what}" for each, what in zip(mistakes[1:], whats[1:], strict=True)]
    return type(mistakes[0])(mistakes[0].where, whats[0], shared, others)


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
