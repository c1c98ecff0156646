"""The states of a function: it is Pending before it is Active, and each update takes a while.

Source: AWS Lambda developer guide, "Lambda function states". CloudFormation waits for both.
"""

import hashlib
import uuid
from datetime import datetime, timedelta
from typing import Any

from moto.awslambda.exceptions import LambdaClientError

from localcloud.clock import clock

#: How long a new function is Pending, and how long an update of one is in progress; about what AWS takes.
CREATION_S = 1.0
UPDATE_S = 1.0
_REASON = "The function is being created."


class NotReadyError(LambdaClientError):
    """The function is not Active yet, or another update of it is in progress."""

    code = 409

    def __init__(self, reason: str) -> None:
        super().__init__(
            "ResourceConflictException", f"The operation cannot be performed at this time. {reason}"
        )


class FunctionState:
    """What changes of one function or version are still in progress."""

    def __init__(self) -> None:
        self.revision = str(uuid.uuid4())
        self._active_at = _later(CREATION_S)
        self._updated_at = self._active_at

    def change(self) -> None:
        """Begins an update."""
        self.revision, self._updated_at = str(uuid.uuid4()), _later(UPDATE_S)

    def settle(self) -> None:
        """Ends what is in progress, for CloudFormation, which has waited for it."""
        self._active_at = self._updated_at = clock.now()

    def require_active(self) -> None:
        """Refuses what a function that is not Active cannot do.

        Raises:
            NotReadyError: It is Pending.
        """
        if clock.now() < self._active_at:
            raise NotReadyError("The function is currently in the following state: Pending")

    def require_settled(self, function_arn: str) -> None:
        """Refuses a change while another one is in progress.

        Raises:
            NotReadyError: The function is Pending, or an update is in progress.
        """
        self.require_active()
        if clock.now() < self._updated_at:
            raise NotReadyError(f"An update is in progress for resource: {function_arn}")

    def to_json(self, runtime: str, region: str, *, on_create: bool) -> dict[str, Any]:
        """Returns the members of a function's configuration that tell its state."""
        digest = hashlib.sha256(runtime.encode()).hexdigest()
        shown: dict[str, Any] = {
            "RevisionId": self.revision,
            "RuntimeVersionConfig": {"RuntimeVersionArn": f"arn:aws:lambda:{region}::runtime:{digest}"},
        }
        if clock.now() < self._active_at:
            shown |= {"State": "Pending", "StateReason": _REASON, "StateReasonCode": "Creating"}
        if clock.now() < self._updated_at and not on_create:
            shown |= {"LastUpdateStatus": "InProgress", "LastUpdateStatusReason": _REASON}
            shown["LastUpdateStatusReasonCode"] = "Creating"
        return shown


def _later(seconds: float) -> datetime:
    clock.call_later(seconds, lambda: None)  # where idle time is skipped, it is skipped up to here
    return clock.now() + timedelta(seconds=seconds)
