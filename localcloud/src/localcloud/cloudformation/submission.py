"""A request that brings a template: what it says, and the template it means."""

from dataclasses import dataclass, field, replace
from typing import Any

from localcloud.cloudformation.errors import ValidationError
from localcloud.cloudformation.registry import StackRegistry
from localcloud.cloudformation.stack import Options, Stack
from localcloud.cloudformation.template.blueprint import Blueprint
from localcloud.cloudformation.template.checks import MAX_INLINE_BYTES, MAX_S3_BYTES


@dataclass(frozen=True)
class Submission:
    """What a request that brings a template says.

    Attributes:
        parameters: As in the API: maps with ParameterKey and ParameterValue or UsePreviousValue.
        tags: None leaves a stack's tags as they are.
    """

    stack_name: str
    template_body: str | None = None
    template_url: str | None = None
    use_previous_template: bool = False
    parameters: list[dict[str, Any]] = field(default_factory=list)
    tags: dict[str, str] | None = None
    capabilities: list[str] = field(default_factory=list)
    role_arn: str | None = None
    notification_arns: list[str] = field(default_factory=list)
    timeout_minutes: int | None = None
    on_failure: str = "ROLLBACK"
    disable_rollback: bool = False
    termination_protection: bool = False
    token: str | None = None

    def options(self, before: Options | None = None) -> Options:
        """Returns the stack's options from now on."""
        if before is None:
            return Options(
                tags=self.tags or {},
                capabilities=self.capabilities,
                role_arn=self.role_arn,
                notification_arns=self.notification_arns,
                timeout_minutes=self.timeout_minutes,
                on_failure="DO_NOTHING" if self.disable_rollback else self.on_failure,
                termination_protection=self.termination_protection,
            )
        return replace(
            before,
            tags=before.tags if self.tags is None else self.tags,
            capabilities=self.capabilities,
            role_arn=self.role_arn or before.role_arn,
        )


def template_text(registry: StackRegistry, submission: Submission, stack: Stack | None) -> str:
    """Returns the template's text, wherever the request says it is.

    Raises:
        ValidationError: It says nothing, too much, or the template is too large.
    """
    given = [submission.template_body, submission.template_url, submission.use_previous_template or None]
    if sum(item is not None for item in given) != 1:
        raise ValidationError("Either Template URL or Template Body must be specified.")
    if submission.template_body is not None:
        text, limit, where = submission.template_body, MAX_INLINE_BYTES, "templateBody"
    elif submission.template_url is not None:
        text, limit, where = registry.read_template(submission.template_url), MAX_S3_BYTES, "templateURL"
    elif stack is not None and stack.blueprint is not None:
        return stack.blueprint.source
    else:
        raise ValidationError("Either Template URL or Template Body must be specified.")
    if len(text.encode()) > limit:
        raise ValidationError(
            f"1 validation error detected: Value at '{where}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {limit}"
        )
    return text


def draw(registry: StackRegistry, submission: Submission, stack: Stack) -> Blueprint:
    """Reads the request's template with its parameters.

    Raises:
        ValidationError: The template or a parameter is not acceptable.
    """
    before = stack.blueprint.parameters if stack.blueprint else {}
    supplied: dict[str, str] = {}
    for parameter in submission.parameters:
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
    return registry.draw(stack, template_text(registry, submission, stack), supplied)
