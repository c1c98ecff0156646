"""Change sets: requests that are stored with their changes until they are executed or deleted."""

import re
import uuid
from dataclasses import replace

from localcloud.cloudformation import requests
from localcloud.cloudformation.differences import changes, is_known
from localcloud.cloudformation.errors import (
    ChangeSetExistsError,
    ChangeSetNotFoundError,
    InvalidChangeSetStatusError,
    RequestRefused,
    StackNotFoundError,
    UnresolvedValueError,
    ValidationError,
)
from localcloud.cloudformation.handlers.nested import NestedStackHandler
from localcloud.cloudformation.hooks import judge_change_set
from localcloud.cloudformation.nesting import compile_child, new_child
from localcloud.cloudformation.operations.creation import Creation
from localcloud.cloudformation.registry import StackRegistry
from localcloud.cloudformation.request import ChangeSet, RequestParameters, check_rollback_triggers
from localcloud.cloudformation.stack import Options, Stack
from localcloud.cloudformation.template.compiled import CompiledTemplate
from localcloud.cloudformation.template.source import check_capabilities
from localcloud.gaps import gap

#: Source: CloudFormation API reference, CreateChangeSet, ChangeSetName.
_MAX_NAME_LENGTH = 128
_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
#: Source: CloudFormation user guide, "Change sets for nested stacks".
_NESTED = "Executable from root change set"
#: Clients recognise an empty change set by this text.
_EMPTY = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


def create(
    registry: StackRegistry,
    request: RequestParameters,
    name: str,
    kind: str,
    description: str | None,
    *,
    include_nested: bool = False,
) -> ChangeSet:
    """Stores a request as a change set; a new stack is in REVIEW_IN_PROGRESS from now on.

    Args:
        registry: Where the stack lives, or will.
        request: The request.
        name: Unique for the stack.
        kind: CREATE or UPDATE.
        description: Shown by DescribeChangeSet.
        include_nested: Whether nested stacks that change get change sets of their own.

    Raises:
        RequestRefused: The request is not acceptable.
    """
    if not _NAME.fullmatch(name):
        raise ValidationError(f"Invalid change set name: {name}")
    if kind not in {"CREATE", "UPDATE"}:
        raise ValidationError(
            f"localcloud does not know change sets of type {kind} {gap('cloudformation.api')}"
        )
    stack = _stack_for(registry, request, name, kind)
    if any(other.name == name for other in waiting(registry, stack)):
        raise ChangeSetExistsError(name)
    check_rollback_triggers(request)
    template = requests.compile_template(registry, request, stack)
    requests.check_types(stack, template)
    # A change set shows what a transform made, so nothing is expanded unseen.
    check_capabilities(template.processed, set(request.capabilities), transforms=[])
    change_set = _add(registry, _new(registry, stack, request, template, name))
    change_set.description, change_set.include_nested = description, include_nested
    if kind == "UPDATE" and requests.changes_nothing(stack, template, request.options(stack.options)):
        change_set.fail(_EMPTY)
    elif include_nested:
        _include_nested(registry, change_set)
    if change_set.status == "CREATE_COMPLETE":
        judge_change_set(change_set)
    return change_set


def _new(
    registry: StackRegistry, stack: Stack, request: RequestParameters, template: CompiledTemplate, name: str
) -> ChangeSet:
    prefix = f"arn:{registry.partition}:cloudformation:{registry.region_name}:{registry.account_id}"
    return ChangeSet(
        name=name,
        id=f"{prefix}:changeSet/{name}/{uuid.uuid4()}",
        stack=stack,
        kind="UPDATE" if stack.template else "CREATE",
        request=request,
        template=template,
        changes=changes(stack, template, request.options(stack.options).tags),
    )


def _add(registry: StackRegistry, change_set: ChangeSet) -> ChangeSet:
    registry.change_sets[change_set.id] = change_set
    stack = change_set.stack
    if not registry.find_living(stack.id):
        registry.add(stack)
        stack.set_status("REVIEW_IN_PROGRESS", "User Initiated")
    return change_set


def _include_nested(registry: StackRegistry, parent: ChangeSet) -> None:
    """Gives each nested stack that changes a change set of its own.

    One whose template is not known before the execution gets none; one that is not acceptable fails all.
    """
    for place, change in enumerate(parent.changes):
        target = change.target
        if target is None or not isinstance(target.handler, NestedStackHandler):
            continue
        resource = parent.stack.resources.get(change.logical_id)
        made = resource.made if resource else None
        child = made.state if made else new_child(parent.stack, change.logical_id)
        try:
            inputs = target.handler.inputs(target)
            template = compile_child(child, inputs, parent.request.capabilities)
        except (UnresolvedValueError, RequestRefused) as error:
            if is_known(target.properties):
                said = error.message if isinstance(error, RequestRefused) else error
                parent.root.fail(f"Nested stack {change.logical_id}: {said}")
            continue
        request = RequestParameters(
            child.name, tags=inputs.tags, capabilities=parent.request.capabilities, on_failure="DO_NOTHING"
        )
        name = f"{parent.name}-{change.logical_id}"[:_MAX_NAME_LENGTH]
        nested = _add(registry, _new(registry, child, request, template, name))
        nested.include_nested, nested.parent = True, parent
        nested.execution_status, nested.status_reason = "UNAVAILABLE", _NESTED
        parent.nested[change.logical_id] = nested
        parent.changes[place] = replace(change, change_set_id=nested.id)
        _include_nested(registry, nested)


def waiting(registry: StackRegistry, stack: Stack) -> list[ChangeSet]:
    """Returns a stack's change sets but for those that were executed, which only their ids lead to."""
    executed = "EXECUTE_COMPLETE"
    of_stack = [cs for cs in registry.change_sets.values() if cs.stack is stack]
    return [cs for cs in of_stack if cs.execution_status != executed]


def _stack_for(registry: StackRegistry, request: RequestParameters, name: str, kind: str) -> Stack:
    if kind == "UPDATE":
        stack = requests.living(registry, request.stack_name)
        # Whether it may be rolled back is said when it is executed.
        requests.check_updatable(stack, disable_rollback=True)
        return stack
    existing = registry.find_living(request.stack_name)
    if existing is None and request.stack_name not in registry.deleted_stacks:
        requests.check_name(request.stack_name)
        # It gets its tags and the like when the change set is executed.
        return registry.new_stack(request.stack_name, Options())
    if existing is None or existing.status != "REVIEW_IN_PROGRESS":
        raise ValidationError(
            f"Stack [{request.stack_name}] already exists and cannot be created again "
            f"with the changeSet [{name}]."
        )
    return existing


def find(registry: StackRegistry, name_or_id: str, stack_name: str | None) -> ChangeSet:
    """Returns a change set, by id or by name and stack; of two with one name, the one not executed.

    Raises:
        ChangeSetNotFoundError: There is none.
        ValidationError: There is no such stack, or none was named.
    """
    if name_or_id in registry.change_sets:
        return registry.change_sets[name_or_id]
    if name_or_id.startswith("arn:"):
        raise ChangeSetNotFoundError(name_or_id)
    if not stack_name:
        raise ValidationError("StackName must be specified if ChangeSetName is not specified as an ARN.")
    try:
        stack = registry.find(stack_name)
    except StackNotFoundError as error:
        raise ValidationError(f"Stack [{stack_name}] does not exist") from error
    # The newest is the last, and a name is given again only after its change set was executed.
    for change_set in reversed(registry.change_sets.values()):
        if change_set.name == name_or_id and change_set.stack is stack:
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
        InvalidChangeSetStatusError: It is empty, was executed before, or the stack has changed.
        ValidationError: There is no such stack, or its status does not allow an update.
    """
    change_set = find(registry, name_or_id, stack_name)
    if change_set.execution_status != "AVAILABLE":
        raise InvalidChangeSetStatusError(change_set.id, change_set.status, change_set.execution_status)
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
    _mark_executed(change_set)
    # The others were made for a stack that is no more. Source: ExecuteChangeSet.
    for other in waiting(registry, stack):
        _remove(registry, other)


def _mark_executed(change_set: ChangeSet) -> None:
    change_set.execution_status = "EXECUTE_COMPLETE"
    for logical_id, nested in change_set.nested.items():
        if nested.kind == "CREATE":
            change_set.stack.reviewed[logical_id] = nested.stack
        _mark_executed(nested)


def _remove(registry: StackRegistry, change_set: ChangeSet) -> None:
    """Removes a change set with its nested ones, and the nested stacks that they have put in review."""
    registry.change_sets.pop(change_set.id, None)
    for nested in change_set.nested.values():
        _remove(registry, nested)
        registry.discard(nested.stack)


def delete(registry: StackRegistry, name_or_id: str, stack_name: str | None) -> None:
    """Deletes a change set; does nothing if there is none.

    Raises:
        ValidationError: There is no such stack, or none was named, or the change set is nested.
        InvalidChangeSetStatusError: Hooks are still judging it.
    """
    try:
        change_set = find(registry, name_or_id, stack_name)
    except ChangeSetNotFoundError:
        return
    if change_set.status == "CREATE_IN_PROGRESS":
        raise InvalidChangeSetStatusError(change_set.id, change_set.status, "UNAVAILABLE", "deleted")
    if change_set.parent is not None:
        raise ValidationError(
            f"ChangeSet [{change_set.id}] is nested: delete its root, ChangeSet [{change_set.root.id}]"
        )
    _remove(registry, change_set)
