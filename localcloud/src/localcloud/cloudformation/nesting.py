"""Stacks that belong to a resource of another stack."""

from __future__ import annotations

import secrets
import string
from dataclasses import replace
from typing import TYPE_CHECKING

from localcloud.cloudformation.differences import differs
from localcloud.cloudformation.operations.creation import Creation
from localcloud.cloudformation.operations.deletion import Deletion
from localcloud.cloudformation.operations.update import Update
from localcloud.cloudformation.registry import StackRegistry
from localcloud.cloudformation.stack import Options, Stack
from localcloud.cloudformation.template.source import check_capabilities

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.cloudformation.handlers.nested import Inputs
    from localcloud.cloudformation.operations.base import OnEnd
    from localcloud.cloudformation.resource import Owner
    from localcloud.cloudformation.template.compiled import CompiledTemplate

_SUFFIX_LENGTH = 12
#: Source: CreateStack, StackName.
_MAX_NAME_LENGTH = 128


class Nesting:
    """See ``NestedStacks``."""

    def read_template(self, parent: Owner, url: str) -> str:
        """See ``NestedStacks``."""
        return _registry(_stack(parent)).read_template(url)

    def create(self, parent: Owner, logical_id: str, inputs: Inputs, ended: OnEnd) -> Stack:
        """See ``NestedStacks``; a child that a change set of the parent has put in review is that child."""
        parent = _stack(parent)
        child = parent.reviewed.pop(logical_id, None)
        if child is None or child.status != "REVIEW_IN_PROGRESS":
            child = new_child(parent, logical_id)
        child.options = replace(
            child.options,
            tags=inputs.tags,
            capabilities=parent.options.capabilities,
            role_arn=parent.options.role_arn,
        )
        template = compile_child(child, inputs, _acknowledged(child))
        _registry(parent).add(child)
        Creation(child, template, _token(parent), ended).start()
        return child

    def differs(self, child: Stack, inputs: Inputs) -> bool:
        """See ``NestedStacks``."""
        return differs(child, compile_child(child, inputs, _acknowledged(child)), inputs.tags)

    def update(
        self,
        child: Stack,
        inputs: Inputs,
        ended: OnEnd,
        failing: Callable[[str | None], None],
    ) -> None:
        """See ``NestedStacks``."""
        parent = child.parent
        template = compile_child(child, inputs, _acknowledged(child))
        options = replace(child.options, tags=inputs.tags, capabilities=_acknowledged(child))
        deployment = parent.operation if parent else None
        rollback = deployment.rollback if isinstance(deployment, Update) else True
        Update(
            child,
            template,
            options,
            _token(parent),
            ended,
            rollback=rollback,
            hold=True,
            on_failing=failing,
        ).start()

    def restore(self, child: Stack, ended: OnEnd) -> None:
        """See ``NestedStacks``."""
        update = child.operation
        if not isinstance(update, Update):
            ended()
        elif child.status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
            update.roll_back(None, ended)
        elif child.status == "UPDATE_IN_PROGRESS":
            update.notify(ended)
            update.cancel()
        elif child.status == "UPDATE_ROLLBACK_FAILED":
            update.continue_rollback(set(), _token(child.parent), ended)
        elif child.in_progress:
            update.notify(ended)
        else:
            ended()

    def commit(self, child: Stack, ended: OnEnd) -> None:
        """See ``NestedStacks``."""
        if isinstance(child.operation, Update) and child.status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
            child.operation.commit(ended)
        else:
            ended()

    def delete(self, child: Stack, ended: OnEnd) -> None:
        """See ``NestedStacks``."""
        operation = child.operation
        if child.status == "DELETE_COMPLETE":
            ended()
            return
        if isinstance(operation, Deletion) and child.in_progress:
            operation.turn_into_delete(_token(child.parent), ended)
            return
        if isinstance(operation, Creation) and child.in_progress:
            operation.cancel()
        Deletion(child, _token(child.parent), ended).start()


def new_child(parent: Stack, logical_id: str) -> Stack:
    """Returns a new nested stack with a generated name, which is not in the registry yet."""
    alphabet = string.ascii_uppercase + string.digits
    suffix = "".join(secrets.choice(alphabet) for _ in range(_SUFFIX_LENGTH))
    stem = f"{parent.name}-{logical_id}"[: _MAX_NAME_LENGTH - _SUFFIX_LENGTH - 1]
    return _registry(parent).new_stack(f"{stem}-{suffix}", Options(on_failure="DO_NOTHING"), parent)


def compile_child(child: Stack, inputs: Inputs, acknowledged: list[str]) -> CompiledTemplate:
    """Compiles the template of a nested stack.

    Args:
        child: The nested stack.
        inputs: Its template and parameters.
        acknowledged: The capabilities in the request for the parent.

    Raises:
        ValidationError: The template or a parameter is not acceptable.
        InsufficientCapabilitiesError: A capability is missing.
    """
    template = _registry(child).compile(child, inputs.text, inputs.parameters)
    check_capabilities(template.processed, set(acknowledged), transforms=template.transforms)
    return template


def _stack(owner: Owner) -> Stack:
    if not isinstance(owner, Stack):
        raise TypeError(f"{owner.name} is not a stack of this cloud")
    return owner


def _registry(stack: Stack) -> StackRegistry:
    registry = stack.registry
    if not isinstance(registry, StackRegistry):
        raise TypeError(f"{stack.name} is in no registry of this cloud")
    return registry


def _acknowledged(child: Stack) -> list[str]:
    """Returns the capabilities of the parent's last request, which apply to all its children."""
    return (child.parent or child).options.capabilities


def _token(parent: Stack | None) -> str | None:
    return parent.operation.token if parent and parent.operation else None
