"""What a template's functions give for a stack: its parameters, its resources, the account and the Region."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cluster_schema.conversion import UNKNOWN
from pcluster_cfn.stacks import Aws, find_stack

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

#: How a secret parameter is shown. Source: CloudFormation user guide, "Parameters", NoEcho.
_MASKED = "****"


@dataclass(frozen=True)
class Deployed:
    """A stack as it is, or the one that would be made.

    Args:
        name: The stack's name.
        known: Pseudo parameters, and what references to resources give.
        parameters: The values that parameters have.
        tags: The stack's tags.
        physical_ids: The resources' physical ids by logical id; empty for a new stack.
    """

    name: str
    known: Mapping[str, Any]
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    physical_ids: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)

    def attribute(self, name: str) -> Any:
        """Returns an attribute of a resource, as far as it is known: outputs of nested stacks."""
        return self.outputs.get(name, UNKNOWN)


def look(aws: Aws, name: str) -> Deployed:
    """Asks AWS for a stack, which may not exist, and for the account it is in."""
    cloudformation: CloudFormationClient = aws.client("cloudformation")
    identity = aws.client("sts").get_caller_identity()
    partition = identity["Arn"].split(":")[1]
    known = {
        "AWS::AccountId": identity["Account"],
        "AWS::Partition": partition,
        "AWS::Region": cloudformation.meta.region_name,
        "AWS::StackName": name,
    }
    stack = find_stack(cloudformation, name)
    if stack is None:
        return Deployed(name, known)
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack["StackId"])
    listed = [resource for page in pages for resource in page["StackResourceSummaries"]]
    # What a rollback deleted is listed on.
    resources = [resource for resource in listed if resource["ResourceStatus"] != "DELETE_COMPLETE"]
    ids = {item["LogicalResourceId"]: item.get("PhysicalResourceId", "") for item in resources}
    # One that failed before it existed has no id, or one that is not a stack's.
    nested = [
        item["LogicalResourceId"]
        for item in resources
        if item["ResourceType"] == "AWS::CloudFormation::Stack"
        and ids[item["LogicalResourceId"]].startswith("arn:")
    ]
    outputs: dict[str, str] = {}
    for logical_id in nested:
        inner = find_stack(cloudformation, ids[logical_id])
        for output in inner.get("Outputs", []) if inner else []:
            outputs[f"{logical_id}.Outputs.{output['OutputKey']}"] = output["OutputValue"]
    return Deployed(
        name=name,
        known=known
        | {"AWS::StackId": stack["StackId"]}
        | {key: value for key, value in ids.items() if value},
        parameters={key: value for key, value in parameters.items() if value != _MASKED},
        tags={tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])},
        physical_ids=ids,
        outputs=outputs,
    )
