"""The requests that IAM decides on when an API operation is called.

Source: Service Authorization Reference, per service "Actions defined by …", for actions, resources and
dependent actions; Amazon S3 user guide, "Required permissions for Amazon S3 API operations".
"""

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from localcloud.calls import Call
from localcloud.iam.account import Known
from localcloud.iam.policy import Context, Place, Request
from localcloud.iam.reference import has_resources

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
    "s3:GetBucketEncryption": ("s3:GetEncryptionConfiguration",),
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:HeadObject": ("s3:GetObject",),
    "s3:ListBuckets": ("s3:ListAllMyBuckets",),
    "s3:ListObjects": ("s3:ListBucket",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:PutBucketEncryption": ("s3:PutEncryptionConfiguration",),
    "s3:UploadPart": ("s3:PutObject",),
}
#: The action of a transaction's item. Source: Amazon DynamoDB developer guide, "Using IAM with transactions".
_ITEMS = {
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
#: Operations that are about single instances, which policies limit by id or by tag.
_ABOUT_INSTANCES = {
    "GetConsoleOutput",
    "RebootInstances",
    "StartInstances",
    "StopInstances",
    "TerminateInstances",
}
_TABLE = re.compile(r"(TransactItems|RequestItems)\.\d+(\.\w+)?\.TableName")
_DELETED = re.compile(r"Object\.(?P<number>\d+)\.Key")
_INSTANCE = re.compile(r"InstanceId(\.\d+)?")
#: Who is passed the role that a call names. Source: Service Authorization Reference, iam:PassedToService.
_PASSED = {
    ("cloudformation", "RoleARN"): "cloudformation.amazonaws.com",
    ("lambda", "Role"): "lambda.amazonaws.com",
}
_TAG_KEY = re.compile(r"Tags?\.(member\.)?\d+\.Key|TagSpecification\.\d+\.Tag\.\d+\.Key")

Parameters = Mapping[str, str]


def requests_of(call: Call, known: Known) -> Iterator[Request]:
    """Yields the requests that IAM decides on for a call.

    Args:
        call: The call.
        known: The account that it is about.

    Raises:
        UnknownActionError: IAM has no such action.
    """
    service, operation, parameters = prefix_of(call.service), call.operation, call.parameters
    tag_keys = tuple(value for name, value in parameters.items() if _TAG_KEY.fullmatch(name))
    context: Context = {"aws:requestedregion": (call.region,)} | (
        {"aws:tagkeys": tag_keys} if tag_keys else {}
    )
    if tables := [name for name in parameters if _TABLE.fullmatch(name)]:
        for name in tables:
            action = _ITEMS.get(name.split(".")[2], operation)
            yield Request(
                f"dynamodb:{action}", known.place.arn("dynamodb", f"table/{parameters[name]}"), context
            )
    elif operation == "DeleteObjects":
        yield from _deletions(parameters, known, context)
    elif service == "ec2" and operation in _ABOUT_INSTANCES:
        yield from _about_instances(call, known, context)
    else:
        for action in actions_of(service, operation, parameters):
            # What is copied is named by a header, which is not read.
            is_source = operation == "CopyObject" and action == "s3:GetObject"
            named = {} if is_source else parameters
            yield _request(action, named, known, {**context, **_conditions(parameters, known)})
        yield from _dependent(call, known, context)


def _conditions(parameters: Parameters, known: Known) -> Context:
    """The condition keys that a call's parameters give values."""
    role = parameters.get("RoleName", "")
    values = {
        "iam:policyarn": parameters.get("PolicyArn"),
        "iam:permissionsboundary": parameters.get("PermissionsBoundary") or (role and known.boundary(role)),
        "events:source": parameters.get("Entries.1.Source"),
    }
    return {key: (value,) for key, value in values.items() if value}


def _deletions(parameters: Parameters, known: Known, context: Context) -> Iterator[Request]:
    for name, key in parameters.items():
        if match := _DELETED.fullmatch(name):
            has_version = f"Object.{match['number']}.VersionId" in parameters
            action = "s3:DeleteObjectVersion" if has_version else "s3:DeleteObject"
            yield Request(action, known.place.arn("s3", f"{parameters['Bucket']}/{key}"), context)


def _about_instances(call: Call, known: Known, context: Context) -> Iterator[Request]:
    for name, instance in call.parameters.items():
        if _INSTANCE.fullmatch(name):
            tags = {
                f"{prefix}:resourcetag/{key.lower()}": (value,)
                for key, value in known.instance_tags(instance).items()
                for prefix in ("aws", "ec2")
            }
            arn = known.place.arn("ec2", f"instance/{instance}")
            yield Request(f"ec2:{call.operation}", arn, {**context, **tags})


def actions_of(
    service: str, operation: str, parameters: Parameters = MappingProxyType({})
) -> tuple[str, ...]:
    """Returns the actions of an operation; none if it needs no permission.

    Args:
        service: The signing name.
        operation: The API's name of it.
        parameters: The call's parameters, on which the actions may depend.
    """
    action = f"{prefix_of(service)}:{operation}"
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


def prefix_of(service: str) -> str:
    """Returns IAM's name of a service by its signing name."""
    return _PREFIXES.get(service, service)


def _dependent(call: Call, known: Known, context: Context) -> Iterator[Request]:
    """Yields the further requests for a call with tags, a role or a template."""
    parameters = call.parameters
    if call.operation == "RunInstances":
        if "aws:tagkeys" in context:
            yield _request("ec2:CreateTags", parameters, known, context)
        profile = parameters.get("IamInstanceProfile.Arn") or parameters.get("IamInstanceProfile.Name")
        for role in roles_of(profile, known) if profile else ():
            yield passing(role, "ec2.amazonaws.com", context)
    if call.operation in {"CreateStack", "UpdateStack"}:
        if "aws:tagkeys" in context:
            yield _request("cloudformation:TagResource", parameters, known, context)
        if url := parameters.get("TemplateURL"):
            yield Request("s3:GetObject", template(url, known.place), context)
    for (service, member), passed_to in _PASSED.items():
        if service == call.service and member in parameters:
            yield passing(parameters[member], passed_to, context)


def roles_of(profile: str, known: Known) -> list[str]:
    """Returns the ARNs of the roles of an instance profile, which is given by name or ARN."""
    return [known.role_arn(role) for role in known.profile_roles(profile.rpartition("/")[2])]


def passing(role_arn: str, service: str, context: Context) -> Request:
    """Returns the request to pass a role to a service."""
    return Request("iam:PassRole", role_arn, {**context, "iam:passedtoservice": (service,)})


def template(url: str, place: Place) -> str:
    """Returns the ARN of the object that a ``TemplateURL`` names, by host or by path."""
    host, _, path = url.partition("://")[2].partition("?")[0].partition("/")
    bucket, is_in_host, _ = host.partition(".s3.")
    return place.arn("s3", f"{bucket}/{path}" if is_in_host else path)


def _request(action: str, parameters: Parameters, known: Known, context: Context) -> Request:
    if _is_about_all_stacks(action, parameters) or not has_resources(action):
        return Request(action, "*", context)
    service = action.partition(":")[0]
    name = _principal(parameters, known) if service == "iam" else _NAMES.get(service, _unknown)(parameters)
    arn = known.place.arn(service, name or "some/thing")
    return Request(action, arn, context, is_exact=name is not None and not arn.endswith("/*"))


def _unknown(_: Parameters) -> None:
    """The resource of a service whose parameters are not read, and of EC2, where they are many at once."""


def _stack(parameters: Parameters) -> str:
    name = parameters.get("StackName", "*")
    return name if name.startswith("arn:") else f"stack/{name}/*"


def _table(parameters: Parameters) -> str | None:
    table, index = parameters.get("TableName"), parameters.get("IndexName")
    return table and f"table/{table}" + (f"/index/{index}" if index else "")


def _object(parameters: Parameters) -> str | None:
    bucket, key = parameters.get("Bucket"), parameters.get("Key")
    return f"{bucket}/{key}" if bucket and key else bucket


def _principal(parameters: Parameters, known: Known) -> str | None:
    if name := parameters.get("RoleName"):
        # A role that is there has a path; one that is about to be made is given one.
        return f"role{parameters['Path']}{name}" if "Path" in parameters else known.role_arn(name)
    if name := parameters.get("InstanceProfileName"):
        return f"instance-profile{parameters.get('Path', '/')}{name}"
    return parameters.get("PolicyArn")


def _bus(parameters: Parameters) -> str:
    return f"event-bus/{parameters.get('Entries.1.EventBusName', 'default')}"


def _named(kind: str, *members: str) -> Callable[[Parameters], str | None]:
    def name(parameters: Parameters) -> str | None:
        given = next((parameters[member] for member in members if member in parameters), None)
        return given and (given if given.startswith("arn:") else f"{kind}{given}")

    return name


#: By service: the resource's part of its ARN, or the whole ARN, from the parameters.
_NAMES: dict[str, Callable[[Parameters], str | None]] = {
    "cloudformation": _stack,
    "dynamodb": _table,
    "elasticfilesystem": _named("file-system/", "FileSystemId", "MountTargetId", "AccessPointId"),
    "events": _bus,
    "imagebuilder": lambda parameters: parameters.get("imageBuildVersionArn"),
    "kms": _named("key/", "KeyId"),
    "lambda": _named("function:", "FunctionName"),
    "logs": _named("log-group:", "logGroupName", "logGroupNamePrefix"),
    "route53": _named("hostedzone/", "Id"),
    "s3": _object,
    "secretsmanager": _named("secret:", "SecretId"),
    "sns": _named("", "TopicArn", "TargetArn", "Name"),
    "sqs": lambda parameters: parameters.get("QueueUrl", "").rpartition("/")[2] or None,
    "ssm": _named("parameter/", "Name"),
    "sts": _named("", "RoleArn"),
}
