"""CloudFormation's API, as moto's response class; every request runs under the lock."""
# ruff: noqa: D102 - operations are documented by CloudFormation

from typing import Any

from moto.cloudformation.models import cloudformation_backends
from moto.core.responses import ActionResult, BaseResponse, EmptyResult
from moto.core.utils import camelcase_to_underscores

from localcloud.cloudformation import change_sets, describe, requests
from localcloud.cloudformation.errors import HookResultNotFoundError, StackNotFoundError, ValidationError
from localcloud.cloudformation.registry import StackRegistry
from localcloud.cloudformation.request import RequestParameters
from localcloud.cloudformation.requests import template_text
from localcloud.cloudformation.stack import Resource, Stack
from localcloud.cloudformation.steps import lock
from localcloud.cloudformation.template.source import check_structure, parse
from localcloud.gaps import gap

#: As many as CloudFormation returns at a time, roughly: it counts bytes.
_PAGE = 100

#: Parameters of a change set that would change what it does: imports and drift.
_NOT_EMULATED = ("ResourcesToImport", "ImportExistingResources", "DeploymentMode")


class StackResponse(BaseResponse):
    """Answers requests about stacks and change sets; each public method is the operation of its name."""

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    def call_action(self) -> Any:
        """Answers one request under the lock, and refuses an operation that is not here by its name."""
        operation = self._get_action()
        if operation and not hasattr(self, camelcase_to_underscores(operation)):
            raise NotImplementedError
        with lock:
            return super().call_action()

    @property
    def _registry(self) -> StackRegistry:
        registry = cloudformation_backends[self.current_account][self.region]
        if not isinstance(registry, StackRegistry):
            raise TypeError("localcloud.cloudformation.install() came after moto's first request")
        return registry

    def _request_parameters(self) -> RequestParameters:
        tags = self._get_param("Tags")
        return RequestParameters(
            stack_name=self._get_param("StackName"),
            template_body=self._get_param("TemplateBody"),
            template_url=self._get_param("TemplateURL"),
            use_previous_template=self._get_bool_param("UsePreviousTemplate", False),
            parameters=self._get_param("Parameters", []),
            tags=None if tags is None else {tag["Key"]: tag["Value"] for tag in tags},
            capabilities=self._get_param("Capabilities", []),
            role_arn=self._get_param("RoleARN"),
            notification_arns=self._get_param("NotificationARNs"),
            rollback_configuration=self._get_param("RollbackConfiguration"),
            timeout_minutes=self._get_param("TimeoutInMinutes"),
            on_failure=self._get_param("OnFailure") or self._get_param("OnStackFailure", "ROLLBACK"),
            disable_rollback=self._get_bool_param("DisableRollback", False),
            termination_protection=self._get_bool_param("EnableTerminationProtection", False),
            token=self._get_param("ClientRequestToken"),
        )

    def _page(self, items: list[Any]) -> tuple[list[Any], str | None]:
        start = int(self._get_param("NextToken") or 0)
        end = start + _PAGE
        return items[start:end], str(end) if end < len(items) else None

    # --- requests that change something ---

    def create_stack(self) -> ActionResult:
        return ActionResult({"StackId": requests.create(self._registry, self._request_parameters())})

    def update_stack(self) -> ActionResult:
        return ActionResult({"StackId": requests.update(self._registry, self._request_parameters())})

    def delete_stack(self) -> ActionResult:
        requests.delete(
            self._registry,
            self._get_param("StackName"),
            self._get_param("ClientRequestToken"),
            self._get_param("RetainResources", []),
        )
        return EmptyResult()

    def cancel_update_stack(self) -> ActionResult:
        requests.cancel_update(self._registry, self._get_param("StackName"))
        return EmptyResult()

    def continue_update_rollback(self) -> ActionResult:
        requests.continue_rollback(
            self._registry,
            self._get_param("StackName"),
            self._get_param("ClientRequestToken"),
            self._get_param("ResourcesToSkip", []),
        )
        return ActionResult({})

    def rollback_stack(self) -> ActionResult:
        name, token = self._get_param("StackName"), self._get_param("ClientRequestToken")
        return ActionResult({"StackId": requests.roll_back(self._registry, name, token)})

    def update_termination_protection(self) -> ActionResult:
        stack = requests.living(self._registry, self._get_param("StackName"))
        stack.options.termination_protection = self._get_bool_param("EnableTerminationProtection", False)
        return ActionResult({"StackId": stack.id})

    def create_change_set(self) -> ActionResult:
        for name in _NOT_EMULATED:
            if self._get_param(name):
                raise ValidationError(f"localcloud does not know {name} {gap('cloudformation.api')}")
        change_set = change_sets.create(
            self._registry,
            self._request_parameters(),
            self._get_param("ChangeSetName"),
            self._get_param("ChangeSetType", "UPDATE"),
            self._get_param("Description"),
            include_nested=self._get_bool_param("IncludeNestedStacks", False),
        )
        return ActionResult({"Id": change_set.id, "StackId": change_set.stack.id})

    def execute_change_set(self) -> ActionResult:
        change_sets.execute(
            self._registry,
            self._get_param("ChangeSetName"),
            self._get_param("StackName"),
            self._get_param("ClientRequestToken"),
            disable_rollback=self._get_bool_param("DisableRollback", False),
        )
        return ActionResult({})

    def delete_change_set(self) -> ActionResult:
        change_sets.delete(self._registry, self._get_param("ChangeSetName"), self._get_param("StackName"))
        return ActionResult({})

    # --- requests that show something ---

    def describe_stacks(self) -> ActionResult:
        name = self._get_param("StackName")
        stacks = [self._registry.find(name)] if name else _newest_first(self._registry.stacks)
        page, token = self._page(stacks)
        return ActionResult({"Stacks": [describe.stack(stack) for stack in page], "NextToken": token})

    def list_stacks(self) -> ActionResult:
        statuses = self._get_param("StackStatusFilter", [])
        stacks = self._registry.stacks | self._registry.deleted_stacks
        shown = {id_: stack for id_, stack in stacks.items() if not statuses or stack.status in statuses}
        page, token = self._page(_newest_first(shown))
        return ActionResult({"StackSummaries": [describe.summary(s) for s in page], "NextToken": token})

    def describe_stack_events(self) -> ActionResult:
        name = self._get_param("StackName")
        try:
            stack = self._registry.find(name)
        except StackNotFoundError as error:
            raise ValidationError(f"Stack [{name}] does not exist") from error
        page, token = self._page(stack.events[::-1])
        return ActionResult({"StackEvents": [describe.event(stack, e) for e in page], "NextToken": token})

    def describe_stack_resource(self) -> ActionResult:
        name = self._get_param("StackName")
        try:
            stack = self._registry.find(name)
        except StackNotFoundError as error:
            raise ValidationError(f"Stack '{name}' does not exist") from error
        resource = self._resource(stack, self._get_param("LogicalResourceId"))
        detail = describe.resource(resource, time_key="LastUpdatedTimestamp")
        return ActionResult({"StackResourceDetail": detail})

    def describe_stack_resources(self) -> ActionResult:
        physical_id = self._get_param("PhysicalResourceId")
        stack_name = self._get_param("StackName")
        logical_id = self._get_param("LogicalResourceId")
        stack = self._registry.find(stack_name) if stack_name else self._owner(physical_id)
        resources = [self._resource(stack, logical_id)] if logical_id else list(stack.resources.values())
        shown = [describe.resource(resource, time_key="Timestamp") for resource in resources]
        return ActionResult({"StackResources": shown})

    def list_stack_resources(self) -> ActionResult:
        stack = self._registry.find(self._get_param("StackName"))
        page, token = self._page(list(stack.resources.values()))
        shown = [describe.resource(resource, time_key="LastUpdatedTimestamp") for resource in page]
        return ActionResult({"StackResourceSummaries": shown, "NextToken": token})

    def get_template(self) -> ActionResult:
        name, change_set_name = self._get_param("StackName"), self._get_param("ChangeSetName")
        if not name and not str(change_set_name).startswith("arn:"):
            raise ValidationError("StackName is a required parameter.")
        if change_set_name:
            template = change_sets.find(self._registry, change_set_name, name).template
        else:
            found = self._registry.find(name).template
            if found is None:
                raise ValidationError(f"Stack with id {name} does not have a template yet")
            template = found
        processed = self._get_param("TemplateStage", "Original") == "Processed"
        body = template.processed_text() if processed else template.source
        return ActionResult({"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]})

    def get_template_summary(self) -> ActionResult:
        stack_name = self._get_param("StackName")
        stack = self._registry.find(stack_name) if stack_name else None
        if stack is not None and stack.status == "REVIEW_IN_PROGRESS":
            raise ValidationError("GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")
        if stack is not None and stack.template is not None:
            return ActionResult(describe.template_summary(parse(stack.template.source)))
        return ActionResult(describe.template_summary(self._given_template()))

    def validate_template(self) -> ActionResult:
        return ActionResult(describe.template_summary(self._given_template()))

    def list_exports(self) -> ActionResult:
        exports = [
            {"ExportingStackId": stack.id, "Name": name, "Value": value}
            for name, stack, value in self._registry.all_exports()
        ]
        page, token = self._page(exports)
        return ActionResult({"Exports": page, "NextToken": token})

    def list_imports(self) -> ActionResult:
        name = self._get_param("ExportName")
        owner = self._registry.exporter(name)
        importers = self._registry.imports_of(owner) if owner else []
        if not importers:
            raise ValidationError(f"Export '{name}' is not imported by any stack.")
        return ActionResult({"Imports": [stack.name for export, stack in importers if export == name]})

    def describe_change_set(self) -> ActionResult:
        name, stack_name = self._get_param("ChangeSetName"), self._get_param("StackName")
        change_set = change_sets.find(self._registry, name, stack_name)
        with_values = self._get_bool_param("IncludePropertyValues", False)
        return ActionResult(describe.change_set(change_set, with_values=with_values))

    def list_change_sets(self) -> ActionResult:
        stack = self._registry.find(self._get_param("StackName"))
        found = change_sets.waiting(self._registry, stack)
        return ActionResult({"Summaries": [describe.change_set_summary(cs) for cs in found]})

    def describe_change_set_hooks(self) -> ActionResult:
        """Lists the hooks of its resources, of which there are none."""
        name, stack_name = self._get_param("ChangeSetName"), self._get_param("StackName")
        found = change_sets.find(self._registry, name, stack_name)
        return ActionResult(
            {
                "ChangeSetId": found.id,
                "ChangeSetName": found.name,
                "Hooks": [],
                "Status": "PLANNED",
                "StackId": found.stack.id,
                "StackName": found.stack.name,
            }
        )

    def list_hook_results(self) -> ActionResult:
        kind, target = self._get_param("TargetType"), self._get_param("TargetId")
        found = [
            result
            for result in self._registry.hook_results.values()
            if (kind, target) in {(None, None), (result.target_type, result.target_id)}
        ]
        page, token = self._page([describe.hook_result(result) for result in found])
        return ActionResult({"TargetType": kind, "TargetId": target, "HookResults": page, "NextToken": token})

    def get_hook_result(self) -> ActionResult:
        wanted = self._get_param("HookResultId")
        if not wanted:
            raise ValidationError("HookResultId must be specified.")
        if wanted not in self._registry.hook_results:
            raise HookResultNotFoundError(wanted)
        return ActionResult(describe.hook_result(self._registry.hook_results[wanted]))

    def get_stack_policy(self) -> ActionResult:
        stack = requests.living(self._registry, self._get_param("StackName"))
        return ActionResult({"StackPolicyBody": stack.policy_body})

    def set_stack_policy(self) -> ActionResult:
        """Keeps the policy, which is not enforced."""
        stack = requests.living(self._registry, self._get_param("StackName"))
        stack.policy_body = self._get_param("StackPolicyBody")
        return EmptyResult()

    def _given_template(self) -> dict[str, Any]:
        request = RequestParameters("", self._get_param("TemplateBody"), self._get_param("TemplateURL"))
        template = parse(template_text(self._registry, request, None))
        check_structure(template)
        return template

    def _owner(self, physical_id: str | None) -> Stack:
        for stack in self._registry.stacks.values():
            if any(resource.physical_id == physical_id for resource in stack.resources.values()):
                return stack
        raise ValidationError(f"Stack for {physical_id} does not exist")

    @staticmethod
    def _resource(stack: Stack, logical_id: str) -> Resource:
        if logical_id not in stack.resources:
            raise ValidationError(f"Resource {logical_id} does not exist for stack {stack.name}")
        return stack.resources[logical_id]


def _newest_first(stacks: dict[str, Stack]) -> list[Stack]:
    return sorted(stacks.values(), key=lambda stack: stack.created_at, reverse=True)
