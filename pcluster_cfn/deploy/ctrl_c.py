"""What Ctrl-C leaves behind while a stack is changed, and what to do about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal


class InterruptedOperationError(KeyboardInterrupt):
    """Ctrl-C came when something had been asked of CloudFormation already.

    Args:
        advice: Lines that say what goes on, or may be left, and what to do about it.
    """

    def __init__(self, advice: str) -> None:
        super().__init__(advice)
        self.advice = advice


@contextmanager
def with_advice(advice: str) -> Iterator[None]:
    """Gives an interruption of what is inside its advice."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise InterruptedOperationError(advice) from error


@dataclass(frozen=True)
class StackChange:
    """What is done with a stack.

    Args:
        kind: What CloudFormation is asked for.
        stack_name: The stack's name.
        stack: What commands find it by: its name, or its ARN once the name may be gone.
        region: Where it is.
    """

    kind: Literal["create", "update", "delete"]
    stack_name: str
    stack: str
    region: str

    def before_start(self, change_set: str, *, is_new: bool) -> str:
        """Returns the advice for the time in which there may be a change set, and nothing more.

        Args:
            change_set: Its name.
            is_new: There was no stack before, not even one in review.
        """
        if is_new:
            left = "It may be left in REVIEW_IN_PROGRESS, without resources; a deployment takes it up again."
            command = f"delete-stack --stack-name {self.stack}"
        else:
            left = "A change set may be left."
            command = f"delete-change-set --stack-name {self.stack} --change-set-name {change_set}"
        return f"{nothing_started(self.stack_name)} {left}\nRemove it: {self._aws(command)}"

    def requested(self) -> str:
        """Returns the advice for the moment in which CloudFormation may have been asked, or not yet."""
        return f"Interrupted; CloudFormation may go on {self._ways()}"

    def going_on(self) -> str:
        """Returns the advice for the time after CloudFormation has begun."""
        return f"Stopped watching; CloudFormation goes on {self._ways()}"

    def _ways(self) -> str:
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
    """Returns what to say while nothing was asked of CloudFormation that changes a stack."""
    return f"Interrupted; nothing was begun with stack {stack_name}."
