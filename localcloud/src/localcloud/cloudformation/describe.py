"""Stacks as the API shows them."""

import json
from typing import Any

from cfn_template.loops import transforms_of
from localcloud.cloudformation.request import ChangeSet
from localcloud.cloudformation.stack import Event, Resource, Stack
from localcloud.cloudformation.template.compiled import CompiledTemplate
from localcloud.cloudformation.template.source import required_capabilities


def _present(answer: dict[str, Any], *optional: str) -> dict[str, Any]:
    """Returns an answer without those members that are empty.

    Which lists CloudFormation leaves out and which it answers empty is recorded, member by member.
    """
    return {name: value for name, value in answer.items() if value or name not in optional}


def stack(shown: Stack) -> dict[str, Any]:
    """Returns an item of DescribeStacks."""
    template, options = shown.template, shown.options
    described = {
        "StackId": shown.id,
        "StackName": shown.name,
        "Description": template.processed.get("Description") if template else None,
        "Parameters": parameters(template) if template else [],
        "CreationTime": shown.created_at,
        "DeletionTime": shown.deleted_at,
        "LastUpdatedTime": shown.updated_at,
        "StackStatus": shown.status,
        "StackStatusReason": shown.status_reason,
        "DisableRollback": options.on_failure == "DO_NOTHING" and shown.parent is None,
        "NotificationARNs": options.notification_arns,
        "TimeoutInMinutes": options.timeout_minutes,
        "Capabilities": options.capabilities,
        "Outputs": [
            {
                "OutputKey": output.key,
                "OutputValue": output.value,
                "Description": output.description,
                "ExportName": output.export_name,
            }
            for output in shown.outputs
        ],
        "RoleARN": options.role_arn,
        "Tags": [{"Key": key, "Value": value} for key, value in options.tags.items()],
        "EnableTerminationProtection": options.termination_protection,
        "ParentId": shown.parent.id if shown.parent else None,
        "RootId": shown.root.id if shown.parent else None,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        "RollbackConfiguration": {},
    }
    return _present(described, "Outputs", "Parameters", "Capabilities")


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
        "StackId",
        "StackName",
        "CreationTime",
        "LastUpdatedTime",
        "DeletionTime",
        "StackStatus",
        "StackStatusReason",
        "ParentId",
        "RootId",
        "DriftInformation",
    )
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
    summary = {
        "Parameters": [_declaration(name, item) for name, item in template.get("Parameters", {}).items()],
        "Description": template.get("Description"),
        "Capabilities": needed,
        "CapabilitiesReason": _capabilities_reason(template) if needed else None,
        "ResourceTypes": sorted(of_type),
        "ResourceIdentifierSummaries": [
            {"ResourceType": name, "LogicalResourceIds": ids} for name, ids in sorted(of_type.items())
        ],
        "Version": _text(template.get("AWSTemplateFormatVersion")),
        "Metadata": None if metadata is None else json.dumps(metadata),
        "DeclaredTransforms": transforms_of(template),
    }
    return _present(summary, "Capabilities", "DeclaredTransforms")


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


def change_set(shown: ChangeSet) -> dict[str, Any]:
    """Returns DescribeChangeSet's answer."""
    described = {
        **change_set_summary(shown),
        "Parameters": parameters(shown.template),
        "NotificationARNs": shown.request.notification_arns,
        "Capabilities": shown.request.capabilities,
        "Tags": [{"Key": key, "Value": value} for key, value in (shown.request.tags or {}).items()],
        "Changes": [
            {
                "Type": "Resource",
                "ResourceChange": {
                    "Action": change.action,
                    "LogicalResourceId": change.logical_id,
                    "PhysicalResourceId": change.physical_id,
                    "ResourceType": change.resource_type,
                    "Replacement": "Conditional" if change.action == "Modify" else None,
                    "Scope": ["Properties"] if change.action == "Modify" else [],
                    "Details": [],
                },
            }
            for change in shown.changes
        ],
    }
    return _present(described, "Parameters", "Tags")


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
        "IncludeNestedStacks": False,
    }
