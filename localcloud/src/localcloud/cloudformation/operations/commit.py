"""Ending what updates of resources kept open."""

from collections.abc import Callable

from localcloud.cloudformation.handlers import handler_for
from localcloud.cloudformation.handlers.base import Made


class _Commit:
    """Waits for one resource; an end is an end, for a commit cannot be refused."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    def initiated(self, made: Made) -> None:
        """Nothing begins in a commit."""

    def succeeded(self, made: Made | None = None, *, replaces: bool = False) -> None:  # noqa: ARG002 - see above
        """The resource has ended it."""
        self._ended()

    def failed(self, reason: str, made: Made | None = None) -> None:  # noqa: ARG002 - see above
        """The resource could not clean up all; its own history says what."""
        self._ended()


def commit_all(updated: list[Made], ended: Callable[[], None]) -> None:
    """Commits resources, all at once, and reports when the last is done."""
    left = len(updated)
    if not left:
        ended()

    def one_ended() -> None:
        nonlocal left
        left -= 1
        if not left:
            ended()

    for made in updated:
        handler = handler_for(made.target.resource_type)
        if handler is None:
            raise AssertionError(f"{made.target.logical_id} was updated, but by nobody")
        handler.commit(made, _Commit(one_ended))
