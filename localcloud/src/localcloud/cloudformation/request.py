"""The parameters of a request with a template, and the change set that stores one."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from localcloud.clock import clock
from localcloud.cloudformation.stack import Options, Stack
from localcloud.cloudformation.template.compiled import CompiledTemplate


@dataclass(frozen=True)
class RequestParameters:
    """The parameters of CreateStack, UpdateStack and CreateChangeSet.

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


@dataclass(frozen=True)
class Change:
    """One line of a change set; the action is Add, Modify or Remove."""

    action: str
    logical_id: str
    resource_type: str
    physical_id: str | None


@dataclass
class ChangeSet:
    """One change set of one stack."""

    name: str
    id: str
    stack: Stack
    kind: str
    request: RequestParameters
    template: CompiledTemplate
    changes: list[Change]
    description: str | None
    status: str = "CREATE_COMPLETE"
    status_reason: str | None = None
    execution_status: str = "AVAILABLE"
    created_at: datetime = field(default_factory=clock.now)
