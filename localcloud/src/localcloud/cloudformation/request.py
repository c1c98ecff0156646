"""The parameters of a request with a template, and the change set that stores one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from localcloud.clock import clock
from localcloud.cloudformation.errors import ValidationError
from localcloud.cloudformation.stack import Options, Stack

if TYPE_CHECKING:
    from datetime import datetime

    from localcloud.cloudformation.resource import Target
    from localcloud.cloudformation.template.compiled import CompiledTemplate

#: Source: CloudFormation API reference, RollbackTrigger, Type.
_TRIGGERS = {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"}


@dataclass(frozen=True)
class RequestParameters:
    """The parameters of CreateStack, UpdateStack and CreateChangeSet.

    Attributes:
        parameters: As in the API: maps with ParameterKey and ParameterValue or UsePreviousValue.
        tags: None leaves a stack's tags as they are.
        notification_arns: None leaves a stack's as they are.
        rollback_configuration: As in the API; None leaves a stack's as it is.
    """

    stack_name: str
    template_body: str | None = None
    template_url: str | None = None
    use_previous_template: bool = False
    parameters: list[dict[str, Any]] = field(default_factory=list)
    tags: dict[str, str] | None = None
    capabilities: list[str] = field(default_factory=list)
    role_arn: str | None = None
    notification_arns: list[str] | None = None
    rollback_configuration: dict[str, Any] | None = None
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
                notification_arns=self.notification_arns or [],
                rollback_configuration=self.rollback_configuration or {},
                timeout_minutes=self.timeout_minutes,
                on_failure="DO_NOTHING" if self.disable_rollback else self.on_failure,
                termination_protection=self.termination_protection,
            )
        return replace(
            before,
            tags=before.tags if self.tags is None else self.tags,
            capabilities=self.capabilities,
            role_arn=self.role_arn or before.role_arn,
            notification_arns=before.notification_arns
            if self.notification_arns is None
            else self.notification_arns,
            rollback_configuration=before.rollback_configuration
            if self.rollback_configuration is None
            else self.rollback_configuration,
        )


def check_rollback_triggers(request: RequestParameters) -> None:
    """Checks the alarms that are to roll an operation back; nothing here watches them.

    Source: localstack/localstack, test_update_with_invalid_rollback_configuration_errors, recorded on AWS.

    Raises:
        ValidationError: A trigger is no alarm.
    """
    for trigger in (request.rollback_configuration or {}).get("RollbackTriggers", []):
        if trigger["Type"] not in _TRIGGERS:
            raise ValidationError("Rollback Trigger Type not supported")
        if not trigger["Arn"].split(":", 5)[-1].startswith("alarm:"):
            raise ValidationError("RelativeId of a Rollback Trigger's ARN is incorrect")


@dataclass(frozen=True)
class Detail:
    """One reason why a resource is modified. Source: CloudFormation API reference, ResourceChangeDetail.

    Attributes:
        attribute: Properties, Tags or the like.
        name: The property.
        source: The ChangeSource.
        evaluation: Static or Dynamic.
        recreation: Never, Conditionally or Always.
        cause: The parameter, resource or attribute that changes.
        before: The property's value, None where it has none; secrets are masked.
        after: As above, after the change.
        with_values_only: Whether only a description with property values shows it.
    """

    attribute: str
    name: str | None
    source: str
    evaluation: str
    recreation: str
    cause: str | None = None
    before: Any = None
    after: Any = None
    with_values_only: bool = False


@dataclass(frozen=True)
class Change:
    """One line of a change set; the action is Add, Modify or Remove.

    Attributes:
        replacement: True, False or Conditional, of a modification.
        before: The properties; secrets are masked.
        after: As above, after the change.
        unresolved: Why a property has no value yet, if that is an error.
        target: The resource as the template describes it, with its secrets; None for a plain Add.
        change_set_id: The nested change set.
    """

    action: str
    logical_id: str
    resource_type: str
    physical_id: str | None
    details: tuple[Detail, ...] = ()
    replacement: str | None = None
    policy_action: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    unresolved: str | None = None
    target: Target | None = field(default=None, repr=False)
    change_set_id: str | None = None


@dataclass
class ChangeSet:
    """One change set of one stack.

    Attributes:
        include_nested: Whether nested stacks that change have change sets of their own.
        parent: The change set of the parent stack that this one belongs to.
        nested: The change sets of nested stacks, by logical id.
    """

    name: str
    id: str
    stack: Stack
    kind: str
    request: RequestParameters
    template: CompiledTemplate
    changes: list[Change]
    description: str | None = None
    include_nested: bool = False
    parent: ChangeSet | None = None
    nested: dict[str, ChangeSet] = field(default_factory=dict, repr=False)
    status: str = "CREATE_COMPLETE"
    status_reason: str | None = None
    execution_status: str = "AVAILABLE"
    created_at: datetime = field(default_factory=clock.now)

    def fail(self, reason: str) -> None:
        """Makes the change set one that cannot be executed."""
        self.status, self.status_reason, self.execution_status = "FAILED", reason, "UNAVAILABLE"

    @property
    def root(self) -> ChangeSet:
        """The change set at the top of this one's nesting."""
        return self.parent.root if self.parent else self
