"""The library's rules that need no AWS, for the command: ``python -m cluster_engine.offline``.

Reads a question from each line of standard input and writes an answer in a line to standard output; both are
in docs/engine.md. No connection leaves this program: each is refused before it is made.
"""

import json
import os
import sys
from dataclasses import asdict
from typing import Any

from cluster_engine import library
from cluster_engine.library.offline import Questions, judge_offline
from cluster_schema import configuration_schema

#: Some Region has to be set; what judges by it is left out.
REGION = "us-east-1"
#: What Python reports before it sends anything or looks up a name.
#: Source: Python library, "Audit events table".
_NETWORK = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})

QUESTIONS = Questions()


def main() -> None:
    """Answers until standard input ends; what the library prints goes to standard error."""
    answers, sys.stdout = sys.stdout, sys.stderr
    os.environ |= {"AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
    sys.addaudithook(_refuse_network)
    for line in sys.stdin:
        answers.write(json.dumps(answer(json.loads(line))) + "\n")
        answers.flush()


def _refuse_network(event: str, _: Any) -> None:
    if event in _NETWORK:
        QUESTIONS.note()
        raise ConnectionRefusedError("nothing is connected to here")


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Returns what the library says of a configuration."""
    version = library.version()
    judgement = judge_offline(
        question["cluster_name"],
        question["configuration"],
        question["suppress_validators"],
        configuration_schema(version),
        QUESTIONS,
    )
    messages = [asdict(message) for message in judgement.messages]
    return {"version": version, "messages": messages, "left_out": sorted(judgement.left_out)}


if __name__ == "__main__":
    main()
