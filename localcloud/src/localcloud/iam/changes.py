"""The requests that IAM decides on when CloudFormation changes a resource for a caller.

Source: the handlers in CloudFormation's registry (``reference.handler_permissions``), and the services' own
guides for types without handlers there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from localcloud.iam.account import Known
from localcloud.iam.calls import passing, roles_of, template
from localcloud.iam.policy import Context, Request, glob
from localcloud.iam.reference import handler_permissions, has_resources

#: Types that CloudFormation implements itself.
_OWN = {"AWS::CloudFormation::WaitCondition", "AWS::CloudFormation::WaitConditionHandle"}
_CUSTOM = "AWS::CloudFormation::CustomResource"
_RECIPE = "AWS::ImageBuilder::ImageRecipe"
#: Source: Amazon FSx for Lustre user guide, "Using tags with Amazon FSx" and "Amazon FSx API permissions".
_SILENT: dict[str, dict[str, frozenset[str]]] = {
    "AWS::FSx::FileSystem": {
        "CREATE": frozenset(
            {
                "fsx:CreateFileSystem",
                "fsx:DescribeFileSystems",
                "fsx:TagResource",
                "iam:CreateServiceLinkedRole",
            }
        ),
        "UPDATE": frozenset({"fsx:UpdateFileSystem", "fsx:DescribeFileSystems", "fsx:TagResource"}),
        "DELETE": frozenset({"fsx:DeleteFileSystem", "fsx:DescribeFileSystems"}),
    }
}
#: The service of the service-linked role that is made, by resource type.
#: Source: the services' guides, "Using service-linked roles".
_SERVICE_LINKED = {
    "AWS::AutoScaling::AutoScalingGroup": "autoscaling.amazonaws.com",
    "AWS::EFS::FileSystem": "elasticfilesystem.amazonaws.com",
    "AWS::FSx::DataRepositoryAssociation": "s3.data-source.lustre.fsx.amazonaws.com",
    "AWS::FSx::FileSystem": "fsx.amazonaws.com",
    **{
        f"AWS::ImageBuilder::{kind}": "imagebuilder.amazonaws.com"
        for kind in (
            "Component",
            "DistributionConfiguration",
            "Image",
            "ImageRecipe",
            "InfrastructureConfiguration",
        )
    },
}
#: The service that is passed a role, by resource type.
_PASSED_TO = {"AWS::Lambda::Function": "lambda.amazonaws.com"}
#: Types that name an instance profile, or whose launch template does.
_NODES = {"AWS::AutoScaling::AutoScalingGroup", "AWS::EC2::Instance"}
#: Resources that name their role through an instance profile pass it to EC2.
_PASSED_TO_EC2 = "ec2.amazonaws.com"


#: The resource of a service whose ids are not known before.
_ANY = "some/thing"

#: Actions on roles that a resource names, with the keys of conditions.
_ABOUT_ROLES = {
    "iam:AttachRolePolicy",
    "iam:CreateServiceLinkedRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:GetRolePolicy",
    "iam:PassRole",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
}


#: Types whose actions of IAM are about a role.
_OF_ROLES = {"AWS::IAM::Policy", "AWS::IAM::Role", "AWS::IAM::RolePolicy"}
#: The properties that give resources their names.
_NAMES = ("TableName", "FunctionName", "LogGroupName", "RoleName", "InstanceProfileName", "TopicName", "Name")


@dataclass(frozen=True)
class Change:
    """A resource that CloudFormation is about to create, update or delete.

    Attributes:
        action: CREATE, UPDATE or DELETE.
        physical_id: None before there is one.
    """

    resource_type: str
    action: str
    physical_id: str | None
    properties: Mapping[str, Any]
    logical_id: str
    stack_name: str
    stack_tags: Mapping[str, str]

    @property
    def name(self) -> str:
        """The physical id, or the name that it will get: the given one or one like CloudFormation's."""
        given = (self.properties[name] for name in _NAMES if name in self.properties)
        return self.physical_id or next(given, f"{self.stack_name}-{self.logical_id}-XXXXXXXXXXXX")


@dataclass(frozen=True)
class LeftOut:
    """Permissions that handlers may use and clusters do not need.

    Attributes:
        actions: Patterns of actions that handlers name.
        types: The resource types for which they are left out; empty for all.
        reason: Why they are left out.
        instead: The actions that replace them.
    """

    actions: tuple[str, ...]
    types: tuple[str, ...]
    reason: str
    instead: tuple[str, ...] = ()

    def covers(self, action: str, resource_type: str) -> bool:
        """Returns whether an action of a type's handlers is left out."""
        return (not self.types or resource_type in self.types) and any(
            glob(pattern, action) for pattern in self.actions
        )


@cache
def left_out() -> tuple[LeftOut, ...]:
    """Returns the reviewed list of permissions that handlers name and clusters do not need."""
    text = resources.files("localcloud.iam").joinpath("left_out.yaml").read_text(encoding="utf-8")
    return tuple(
        LeftOut(
            tuple(item["actions"]),
            tuple(item.get("types", ())),
            item["reason"],
            tuple(item.get("instead", ())),
        )
        for item in yaml.safe_load(text)
    )


@cache
def permissions_of(resource_type: str, action: str, exceptions: tuple[LeftOut, ...]) -> list[str]:
    """Returns the permissions of a type's handlers for CREATE, UPDATE or DELETE, without those left out.

    Raises:
        KeyError: Neither the registry nor this module knows the type.
    """
    needed = set((handler_permissions(resource_type) or _SILENT[resource_type])[action])
    for exception in exceptions:
        covered = {name for name in needed if exception.covers(name, resource_type)}
        needed = (needed - covered) | set(exception.instead if covered else ())
    return sorted(needed)


class Changes:
    """Turns changes into requests.

    Args:
        known: The account.
    """

    def __init__(self, known: Known) -> None:
        self._known = known

    def requests_of(self, change: Change) -> Iterator[Request]:
        """Yields the requests that IAM decides on for a change of CloudFormation.

        Raises:
            KeyError: Neither the registry nor this module knows the type.
        """
        resource_type = change.resource_type
        if resource_type in _OWN:
            return
        context = self._context(change)
        if resource_type == _CUSTOM or resource_type.startswith("Custom::"):
            yield Request("lambda:InvokeFunction", change.properties["ServiceToken"], context)
            return
        for action in permissions_of(resource_type, change.action, left_out()):
            yield from self._requests(action, change, context)

    def _context(self, change: Change) -> Context:
        properties = change.properties
        own = [tag["Key"] for tag in properties.get("Tags", []) if isinstance(tag, dict)]
        context = {
            "aws:requestedregion": (self._known.place.region,),
            "aws:tagkeys": (*change.stack_tags, *own),
            "aws:calledvia": ("cloudformation.amazonaws.com",),
        }
        # The boundary of the role that is made or that gets a policy.
        bounds = [self._known.boundary(role) for role in (change.name, *properties.get("Roles", ()))]
        if boundary := next(filter(None, [properties.get("PermissionsBoundary"), *bounds]), None):
            context["iam:permissionsboundary"] = (boundary,)
        return context

    def _requests(self, action: str, change: Change, context: Context) -> Iterator[Request]:
        properties = change.properties
        if action in _ABOUT_ROLES:
            yield from self._about_roles(action, change, context)
        elif action in {"s3:GetObject", "s3:GetObjectVersion"}:
            code = properties["Code"]
            if "S3Bucket" in code:
                arn = self._known.place.arn("s3", f"{code['S3Bucket']}/{code['S3Key']}")
                yield Request(action, arn, context)
        elif change.resource_type == _RECIPE and action in _INGREDIENTS:
            yield from (Request(action, arn, context) for arn in _INGREDIENTS[action](properties))
        else:
            arn = self._resource(action, change)
            yield Request(action, arn, context, is_exact=not arn.endswith(_ANY))
        if action == "cloudformation:CreateStack":
            yield Request("s3:GetObject", template(properties["TemplateURL"], self._known.place), context)

    def _about_roles(self, action: str, change: Change, context: Context) -> Iterator[Request]:
        properties, resource_type = change.properties, change.resource_type
        match action:
            case "iam:PassRole":
                service = _PASSED_TO.get(resource_type, _PASSED_TO_EC2)
                yield from (passing(role, service, context) for role in self._roles(change))
            case "iam:AttachRolePolicy" | "iam:DetachRolePolicy":
                for policy in properties.get("ManagedPolicyArns", []):
                    yield Request(action, self._role(change), {**context, "iam:policyarn": (policy,)})
            case "iam:PutRolePermissionsBoundary":
                if "PermissionsBoundary" in properties:
                    yield Request(action, self._role(change), context)
            case "iam:CreateServiceLinkedRole":
                service = _SERVICE_LINKED[resource_type]
                role = self._known.place.arn("iam", f"role/aws-service-role/{service}/AWSServiceRole")
                yield Request(action, role, {**context, "iam:awsservicename": (service,)})
            case _:
                roles = self._roles(change) or [self._role(change)]
                yield from (Request(action, role, context) for role in roles)

    def _resource(self, action: str, change: Change) -> str:
        if not has_resources(action):
            return "*"
        service, physical_id = action.partition(":")[0], change.name
        properties = change.properties
        match service:
            case "cloudformation":
                name = physical_id if change.physical_id else f"stack/{physical_id}/*"
            case "imagebuilder":
                name = _image_builder_arn(action, change)
            case "sns":
                name = str(properties.get("SnsTopicArn") or properties.get("TopicArn") or physical_id)
            case "dynamodb":
                name = f"table/{physical_id}"
            case "lambda":
                function = str(properties.get("FunctionName", physical_id))
                name = function if function.startswith("arn:") else f"function:{function}"
            case "logs":
                name = f"log-group:{properties.get('LogGroupName', physical_id)}"
            case "iam":
                return self._iam_resource(action, change)
            case _:
                name = _ANY
        return self._known.place.arn(service, name)

    def _iam_resource(self, action: str, change: Change) -> str:
        if change.resource_type == "AWS::IAM::InstanceProfile":
            name = f"instance-profile{change.properties.get('Path', '/')}{change.name}"
        elif change.resource_type in _OF_ROLES:
            return self._role(change)
        else:
            # A handler reads a role or a profile that no property names, such as a service-linked role.
            name = f"{'instance-profile' if 'InstanceProfile' in action else 'role'}/{_ANY}"
        return self._known.place.arn("iam", name)

    def _role(self, change: Change) -> str:
        if change.resource_type == "AWS::IAM::Role" and change.action == "CREATE":
            return self._known.place.arn("iam", f"role{change.properties.get('Path', '/')}{change.name}")
        return self._known.role_arn(change.name)

    def _roles(self, change: Change) -> list[str]:
        """The roles that a resource names."""
        properties = change.properties
        if role := properties.get("Role"):
            return [role]
        names = properties.get("Roles")
        if names is None and change.resource_type in _NODES:
            profile = properties.get("IamInstanceProfile")
            profile = profile or self._known.launched_profile(properties.get("LaunchTemplate", {}))
            return roles_of(profile, self._known) if profile else []
        return [self._known.role_arn(name) for name in names or ()]


def _image_builder_arn(action: str, change: Change) -> str:
    """The ARN of what an image is made of, or of what is made; an image is named after its recipe."""
    if part := change.properties.get(f"{action.partition(':Get')[2]}Arn"):
        return str(part)
    if change.physical_id:
        return change.physical_id
    if recipe := change.properties.get("ImageRecipeArn"):
        return str(recipe).replace(":image-recipe/", ":image/")
    return f"{change.resource_type.rpartition('::')[2].lower()}/{change.name.lower()}/1.0.0/1"


def _parents(recipe: Mapping[str, Any]) -> list[str]:
    """Yields the image that a recipe starts with; nothing for an AMI, which Image Builder does not know."""
    return [parent for parent in [str(recipe["ParentImage"])] if parent.startswith("arn:")]


def _components(recipe: Mapping[str, Any]) -> list[str]:
    return [str(component["ComponentArn"]) for component in recipe.get("Components", [])]


#: The parts of an image recipe, by the action that reads them.
_INGREDIENTS = {"imagebuilder:GetComponent": _components, "imagebuilder:GetImage": _parents}
