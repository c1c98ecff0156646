"""The requests that IAM decides on when an API operation is called.

Source: Service Authorization Reference, per service "Actions defined by …", for actions, resources and
dependent actions; Amazon S3 user guide, "Required permissions for Amazon S3 API operations".
"""

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from tools.permissions.policy import Context, Place, Request
from tools.permissions.reference import has_resources

#: IAM's names of services that sign with another.
_PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag"}
#: Operations that need no permission. Source: AWS STS API reference, GetCallerIdentity.
_FREE = {"sts:GetCallerIdentity"}
#: IAM's names of operations, where they are not the operations' own.
_ACTIONS: dict[str, tuple[str, ...]] = {
    "lambda:Invoke": ("lambda:InvokeFunction",),
    "s3:CopyObject": ("s3:PutObject", "s3:GetObject"),
    "s3:CompleteMultipartUpload": ("s3:PutObject",),
    "s3:CreateMultipartUpload": ("s3:PutObject",),
    "s3:DeleteObjects": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:HeadObject": ("s3:GetObject",),
    "s3:ListObjects": ("s3:ListBucket",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:PutBucketEncryption": ("s3:PutEncryptionConfiguration",),
    "s3:UploadPart": ("s3:PutObject",),
}
#: The action of a transaction's item. Source: Amazon DynamoDB developer guide, "Using IAM with transactions".
_ITEMS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
#: The one role that the library itself makes, and its path.
#: Source: aws-parallelcluster 3.16.1, constants.py (PCLUSTER_BUILD_IMAGE_CLEANUP_ROLE_PREFIX, IAM_ROLE_PATH).
_LIBRARY_ROLE, _LIBRARY_PATH = "PClusterBuildImageCleanupRole", "/parallelcluster/"
#: The one operation that policies limit to single instances.
_CONSOLE = "GetConsoleOutput"
_TAG_KEY = re.compile(r"Tags?\.(member\.)?\d+\.Key|TagSpecification\.\d+\.Tag\.\d+\.Key")

Parameters = Mapping[str, str]


class UnknownResourceError(Exception):
    """This module does not know how the parameters of a call name its resource."""


def requests_of(call: Mapping[str, Any]) -> Iterator[Request]:
    """Yields the requests that IAM decides on for a recorded call.

    Args:
        call: Service (signing name), operation, Region and parameters, as the embedded cloud records them.

    Raises:
        UnknownResourceError: The call's resource is not known.
        UnknownActionError: IAM has no such action.
    """
    service, operation = _prefix(call["service"]), call["operation"]
    parameters, place = call["parameters"], Place(call["region"])
    tag_keys = tuple(value for name, value in parameters.items() if _TAG_KEY.fullmatch(name))
    context = {"aws:requestedregion": (place.region,), **({"aws:tagkeys": tag_keys} if tag_keys else {})}
    if policy := parameters.get("PolicyArn"):
        context["iam:policyarn"] = (policy,)
    if source := parameters.get("Entries.1.Source"):
        context["events:source"] = (source,)
    if operation == "TransactWriteItems":
        yield from _transaction(parameters, place, context)
        return
    if operation == _CONSOLE:
        # The engine reads the console of a stack's resource HeadNode, which ParallelCluster tags so. Recorded
        # calls do not have the tags of what they are about.
        context["aws:resourcetag/parallelcluster:node-type"] = ("HeadNode",)
    for action in actions_of(service, operation, parameters):
        resource = _resource(action, parameters, place) if has_resources(action) else "*"
        yield Request(action, resource, context)
    yield from _dependent(f"{service}:{operation}", parameters, place, context, bool(tag_keys))


def actions_of(
    service: str, operation: str, parameters: Parameters = MappingProxyType({})
) -> tuple[str, ...]:
    """Returns the actions of an operation; none if it needs no permission.

    Args:
        service: The signing name.
        operation: The API's name of it.
        parameters: The call's parameters, on which the actions may depend.
    """
    action = f"{_prefix(service)}:{operation}"
    if action in _FREE:
        return ()
    if action in {"s3:GetObject", "s3:HeadObject"} and "versionId" in parameters:
        return ("s3:GetObjectVersion",)
    if _is_about_all_stacks(action, parameters):
        return (action, "cloudformation:ListStacks")
    return _ACTIONS.get(action, (action,))


def _is_about_all_stacks(action: str, parameters: Parameters) -> bool:
    """Source: CloudFormation API reference, DescribeStacks, StackName: without it, ListStacks, too."""
    return action == "cloudformation:DescribeStacks" and "StackName" not in parameters


def _prefix(service: str) -> str:
    return _PREFIXES.get(service, service)


def _transaction(parameters: Parameters, place: Place, context: Context) -> Iterator[Request]:
    for name, table in parameters.items():
        if name.endswith(".TableName"):
            kind = name.split(".")[2]
            yield Request(f"dynamodb:{_ITEMS[kind]}", place.arn("dynamodb", f"table/{table}"), context)


def _dependent(
    action: str, parameters: Parameters, place: Place, context: Context, tags: bool
) -> Iterator[Request]:
    """Yields the further requests for a call with tags, a role or a template."""
    if action == "ec2:RunInstances":
        if tags:
            yield Request("ec2:CreateTags", place.arn("ec2", "*/*"), context)
        profile = parameters.get("IamInstanceProfile.Arn") or parameters.get("IamInstanceProfile.Name")
        if profile:
            # Instance profiles of the library are named like their roles.
            name = profile.partition(":instance-profile/")[2] or profile
            passed = {**context, "iam:passedtoservice": ("ec2.amazonaws.com",)}
            yield Request("iam:PassRole", place.arn("iam", f"role/{name}"), passed)
    if action in {"cloudformation:CreateStack", "cloudformation:UpdateStack"}:
        if tags:
            stack = _resource("cloudformation:TagResource", parameters, place)
            yield Request("cloudformation:TagResource", stack, context)
        if url := parameters.get("TemplateURL"):
            yield Request("s3:GetObject", template(url, place), context)


def template(url: str, place: Place) -> str:
    """Returns the ARN of the object that a ``TemplateURL`` names, by host or by path."""
    host, _, path = url.partition("://")[2].partition("?")[0].partition("/")
    bucket, is_in_host, _ = host.partition(".s3.")
    return place.arn("s3", f"{bucket}/{path}" if is_in_host else path)


def _resource(action: str, parameters: Parameters, place: Place) -> str:
    if _is_about_all_stacks(action, parameters):
        return "*"
    service, _, operation = action.partition(":")
    if operation == _CONSOLE:
        return place.arn(service, f"instance/{parameters['InstanceId']}")
    name = _NAMES[service](parameters) if service in _NAMES else None
    if name is None:
        raise UnknownResourceError(f"{action} with {sorted(parameters)}")
    return place.arn(service, name)


def _stack(parameters: Parameters) -> str:
    name = parameters.get("StackName", "*")
    return name if name.startswith("arn:") else f"stack/{name}/*"


def _table(parameters: Parameters) -> str | None:
    # A batch names its tables as a transaction does; the provider has one table.
    table = parameters.get("TableName") or parameters.get("RequestItems.1.TableName")
    index = parameters.get("IndexName")
    return table and f"table/{table}" + (f"/index/{index}" if index else "")


def _object(parameters: Parameters) -> str:
    bucket, key = parameters["Bucket"], parameters.get("Key")
    # The keys of a deletion of many objects are in the body, which is not recorded.
    is_about_objects = key is not None or "delete" in parameters
    return f"{bucket}/{key or '*'}" if is_about_objects else bucket


def _principal(parameters: Parameters) -> str | None:
    if name := parameters.get("RoleName"):
        # IAM knows the path of a role in a call. Here it is known for roles that the library makes.
        return f"role{_LIBRARY_PATH if name.startswith(_LIBRARY_ROLE) else '/'}{name}"
    if name := parameters.get("InstanceProfileName"):
        return f"instance-profile/{name}"
    return parameters.get("PolicyArn")


def _named(kind: str, *members: str) -> Callable[[Parameters], str | None]:
    def name(parameters: Parameters) -> str | None:
        given = next((parameters[member] for member in members if member in parameters), None)
        return given and (given if given.startswith("arn:") else f"{kind}{given}")

    return name


#: By service: the resource's part of its ARN, or the whole ARN, from the parameters.
_NAMES: dict[str, Callable[[Parameters], str | None]] = {
    "cloudformation": _stack,
    "dynamodb": _table,
    # Instances, images, subnets and so on at once: policies for EC2 limit all but consoles by Region only.
    "ec2": lambda _: "*/*",
    "elasticfilesystem": _named("file-system/", "FileSystemId", "MountTargetId", "AccessPointId"),
    "events": lambda parameters: f"event-bus/{parameters['Entries.1.EventBusName']}",
    "iam": _principal,
    "imagebuilder": lambda parameters: parameters.get("imageBuildVersionArn"),
    "kms": _named("key/", "KeyId"),
    "lambda": _named("function:", "FunctionName"),
    "logs": _named("log-group:", "logGroupName", "logGroupNamePrefix"),
    "route53": _named("hostedzone/", "Id"),
    "s3": _object,
    "secretsmanager": _named("secret:", "SecretId"),
    "sns": _named("", "TopicArn"),
    "sqs": lambda parameters: parameters.get("QueueUrl", "").rpartition("/")[2] or None,
    "ssm": _named("parameter/", "Name"),
}
