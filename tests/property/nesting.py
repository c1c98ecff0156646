"""Lives of which one is in a nested stack, and may take a cluster over that it is to delete.

A nested stack is complete before the one around it is, and goes back with it. Only the user may
delete what was taken over: once both stacks were complete with it, and never by a rollback.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis.stateful import precondition, rule

from tests.property.lifecycle import OLD, Lifecycle, Pending, Resource
from tests.support.world import CLUSTER_TYPE

NESTED, ROOT = (
    f"arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/0" for name in ("root-nested", "root")
)

#: For these wishes the nested resource takes a cluster over, and most of them want it deleted with it.
TAKES_OVER = {OLD, "lab", "web"}

#: Its place in the lives.
PLACE = (NESTED, "Nested", CLUSTER_TYPE)


class Nesting(Lifecycle):
    """Lives with a nested stack; it and the stack around it have no other resource that matters."""

    def __init__(self) -> None:
        super().__init__()
        self.world.nest(NESTED, ROOT)
        self.nested = next(each for each in self.resources if each.stack_id == NESTED)
        self.rolls_back = False
        #: Which stacks are complete with what was asked last, and whether both were since the Create.
        self.completed: set[str] = set()
        self.was_created = False
        #: The cluster that was taken over.
        self.taken = ""

    def properties_of(self, resource: Resource, wish: dict[str, Any]) -> dict[str, Any]:
        if resource.stack_id != NESTED or wish["ClusterName"] not in TAKES_OVER:
            return super().properties_of(resource, wish)
        wanted = super().properties_of(resource, wish | {"ClusterName": OLD})
        return wanted | {"DeletionPolicy": wish["DeletionPolicy"]}

    # The stacks

    @precondition(lambda self: self._may_complete(NESTED))
    @rule()
    def nested_completes(self) -> None:
        """The nested stack is complete; the one around it has more to do."""
        self._complete_stack(NESTED)

    @precondition(lambda self: NESTED in self.completed and self._may_complete(ROOT))
    @rule()
    def root_completes(self) -> None:
        """Nothing goes back any more; what a replacement left is cleaned up."""
        self._complete_stack(ROOT)
        if self.nested.phase == "updated":
            self.nested.commit()

    def _may_complete(self, stack_id: str) -> bool:
        at_rest = self.nested.phase in {"complete", "updated"} and self.nested.pending is None
        return at_rest and stack_id not in self.completed and self.is_free(self.nested)

    def _complete_stack(self, stack_id: str) -> None:
        self.completed.add(stack_id)
        self.was_created = self.was_created or (stack_id == ROOT and not self.rolls_back)
        stack, stacks = self.world.stacks.facts[stack_id].stack, self.world.stacks
        # A stack first completes when it is created; the end of a rollback does not count.
        kind = "UPDATE" if stack_id in stacks.completed_at else "CREATE"
        if self.rolls_back:
            kind = "UPDATE_ROLLBACK"
        else:
            stacks.completed_at[stack_id] = self.world.clock.now()
        stacks.declare(replace(stack, status=f"{kind}_COMPLETE"))

    def at_rest(self) -> None:
        """Some stacks complete before everything is deleted."""
        super().at_rest()
        if len(self.world.sink.bodies) % 3 and self._may_complete(NESTED):
            self._complete_stack(NESTED)
        if len(self.world.sink.bodies) % 3 == 1 and NESTED in self.completed and self._may_complete(ROOT):
            self.root_completes()

    def complete_resources(self) -> list[Resource]:
        """An update begins once both stacks are complete."""
        found = super().complete_resources()
        return [each for each in found if each is not self.nested or ROOT in self.completed]

    def end_update(self, resource: Resource, *, back: bool) -> None:
        if resource is not self.nested or back:
            super().end_update(resource, back=back)
        elif self._may_complete(NESTED):
            self._complete_stack(NESTED)
        elif NESTED in self.completed and self._may_complete(ROOT):
            self.root_completes()

    def asked(self, resource: Resource, pending: Pending) -> None:
        super().asked(resource, pending)
        if resource is not self.nested:
            return
        kind = pending.event["RequestType"]
        user_deletes = pending.goal == "deleting" and self.was_created
        cleans_up = pending.goal == "cleaning" and not self.rolls_back
        if kind == "Create":
            self.was_created, self.taken = False, ""
        if user_deletes or cleans_up:
            self._allow(pending)
        self.rolls_back = pending.goal not in {"creating", "updating"} and not (user_deletes or cleans_up)
        if kind != "Delete":
            self.completed = set()
        self._restate(pending, user_deletes=user_deletes)

    def _allow(self, pending: Pending) -> None:
        """What this Delete is about may be deleted, though it was another owner's once."""
        wanted, about = pending.event["ResourceProperties"], pending.event["PhysicalResourceId"]
        if about == OLD and wanted.get("DeletionPolicy") == "Delete" and self.taken:
            self.allowed.add(pending.request_id)
            self.counts["deletes of what was taken over"] += 1

    def acknowledged(self, resource: Resource, pending: Pending, answer: dict[str, Any]) -> None:
        super().acknowledged(resource, pending, answer)
        answered = (pending.event["RequestType"], answer["Status"], answer["PhysicalResourceId"])
        living = self.world.stacks.living(OLD)
        if resource is self.nested and answered == ("Create", "SUCCESS", OLD) and living is not None:
            self.taken = living.stack_id
            self.counts["takeovers to be deleted"] += 1

    def check_deleted(self, resource: Resource, pending: Pending) -> None:
        super().check_deleted(resource, pending)
        if pending.request_id in self.allowed:
            gone = self.world.stacks.facts[self.taken].stack.gone
            assert gone, "what was taken over, and was to be deleted, is left"

    def _restate(self, pending: Pending, *, user_deletes: bool) -> None:
        """Both stacks say what happens to them; that the root rolls back may be seen late."""
        was_complete = ROOT in self.world.stacks.completed_at
        if user_deletes:
            # Both are at rest before that.
            statuses = ("DELETE_IN_PROGRESS", "DELETE_IN_PROGRESS")
        elif pending.event["RequestType"] == "Create":
            statuses = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS" if was_complete else "CREATE_IN_PROGRESS")
        elif self.rolls_back and pending.goal != "rolling back":
            statuses = (
                "DELETE_IN_PROGRESS",
                "UPDATE_ROLLBACK_IN_PROGRESS" if was_complete else "ROLLBACK_IN_PROGRESS",
            )
        elif self.rolls_back:
            statuses = ("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS")
        elif pending.goal == "cleaning":
            statuses = ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        else:
            statuses = ("UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
        is_late = self.rolls_back and pending.goal == "deleting" and len(self.world.sink.bodies) % 2
        shown = {NESTED: statuses[0]} if is_late else dict(zip((NESTED, ROOT), statuses, strict=True))
        for stack_id, status in shown.items():
            stack = self.world.stacks.facts[stack_id].stack
            self.world.stacks.declare(replace(stack, status=status))
