"""The API's requests that change stacks: each is checked, then starts an operation."""

import re

from localcloud.cloudformation.differences import differs
from localcloud.cloudformation.errors import (
    AlreadyExistsError,
    TokenAlreadyExistsError,
    ValidationError,
)
from localcloud.cloudformation.operations.creation import Creation
from localcloud.cloudformation.operations.deletion import ROLLBACK, Deletion
from localcloud.cloudformation.operations.update import Update
from localcloud.cloudformation.registry import StackRegistry
from localcloud.cloudformation.request import RequestParameters, check_rollback_triggers
from localcloud.cloudformation.stack import Options, Stack
from localcloud.cloudformation.template.compiled import CompiledTemplate
from localcloud.cloudformation.template.source import MAX_INLINE_BYTES, MAX_S3_BYTES, check_capabilities

_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
#: Statuses in which a stack accepts an update. Source: CloudFormation user guide, "Stack status codes".
_UPDATABLE = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
}
#: Statuses that accept one only with rollback disabled.
#: Source: CloudFormation user guide, "Stack failure options".
_FAILED = {"CREATE_FAILED", "UPDATE_FAILED"}


def create(registry: StackRegistry, request: RequestParameters) -> str:
    """Starts the creation of a stack, which may be in review, and returns its id.

    Raises:
        RequestRefused: Nothing was started.
    """
    check_name(request.stack_name)
    check_rollback_triggers(request)
    if known := _known(registry, "CreateStack", request.token, request.stack_name):
        return known
    stack = registry.find_living(request.stack_name)
    if stack is None:
        stack = registry.new_stack(request.stack_name, request.options())
    elif stack.status != "REVIEW_IN_PROGRESS" or stack.parent is not None:
        raise AlreadyExistsError(request.stack_name)
    template = compile_template(registry, request, stack)
    check_capabilities(template.processed, set(request.capabilities), transforms=template.transforms)
    registry.add(stack)
    stack.options = request.options()
    registry.outdate_change_sets(stack)
    _remember(registry, "CreateStack", request.token, stack)
    Creation(stack, template, request.token).start()
    return stack.id


def check_name(name: str) -> None:
    """Checks a stack's name.

    Raises:
        ValidationError: With the pattern.
    """
    if not _NAME.fullmatch(name):
        raise ValidationError(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )


def update(registry: StackRegistry, request: RequestParameters) -> str:
    """Starts the update of a stack and returns its id.

    Raises:
        RequestRefused: Nothing was started.
    """
    stack = living(registry, request.stack_name)
    if known := _known(registry, "UpdateStack", request.token, stack.name):
        return known
    check_updatable(stack, disable_rollback=request.disable_rollback)
    check_rollback_triggers(request)
    template = compile_template(registry, request, stack)
    check_capabilities(template.processed, set(request.capabilities), transforms=template.transforms)
    check_types(stack, template)
    options = request.options(stack.options)
    if changes_nothing(stack, template, options):
        raise ValidationError("No updates are to be performed.")
    registry.outdate_change_sets(stack)
    _remember(registry, "UpdateStack", request.token, stack)
    start_update(stack, template, options, request)
    return stack.id


def changes_nothing(stack: Stack, template: CompiledTemplate, options: Options) -> bool:
    """Returns whether an update would leave everything as it is; False for a stack that failed before."""
    kept = (stack.options.notification_arns, stack.options.rollback_configuration)
    return (
        stack.status not in _FAILED
        and kept == (options.notification_arns, options.rollback_configuration)
        and not differs(stack, template, options.tags)
    )


def start_update(
    stack: Stack, template: CompiledTemplate, options: Options, request: RequestParameters
) -> None:
    """Starts an update whose request has been checked."""
    Update(stack, template, options, request.token, rollback=not request.disable_rollback).start()


def check_updatable(stack: Stack, *, disable_rollback: bool) -> None:
    """Checks that a stack's status allows an update.

    Raises:
        ValidationError: With the status.
    """
    if stack.status in _FAILED and not disable_rollback:
        # Source: ansible-collections/amazon.aws issue 1655; aws/aws-cli issue 6368.
        raise ValidationError(
            f"This stack is currently in a non-terminal [{stack.status}] state. To update the stack from "
            "this state, please use the disable-rollback parameter with update-stack API. To rollback to the "
            "last known good state, use the rollback-stack API"
        )
    if stack.status not in _UPDATABLE | _FAILED:
        raise ValidationError(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def check_types(stack: Stack, template: CompiledTemplate) -> None:
    """Checks that no resource changes its type.

    Raises:
        ValidationError: With the logical ids.
    """
    changed = [
        logical_id
        for logical_id, definition in template.definitions.items()
        if logical_id in stack.resources and stack.resources[logical_id].resource_type != definition["Type"]
    ]
    if changed:
        raise ValidationError(
            "Update of resource type is not permitted. The new template modifies resource type of the "
            f"following resources: [{', '.join(changed)}]"
        )


def delete(registry: StackRegistry, name_or_id: str, token: str | None, retain: list[str]) -> None:
    """Starts the deletion of a stack; does nothing if it is deleted or being deleted.

    Raises:
        ValidationError: The stack is protected, being updated, or ``retain`` does not fit.
    """
    stack = registry.find_living(name_or_id)
    if stack is None or stack.status == "DELETE_IN_PROGRESS":
        return
    if stack.root.options.termination_protection:
        raise ValidationError(
            f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
        )
    if stack.status.startswith("UPDATE_") and stack.in_progress:
        raise ValidationError(f"Stack [{stack.id}] cannot be deleted while in status {stack.status}")
    if retain and stack.status != "DELETE_FAILED":
        raise ValidationError(
            f"Invalid operation on stack [{stack.id}]. "
            "Specify RetainResources only when the stack is in DELETE_FAILED state"
        )
    operation = stack.operation
    if isinstance(operation, Deletion) and stack.in_progress:
        operation.turn_into_delete(token, None)
        return
    if isinstance(operation, Creation) and stack.in_progress:
        operation.cancel()
    Deletion(stack, token, retain=retain).start()


def cancel_update(registry: StackRegistry, name_or_id: str) -> None:
    """Cancels a running update and rolls it back.

    Raises:
        ValidationError: The stack is not in UPDATE_IN_PROGRESS.
    """
    stack = living(registry, name_or_id)
    if not isinstance(stack.operation, Update) or stack.status != "UPDATE_IN_PROGRESS":
        raise ValidationError("CancelUpdateStack cannot be called from current stack status")
    stack.operation.cancel()


def continue_rollback(registry: StackRegistry, name_or_id: str, token: str | None, skip: list[str]) -> None:
    """Continues a rollback that failed.

    Raises:
        ValidationError: The stack is not in UPDATE_ROLLBACK_FAILED.
    """
    stack = living(registry, name_or_id)
    if not isinstance(stack.operation, Update) or stack.status != "UPDATE_ROLLBACK_FAILED":
        raise ValidationError(f"Stack:{stack.id} is in {stack.status} state and can not be continued.")
    stack.operation.continue_rollback(set(skip), token)


def roll_back(registry: StackRegistry, name_or_id: str, token: str | None) -> str:
    """Rolls back a creation or update that failed with rollback disabled.

    Raises:
        ValidationError: The stack is in neither CREATE_FAILED nor UPDATE_FAILED.
    """
    stack = living(registry, name_or_id)
    if isinstance(stack.operation, Update) and stack.status == "UPDATE_FAILED":
        stack.operation.token = token
        stack.operation.roll_back("User Initiated")
    elif stack.status == "CREATE_FAILED":
        Deletion(stack, token, None, ROLLBACK).start()
    else:
        raise ValidationError(f"Stack:{stack.id} is in {stack.status} state and can not be rolled back.")
    return stack.id


def living(registry: StackRegistry, name_or_id: str) -> Stack:
    """Returns a stack that is not deleted.

    Raises:
        ValidationError: There is none.
    """
    stack = registry.find_living(name_or_id)
    if stack is None:
        raise ValidationError(f"Stack [{name_or_id}] does not exist")
    return stack


def _known(registry: StackRegistry, action: str, token: str | None, stack_name: str) -> str | None:
    """Returns the id of the stack that an earlier request with this token named, if there was one."""
    stack_id = registry.tokens.get((action, token)) if token else None
    if stack_id is not None and registry.find(stack_id).name != stack_name:
        raise TokenAlreadyExistsError(token or "")
    return stack_id


def _remember(registry: StackRegistry, action: str, token: str | None, stack: Stack) -> None:
    if token:
        registry.tokens[action, token] = stack.id


def template_text(registry: StackRegistry, request: RequestParameters, stack: Stack | None) -> str:
    """Returns the template's text from the request, from S3 or from the stack.

    Raises:
        ValidationError: The request names no template or several, or the template is too large.
    """
    given = [request.template_body, request.template_url, request.use_previous_template or None]
    if sum(item is not None for item in given) != 1:
        raise ValidationError("Either Template URL or Template Body must be specified.")
    if request.template_body is not None:
        text, limit, where = request.template_body, MAX_INLINE_BYTES, "templateBody"
    elif request.template_url is not None:
        text, limit, where = registry.read_template(request.template_url), MAX_S3_BYTES, "templateURL"
    elif stack is not None and stack.template is not None:
        return stack.template.source
    else:
        raise ValidationError("Either Template URL or Template Body must be specified.")
    if len(text.encode()) > limit:
        raise ValidationError(
            f"1 validation error detected: Value at '{where}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {limit}"
        )
    return text


def compile_template(registry: StackRegistry, request: RequestParameters, stack: Stack) -> CompiledTemplate:
    """Compiles the request's template with its parameters.

    Raises:
        ValidationError: The template or a parameter is not acceptable.
    """
    before = stack.template.parameters if stack.template else {}
    supplied: dict[str, str] = {}
    for parameter in request.parameters:
        name = parameter["ParameterKey"]
        if parameter.get("UsePreviousValue"):
            if parameter.get("ParameterValue"):
                raise ValidationError(
                    f"Invalid input for parameter key {name}. "
                    "Cannot specify usePreviousValue as true and non empty value for a parameter"
                )
            if name not in before:
                raise ValidationError(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for a "
                    "parameter key not in the previous template"
                )
            supplied[name] = before[name].text
        else:
            supplied[name] = parameter.get("ParameterValue", "")
    return registry.compile(stack, template_text(registry, request, stack), supplied)
