"""A stack and the ones that it is nested in, which go back, and are deleted, together."""

from cluster_provider.core.observed import ClusterStack
from cluster_provider.ports import Stacks

#: Stacks around a resource that are looked at; what is nested deeper counts as not seen.
PARENTS_MAX = 10


def upwards(stacks: Stacks, stack_id: str) -> list[ClusterStack | None]:
    """A stack and every one around it, the innermost first; the last is None if that cannot be seen."""
    found: list[ClusterStack | None] = []
    around: str | None = stack_id
    while around is not None:
        stack = stacks.describe(around) if len(found) < PARENTS_MAX else None
        found.append(stack)
        around = stack.parent_id if stack is not None else None
    return found
