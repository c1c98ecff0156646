"""The limits within which configurations are read, and the error for a text that cannot be read.

The author of a configuration decides its size, its depth and how often aliases repeat something. The limits
bound the time and the memory that reading it takes.
"""

import json
import re

import yaml

#: The largest template that CloudFormation reads, and so the largest text that a template can hold.
#: Source: CloudFormation quotas, "Template body size in an S3 object for a template": 1 MB.
TEXT_MAX_BYTES = 1_048_576
#: Levels of lists and maps. No configuration of ParallelCluster has a fifth of them. Reading, validation and
#: writing recurse a few times per level and stay far below Python's limit of 1,000 calls. Source: Python
#: library, sys.setrecursionlimit.
DEPTH_MAX = 100
#: Lists, maps, keys and scalars, aliases expanded. A node takes half a KiB, so this is 100 MiB. A template
#: with CloudFormation's maximum of 500 resources has about 20,000.
VALUES_MAX = 200_000
#: Characters of all keys and scalars, aliases expanded, since CloudFormation takes no aliases.
#: Source: CloudFormation user guide, "Template formats": aliases are not supported.
WRITTEN_OUT_MAX_CHARACTERS = TEXT_MAX_BYTES
#: Source: YAML 1.1, "Mappings": a simple key has at most 1,024 characters. A parameter's name has 255.
KEY_MAX_CHARACTERS = 1_024
#: A double needs at most 309 digits before its point. Python turns at most 4,300 digits into text, and one
#: hexadecimal digit may become two. Source: Python library, "Integer string conversion length limitation".
DIGITS_MAX = 1_000
#: Source: YAML 1.1, "Line Break Characters".
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
#: Characters of a text that a message shows; more would hide its sentence.
_SHOWN_MAX_CHARACTERS = 40


class UnreadableError(ValueError):
    """The text is neither YAML nor JSON, or no valid configuration.

    Args:
        problem: What is wrong, the limit if there is one, and what to do.
        mark: Where; None if the text as a whole is wrong.
    """

    def __init__(self, problem: str, mark: yaml.Mark | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.mark = mark


def mark_at(text: str, index: int) -> yaml.Mark:
    """Returns the mark of a character: line and column from 0, with YAML's line breaks."""
    begins = [0, *(found.end() for found in _LINE_BREAK.finditer(text, 0, index))]
    return yaml.Mark("", index, len(begins) - 1, index - begins[-1], None, 0)


def require_size(text: str) -> None:
    """Refuses a text that is longer than CloudFormation accepts.

    Raises:
        UnreadableError: It is longer.
    """
    # UTF-8 has no half characters. The reader reports one with its place.
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    if size_bytes > TEXT_MAX_BYTES:
        raise UnreadableError(
            f"the text has {size_bytes:,} bytes, and at most {TEXT_MAX_BYTES:,} are read, which is "
            "CloudFormation's limit for a template: make it smaller"
        )


def shown(text: str) -> str:
    """Returns the start of a text for a message: in quotes, on one line."""
    cut = text if len(text) <= _SHOWN_MAX_CHARACTERS else text[: _SHOWN_MAX_CHARACTERS - 1] + "…"
    # Half of a character cannot be encoded as UTF-8.
    return json.dumps(cut, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
