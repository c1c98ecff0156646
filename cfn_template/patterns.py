r"""Matches values against a template's ``AllowedPattern``, within a bounded time.

CloudFormation matches such a pattern as Java does. The package ``regex`` reads nearly all of Java's syntax
and gives it the same meaning: possessive repeats, set operations, flags in the middle, ``\p{…}``. A pattern
that it cannot read is left to CloudFormation.

A pattern of a few characters may take years, or all memory, for a text of forty. So a separate process tries
it, and the system ends that process when it exceeds its limits. This file is also the program of that
process, so it imports nothing of this project.

Source: Java SE API, class java.util.regex.Pattern; package regex, README.
"""

import importlib.util
import json
import re
import resource
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

#: Processor time for all texts that a pattern is tried on. Patterns in use take microseconds.
_CPU_S = 1
#: Java's classes of characters, which hold ASCII only.
_CLASSES = {
    "d": "0-9",
    "w": "A-Za-z0-9_",
    "s": r" \t\n\x0b\f\r",
    "Lower": "a-z",
    "Upper": "A-Z",
    "Alpha": "A-Za-z",
    "Digit": "0-9",
    "Alnum": "A-Za-z0-9",
    "Punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "Graph": r"\x21-\x7e",
    "Print": r"\x20-\x7e",
    "XDigit": "0-9A-Fa-f",
    "Space": r" \t\n\x0b\f\r",
}
_ESCAPE = re.compile(r"\\(?:p\{(?P<named>\w+)\}|(?P<letter>.))", re.DOTALL)
_MEMORY_BYTES = 512 * 1024 * 1024
#: For a busy machine, on which the processor time takes long to use up.
_TIMEOUT_S = 30
#: A pattern is at most as long as the longest value. Patterns in use are far shorter.
MAX_PATTERN_CHARACTERS = 4_096


def matches(pattern: str, texts: Sequence[str]) -> bool | None:
    """Returns whether a pattern matches the whole of every text.

    Returns:
        None if the match exceeds a limit, or the pattern has syntax that only Java reads.
    """
    return _matches(pattern, tuple(texts)) if len(pattern) <= MAX_PATTERN_CHARACTERS else None


@cache
def _matches(pattern: str, texts: tuple[str, ...]) -> bool | None:
    package = importlib.util.find_spec("regex")
    if package is None or package.origin is None:
        return None
    folder = Path(package.origin).parents[1]
    try:
        done = subprocess.run(  # noqa: S603 - this file
            [sys.executable, "-I", "-S", str(Path(__file__)), str(folder)],
            input=json.dumps([pattern, texts]).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return {b"true": True, b"false": False}.get(done.stdout)


def _answer() -> None:
    sys.path.append(sys.argv[1])
    import regex  # noqa: PLC0415 - only the process needs it

    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError):  # macOS refuses this limit; the one on time bounds the memory there
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    pattern, texts = json.load(sys.stdin)
    # Sets have operations, and a dot stops at every line end.
    compiled = regex.compile(_ESCAPE.sub(_class, pattern), regex.V1 | regex.WORD)
    sys.stdout.write(json.dumps(all(compiled.fullmatch(text) for text in texts)))


def _class(escape: re.Match[str]) -> str:
    """Returns an escape, or the set that it stands for: sets may be in sets."""
    name = escape["named"] or escape["letter"]
    if members := _CLASSES.get(name):
        return f"[{members}]"
    if escape["letter"] and (members := _CLASSES.get(name.lower())):
        return f"[^{members}]"
    return escape[0]


if __name__ == "__main__":
    _answer()
