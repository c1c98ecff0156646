"""Update of a stack, with its rollback."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from localcloud.behaviour import behaviours
from localcloud.clock import clock
from localcloud.cloudformation.errors import UnresolvedValueError
from localcloud.cloudformation.handlers import target_of
from localcloud.cloudformation.hooks import judge_stack
from localcloud.cloudformation.operations.base import Deployment, OnEnd
from localcloud.cloudformation.operations.cleanup import Cleanup, commit_all
from localcloud.cloudformation.operations.deletion import ROLLBACK, Deletion
from localcloud.cloudformation.operations.restoration import Effects, Restoration
from localcloud.cloudformation.order import Walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.cloudformation.resource import Made, Target
    from localcloud.cloudformation.stack import Options, Resource, Stack
    from localcloud.cloudformation.template.compiled import CompiledTemplate
    from localcloud.cloudformation.work import Outcome


class Update(Deployment):
    """Changes a stack to a new template, or rolls back.

    Args:
        template: The new template.
        options: Tags and the like from now on.
        rollback: Whether the stack rolls back after a failure.
        hold: Whether a successful update waits for ``commit`` or ``roll_back``: that of a nested stack is
            final only when its parent's is.
        on_failing: Called with the reason when the stack starts to roll back.
    """

    def __init__(
        self,
        stack: Stack,
        template: CompiledTemplate,
        options: Options,
        token: str | None,
        on_end: OnEnd | None = None,
        *,
        rollback: bool = True,
        hold: bool = False,
        on_failing: Callable[[str | None], None] | None = None,
    ) -> None:
        super().__init__(stack, template, token, on_end)
        self._effects = Effects(
            {
                name: r.made
                for name, r in stack.resources.items()
                if r.made is not None and r.status != "CREATE_FAILED"
            }
        )
        self._options = options
        self.rollback = rollback
        self._hold = hold
        self._on_failing = on_failing
        self._old_template = stack.template or template
        self._old_options, self._old_outputs = stack.options, stack.outputs
        self._restoration: Restoration | None = None
        self._replaced: dict[str, Made] = {}
        self._walk = Walk(template.dependencies, self._visit, self._walked, stop_at_failure=True)

    def start(self) -> None:
        """Sets the stack's status and schedules the update of its resources."""
        stack = self.stack
        stack.operation, stack.updated_at = self, clock.now()
        stack.template, stack.options = self.template, self._options
        stack.set_status("UPDATE_IN_PROGRESS", "User Initiated")
        judge_stack(stack, "UPDATE", self._old_template.source, self._begin, self._fail)

    def _begin(self) -> None:
        """Removes resources whose creation failed from the stack, to be deleted now or in the cleanup.

        Source: CloudFormation user guide, "Stack failure options": resources without a last known stable
        state are deleted upon the next stack operation. Whether before or after the new creation is not
        documented: see ``Behaviours.retry_order``.
        """
        stack = self.stack
        first: list[Made] = []
        for resource in [r for r in stack.resources.values() if r.status == "CREATE_FAILED"]:
            made, resource.made = resource.made, None
            if made is None or _is_retained(resource):
                continue
            order = behaviours.retry_order(stack.name, resource.logical_id, resource.resource_type)
            (first if order == "delete-first" else stack.leftovers).append(made)
        Cleanup(self, self._needs, self._walk.run, only=first).start()

    @property
    def _needs(self) -> dict[str, set[str]]:
        """What each leftover depended on in the template that it was made from."""
        return {**self.template.dependencies, **self._old_template.dependencies}

    def cancel(self) -> None:
        """Cancels the update and rolls it back."""
        self._walk.stop()
        self.cancel_works()
        self.roll_back("User Initiated")

    def commit(self, on_end: OnEnd) -> None:
        """Makes a held update final."""
        self._on_end = on_end
        self._clean_up()

    def roll_back(self, reason: str | None, on_end: OnEnd | None = None) -> None:
        """Rolls back the update after it failed, was cancelled or is held."""
        if on_end is not None:
            self._on_end = on_end
        stack = self.stack
        if not stack.was_ever_stable:
            Deletion(stack, self.token, self.end, ROLLBACK, reason=reason).start()
            return
        stack.template, stack.options, stack.outputs = (
            self._old_template,
            self._old_options,
            self._old_outputs,
        )
        for logical_id, definition in self._old_template.definitions.items():
            if logical_id in stack.resources:
                stack.resources[logical_id].definition = definition
        old, new = self._old_template.dependencies, self.template.dependencies
        self._restoration = Restoration(self, self._effects, old, {**old, **new})
        self._restoration.start(reason)

    def continue_rollback(self, skip: set[str], token: str | None, on_end: OnEnd | None = None) -> None:
        """Continues a rollback that failed.

        Args:
            skip: Logical ids to leave as they are.
            token: Shown in the events from now on.
            on_end: See ``Operation``.
        """
        self.token, self._on_end = token, on_end
        if self._restoration is None:
            raise AssertionError("only a rollback that failed can be continued")
        self._restoration.resume(skip)

    def notify(self, on_end: OnEnd) -> None:
        """Replaces the callback for the end."""
        self._on_end = on_end

    def abandon(self) -> None:
        """See ``Operation``."""
        self._walk.stop()
        super().abandon()

    def _visit(self, logical_id: str) -> None:
        made = self._effects.before.get(logical_id)
        if made is not None:
            self._update_resource(self.stack.resources[logical_id], made)
            return

        def ended(succeeded: bool) -> None:
            (self._walk.done if succeeded else self._walk.failed)(logical_id)

        self._effects.created.append(logical_id)
        self.create_resource(logical_id, ended)

    def _update_resource(self, resource: Resource, made: Made) -> None:
        logical_id = resource.logical_id
        try:
            target = target_of(self.stack, logical_id, self.template, self.stack.tags)
        except UnresolvedValueError as error:
            resource.set_status("UPDATE_FAILED", str(error))
            self._walk.failed(logical_id)
            return
        resource.definition = self.template.definitions[logical_id]
        # What failed in an update that was left as it is was tried, not done.
        if resource.status != "UPDATE_FAILED" and not target.handler.differs(target, made):
            self._walk.done(logical_id)
            return
        self._effects.touched.append(logical_id)
        self._start_update(resource, target, made)

    def _start_update(self, resource: Resource, target: Target, made: Made) -> None:
        resource.properties = dict(target.properties)
        # From here on this is what was tried, so that a rollback knows what it takes back.
        resource.made = replace(made, target=target)

        def finish(outcome: Outcome) -> None:
            if outcome.reason is None:
                resource.made = outcome.made
                if outcome.replaces:
                    self.stack.leftovers.append(made)
                    self._replaced[resource.logical_id] = made
                resource.set_status("UPDATE_COMPLETE")
                self._walk.done(resource.logical_id)
            else:
                resource.set_status("UPDATE_FAILED", outcome.reason)
                self._walk.failed(resource.logical_id)

        self.run_work(
            resource, "UPDATE", lambda progress: target.handler.update(target, made, progress), finish
        )

    def _walked(self, failed: list[str]) -> None:
        if failed:
            self._fail(self._describe(failed + self.cancel_works()))
            return
        try:
            self.stack.outputs = self.evaluate_outputs()
        except UnresolvedValueError as error:
            self._fail(str(error))
            return
        self.stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        if self._hold:
            self.end()
        else:
            self._clean_up()

    def _describe(self, failed: list[str]) -> str:
        created = [name for name in failed if name in self._effects.created]
        updated = [name for name in failed if name not in self._effects.created]
        parts = [("create", created), ("update", updated)]
        return "".join(
            f"The following resource(s) failed to {verb}: [{', '.join(n)}]. " for verb, n in parts if n
        )

    def _fail(self, reason: str) -> None:
        if self.rollback:
            self.roll_back(reason)
            if self._on_failing is not None:
                self._on_failing(reason)
        else:
            self.stack.set_status("UPDATE_FAILED", reason)
            self.end()

    def _clean_up(self) -> None:
        stack = self.stack
        commits = [stack.resources[name].made for name in self._effects.touched]
        commit_all([made for made in commits if made is not None], self._delete_leftovers)

    def _delete_leftovers(self) -> None:
        """Deletes what was replaced or removed, unless its policy keeps it."""
        stack = self.stack
        for logical_id, made in self._replaced.items():
            match self.template.definitions[logical_id].get("UpdateReplacePolicy"):
                case "Retain":
                    stack.leftovers.remove(made)
                case "Snapshot":
                    made.target.handler.snapshot(made)
        for logical_id in [name for name in stack.resources if name not in self.template.definitions]:
            resource = stack.resources.pop(logical_id)
            if resource.made is None:
                continue
            if _is_retained(resource) or resource.definition.get("DeletionPolicy") == "RetainExceptOnCreate":
                resource.set_status("DELETE_SKIPPED")
            else:
                if resource.definition.get("DeletionPolicy") == "Snapshot":
                    resource.made.target.handler.snapshot(resource.made)
                stack.leftovers.append(resource.made)
        Cleanup(self, self._needs, self._complete).start()

    def _complete(self) -> None:
        self.stack.set_status("UPDATE_COMPLETE")
        self.end()


def _is_retained(resource: Resource) -> bool:
    return bool(resource.definition.get("DeletionPolicy") == "Retain")
