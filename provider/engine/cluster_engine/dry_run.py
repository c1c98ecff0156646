"""One dry run of the library: ``python -m cluster_engine.dry_run``, or a function that only asks.

It answers what a create or an update would come to, with the caller's own credentials and before anything is
deployed. docs/reference/engine.md states the question and the answer.

The library's own dry run ends with its validators, but synthesis, which comes after them, can fail as well.
So here the library believes that it deploys. The gate answers in AWS's place what would store, make or change
something, and every question goes to AWS.
Source: botocore, client.py: the return value of a ``before-call`` handler replaces the answer.
"""

import json
import logging
import sys
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from cluster_engine import advice, configuration, library
from cluster_engine.contract import EngineError
from cluster_engine.gate import Gate
from cluster_engine.runtimes import Session
from cluster_engine.update import ARGUMENTS, BOUNDS, Update, prepare, refuse_beyond_bounds

#: How long a throttled dry run may take; validators alone may take a minute.
PATIENCE = timedelta(minutes=5)
#: As in ``cluster_engine.handler``: the library's own pause, its clean-up, the answer.
GIVE_UP_BEFORE_END_S = 20.0
#: In the past: the gate would not send a CreateStack, UpdateStack or DeleteStack that comes so far.
NEVER = datetime.min.replace(tzinfo=UTC)

#: What the library stores and makes on its way to a stack, and the answers that it goes on with.
#: Source: pcluster/models/cluster.py, create and update, and pcluster/models/s3_bucket.py.
ANSWERS: dict[str, dict[str, Any]] = {
    # The bucket may not exist yet, and the caller need not have access to it: the engine has.
    "s3.HeadBucket": {},
    "s3.CreateBucket": {},
    "s3.PutBucketVersioning": {},
    "s3.PutBucketEncryption": {},
    "s3.PutBucketPolicy": {},
    "s3.PutObject": {"VersionId": "dry-run"},
    "s3.DeleteObjects": {},
    "cloudformation.CreateStack": {"StackId": "dry-run"},
}
#: The library's note that its bucket is set up; without one it sets the bucket up, which is answered here.
_BOOTSTRAPPED = "/.bootstrapped"
_IS_BOOTSTRAPPED = "dry-run:bootstrapped"

Answer = dict[str, Any]


def main() -> None:
    """Answers one question; what the library prints goes to standard error."""
    answers, sys.stdout = sys.stdout, sys.stderr
    json.dump(run(json.load(sys.stdin)), answers)


def handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    """Returns the answer to the question in an event: the entry point of a function of its own."""
    # This logger writes the parameters of every AWS call, the configuration included.
    logging.getLogger("pcluster.aws.common").setLevel(logging.WARNING)
    remaining_s = context.get_remaining_time_in_millis() / 1000
    return run(event, timedelta(seconds=remaining_s - GIVE_UP_BEFORE_END_S))


def run(question: dict[str, Any], patience: timedelta = PATIENCE) -> Answer:
    """Returns what a create or an update would come to.

    Args:
        question: As docs/reference/engine.md states it.
        patience: How long AWS may throttle it.
    """
    gate = DryRunGate(
        token=uuid.uuid4().hex,
        stack_id=question["stack_id"],
        stack_tags=question.get("stack_tags", {}),
        not_after=NEVER,
        give_up_at=datetime.now(UTC) + patience,
        now=lambda: datetime.now(UTC),
    )
    version = library.version()
    action, name, region = question["operation"], question["cluster_name"], question["region"]
    arguments = question["arguments"]
    try:
        wanted = configuration.read(question["configuration"], question["configuration_tags"], version)
        change = Update(name, region, arguments, gate, dryrun=True)
        refuse_beyond_bounds(wanted, change, makes=action == "create")
        advice.refuse(version, wanted, datetime.now(UTC).date(), arguments.get(advice.ARGUMENT))
        if action == "update":
            wanted = prepare(wanted, change, version)
        ours = {*ARGUMENTS, BOUNDS, advice.ARGUMENT}
        theirs = {key: value for key, value in arguments.items() if key not in ours}
        answer = library.invoke(action, name, region, gate, cluster_configuration=wanted, **theirs)
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


class DryRunGate(Gate):
    """A gate that sends nothing that stores, makes or changes anything."""

    is_dry_run = True

    def install(self, session: Session) -> None:
        """Installs the gate in a session, for every client made from the session afterwards."""
        super().install(session)
        for name, answer in ANSWERS.items():
            session.events.register(f"before-call.{name}", _answering(answer))
        session.events.register("before-call.cloudformation.UpdateStack", self._answer_update)
        session.events.register("before-parameter-build.s3.HeadObject", _note_bootstrapped)
        session.events.register("before-call.s3.HeadObject", _answer_bootstrapped)

    def _answer_update(self, **_: Any) -> tuple[AWSResponse, Answer]:
        return _response(200), {"StackId": self.stack_id}


def _answering(answer: Answer) -> Any:
    def handler(**_: Any) -> tuple[AWSResponse, Answer]:
        return _response(200), dict(answer)

    return handler


def _note_bootstrapped(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context[_IS_BOOTSTRAPPED] = params["Key"].endswith(_BOOTSTRAPPED)


def _answer_bootstrapped(context: dict[str, Any], **_: Any) -> tuple[AWSResponse, Answer] | None:
    if not context[_IS_BOOTSTRAPPED]:
        return None  # a script of the user's, which a validator looks for
    return _response(404), {"Error": {"Code": "404", "Message": "Not Found"}}


def _response(status: int) -> AWSResponse:
    return AWSResponse("", status, HTTPHeaders(), None)


if __name__ == "__main__":
    main()
