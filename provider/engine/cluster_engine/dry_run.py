"""One dry run of the library, asked for on standard input: ``python -m cluster_engine.dry_run``.

For whoever asks what a create or an update would say before anything is deployed, with credentials of their
own. What is asked and answered is in docs/engine.md. The library goes as far as a deployment would, with
synthesis and all; nothing is changed, because what would change something is not sent.
"""

import json
import sys
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from cluster_engine import configuration, library
from cluster_engine.comparison import ARGUMENTS, Update, compared
from cluster_engine.errors import EngineError
from cluster_engine.rehearsal import RehearsalGate

#: A throttled dry run is not waited for any longer; validators alone may take a minute.
PATIENCE = timedelta(minutes=5)
#: In the past: should a CreateStack, UpdateStack or DeleteStack come so far, the gate would not send it.
NEVER = datetime.min.replace(tzinfo=UTC)

Answer = dict[str, Any]


def main() -> None:
    """Answers one question; what the library prints goes to standard error."""
    answers, sys.stdout = sys.stdout, sys.stderr
    json.dump(run(json.load(sys.stdin)), answers)


def run(question: dict[str, Any]) -> Answer:
    """Returns what a create or an update would come to."""
    gate = RehearsalGate(
        token=uuid.uuid4().hex,
        stack_id=question["stack_id"],
        stack_tags=question.get("stack_tags", {}),
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
        answer = library.invoke(operation, name, region, gate, cluster_configuration=wanted, **theirs)
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
