"""How much of a template is read, and the one error for a text that cannot be read.

Whoever writes a template decides how large it is, how deep it nests and how often an alias repeats what.
These limits bound the time and the memory of everything that reads one.
"""

import json
from dataclasses import dataclass
from typing import Literal

#: Source: CloudFormation quotas, "Template body size in an S3 object for a template": 1 MB.
TEXT_MAX_BYTES = 1_048_576
#: Lists and maps within each other. What reads and evaluates values calls itself a few times per level and
#: stays far from Python's limit of 1,000 calls. Source: Python library, sys.setrecursionlimit.
DEPTH_MAX = 100
#: Lists, maps, keys and scalars once aliases are written out. A template at CloudFormation's limit of 500
#: resources has some 20,000.
VALUES_MAX = 200_000
#: Characters of all keys and scalars once aliases are written out: a template has no aliases when it reaches
#: CloudFormation. Source: CloudFormation user guide, "Template formats": aliases are not supported.
WRITTEN_OUT_MAX_CHARACTERS = TEXT_MAX_BYTES
#: Source: YAML 1.1, "Mappings": a simple key has at most 1,024 characters.
KEY_MAX_CHARACTERS = 1_024
#: A double needs at most 309 digits before its point, and Python turns at most 4,300 digits into text.
#: Source: Python library, "Integer string conversion length limitation".
DIGITS_MAX = 1_000
#: What all functions of a template make together: a few times the largest template.
MADE_MAX_CHARACTERS = 8 * TEXT_MAX_BYTES
#: Parts of a text in a message; longer ones hide the sentence they belong to.
_SHOWN_MAX_CHARACTERS = 40

Language = Literal["YAML", "JSON"]


@dataclass(frozen=True, order=True)
class Place:
    """Where something is in a file; both count from 1. The note says more where that is not exact."""

    line: int
    column: int
    note: str = ""


class TemplateError(ValueError):
    """A text that is neither YAML nor JSON, or says what no template can.

    Args:
        problem: What is wrong, the limit where there is one, and what to do.
        place: Where; None if the text as a whole is wrong.
        language: What the text was read as.
    """

    def __init__(self, problem: str, place: Place | None = None, language: Language = "YAML") -> None:
        super().__init__(problem)
        self.problem = problem
        self.place = place
        self.language = language


class AliasError(TemplateError):
    """An alias, where the reader takes none."""


def require_size(text: str) -> None:
    """Refuses a text that is longer than what CloudFormation takes.

    Raises:
        TemplateError: It is.
    """
    # Half a character has no place in UTF-8; the reader finds it with its place.
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    if size_bytes > TEXT_MAX_BYTES:
        raise TemplateError(
            f"the text has {size_bytes:,} bytes, and at most {TEXT_MAX_BYTES:,} are read, which is "
            "CloudFormation's limit for a template: make it smaller"
        )


class Amount:
    """Counts what a text comes to with its aliases written out."""

    def __init__(self) -> None:
        self.values = 0
        self.characters = 0

    def add(self, values: int, characters: int) -> str | None:
        """Counts something; returns what is wrong if there is more than a limit allows."""
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
    """Refuses what nests deeper than ``DEPTH_MAX``.

    Raises:
        TemplateError: It does.
    """
    if levels > DEPTH_MAX:
        raise TemplateError(
            f"lists and maps are more than {DEPTH_MAX} deep in each other: nest less", place, language
        )


def require_digits(text: str, place: Place, language: Language) -> None:
    """Refuses a number that is longer than ``DIGITS_MAX``.

    Raises:
        TemplateError: It is.
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
        TemplateError: It is.
    """
    if len(text) > KEY_MAX_CHARACTERS:
        raise TemplateError(
            f"the key {shown(text)} has {len(text):,} characters, and at most {KEY_MAX_CHARACTERS:,} "
            "are read: shorten it",
            place,
            language,
        )


def shown(text: str) -> str:
    """Returns the begin of a text as it can stand in a message: in quotes, in one line."""
    cut = text if len(text) <= _SHOWN_MAX_CHARACTERS else text[: _SHOWN_MAX_CHARACTERS - 1] + "…"
    # Half of a character could not be written out as UTF-8.
    return json.dumps(cut, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
