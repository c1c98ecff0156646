"""One action on one resource, with its events and its duration."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcloud.behaviour import Behaviour, behaviours
from localcloud.clock import clock
from localcloud.cloudformation.errors import ResourceFailedError
from localcloud.cloudformation.resource import Cancel, Made, Progress, no_cancel
from localcloud.cloudformation.steps import schedule
from localcloud.iam.changes import Change
from localcloud.iam.judge import judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.cloudformation.stack import Resource
    from localcloud.timers import Timer

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How an action ended.

    Attributes:
        reason: Why it failed; None where it did not.
        made: The resource that exists or may exist.
        replaces: Whether the old resource still exists and must be deleted.
    """

    reason: str | None
    made: Made | None
    replaces: bool = False


class Work:
    """Runs a create, update or delete, at least as long as the behaviours demand.

    Args:
        resource: The resource, whose status shows the action.
        action: CREATE, UPDATE or DELETE.
        begin: Starts the handler.
        ended: Called once, unless the work is cancelled before.
    """

    def __init__(
        self,
        resource: Resource,
        action: str,
        begin: Callable[[Progress], Cancel],
        ended: Callable[[Outcome], None],
    ) -> None:
        self.resource = resource
        self.action = action
        self.begun = False
        self.latest: Made | None = None
        self._begin = begin
        self._ended = ended
        self._over = False
        self._cancel_handler: Cancel = no_cancel
        self._timer: Timer | None = None
        self._behaviour = Behaviour()
        self._started_at = clock.now()

    def start(self, reason: str | None = None) -> None:
        """Sets the resource's status and schedules the action."""
        resource = self.resource
        resource.set_status(f"{self.action}_IN_PROGRESS", reason)
        self._behaviour = behaviours.decide(
            resource.stack.name, resource.logical_id, resource.resource_type, self.action
        )
        self._started_at = clock.now()
        if self._behaviour.fail is None:
            self._timer = schedule(self._begin_handler)
        else:
            self._end(Outcome(self._behaviour.fail, self.resource.made))

    def cancel(self) -> None:
        """Ends without an outcome and ignores later reports of the handler."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        self._cancel_handler()

    def initiated(self, made: Made) -> None:
        """See ``Progress``."""
        if self._over:
            return
        self.latest = made
        self.resource.made = made
        self.resource.set_status(f"{self.action}_IN_PROGRESS", "Resource creation Initiated")

    def succeeded(self, made: Made | None = None, *, replaces: bool = False) -> None:
        """See ``Progress``."""
        self._end(Outcome(None, made, replaces))

    def failed(self, reason: str, made: Made | None = None) -> None:
        """See ``Progress``."""
        self._end(Outcome(reason, made or self.latest))

    def _begin_handler(self) -> None:
        if self._over:
            return
        self.begun = True
        resource, stack = self.resource, self.resource.stack
        change = Change(
            resource.resource_type,
            self.action,
            resource.physical_id,
            resource.properties,
            resource.logical_id,
            stack.name,
            stack.tags,
        )
        if refusal := judge.refusal_of_change(change, stack.root.name, stack.root.options.role_arn):
            self.failed(refusal)
            return
        try:
            self._cancel_handler = self._begin(self)
        except Exception as error:
            # Resource models are foreign code: whatever they raise is this resource's failure.
            _LOG.info("%s of %s failed", self.action, self.resource.logical_id, exc_info=True)
            self.failed(_reason(error))

    def _end(self, outcome: Outcome) -> None:
        if self._over:
            return
        elapsed_s = (clock.now() - self._started_at).total_seconds()
        self._timer = schedule(
            lambda: self._finish(outcome), delay_s=max(self._behaviour.duration_s - elapsed_s, 0)
        )

    def _finish(self, outcome: Outcome) -> None:
        if not self._over:
            self._over = True
            self._ended(outcome)


def _reason(error: Exception) -> str:
    """Returns a service's or handler's message; for other errors, their class as well."""
    said = getattr(error, "message", None) or getattr(error, "description", None)
    if isinstance(said, str):
        return said
    return str(error) if isinstance(error, ResourceFailedError) else f"{type(error).__name__}: {error}"
