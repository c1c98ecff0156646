"""Validates configurations by the library's rules that need no AWS: ``python -m cluster_engine.offline``.

It reads a question from each line of standard input and writes an answer in a line of standard output.
docs/reference/engine.md states both. The program refuses every connection before it is made.
"""

import json
import os
import sys
from dataclasses import asdict
from typing import Any

from cluster_engine import library
from cluster_engine.library.offline_validation import Questions, validate_offline
from cluster_schema import configuration_schema

#: The library needs some Region. Validators that depend on it are left out.
REGION = "us-east-1"
#: Audit events that Python raises before it sends anything or looks up a name.
#: Source: Python library, "Audit events table".
_NETWORK = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})

QUESTIONS = Questions()


def main() -> None:
    """Answers until standard input ends. What the library prints goes to standard error."""
    answers, sys.stdout = sys.stdout, sys.stderr
    os.environ |= {"AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
    sys.addaudithook(_refuse_network)
    for line in sys.stdin:
        answers.write(json.dumps(answer(json.loads(line))) + "\n")
        answers.flush()


def _refuse_network(event: str, _: Any) -> None:
    if event in _NETWORK:
        QUESTIONS.note()
        raise ConnectionRefusedError("this program connects to nothing")


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Returns the library's messages about a configuration."""
    version = library.version()
    report = validate_offline(
        question["cluster_name"],
        question["configuration"],
        question["suppress_validators"],
        configuration_schema(version),
        QUESTIONS,
    )
    messages = [asdict(message) for message in report.messages]
    return {"version": version, "messages": messages, "left_out": sorted(report.left_out)}


if __name__ == "__main__":
    main()
