"""How much of a text is read, and the one error for a text that cannot be read.

Whoever writes a template or a configuration decides how large it is, how deep it nests and how often an alias
repeats what. Everything that reads such a text works in time and memory that these limits bound.
"""

import json
import re

import yaml

#: The largest template that CloudFormation reads, and so the largest text that a template can hold.
#: Source: CloudFormation quotas, "Template body size in an S3 object for a template": 1 MB.
TEXT_MAX_BYTES = 1_048_576
#: Lists and maps within each other. No configuration of ParallelCluster needs a fifth of it; what reads,
#: checks and writes values calls itself once or a few times per level and stays far from Python's limit of
#: 1,000 calls. Source: Python library, sys.setrecursionlimit.
DEPTH_MAX = 100
#: Lists, maps, keys and scalars once aliases are written out. A node of the tree takes half a KiB, so this
#: is 100 MiB. A template at CloudFormation's limit of 500 resources has some 20,000.
VALUES_MAX = 200_000
#: Characters of all keys and scalars once aliases are written out, for a template cannot have aliases when it
#: reaches CloudFormation. Source: CloudFormation user guide, "Template formats": aliases are not supported.
WRITTEN_OUT_MAX_CHARACTERS = TEXT_MAX_BYTES
#: Source: YAML 1.1, "Mappings": a simple key has at most 1,024 characters. A parameter's name has 255.
KEY_MAX_CHARACTERS = 1_024
#: A double needs at most 309 digits before its point. Python turns at most 4,300 digits into text, and one
#: hexadecimal digit may become two. Source: Python library, "Integer string conversion length limitation".
DIGITS_MAX = 1_000
#: Source: YAML 1.1, "Line Break Characters".
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
#: Parts of a text in a message; longer ones hide the sentence they belong to.
_SHOWN_MAX_CHARACTERS = 40


class UnreadableError(ValueError):
    """The text is neither YAML nor JSON, or says what neither templates nor configurations can.

    Args:
        problem: What is wrong, what the limit is where there is one, and what to do.
        mark: Where; None if only the whole is.
    """

    def __init__(self, problem: str, mark: yaml.Mark | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.mark = mark


def mark_at(text: str, index: int) -> yaml.Mark:
    """Returns the place of a character: line and column from 0, as YAML counts lines."""
    begins = [0, *(found.end() for found in _LINE_BREAK.finditer(text, 0, index))]
    return yaml.Mark("", index, len(begins) - 1, index - begins[-1], None, 0)


def require_size(text: str) -> None:
    """Refuses a text that is longer than what CloudFormation takes.

    Raises:
        UnreadableError: It is.
    """
    # Half a character has no place in UTF-8; it is found, with its place, by whoever reads the text.
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    if size_bytes > TEXT_MAX_BYTES:
        raise UnreadableError(
            f"the text has {size_bytes:,} bytes, and at most {TEXT_MAX_BYTES:,} are read, which is "
            "CloudFormation's limit for a template: make it smaller"
        )


def shown(text: str) -> str:
    """Returns the begin of a text as it can stand in a message: in quotes, in one line."""
    cut = text if len(text) <= _SHOWN_MAX_CHARACTERS else text[: _SHOWN_MAX_CHARACTERS - 1] + "…"
    # Half of a character could not be written out as UTF-8.
    return json.dumps(cut, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
