"""Stacks and change sets as the API shows them."""

import json
from typing import Any

from cfn_template.loops import transforms_of
from localcloud.cloudformation import hooks
from localcloud.cloudformation.request import Change, ChangeSet, Detail
from localcloud.cloudformation.stack import Event, HookResult, Resource, Stack
from localcloud.cloudformation.template.compiled import CompiledTemplate
from localcloud.cloudformation.template.functions import stringify
from localcloud.cloudformation.template.source import required_capabilities


def stack(shown: Stack) -> dict[str, Any]:
    """Returns an item of DescribeStacks.

    CloudFormation leaves out some lists that are empty, and answers others: each as it was recorded.
    """
    template, options = shown.template, shown.options
    return {
        "StackId": shown.id,
        "StackName": shown.name,
        "Description": template.processed.get("Description") if template else None,
        "Parameters": (parameters(template) or None) if template else None,
        "CreationTime": shown.created_at,
        "DeletionTime": shown.deleted_at,
        "LastUpdatedTime": shown.updated_at,
        "StackStatus": shown.status,
        "StackStatusReason": shown.status_reason,
        "DisableRollback": options.on_failure == "DO_NOTHING" and shown.parent is None,
        "NotificationARNs": options.notification_arns,
        "RollbackConfiguration": options.rollback_configuration,
        "TimeoutInMinutes": options.timeout_minutes,
        "Capabilities": options.capabilities or None,
        "Outputs": [
            {
                "OutputKey": output.key,
                "OutputValue": output.value,
                "Description": output.description,
                "ExportName": output.export_name,
            }
            for output in shown.outputs
        ]
        or None,
        "RoleARN": options.role_arn,
        "Tags": [{"Key": key, "Value": value} for key, value in options.tags.items()],
        "EnableTerminationProtection": None
        if shown.status == "DELETE_COMPLETE"
        else options.termination_protection,
        "ParentId": shown.parent.id if shown.parent else None,
        "RootId": shown.root.id if shown.parent else None,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }


def parameters(template: CompiledTemplate) -> list[dict[str, Any]]:
    """Returns the parameters with their values, secrets masked."""
    return [
        {
            "ParameterKey": name,
            "ParameterValue": "****" if parameter.no_echo else parameter.text,
            "ResolvedValue": parameter.resolved,
        }
        for name, parameter in template.parameters.items()
    ]


def summary(shown: Stack) -> dict[str, Any]:
    """Returns an item of ListStacks."""
    keys = (
        "StackId", "StackName", "CreationTime", "LastUpdatedTime", "DeletionTime", "StackStatus",
        "StackStatusReason", "ParentId", "RootId", "DriftInformation",
    )  # fmt: skip
    described = stack(shown)
    template = shown.template.processed if shown.template else {}
    return {key: described[key] for key in keys} | {"TemplateDescription": template.get("Description")}


def event(owner: Stack, shown: Event) -> dict[str, Any]:
    """Returns an item of DescribeStackEvents."""
    return {
        "StackId": owner.id,
        "EventId": shown.event_id,
        "StackName": owner.name,
        "LogicalResourceId": shown.logical_id,
        "PhysicalResourceId": shown.physical_id,
        "ResourceType": shown.resource_type,
        "Timestamp": shown.at,
        "ResourceStatus": shown.status,
        "ResourceStatusReason": shown.reason,
        "ResourceProperties": shown.properties,
        "ClientRequestToken": shown.token,
        **shown.hook,
    }


def hook_result(shown: HookResult) -> dict[str, Any]:
    """Returns an item of ListHookResults, and GetHookResult's answer."""
    fields = hooks.shown(shown)
    return {
        "HookResultId": shown.id,
        "InvocationPoint": fields["InvocationPoint"],
        "FailureMode": fields["FailureMode"],
        "TypeName": fields["Type"],
        "TypeVersionId": hooks.VERSION,
        "Status": fields["Status"],
        "HookStatusReason": fields.get("StatusReason"),
        "InvokedAt": shown.invoked_at,
        "TypeArn": shown.hook.physical_id,
        "TargetType": shown.target_type,
        "TargetId": shown.target_id,
    }


def resource(shown: Resource, *, time_key: str) -> dict[str, Any]:
    """Returns a resource; its time has another key in each API request."""
    return {
        "StackName": shown.stack.name,
        "StackId": shown.stack.id,
        "LogicalResourceId": shown.logical_id,
        "PhysicalResourceId": shown.physical_id,
        "ResourceType": shown.resource_type,
        time_key: shown.changed_at,
        "ResourceStatus": shown.status,
        "ResourceStatusReason": shown.reason,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def template_summary(template: dict[str, Any]) -> dict[str, Any]:
    """Returns GetTemplateSummary's answer for a template before its transforms."""
    resources = template.get("Resources", {})
    needed = required_capabilities(template)
    of_type: dict[str, list[str]] = {}
    for logical_id, definition in resources.items():
        of_type.setdefault(definition["Type"], []).append(logical_id)
    metadata = template.get("Metadata")
    return {
        "Parameters": [_declaration(name, item) for name, item in template.get("Parameters", {}).items()],
        "Description": template.get("Description"),
        "Capabilities": needed or None,
        "CapabilitiesReason": _capabilities_reason(template) if needed else None,
        "ResourceTypes": sorted(of_type),
        "ResourceIdentifierSummaries": [
            {"ResourceType": name, "LogicalResourceIds": ids} for name, ids in sorted(of_type.items())
        ],
        "Version": _text(template.get("AWSTemplateFormatVersion")),
        "Metadata": None if metadata is None else json.dumps(metadata),
        "DeclaredTransforms": transforms_of(template) or None,
    }


def _capabilities_reason(template: dict[str, Any]) -> str:
    types = sorted({d["Type"] for d in template["Resources"].values() if d["Type"].startswith("AWS::IAM::")})
    return f"The following resource(s) require capabilities: [{', '.join(types)}]"


def _declaration(name: str, declared: dict[str, Any]) -> dict[str, Any]:
    allowed = [_text(value) for value in declared.get("AllowedValues", [])]
    return {
        "ParameterKey": name,
        "DefaultValue": _text(declared.get("Default")),
        "ParameterType": declared["Type"],
        "NoEcho": declared.get("NoEcho", False),
        "Description": declared.get("Description"),
        "ParameterConstraints": {"AllowedValues": allowed} if allowed else {},
    }


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def change_set(shown: ChangeSet, *, with_values: bool) -> dict[str, Any]:
    """Returns DescribeChangeSet's answer.

    Args:
        shown: The change set.
        with_values: Whether to show the properties before and after, and what is not known of them.
    """
    reason = shown.status_reason
    if with_values and reason is None:
        reason = next((_warning(c) for c in shown.changes if c.unresolved), None)
    return {
        **change_set_summary(shown),
        "StatusReason": reason,
        "Parameters": parameters(shown.template) or None,
        "NotificationARNs": shown.request.notification_arns or [],
        "RollbackConfiguration": shown.request.rollback_configuration or {},
        "Capabilities": shown.request.capabilities,
        "Tags": [{"Key": key, "Value": value} for key, value in (shown.request.tags or {}).items()] or None,
        "Changes": [
            {"Type": "Resource", "ResourceChange": _change(change, with_values=with_values)}
            for change in shown.changes
        ],
    }


def _warning(change: Change) -> str:
    """Source: localstack/localstack, tests/aws/services/cloudformation, recorded on AWS."""
    return (
        "[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet "
        f"creation failed for resource [{change.logical_id}] because: "
        f"{(change.unresolved or '').removesuffix(' found.')}"
    )


def _change(shown: Change, *, with_values: bool) -> dict[str, Any]:
    details = [d for d in shown.details if with_values or not d.with_values_only]
    contexts = {"BeforeContext": shown.before, "AfterContext": shown.after} if with_values else {}
    return {
        "Action": shown.action,
        "LogicalResourceId": shown.logical_id,
        "PhysicalResourceId": shown.physical_id,
        "ResourceType": shown.resource_type,
        "Replacement": shown.replacement,
        "PolicyAction": shown.policy_action,
        "ChangeSetId": shown.change_set_id,
        "Scope": list(dict.fromkeys(detail.attribute for detail in details)),
        "Details": [_detail(detail, with_values=with_values) for detail in details],
        **{
            key: json.dumps({"Properties": stringify(properties)})
            for key, properties in contexts.items()
            if properties is not None
        },
    }


def _detail(shown: Detail, *, with_values: bool) -> dict[str, Any]:
    target: dict[str, Any] = {
        "Attribute": shown.attribute,
        "Name": shown.name,
        "RequiresRecreation": shown.recreation,
    }
    if with_values and shown.name:
        kinds = {(True, False): "Add", (False, True): "Remove"}
        target |= {
            "Path": f"/{shown.attribute}/{shown.name}",
            "BeforeValue": _value(shown.before),
            "AfterValue": _value(shown.after),
            "AttributeChangeType": kinds.get((shown.before is None, shown.after is None), "Modify"),
        }
    return {
        "Target": target,
        "Evaluation": shown.evaluation,
        "ChangeSource": shown.source,
        "CausingEntity": shown.cause,
    }


def _value(shown: Any) -> str | None:
    if shown is None:
        return None
    text = stringify(shown)
    return text if isinstance(text, str) else json.dumps(text)


def change_set_summary(shown: ChangeSet) -> dict[str, Any]:
    """Returns an item of ListChangeSets."""
    return {
        "ChangeSetName": shown.name,
        "ChangeSetId": shown.id,
        "StackId": shown.stack.id,
        "StackName": shown.stack.name,
        "Description": shown.description,
        "CreationTime": shown.created_at,
        "ExecutionStatus": shown.execution_status,
        "Status": shown.status,
        "StatusReason": shown.status_reason,
        "IncludeNestedStacks": shown.include_nested,
        "ParentChangeSetId": shown.parent.id if shown.parent else None,
        "RootChangeSetId": shown.root.id if shown.parent else None,
    }
