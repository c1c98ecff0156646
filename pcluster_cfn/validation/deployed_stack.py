"""A deployed stack and its account, for the functions of a template that refer to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pcluster_cfn.aws import Aws, find_stack, tags_of
from pcluster_cfn.template import NESTED_STACK
from pcluster_cfn.validation.partial_template import Answers

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

#: The value that CloudFormation shows for a secret parameter. Source: user guide, "Parameters", NoEcho.
MASKED = "****"
#: Source: API references of CloudFormation (common errors) and Systems Manager (GetParameter).
_NOT_SEEN = {
    "AccessDenied",
    "AccessDeniedException",
    "ParameterNotFound",
    "ParameterVersionNotFound",
    "ValidationException",
}


@dataclass(frozen=True)
class DeployedStack:
    """An existing stack, or the stack that a deployment would create.

    Args:
        name: Name of the stack.
        known: Values of pseudo parameters and of references to resources.
        parameters: Values of the stack's parameters.
        tags: Tags of the stack.
        physical_ids: Physical ids of the resources by logical id; empty for a new stack.
        types: Types of the resources by logical id.
        outputs: Outputs of nested stacks, as ``LogicalId.Outputs.Name``.
        exports: Returns the exports of the account in the Region; they are listed once, at the first call.
        stored: Returns a parameter in Parameter Store; None if it does not exist or may not be read.
    """

    name: str
    known: Mapping[str, Any]
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    physical_ids: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)

    exports: Callable[[], Mapping[str, str]] = dict
    stored: Callable[[str], str | None] = lambda _: None

    def answers(self) -> Answers:
        """Returns the values that the stack adds to its template; attributes are outputs of nested stacks."""
        return Answers(
            known=self.known,
            attribute=self.outputs.get,
            export=lambda name: self.exports().get(name),
            stored=self.stored,
        )

    def new_nested(self) -> "DeployedStack":
        """Returns a stack that this one will nest. CloudFormation will name it, so its name is not known."""
        account = ("AWS::AccountId", "AWS::Partition", "AWS::Region")
        known = {key: value for key, value in self.known.items() if key in account}
        return DeployedStack("", known, tags=self.tags, exports=self.exports, stored=self.stored)


def read_deployed_stack(aws: Aws, name: str) -> DeployedStack:
    """Returns a stack, which may not exist yet, and the values of its account, as AWS reports them.

    Args:
        aws: Clients of the account.
        name: Name of the stack; or its ARN, if it exists.
    """
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
        return DeployedStack(name, known, exports=exports, stored=stored)
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack["StackId"])
    listed = [resource for page in pages for resource in page["StackResourceSummaries"]]
    # The list contains resources that a rollback deleted.
    resources = [resource for resource in listed if resource["ResourceStatus"] != "DELETE_COMPLETE"]
    ids = {item["LogicalResourceId"]: item.get("PhysicalResourceId", "") for item in resources}
    types = {item["LogicalResourceId"]: item["ResourceType"] for item in resources}
    nested = {key: ids[key] for key, kind in types.items() if kind == NESTED_STACK}
    return DeployedStack(
        name=stack["StackName"],
        known=known
        | {"AWS::StackId": stack["StackId"], "AWS::StackName": stack["StackName"]}
        | {key: value for key, value in ids.items() if value},
        parameters={key: value for key, value in parameters.items() if value != MASKED},
        tags=tags_of(stack),
        physical_ids=ids,
        types=types,
        outputs=_outputs(cloudformation, nested),
        exports=exports,
        stored=stored,
    )


def _outputs(cloudformation: "CloudFormationClient", nested: Mapping[str, str]) -> dict[str, str]:
    """Returns the outputs of nested stacks as ``LogicalId.Outputs.Name``.

    Args:
        cloudformation: The client.
        nested: Their physical ids. A stack that failed before it existed has none, or one that is not an ARN.
    """
    outputs: dict[str, str] = {}
    for logical_id, stack_id in nested.items():
        stack = find_stack(cloudformation, stack_id) if stack_id.startswith("arn:") else None
        for output in stack.get("Outputs", []) if stack else []:
            outputs[f"{logical_id}.Outputs.{output['OutputKey']}"] = output["OutputValue"]
    return outputs


def _exports(cloudformation: "CloudFormationClient") -> Callable[[], Mapping[str, str]]:
    """Returns a function that lists all exports, once; none without the permission to list them."""

    @cache
    def ask() -> Mapping[str, str]:
        try:
            pages = cloudformation.get_paginator("list_exports").paginate()
            return {item["Name"]: item["Value"] for page in pages for item in page["Exports"]}
        except ClientError as error:
            _require_not_seen(error)
            return {}

    return ask


def _require_not_seen(error: ClientError) -> None:
    """Raises an error, unless it says that something does not exist or may not be read."""
    if error.response.get("Error", {}).get("Code") not in _NOT_SEEN:
        raise error


def _stored(aws: Aws) -> Callable[[str], str | None]:
    """Returns a function that reads a parameter of Parameter Store, each once; None for a secret."""

    @cache
    def ask(name: str) -> str | None:
        try:
            parameter = aws.client("ssm").get_parameter(Name=name)["Parameter"]
        except ClientError as error:
            _require_not_seen(error)
            return None
        return None if parameter["Type"] == "SecureString" else str(parameter["Value"])

    return ask
