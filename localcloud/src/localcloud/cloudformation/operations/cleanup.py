"""The end of an update: resources commit, then replaced and removed ones are deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localcloud.cloudformation.order import Walk
from localcloud.cloudformation.stack import Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localcloud.cloudformation.operations.base import Operation
    from localcloud.cloudformation.resource import Made
    from localcloud.cloudformation.work import Outcome

#: How often the deletion of a leftover is tried.
#: Source: AWS CDK, docs/CLOUDFORMATION.md.
TRIES = 3


class Cleanup:
    """Deletes the leftovers of a stack; one that cannot be deleted stays after three tries.

    Args:
        operation: The operation that cleans up.
        needs: What each logical id depends on.
        ended: Called once at the end, whatever was deleted.
        only: What to delete instead of all the stack's leftovers.
    """

    def __init__(
        self,
        operation: Operation,
        needs: Mapping[str, set[str]],
        ended: Callable[[], None],
        only: list[Made] | None = None,
    ) -> None:
        self._operation = operation
        self._stack = operation.stack
        self._only = only
        leftovers = self._stack.leftovers if only is None else only
        self._leftovers = {f"{i} {m.target.logical_id}": m for i, m in enumerate(leftovers)}
        self._walk = Walk(self._order(needs), self._visit, lambda _: ended(), stop_at_failure=False)

    def start(self) -> None:
        """Starts the deletion."""
        if self._only is None:
            self._stack.leftovers = []
        self._walk.run()

    def _order(self, needs: Mapping[str, set[str]]) -> dict[str, set[str]]:
        logical_ids = {key: made.target.logical_id for key, made in self._leftovers.items()}
        return {
            key: {other for other, its in logical_ids.items() if logical_id in needs.get(its, ())}
            for key, logical_id in logical_ids.items()
        }

    def _visit(self, key: str) -> None:
        self._try(key, self._leftovers[key], TRIES)

    def _try(self, key: str, made: Made, tries: int) -> None:
        target = made.target
        # It has events of its own, beside the resource that has taken its place.
        resource = Resource(
            self._stack, target.logical_id, target.resource_type, {}, made, dict(target.properties)
        )

        def finish(outcome: Outcome) -> None:
            resource.set_status("DELETE_FAILED" if outcome.reason else "DELETE_COMPLETE", outcome.reason)
            if outcome.reason and tries > 1:
                self._try(key, made, tries - 1)
            else:
                # After the last try it counts as done: what it depended on may still be deletable.
                self._walk.done(key)

        self._operation.run_work(
            resource, "DELETE", lambda progress: target.handler.delete(made, progress), finish
        )


class _Commit:
    """Waits for the commit of one resource, which cannot fail."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    def initiated(self, made: Made) -> None:
        """Does nothing."""

    def succeeded(self, made: Made | None = None, *, replaces: bool = False) -> None:  # noqa: ARG002 - see above
        """The resource is committed."""
        self._ended()

    def failed(self, reason: str, made: Made | None = None) -> None:  # noqa: ARG002 - see above
        """The resource left something behind; its own events show what."""
        self._ended()


def commit_all(updated: list[Made], ended: Callable[[], None]) -> None:
    """Commits all resources at once and reports the end of the last."""
    left = len(updated)
    if not left:
        ended()

    def one_ended() -> None:
        nonlocal left
        left -= 1
        if not left:
            ended()

    for made in updated:
        made.target.handler.commit(made, _Commit(one_ended))
