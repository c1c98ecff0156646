"""Deletion of a stack, and rollback of a failed creation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from localcloud.clock import clock
from localcloud.cloudformation.hooks import judge_stack
from localcloud.cloudformation.operations.base import OnEnd, Operation
from localcloud.cloudformation.operations.cleanup import Cleanup
from localcloud.cloudformation.order import Walk, reversed_order
from localcloud.cloudformation.resource import Cancel, Made, Progress
from localcloud.cloudformation.stack import Resource, Stack
from localcloud.cloudformation.steps import schedule
from localcloud.cloudformation.work import Outcome


@dataclass(frozen=True)
class Statuses:
    """The stack statuses of a deletion."""

    in_progress: str
    complete: str
    failed: str


DELETE = Statuses("DELETE_IN_PROGRESS", "DELETE_COMPLETE", "DELETE_FAILED")
ROLLBACK = Statuses("ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")


def needs_of(stack: Stack) -> Mapping[str, set[str]]:
    """Returns what each resource of a stack depends on."""
    return stack.template.dependencies if stack.template else {}


class Deletion(Operation):
    """Deletes resources in reverse order. Those that a resource depends on stay if it cannot be deleted.

    Args:
        statuses: ``DELETE``, or ``ROLLBACK`` after a failed creation.
        reason: Shown with the first status.
        retain: Logical ids of resources to keep, besides those that the template retains.
    """

    def __init__(
        self,
        stack: Stack,
        token: str | None,
        on_end: OnEnd | None = None,
        statuses: Statuses = DELETE,
        *,
        reason: str | None = "User Initiated",
        retain: Iterable[str] = (),
    ) -> None:
        super().__init__(stack, token, on_end)
        self._statuses = statuses
        self._reason = reason
        self._retain = set(retain)
        self._ever_complete = stack.was_ever_stable
        self._walk = Walk(
            reversed_order(needs_of(stack), set(stack.resources)),
            self._visit,
            self._walked,
            stop_at_failure=False,
        )

    @property
    def is_rollback(self) -> bool:
        """Whether the stack stays without resources at the end."""
        return self._statuses is ROLLBACK

    def start(self) -> None:
        """Sets the stack's status and schedules the deletion of its resources."""
        self.stack.operation = self
        self.stack.deleted_at = clock.now()
        self.stack.set_status(self._statuses.in_progress, self._reason)
        if self.is_rollback:
            schedule(self._begin)
        else:
            judge_stack(self.stack, "DELETE", None, self._begin, self._refuse)

    def _refuse(self, reason: str) -> None:
        self.stack.set_status(self._statuses.failed, reason.strip())
        self.end()

    def turn_into_delete(self, token: str | None, on_end: OnEnd | None) -> None:
        """Turns a rollback into a deletion of the stack."""
        before = self._on_end

        def both() -> None:
            for ended in (before, on_end):
                if ended is not None:
                    ended()

        self._on_end = both
        self._statuses, self.token = DELETE, token
        self.stack.set_status(DELETE.in_progress, "User Initiated")

    def abandon(self) -> None:
        """See ``Operation``."""
        self._walk.stop()
        super().abandon()

    def _begin(self) -> None:
        if used := self.stack.registry.imports_of(self.stack):
            export_name, importer = used[0]
            self.stack.set_status(
                self._statuses.failed,
                f"Export {export_name} cannot be deleted as it is in use by {importer.name}",
            )
            self.end()
            return
        Cleanup(self, needs_of(self.stack), self._walk.run).start()

    def _visit(self, logical_id: str) -> None:
        resource = self.stack.resources[logical_id]
        if resource.made is None or resource.status in {"DELETE_COMPLETE", "DELETE_SKIPPED"}:
            self._walk.done(logical_id)
        elif self._retained(resource):
            resource.set_status("DELETE_SKIPPED")
            self._walk.done(logical_id)
        else:
            self._delete(resource, resource.made)

    def _retained(self, resource: Resource) -> bool:
        policy = resource.definition.get("DeletionPolicy", "Delete")
        if policy == "RetainExceptOnCreate":
            return self._ever_complete
        return policy == "Retain" or resource.logical_id in self._retain

    def _delete(self, resource: Resource, made: Made) -> None:
        def finish(outcome: Outcome) -> None:
            resource.set_status("DELETE_FAILED" if outcome.reason else "DELETE_COMPLETE", outcome.reason)
            if outcome.reason:
                self._walk.failed(resource.logical_id)
            else:
                self._walk.done(resource.logical_id)

        def start(progress: Progress) -> Cancel:
            if resource.definition.get("DeletionPolicy") == "Snapshot":
                made.target.handler.snapshot(made)
            return made.target.handler.delete(made, progress)

        self.run_work(resource, "DELETE", start, finish)

    def _walked(self, failed: list[str]) -> None:
        if failed:
            self.stack.set_status(
                self._statuses.failed, f"The following resource(s) failed to delete: [{', '.join(failed)}]. "
            )
        else:
            self.stack.outputs = []
            self.stack.set_status(self._statuses.complete)
            if not self.is_rollback:
                self.stack.registry.forget(self.stack)
        self.end()
