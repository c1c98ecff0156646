"""The rollback of an update: changed resources are restored, then new ones are deleted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localcloud.cloudformation.operations.cleanup import Cleanup
from localcloud.cloudformation.order import Walk
from localcloud.cloudformation.steps import schedule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.cloudformation.operations.base import Operation
    from localcloud.cloudformation.resource import Made
    from localcloud.cloudformation.stack import Resource
    from localcloud.cloudformation.work import Outcome


@dataclass
class Effects:
    """What an update has done so far.

    Attributes:
        before: The resources that it found, by logical id.
        touched: Logical ids of those that it changed or tried to change, in this order.
        created: Logical ids of those that it made or tried to make.
    """

    before: dict[str, Made]
    touched: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)


class Restoration:
    """Rolls back one update.

    Args:
        operation: The update.
        effects: What it has done.
        needs: What each resource depended on before the update.
        leftover_needs: What each resource that the update made depends on.
    """

    def __init__(
        self,
        operation: Operation,
        effects: Effects,
        needs: Mapping[str, set[str]],
        leftover_needs: Mapping[str, set[str]],
    ) -> None:
        self._operation = operation
        self._stack = operation.stack
        self._effects = effects
        self._needs = needs
        self._leftover_needs = leftover_needs
        self._left = [name for name in effects.touched if name in effects.before]

    def start(self, reason: str | None) -> None:
        """Sets the stack's status and schedules the restoration of its resources."""
        self._stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS", reason)
        self._walk = self._new_walk()
        schedule(self._walk.run)

    def resume(self, skip: set[str]) -> None:
        """Tries again to restore what could not be restored, except for resources to skip."""
        for logical_id in [name for name in self._left if name in skip]:
            self._left.remove(logical_id)
            self._stack.resources[logical_id].set_status("UPDATE_COMPLETE", "Resource update skipped")
        self.start("User Initiated")

    def _new_walk(self) -> Walk:
        order = {name: self._needs.get(name, set()) & set(self._left) for name in self._left}
        return Walk(order, self._visit, self._walked, stop_at_failure=False)

    def _visit(self, logical_id: str) -> None:
        resource = self._stack.resources[logical_id]
        before, made = self._effects.before[logical_id], resource.made
        if made is None:
            raise AssertionError(f"{logical_id} was updated, but is not there")
        resource.properties = dict(before.target.properties)
        self._operation.run_work(
            resource,
            "UPDATE",
            lambda progress: made.target.handler.restore(before, made, progress),
            lambda outcome: self._restored(resource, made, outcome),
        )

    def _restored(self, resource: Resource, made: Made, outcome: Outcome) -> None:
        if outcome.reason is not None:
            resource.set_status("UPDATE_FAILED", outcome.reason)
            self._walk.failed(resource.logical_id)
            return
        now = outcome.made or made
        resource.made = now
        leftovers = [made] if outcome.replaces else []
        # The one before the update was about to be deleted; it is in use again.
        self._stack.leftovers = [
            other
            for other in self._stack.leftovers + leftovers
            if (other.target.logical_id, other.physical_id) != (resource.logical_id, now.physical_id)
        ]
        self._left.remove(resource.logical_id)
        resource.set_status("UPDATE_COMPLETE")
        self._walk.done(resource.logical_id)

    def _walked(self, failed: list[str]) -> None:
        if failed:
            self._stack.set_status(
                "UPDATE_ROLLBACK_FAILED",
                f"The following resource(s) failed to update: [{', '.join(failed)}]. ",
            )
            self._operation.end()
            return
        self._settle_untouched()
        self._stack.set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        for logical_id in self._effects.created:
            made = self._stack.resources.pop(logical_id).made
            if made is not None:
                self._stack.leftovers.append(made)
        self._effects.created.clear()
        Cleanup(self._operation, self._leftover_needs, self._complete).start()

    def _settle_untouched(self) -> None:
        """Sets resources that failed before they were changed back to UPDATE_COMPLETE."""
        for logical_id in self._effects.before:
            resource = self._stack.resources[logical_id]
            if resource.status == "UPDATE_FAILED" and logical_id not in self._effects.touched:
                resource.set_status("UPDATE_COMPLETE")

    def _complete(self) -> None:
        self._stack.set_status("UPDATE_ROLLBACK_COMPLETE")
        self._operation.end()
