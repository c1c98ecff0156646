"""A rehearsal: the library goes all the way of a deployment, and nothing leaves it that changes anything.

The library's own dry run ends with its validators. What comes after them, synthesis above all, can fail as
well. So in a rehearsal the library believes that it deploys: what it would store or make is answered here, in
AWS's place, and every question still goes to AWS.
Source: botocore, client.py: what a ``before-call`` handler returns is taken for the answer.
"""

from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from cluster_engine.gate import Gate
from cluster_engine.runtimes import Session

#: What the library stores and makes on its way to a stack, and the answers that it goes on with.
#: Source: pcluster/models/cluster.py, create and update, and pcluster/models/s3_bucket.py.
ANSWERS: dict[str, dict[str, Any]] = {
    # The bucket may not be there yet, and who asks need not be allowed to look at it: the engine is.
    "s3.HeadBucket": {},
    "s3.CreateBucket": {},
    "s3.PutBucketVersioning": {},
    "s3.PutBucketEncryption": {},
    "s3.PutBucketPolicy": {},
    "s3.PutObject": {"VersionId": "rehearsed"},
    "s3.DeleteObjects": {},
    "cloudformation.CreateStack": {"StackId": "rehearsed"},
}
#: The library's note of how its bucket is set up; without one it sets the bucket up, which is answered here.
_BOOTSTRAPPED = "/.bootstrapped"
_IS_BOOTSTRAPPED = "rehearsed:bootstrapped"


class RehearsalGate(Gate):
    """A gate through which nothing passes that stores, makes or changes anything."""

    rehearses = True

    def install(self, session: Session) -> None:
        """Puts the gate into a session; it holds for every client made from the session afterwards."""
        super().install(session)
        for name, answer in ANSWERS.items():
            session.events.register(f"before-call.{name}", _answering(answer))
        session.events.register("before-call.cloudformation.UpdateStack", self._answer_update)
        session.events.register("before-parameter-build.s3.HeadObject", _note_bootstrapped)
        session.events.register("before-call.s3.HeadObject", _answer_bootstrapped)

    def _answer_update(self, **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        return _response(200), {"StackId": self.stack_id}


def _answering(answer: dict[str, Any]) -> Any:
    def handler(**_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        return _response(200), dict(answer)

    return handler


def _note_bootstrapped(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context[_IS_BOOTSTRAPPED] = params["Key"].endswith(_BOOTSTRAPPED)


def _answer_bootstrapped(context: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
    if not context[_IS_BOOTSTRAPPED]:
        return None  # a script of the user's, which a validator looks for
    return _response(404), {"Error": {"Code": "404", "Message": "Not Found"}}


def _response(status: int) -> AWSResponse:
    return AWSResponse("", status, HTTPHeaders(), None)
