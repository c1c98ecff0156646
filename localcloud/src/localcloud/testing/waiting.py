"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

_Found = TypeVar("_Found")
_POLL_S = 0.05


def eventually(probe: Callable[[], _Found | None], what: str, deadline_s: float = 90.0) -> _Found:
    """Waits until a probe returns something true, and returns that.

    Args:
        probe: Called every 50 ms.
        what: What is waited for, for the message.
        deadline_s: How long it may take, in real seconds.

    Raises:
        TimeoutError: Nothing true came in time.
    """
    end_s = time.monotonic() + deadline_s
    while not (found := probe()):
        if time.monotonic() > end_s:
            raise TimeoutError(f"not within {deadline_s:g} s: {what}")
        time.sleep(_POLL_S)
    return found


def settled(stacks: Any, stack_name: str) -> str:
    """Waits until a stack is no longer in progress.

    Args:
        stacks: A boto3 client of CloudFormation.
        stack_name: Its name.

    Returns:
        Its status; ``DELETE_COMPLETE`` once the stack is gone.

    Raises:
        TimeoutError: It was still in progress after 90 s.
    """

    def status() -> str | None:
        found = [s["StackStatus"] for s in stacks.describe_stacks()["Stacks"] if s["StackName"] == stack_name]
        now: str = found[0] if found else "DELETE_COMPLETE"
        return None if now.endswith("IN_PROGRESS") else now

    return eventually(status, f"{stack_name} settles")
