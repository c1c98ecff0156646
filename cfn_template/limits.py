"""The limits within which templates are read, and the error for a text that cannot be read.

The author of a template decides its size, its depth and how often aliases repeat something. The limits bound
the time and the memory that reading it takes.
"""

import json
from dataclasses import dataclass
from typing import Literal

#: Source: CloudFormation quotas, "Template body size in an S3 object for a template": 1 MB.
TEXT_MAX_BYTES = 1_048_576
#: Levels of lists and maps. Reading and evaluation recurse a few times per level and stay far below Python's
#: limit of 1,000 calls. Source: Python library, sys.setrecursionlimit.
DEPTH_MAX = 100
#: Lists, maps, keys and scalars, aliases expanded. A template with CloudFormation's maximum of 500 resources
#: has about 20,000.
VALUES_MAX = 200_000
#: Characters of all keys and scalars, aliases expanded, since CloudFormation takes no aliases.
#: Source: CloudFormation user guide, "Template formats": aliases are not supported.
WRITTEN_OUT_MAX_CHARACTERS = TEXT_MAX_BYTES
#: Source: YAML 1.1, "Mappings": a simple key has at most 1,024 characters.
KEY_MAX_CHARACTERS = 1_024
#: A double needs at most 309 digits before its point, and Python turns at most 4,300 digits into text.
#: Source: Python library, "Integer string conversion length limitation".
DIGITS_MAX = 1_000
#: Characters of the values of all functions of a template: a few times the largest template.
MADE_MAX_CHARACTERS = 8 * TEXT_MAX_BYTES
#: Characters of a text that a message shows; more would hide its sentence.
_SHOWN_MAX_CHARACTERS = 40

Language = Literal["YAML", "JSON"]


@dataclass(frozen=True, order=True)
class Place:
    """A place in a file. Line and column count from 1; the note explains a place that is not exact."""

    line: int
    column: int
    note: str = ""


class TemplateError(ValueError):
    """A text is neither YAML nor JSON, or no valid template.

    Args:
        problem: What is wrong, the limit if there is one, and what to do.
        place: Where; None if the text as a whole is wrong.
        language: The language that the text was read as.
    """

    def __init__(self, problem: str, place: Place | None = None, language: Language = "YAML") -> None:
        super().__init__(problem)
        self.problem = problem
        self.place = place
        self.language = language


class AliasError(TemplateError):
    """The text has an alias and may not."""


def require_size(text: str) -> None:
    """Refuses a text that is longer than CloudFormation accepts.

    Raises:
        TemplateError: It is longer.
    """
    # UTF-8 has no half characters. The reader reports one with its place.
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    if size_bytes > TEXT_MAX_BYTES:
        raise TemplateError(
            f"the text has {size_bytes:,} bytes, and at most {TEXT_MAX_BYTES:,} are read, which is "
            "CloudFormation's limit for a template: make it smaller"
        )


class Amount:
    """Counts the values and characters of a text, aliases expanded."""

    def __init__(self) -> None:
        self.values = 0
        self.characters = 0

    def add(self, values: int, characters: int) -> str | None:
        """Adds to the count; returns what is wrong if it exceeds a limit, else None."""
        self.values += values
        self.characters += characters
        if self.values > VALUES_MAX:
            return _too_much(VALUES_MAX, "keys and values")
        if self.characters > WRITTEN_OUT_MAX_CHARACTERS:
            return _too_much(WRITTEN_OUT_MAX_CHARACTERS, "characters")
        return None


def _too_much(limit: int, what: str) -> str:
    return f"with its aliases written out, the text has more than {limit:,} {what}: repeat less"


def require_depth(levels: int, place: Place, language: Language) -> None:
    """Refuses more levels than ``DEPTH_MAX``.

    Raises:
        TemplateError: There are more.
    """
    if levels > DEPTH_MAX:
        raise TemplateError(
            f"lists and maps are more than {DEPTH_MAX} deep in each other: nest less", place, language
        )


def require_digits(text: str, place: Place, language: Language) -> None:
    """Refuses a number that is longer than ``DIGITS_MAX``.

    Raises:
        TemplateError: It is longer.
    """
    if len(text) > DIGITS_MAX:
        raise TemplateError(
            f"the number {shown(text)} has {len(text):,} characters, and at most {DIGITS_MAX:,} are read: "
            "quote it if it is meant as text",
            place,
            language,
        )


def require_key(text: str, place: Place, language: Language) -> None:
    """Refuses a key that is longer than ``KEY_MAX_CHARACTERS``.

    Raises:
        TemplateError: It is longer.
    """
    if len(text) > KEY_MAX_CHARACTERS:
        raise TemplateError(
            f"the key {shown(text)} has {len(text):,} characters, and at most {KEY_MAX_CHARACTERS:,} "
            "are read: shorten it",
            place,
            language,
        )


def shown(text: str) -> str:
    """Returns the start of a text for a message: in quotes, on one line."""
    cut = text if len(text) <= _SHOWN_MAX_CHARACTERS else text[: _SHOWN_MAX_CHARACTERS - 1] + "…"
    # Half of a character cannot be encoded as UTF-8.
    return json.dumps(cut, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
