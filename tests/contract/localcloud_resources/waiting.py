"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import Any


def eventually(condition: Callable[[], bool], what: str, deadline_s: float = 90.0) -> None:
    """Waits until a condition holds."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        time.sleep(0.1)


def settled(stacks: Any, stack_name: str) -> str:
    """Waits until a stack is no longer in progress; returns its status, DELETE_COMPLETE once it is gone."""
    statuses = ["IN_PROGRESS"]

    def is_settled() -> bool:
        described = stacks.describe_stacks()["Stacks"]
        found = [stack["StackStatus"] for stack in described if stack["StackName"] == stack_name]
        statuses.append(found[0] if found else "DELETE_COMPLETE")
        return not statuses[-1].endswith("IN_PROGRESS")

    eventually(is_settled, f"{stack_name} settles")
    return statuses[-1]
