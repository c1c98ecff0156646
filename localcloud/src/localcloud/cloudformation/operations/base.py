"""What all operations on a stack share: they run actions on resources, can be cancelled and end once."""

from collections.abc import Callable
from typing import Any

from localcloud.cloudformation.errors import UnresolvedValueError
from localcloud.cloudformation.handlers import handler_for, target_of
from localcloud.cloudformation.resource import Cancel, Made, Progress, Target
from localcloud.cloudformation.stack import Output, Resource, Stack
from localcloud.cloudformation.template.compiled import CompiledTemplate
from localcloud.cloudformation.template.functions import as_text
from localcloud.cloudformation.work import Outcome, Work

OnEnd = Callable[[], None]
#: Characters in the value of an export. Source: see ``_check_exportable``.
_MAX_EXPORT_LENGTH = 1024


class Operation:
    """One operation on a stack.

    Args:
        stack: The stack.
        token: The client request token, shown in the events.
        on_end: Called when the stack has reached its last status.
    """

    def __init__(self, stack: Stack, token: str | None, on_end: OnEnd | None = None) -> None:
        self.stack = stack
        self.token = token
        self._on_end = on_end
        self._works: list[Work] = []

    def end(self) -> None:
        """Reports that the stack has reached its last status."""
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end()

    def run_work(
        self,
        resource: Resource,
        action: str,
        begin: Callable[[Progress], Cancel],
        ended: Callable[[Outcome], None],
        reason: str | None = None,
    ) -> None:
        """Starts an action on a resource."""

        def forget(outcome: Outcome) -> None:
            self._works.remove(work)
            ended(outcome)

        work = Work(resource, action, begin, forget)
        self._works.append(work)
        work.start(reason)

    def cancel_works(self) -> list[str]:
        """Cancels the running actions, sets their resources to failed and returns the logical ids."""
        works, self._works = self._works, []
        for work in works:
            work.cancel()
            resource = work.resource
            if work.action == "CREATE" and work.begun and resource.made is None:
                resource.made = _leftover(resource)
            resource.set_status(f"{work.action}_FAILED", f"Resource {_noun(work.action)} cancelled")
        return [work.resource.logical_id for work in works]

    def abandon(self) -> None:
        """Cancels everything without a status or a report: the cloud is being reset."""
        for work in self._works:
            work.cancel()
        self._works.clear()
        self._on_end = None


def _noun(action: str) -> str:
    return {"CREATE": "creation", "UPDATE": "update", "DELETE": "deletion"}[action]


def _check_exportable(key: str, value: str) -> None:
    """Checks a value that is exported.

    Source: smoketurner/serverless-vpc-plugin issue 704 and awslabs/goformation pull request 299, which quote
    CloudFormation's messages.

    Raises:
        UnresolvedValueError: It is empty, blank or too long.
    """
    if not value.strip():
        raise UnresolvedValueError(
            f"Cannot export output {key}. Exported values must not be empty or whitespace-only."
        )
    if len(value) > _MAX_EXPORT_LENGTH:
        raise UnresolvedValueError(
            f"Cannot export output {key} with length {len(value)}. "
            f"Max length of {_MAX_EXPORT_LENGTH} exceeded."
        )


def _leftover(resource: Resource) -> Made | None:
    stack, handler = resource.stack, handler_for(resource.resource_type)
    target = Target(
        stack, handler, resource.logical_id, resource.resource_type, resource.properties, stack.tags
    )
    return handler.leftover(target)


class _Shown:
    """A stack's resources as outputs show them, with secrets masked."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def ref(self, logical_id: str) -> Any:
        """Returns what ``Ref`` gives."""
        return self._stack.ref(logical_id)

    def attribute(self, logical_id: str, name: str) -> Any:
        """Returns what ``Fn::GetAtt`` gives, unless it is a secret."""
        value = self._stack.attribute(logical_id, name)
        return "****" if self._stack.is_secret(logical_id, name) else value


class Deployment(Operation):
    """An operation that changes resources to what a template describes."""

    def __init__(
        self, stack: Stack, template: CompiledTemplate, token: str | None, on_end: OnEnd | None
    ) -> None:
        super().__init__(stack, token, on_end)
        self.template = template

    def create_resource(self, logical_id: str, ended: Callable[[bool], None]) -> None:
        """Creates a resource and reports whether it succeeded."""
        definition = self.template.definitions[logical_id]
        resource = Resource(self.stack, logical_id, definition["Type"], definition)
        self.stack.resources[logical_id] = resource
        try:
            target = target_of(self.stack, logical_id, self.template, self.stack.tags)
        except UnresolvedValueError as error:
            resource.set_status("CREATE_FAILED", str(error))
            ended(False)
            return
        resource.properties = dict(target.properties)

        def finish(outcome: Outcome) -> None:
            resource.made = outcome.made
            resource.set_status("CREATE_FAILED" if outcome.reason else "CREATE_COMPLETE", outcome.reason)
            ended(outcome.reason is None)

        self.run_work(resource, "CREATE", lambda progress: target.handler.create(target, progress), finish)

    def evaluate_outputs(self) -> list[Output]:
        """Returns the outputs of the template.

        Raises:
            UnresolvedValueError: One has no value, or its export belongs to another stack.
        """
        scope = self.template.scope(_Shown(self.stack))
        return [
            self._evaluate_output(key, scope.evaluate(definition))
            for key, definition in self.template.outputs.items()
        ]

    def _evaluate_output(self, key: str, evaluated: dict[str, Any]) -> Output:
        value = as_text(evaluated["Value"])
        export_name = evaluated.get("Export", {}).get("Name")
        if export_name is not None:
            _check_exportable(key, value)
            owner = self.stack.registry.exporter(export_name)
            if owner is not None and owner is not self.stack:
                raise UnresolvedValueError(
                    f"Export with name {export_name} is already exported by stack {owner.name}"
                )
        return Output(key, value, evaluated.get("Description"), export_name)
