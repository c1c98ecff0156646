"""What Ctrl-C prints: what CloudFormation was asked to do by then, and how to follow or undo it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Literal


class InterruptedOperationError(KeyboardInterrupt):
    """Ctrl-C, pressed after CloudFormation was asked to do something.

    Args:
        advice: Lines that say what continues, or may be left behind, and what to do about it.
    """

    def __init__(self, advice: str) -> None:
        super().__init__(advice)
        self.advice = advice


@contextmanager
def with_advice(advice: str) -> Iterator[None]:
    """Adds advice to an interruption of the block."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise InterruptedOperationError(advice) from error


@contextmanager
def ctrl_c_deferred() -> Iterator[None]:
    """Holds Ctrl-C back until the block ends, so that the block knows what its request has made.

    A second Ctrl-C ends the block at once.

    Raises:
        KeyboardInterrupt: Ctrl-C came while the block ran.
    """
    came = False

    def note(_: int, __: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Lets SIGTERM end the block as Ctrl-C does, so that the block removes what it has made.

    Runners of pipelines end a command by SIGTERM.
    """

    def interrupt(_: int, __: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@dataclass(frozen=True)
class StackChange:
    """One change of one stack, and the advice for each of its phases.

    Args:
        kind: The kind of change.
        stack_name: Name of the stack.
        stack: How to name the stack in commands: by its name, or by its ARN where the name may be gone.
        region: Region of the stack.
    """

    kind: Literal["create", "update", "delete"]
    stack_name: str
    stack: str
    region: str

    def before_start(self, change_set: str, *, is_new: bool) -> str:
        """Returns the advice for the phase in which a change set may exist, and nothing else.

        Args:
            change_set: Name of the change set.
            is_new: Whether no stack existed before, not even one in review.
        """
        return f"{nothing_started(self.stack_name)} {self.left_behind(change_set, is_new=is_new)}"

    def left_behind(self, change_set: str, *, is_new: bool) -> str:
        """Returns what a change set that was not executed may leave, and the command that removes it.

        Args:
            change_set: Name or ARN of the change set.
            is_new: Whether no stack existed before, not even one in review.
        """
        if is_new:
            left = "The stack may be left in REVIEW_IN_PROGRESS, without resources; a deployment reuses it."
            command = f"delete-stack --stack-name {self.stack}"
        else:
            left = "A change set may be left."
            command = f"delete-change-set --stack-name {self.stack} --change-set-name {change_set}"
        return f"{left}\nRemove it: {self._aws(command)}"

    def while_requesting(self) -> str:
        """Returns the advice for the moment in which CloudFormation may have received the request."""
        return f"Interrupted; CloudFormation may continue {self._follow_or_undo()}"

    def while_running(self) -> str:
        """Returns the advice for the time after CloudFormation has accepted the request."""
        return f"Stopped watching; CloudFormation continues {self._follow_or_undo()}"

    def _follow_or_undo(self) -> str:
        follow = (
            f"with stack {self.stack_name}.\n"
            f"Follow it: {self._aws(f'describe-stack-events --stack-name {self.stack}')}"
        )
        if self.kind == "delete":
            return f"{follow}\nA deletion cannot be undone."
        if self.kind == "create":
            undo = f"pcluster-cfn delete {self.stack} --region {self.region}"
        else:
            undo = self._aws(f"cancel-update-stack --stack-name {self.stack}")
        return f"{follow}\nUndo it:   {undo}"

    def _aws(self, command: str) -> str:
        return f"aws cloudformation {command} --region {self.region}"


def nothing_started(stack_name: str) -> str:
    """Returns the message for the time before CloudFormation is asked to change a stack."""
    return f"Interrupted; nothing was changed in stack {stack_name}."
