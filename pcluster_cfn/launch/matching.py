"""Matches texts against a regular expression within a time, in a process of its own.

A pattern of a few characters may take longer than the age of the world for a text of forty, and Python's
``re`` cannot be interrupted. So a template's pattern is tried by a child, which the system ends after a
second of its own time, whatever else the machine does. This file is that child's program as well: it imports
nothing of ours.
"""

import json
import re
import resource
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

#: Processor time that a pattern may take for all texts it is tried on. Those in use take microseconds.
CPU_S = 1
#: For a machine that hardly gives the child any of its time.
_PATIENCE_S = 30


def matches(expression: str, texts: Sequence[str]) -> bool | None:
    """Says whether an expression matches the whole of every text; None if that takes too long to find out."""
    return _matches(expression, tuple(texts))


@cache
def _matches(expression: str, texts: tuple[str, ...]) -> bool | None:
    try:
        done = subprocess.run(  # noqa: S603 - this file
            [sys.executable, "-I", "-S", str(Path(__file__))],
            input=json.dumps([expression, texts]).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    answers = {b"true": True, b"false": False}
    return answers.get(done.stdout)


def _answer() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    expression, texts = json.load(sys.stdin)
    found = all(re.fullmatch(expression, text) for text in texts)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    _answer()
