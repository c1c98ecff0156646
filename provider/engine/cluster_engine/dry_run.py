"""One dry run of the library, asked for on standard input: ``python -m cluster_engine.dry_run``.

For whoever asks what a create or an update would say before anything is deployed, with credentials of their
own. What is asked and answered is in docs/engine.md. Nothing is changed: the library's own dry run ends
before it would, and the gate lets no request pass that changes a stack.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from cluster_engine import configuration, library
from cluster_engine.comparison import ARGUMENTS, Update, compared
from cluster_engine.errors import EngineError
from cluster_engine.gate import Gate

#: A throttled dry run is not waited for any longer; validators alone may take a minute.
PATIENCE = timedelta(minutes=5)
#: In the past: the gate sends no CreateStack, UpdateStack or DeleteStack.
NEVER = datetime.min.replace(tzinfo=UTC)

Answer = dict[str, Any]


def main() -> None:
    """Answers one question; what the library prints goes to standard error."""
    answers, sys.stdout = sys.stdout, sys.stderr
    json.dump(run(json.load(sys.stdin)), answers)


def run(question: dict[str, Any]) -> Answer:
    """Returns what a create or an update would come to."""
    gate = Gate(
        token="",  # nothing is sent
        stack_id=question["stack_id"],
        stack_tags={},
        not_after=NEVER,
        give_up_at=datetime.now(UTC) + PATIENCE,
        now=lambda: datetime.now(UTC),
    )
    version = library.version()
    operation, name, region = question["operation"], question["cluster_name"], question["region"]
    arguments = question["arguments"]
    try:
        wanted = configuration.read(question["configuration"], question["configuration_tags"], version)
        if operation == "update":
            wanted = compared(wanted, Update(name, region, arguments, gate, dryrun=True), version)
        theirs = {key: value for key, value in arguments.items() if key not in ARGUMENTS}
        answer = library.invoke(
            operation, name, region, gate, dryrun=True, cluster_configuration=wanted, **theirs
        )
    except EngineError as error:
        return {
            "version": version,
            "validation_messages": error.validation_messages,
            "change_set": error.change_set,
            "error": {"code": error.code, "message": error.message, "details": error.details},
        }
    return {
        "version": version,
        "validation_messages": answer.get("validationMessages") or [],
        "change_set": answer.get("changeSet") or [],
    }


if __name__ == "__main__":
    main()
