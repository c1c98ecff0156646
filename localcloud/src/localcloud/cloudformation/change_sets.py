"""Change sets: requests that are stored with their changes until they are executed or deleted."""

import re
import uuid

from localcloud.cloudformation import requests
from localcloud.cloudformation.differences import changes, differs
from localcloud.cloudformation.errors import (
    ChangeSetExistsError,
    ChangeSetNotFoundError,
    InvalidChangeSetStatusError,
    ValidationError,
)
from localcloud.cloudformation.operations.creation import Creation
from localcloud.cloudformation.registry import StackRegistry
from localcloud.cloudformation.request import ChangeSet, RequestParameters
from localcloud.cloudformation.stack import Stack
from localcloud.cloudformation.template.source import check_capabilities

_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
#: Clients recognise an empty change set by this text.
_EMPTY = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


def create(
    registry: StackRegistry, request: RequestParameters, name: str, kind: str, description: str | None
) -> ChangeSet:
    """Stores a request as a change set; a new stack is in REVIEW_IN_PROGRESS from now on.

    Args:
        registry: Where the stack lives, or will.
        request: The request.
        name: Unique for the stack.
        kind: CREATE or UPDATE.
        description: Shown by DescribeChangeSet.

    Raises:
        RequestRefused: The request is not acceptable.
    """
    if not _NAME.fullmatch(name):
        raise ValidationError(f"Invalid change set name: {name}")
    if kind not in {"CREATE", "UPDATE"}:
        raise ValidationError(f"localcloud does not know change sets of type {kind}")
    stack = _stack_for(registry, request, kind)
    _refuse_duplicate(registry, stack, name)
    template = requests.compile_template(registry, request, stack)
    requests.check_types(stack, template)
    # A change set shows what a transform made, so nothing is expanded unseen.
    check_capabilities(template.processed, set(request.capabilities), transforms=[])
    if not registry.find_living(stack.id):
        registry.add(stack)
        stack.set_status("REVIEW_IN_PROGRESS", "User Initiated")
    prefix = f"arn:{registry.partition}:cloudformation:{registry.region_name}:{registry.account_id}"
    tags = request.options(stack.options).tags
    change_set = ChangeSet(
        name=name,
        id=f"{prefix}:changeSet/{name}/{uuid.uuid4()}",
        stack=stack,
        kind=kind,
        request=request,
        template=template,
        changes=changes(stack, template, tags),
        description=description,
    )
    if kind == "UPDATE" and not differs(stack, template, tags) and not stack.status.endswith("_FAILED"):
        change_set.status, change_set.status_reason = "FAILED", _EMPTY
        change_set.execution_status = "UNAVAILABLE"
    registry.change_sets[change_set.id] = change_set
    return change_set


def _refuse_duplicate(registry: StackRegistry, stack: Stack, name: str) -> None:
    for other in list(registry.change_sets.values()):
        if other.stack is stack and other.name == name:
            if other.execution_status != "EXECUTE_COMPLETE":
                raise ChangeSetExistsError(name)
            # One that was executed is history; clients that name them by the second meet it.
            del registry.change_sets[other.id]


def _stack_for(registry: StackRegistry, request: RequestParameters, kind: str) -> Stack:
    if kind == "UPDATE":
        stack = requests.living(registry, request.stack_name)
        # Whether it may be rolled back is said when it is executed.
        requests.check_updatable(stack, disable_rollback=True)
        return stack
    existing = registry.find_living(request.stack_name)
    if existing is None:
        requests.check_name(request.stack_name)
        return registry.new_stack(request.stack_name, request.options())
    if existing.status != "REVIEW_IN_PROGRESS":
        raise ValidationError(
            f"Stack [{existing.name}] already exists and cannot be created again with the changeSet."
        )
    return existing


def find(registry: StackRegistry, name_or_id: str, stack_name: str | None) -> ChangeSet:
    """Returns a change set, by id or by name and stack.

    Raises:
        ChangeSetNotFoundError: There is none.
    """
    if name_or_id in registry.change_sets:
        return registry.change_sets[name_or_id]
    for change_set in registry.change_sets.values():
        if change_set.name == name_or_id and stack_name in {change_set.stack.name, change_set.stack.id}:
            return change_set
    raise ChangeSetNotFoundError(name_or_id)


def execute(
    registry: StackRegistry,
    name_or_id: str,
    stack_name: str | None,
    token: str | None,
    *,
    disable_rollback: bool,
) -> None:
    """Executes a change set.

    Raises:
        ChangeSetNotFoundError: There is none.
        InvalidChangeSetStatusError: It is empty, or was executed before.
    """
    change_set = find(registry, name_or_id, stack_name)
    if change_set.execution_status != "AVAILABLE":
        raise InvalidChangeSetStatusError(change_set.id, change_set.status)
    stack, request = change_set.stack, change_set.request
    if change_set.kind == "CREATE":
        stack.options = request.options()
        stack.options.on_failure = "DO_NOTHING" if disable_rollback else request.on_failure
        Creation(stack, change_set.template, token).start()
    else:
        requests.check_updatable(stack, disable_rollback=disable_rollback)
        requests.start_update(
            stack,
            change_set.template,
            request.options(stack.options),
            RequestParameters(request.stack_name, disable_rollback=disable_rollback, token=token),
        )
    change_set.execution_status = "EXECUTE_COMPLETE"
    # The others were made for a stack that is no more. Source: ExecuteChangeSet.
    for other in [cs for cs in registry.change_sets.values() if cs.stack is stack and cs is not change_set]:
        del registry.change_sets[other.id]


def delete(registry: StackRegistry, name_or_id: str, stack_name: str | None) -> None:
    """Deletes a change set; does nothing if there is none."""
    try:
        change_set = find(registry, name_or_id, stack_name)
    except ChangeSetNotFoundError:
        return
    del registry.change_sets[change_set.id]
