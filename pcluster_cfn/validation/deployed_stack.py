"""What a template's functions give for a stack: its parameters, its resources, the account and the Region."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pcluster_cfn.aws import Aws, find_stack
from pcluster_cfn.validation.partial_template import Answers

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

#: How a secret parameter is shown. Source: CloudFormation user guide, "Parameters", NoEcho.
_MASKED = "****"
#: Source: API references of CloudFormation (common errors) and Systems Manager (GetParameter).
_NOT_SEEN = {
    "AccessDenied",
    "AccessDeniedException",
    "ParameterNotFound",
    "ParameterVersionNotFound",
    "ValidationException",
}


@dataclass(frozen=True)
class Deployed:
    """A stack as it is, or the one that would be made.

    Args:
        name: The stack's name.
        known: Pseudo parameters, and what references to resources give.
        parameters: The values that parameters have.
        tags: The stack's tags.
        physical_ids: The resources' physical ids by logical id; empty for a new stack.
        outputs: Those of nested stacks, as ``LogicalId.Outputs.Name``.
        exports: Asks for the exports of the account in the Region, once, when one is needed.
        stored: Asks for a parameter in Parameter Store; None if there is none, or it may not be seen.
    """

    name: str
    known: Mapping[str, Any]
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    physical_ids: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)

    exports: Callable[[], Mapping[str, str]] = dict
    stored: Callable[[str], str | None] = lambda _: None

    def answers(self) -> Answers:
        """Returns what is known beyond the template: attributes are outputs of nested stacks."""
        return Answers(
            known=self.known,
            attribute=self.outputs.get,
            export=lambda name: self.exports().get(name),
            stored=self.stored,
        )


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
    exports, stored = _exports(cloudformation), _stored(aws)
    stack = find_stack(cloudformation, name)
    if stack is None:
        return Deployed(name, known, exports=exports, stored=stored)
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack["StackId"])
    listed = [resource for page in pages for resource in page["StackResourceSummaries"]]
    # What a rollback deleted is listed on.
    resources = [resource for resource in listed if resource["ResourceStatus"] != "DELETE_COMPLETE"]
    ids = {item["LogicalResourceId"]: item.get("PhysicalResourceId", "") for item in resources}
    types = {item["LogicalResourceId"]: item["ResourceType"] for item in resources}
    nested = {key: ids[key] for key, kind in types.items() if kind == "AWS::CloudFormation::Stack"}
    return Deployed(
        name=name,
        known=known
        | {"AWS::StackId": stack["StackId"]}
        | {key: value for key, value in ids.items() if value},
        parameters={key: value for key, value in parameters.items() if value != _MASKED},
        tags={tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])},
        physical_ids=ids,
        outputs=_outputs(cloudformation, nested),
        exports=exports,
        stored=stored,
    )


def _outputs(cloudformation: "CloudFormationClient", nested: Mapping[str, str]) -> dict[str, str]:
    """Returns the outputs of nested stacks as ``LogicalId.Outputs.Name``.

    Args:
        cloudformation: The client.
        nested: Their physical ids. One that failed before it existed has none, or one that is no stack's.
    """
    outputs: dict[str, str] = {}
    for logical_id, stack_id in nested.items():
        stack = find_stack(cloudformation, stack_id) if stack_id.startswith("arn:") else None
        for output in stack.get("Outputs", []) if stack else []:
            outputs[f"{logical_id}.Outputs.{output['OutputKey']}"] = output["OutputValue"]
    return outputs


def _exports(cloudformation: "CloudFormationClient") -> Callable[[], Mapping[str, str]]:
    """Returns what asks for all exports, once; none are known to whoever may not list them."""

    @cache
    def ask() -> Mapping[str, str]:
        try:
            pages = cloudformation.get_paginator("list_exports").paginate()
            return {item["Name"]: item["Value"] for page in pages for item in page["Exports"]}
        except ClientError as error:
            _require_unseen(error)
            return {}

    return ask


def _require_unseen(error: ClientError) -> None:
    """Raises what does not say that something is not there, or may not be seen."""
    if error.response.get("Error", {}).get("Code") not in _NOT_SEEN:
        raise error


def _stored(aws: Aws) -> Callable[[str], str | None]:
    """Returns what asks for a parameter in Parameter Store, each once; a secret one is not asked for."""

    @cache
    def ask(name: str) -> str | None:
        try:
            parameter = aws.client("ssm").get_parameter(Name=name)["Parameter"]
        except ClientError as error:
            _require_unseen(error)
            return None
        return None if parameter["Type"] == "SecureString" else str(parameter["Value"])

    return ask
