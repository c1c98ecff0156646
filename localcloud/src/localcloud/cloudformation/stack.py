"""A stack: its present state and its events."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from localcloud import notifications
from localcloud.clock import clock
from localcloud.cloudformation.errors import UnresolvedValueError
from localcloud.cloudformation.ports import connected

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from localcloud.cloudformation.resource import Made
    from localcloud.cloudformation.template.compiled import CompiledTemplate

STACK_TYPE = "AWS::CloudFormation::Stack"
_STABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"}


@dataclass(frozen=True)
class Event:
    """One event of a stack; ``hook`` has the fields of a hook's event."""

    event_id: str
    logical_id: str
    physical_id: str
    resource_type: str
    at: datetime
    status: str
    reason: str | None
    token: str | None
    properties: str | None
    hook: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Output:
    """One evaluated output."""

    key: str
    value: str
    description: str | None
    export_name: str | None


@dataclass
class HookResult:
    """The invocation of a hook for one target, which up to three calls make.

    Attributes:
        target_type: CHANGE_SET or STACK.
        target_id: ARN of the change set or the stack.
        reason: What the hook said, or why it failed.
    """

    id: str
    hook: Made
    target_type: str
    target_id: str
    status: str = "HOOK_IN_PROGRESS"
    reason: str | None = None
    invoked_at: datetime = field(default_factory=clock.now)


@dataclass
class Resource:
    """A resource of a stack by its logical id.

    Attributes:
        made: The resource that exists or may exist.
        properties: The last requested properties, which events show.
    """

    stack: Stack = field(repr=False)
    logical_id: str
    resource_type: str
    definition: dict[str, Any] = field(repr=False)
    made: Made | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    status: str = ""
    reason: str | None = None
    changed_at: datetime = field(default_factory=clock.now)

    @property
    def physical_id(self) -> str | None:
        """The physical id, once there is one."""
        return self.made.physical_id if self.made else None

    def set_status(self, status: str, reason: str | None = None) -> None:
        """Changes the status, records an event and notifies the listeners."""
        self.status, self.reason, self.changed_at = status, reason, clock.now()
        self.stack.record(
            self.logical_id,
            self.physical_id,
            self.resource_type,
            status=status,
            reason=reason,
            properties=self.properties,
        )
        notifications.announce(
            notifications.ResourceEvent(
                stack_id=self.stack.id,
                stack_name=self.stack.name,
                root_name=self.stack.root.name,
                stack_tags=dict(self.stack.tags),
                logical_id=self.logical_id,
                physical_id=self.physical_id,
                resource_type=self.resource_type,
                status=status,
                properties=self.properties,
            )
        )


@dataclass
class Options:
    """A stack's settings besides its template and parameters."""

    tags: dict[str, str] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)
    role_arn: str | None = None
    notification_arns: list[str] = field(default_factory=list)
    rollback_configuration: dict[str, Any] = field(default_factory=dict)
    timeout_minutes: int | None = None
    on_failure: str = "ROLLBACK"
    termination_protection: bool = False


class Registry(Protocol):
    """The part of a registry that stacks and their operations use."""

    account_id: str
    region_name: str

    def exporter(self, export_name: str) -> Stack | None:
        """Returns the stack that exports a name."""
        ...

    def export_value(self, name: str) -> str:
        """Returns the value of an export.

        Raises:
            UnresolvedValueError: There is no such export.
        """
        ...

    def imports_of(self, stack: Stack) -> list[tuple[str, Stack]]:
        """Returns the exports of a stack that other stacks import, with those stacks."""
        ...

    def forget(self, stack: Stack) -> None:
        """Moves a stack to the deleted ones, which frees its name."""
        ...

    def hooks(self) -> list[Made]:
        """Returns the hooks that stacks have activated."""
        ...

    @property
    def hook_results(self) -> dict[str, HookResult]:
        """Every invocation of a hook, by its id."""
        ...


class StackOperation(Protocol):
    """The part of an operation that stacks use."""

    token: str | None

    def abandon(self) -> None:
        """Cancels everything without a status or a report."""
        ...


class Stack:
    """One stack; it is kept after its deletion.

    Attributes:
        resources: By logical id; they stay after the stack's deletion.
        leftovers: Replaced or removed resources that must still be deleted.
        operation: The running operation, or the last one.
        reviewed: The nested stacks in review, by logical id, that the running operation will create.
    """

    def __init__(
        self, registry: Registry, name: str, stack_id: str, options: Options, parent: Stack | None = None
    ) -> None:
        self.registry = registry
        self.name = name
        self.id = stack_id
        self.options = options
        self.parent = parent
        self.template: CompiledTemplate | None = None
        self.created_at = clock.now()
        self.updated_at: datetime | None = None
        self.deleted_at: datetime | None = None
        self.status = ""
        self.status_reason: str | None = None
        self.outputs: list[Output] = []
        self.resources: dict[str, Resource] = {}
        self.leftovers: list[Made] = []
        self.events: list[Event] = []
        self.operation: StackOperation | None = None
        self.reviewed: dict[str, Stack] = {}
        self.policy_body: str | None = None

    # moto's tagging API lists stacks through these two.
    @property
    def stack_id(self) -> str:
        """The ARN."""
        return self.id

    @property
    def tags(self) -> dict[str, str]:
        """The stack's own tags."""
        return self.options.tags

    @property
    def account_id(self) -> str:
        """The account, 12 digits."""
        return self.registry.account_id

    @property
    def region_name(self) -> str:
        """The Region."""
        return self.registry.region_name

    @property
    def root(self) -> Stack:
        """The stack at the top of this one's nesting."""
        return self.parent.root if self.parent else self

    @property
    def in_progress(self) -> bool:
        """Whether an operation is running."""
        return self.status.endswith("_IN_PROGRESS")

    @property
    def was_ever_stable(self) -> bool:
        """Whether a rollback has a stable state to return to.

        Source: CloudFormation API reference, RollbackStack.
        """
        return any(e.physical_id == self.id and e.status in _STABLE for e in self.events)

    def set_status(self, status: str, reason: str | None = None) -> None:
        """Changes the status, records an event and puts CloudFormation's event on the bus."""
        self.status, self.status_reason = status, reason
        self.record(self.name, self.id, STACK_TYPE, status=status, reason=reason)
        token = self.operation.token if self.operation else None
        # Source: CloudFormation user guide, "Event details: stack status change".
        detail = {
            "stack-id": self.id,
            "status-details": {"status": status, "status-reason": reason or ""},
            "client-request-token": token or "",
        }
        put_service_event = connected().put_service_event
        notifications.send(
            lambda: put_service_event(
                "aws.cloudformation", "CloudFormation Stack Status Change", [self.id], detail
            )
        )

    def record(
        self,
        logical_id: str,
        physical_id: str | None,
        resource_type: str,
        *,
        status: str,
        reason: str | None,
        properties: dict[str, Any] | None = None,
        hook: Mapping[str, str] | None = None,
    ) -> None:
        """Records one event."""
        now = clock.now()
        is_stack = physical_id == self.id
        stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.events.append(
            Event(
                event_id=str(uuid.uuid4())
                if is_stack
                else f"{logical_id}-{status}-{stamp}-{len(self.events)}",
                logical_id=logical_id,
                physical_id=physical_id or "",
                resource_type=resource_type,
                at=now,
                status=status,
                reason=reason,
                token=self.operation.token if self.operation else None,
                properties=None if properties is None else json.dumps(properties, default=str),
                hook=hook or {},
            )
        )

    def ref(self, logical_id: str) -> Any:
        """Returns what ``Ref`` gives for a resource."""
        return self._made(logical_id).physical_id

    def attribute(self, logical_id: str, name: str) -> Any:
        """Returns what ``Fn::GetAtt`` gives for a resource."""
        made = self._made(logical_id)
        return made.target.handler.attribute(made, name)

    def is_secret(self, logical_id: str, name: str) -> bool:
        """Returns whether outputs must mask an attribute."""
        made = self._made(logical_id)
        return made.target.handler.is_secret(made, name)

    def _made(self, logical_id: str) -> Made:
        resource = self.resources.get(logical_id)
        if resource is None or resource.made is None:
            raise UnresolvedValueError(f"Template error: resource {logical_id} does not exist")
        return resource.made
