"""Creating a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localcloud.cloudformation.errors import UnresolvedValueError
from localcloud.cloudformation.hooks import judge_stack
from localcloud.cloudformation.operations.base import Deployment, OnEnd
from localcloud.cloudformation.operations.deletion import ROLLBACK, Deletion
from localcloud.cloudformation.order import Walk
from localcloud.cloudformation.steps import schedule

if TYPE_CHECKING:
    from localcloud.cloudformation.stack import Stack
    from localcloud.cloudformation.template.compiled import CompiledTemplate
    from localcloud.timers import Timer


class Creation(Deployment):
    """Creates all resources; after a failure, does what ``on_failure`` says."""

    def __init__(
        self, stack: Stack, template: CompiledTemplate, token: str | None, on_end: OnEnd | None = None
    ) -> None:
        super().__init__(stack, template, token, on_end)
        self._timer: Timer | None = None
        self._walk = Walk(template.dependencies, self._visit, self._walked, stop_at_failure=True)

    def start(self) -> None:
        """Sets the stack's status and schedules the creation of its resources."""
        self.stack.operation = self
        self.stack.template = self.template
        self.stack.set_status("CREATE_IN_PROGRESS", "User Initiated")
        judge_stack(self.stack, "CREATE", None, self._walk.run, self._fail)
        if self.stack.options.timeout_minutes:
            self._timer = schedule(self._time_out, delay_s=60 * self.stack.options.timeout_minutes)

    def cancel(self) -> None:
        """Stops the creation and cancels the running actions."""
        self._stop()
        self.cancel_works()

    def abandon(self) -> None:
        """See ``Operation``."""
        self._stop()
        super().abandon()

    def _stop(self) -> None:
        self._walk.stop()
        if self._timer is not None:
            self._timer.cancel()

    def _visit(self, logical_id: str) -> None:
        def ended(succeeded: bool) -> None:
            (self._walk.done if succeeded else self._walk.failed)(logical_id)

        self.create_resource(logical_id, ended)

    def _walked(self, failed: list[str]) -> None:
        self._stop()
        if failed:
            self._fail(
                f"The following resource(s) failed to create: [{', '.join(failed + self.cancel_works())}]. "
            )
            return
        try:
            self.stack.outputs = self.evaluate_outputs()
        except UnresolvedValueError as error:
            self._fail(f"{error} ")
            return
        self.stack.set_status("CREATE_COMPLETE")
        self.end()

    def _time_out(self) -> None:
        self.cancel()
        self._fail("Stack creation time exceeded the specified timeout. ")

    def _fail(self, reason: str) -> None:
        match self.stack.options.on_failure:
            case "DO_NOTHING":
                self.stack.set_status("CREATE_FAILED", reason.strip())
                self.end()
            case "DELETE":
                Deletion(
                    self.stack, self.token, self.end, reason=f"{reason}Delete requested by user."
                ).start()
            case _:
                Deletion(
                    self.stack, self.token, self.end, ROLLBACK, reason=f"{reason}Rollback requested by user."
                ).start()
