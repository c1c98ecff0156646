"""The requests that IAM decides on when CloudFormation changes a resource for a caller.

Source: the handlers in CloudFormation's registry (``reference.handler_permissions``), and the services' own
guides for types without handlers there.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.permissions.calls import template
from tools.permissions.policy import Context, Place, Request, glob
from tools.permissions.reference import handler_permissions, has_resources

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
#: Types whose launch template names an instance profile.
_NODES = {"AWS::AutoScaling::AutoScalingGroup", "AWS::EC2::Instance"}
#: Resources that name their role through an instance profile pass it to EC2.
_PASSED_TO_EC2 = "ec2.amazonaws.com"


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


def left_out() -> tuple[LeftOut, ...]:
    """Returns the reviewed list of permissions that handlers name and clusters do not need."""
    text = Path(__file__).with_name("left_out.yaml").read_text(encoding="utf-8")
    return tuple(
        LeftOut(
            tuple(item["actions"]),
            tuple(item.get("types", ())),
            item["reason"],
            tuple(item.get("instead", ())),
        )
        for item in yaml.safe_load(text)
    )


def permissions_of(resource_type: str, action: str, exceptions: Iterable[LeftOut]) -> list[str]:
    """Returns the permissions of a type's handlers for CREATE, UPDATE or DELETE, without those left out.

    Raises:
        KeyError: Neither the registry nor this module knows the type.
    """
    needed = set((handler_permissions(resource_type) or _SILENT[resource_type])[action])
    for exception in exceptions:
        covered = {name for name in needed if exception.covers(name, resource_type)}
        needed = (needed - covered) | set(exception.instead if covered else ())
    return sorted(needed)


class Clusters:
    """Turns recorded changes into requests; knows the roles that they made, by name.

    Args:
        changes: All changes that the embedded cloud recorded.
        place: The account and the Region.
        exceptions: The permissions that are left out.
    """

    def __init__(
        self, changes: Iterable[Mapping[str, Any]], place: Place, exceptions: tuple[LeftOut, ...]
    ) -> None:
        self._place = place
        self._exceptions = exceptions
        self._paths: dict[str, str] = {}
        self._boundaries: dict[str, str] = {}
        #: The names of the roles of each cluster's nodes.
        self._node_roles: dict[str, set[str]] = defaultdict(set)
        for change in changes:
            properties = change["properties"]
            if change["type"] == "AWS::IAM::Role":
                self._paths[change["physical_id"]] = properties.get("Path", "/")
                self._boundaries[change["physical_id"]] = properties.get("PermissionsBoundary", "")
            elif change["type"] == "AWS::IAM::InstanceProfile":
                self._node_roles[_cluster(change)].update(properties["Roles"])

    def requests_of(self, change: Mapping[str, Any]) -> Iterator[Request]:
        """Yields the requests that IAM decides on for a recorded change of CloudFormation.

        Raises:
            KeyError: Neither the registry nor this module knows the type.
        """
        resource_type = change["type"]
        if resource_type in _OWN or change["physical_id"] is None:
            return
        context = self._context(change)
        if resource_type == _CUSTOM:
            yield Request("lambda:InvokeFunction", change["properties"]["ServiceToken"], context)
            return
        for action in permissions_of(resource_type, change["action"], self._exceptions):
            yield from self._requests(action, change, context)

    def _context(self, change: Mapping[str, Any]) -> Context:
        properties = change["properties"]
        own = [tag["Key"] for tag in properties.get("Tags", []) if isinstance(tag, dict)]
        context = {
            "aws:requestedregion": (self._place.region,),
            "aws:tagkeys": (*change["stack_tags"], *own),
        }
        # The boundary of the role that is made or that gets a policy.
        roles = [change["physical_id"], *properties.get("Roles", ())]
        if boundary := next(filter(None, map(self._boundaries.get, roles)), None):
            context["iam:permissionsboundary"] = (boundary,)
        return context

    def _requests(self, action: str, change: Mapping[str, Any], context: Context) -> Iterator[Request]:
        properties = change["properties"]
        if action in _ABOUT_ROLES:
            yield from self._about_roles(action, change, context)
        elif action in {"s3:GetObject", "s3:GetObjectVersion"}:
            code = properties["Code"]
            yield Request(action, self._place.arn("s3", f"{code['S3Bucket']}/{code['S3Key']}"), context)
        elif change["type"] == _RECIPE and action in _INGREDIENTS:
            yield from (Request(action, arn, context) for arn in _INGREDIENTS[action](properties))
        else:
            yield Request(action, self._resource(action, change), context)
        if action == "cloudformation:CreateStack":
            yield Request("s3:GetObject", template(properties["TemplateURL"], self._place), context)

    def _about_roles(self, action: str, change: Mapping[str, Any], context: Context) -> Iterator[Request]:
        properties, resource_type = change["properties"], change["type"]
        match action:
            case "iam:PassRole":
                service = _PASSED_TO.get(resource_type, _PASSED_TO_EC2)
                for role in self._roles(change):
                    yield Request(action, role, {**context, "iam:passedtoservice": (service,)})
            case "iam:AttachRolePolicy" | "iam:DetachRolePolicy":
                for policy in properties.get("ManagedPolicyArns", []):
                    yield Request(action, self._role(change), {**context, "iam:policyarn": (policy,)})
            case "iam:PutRolePermissionsBoundary":
                if "PermissionsBoundary" in properties:
                    yield Request(action, self._role(change), context)
            case "iam:CreateServiceLinkedRole":
                service = _SERVICE_LINKED[resource_type]
                role = self._place.arn("iam", f"role/aws-service-role/{service}/AWSServiceRole")
                yield Request(action, role, {**context, "iam:awsservicename": (service,)})
            case _:
                roles = self._roles(change) or [self._role(change)]
                yield from (Request(action, role, context) for role in roles)

    def _resource(self, action: str, change: Mapping[str, Any]) -> str:
        if not has_resources(action):
            return "*"
        service, physical_id = action.partition(":")[0], change["physical_id"]
        properties = change["properties"]
        match service:
            case "cloudformation" | "imagebuilder":
                return str(physical_id)
            case "sns":
                return str(properties.get("SnsTopicArn") or properties.get("TopicArn") or physical_id)
            case "dynamodb":
                name = f"table/{physical_id}"
            case "lambda":
                function = str(properties.get("FunctionName", physical_id))
                name = function if function.startswith("arn:") else f"function:{function}"
            case "logs":
                name = f"log-group:{properties.get('LogGroupName', physical_id)}"
            case "iam" if change["type"] == "AWS::IAM::InstanceProfile":
                name = f"instance-profile{properties.get('Path', '/')}{physical_id}"
            case "iam":
                return self._role(change)
            case _:
                # Their ids are not known before, so policies name account and Region only.
                name = "some/thing"
        return self._place.arn(service, name)

    def _role(self, change: Mapping[str, Any]) -> str:
        return self._role_arn(change["physical_id"])

    def _role_arn(self, name: str) -> str:
        # A role that no stack made is the user's own, and its path is not known here.
        return self._place.arn("iam", f"role{self._paths.get(name, '/')}{name}")

    def _roles(self, change: Mapping[str, Any]) -> list[str]:
        """The roles that a resource names."""
        properties = change["properties"]
        if role := properties.get("Role"):
            return [role]
        names = properties.get("Roles")
        if names is None and change["type"] in _NODES:
            names = sorted(self._node_roles[_cluster(change)])
        return [self._role_arn(name) for name in names or ()]


def _parents(recipe: Mapping[str, Any]) -> list[str]:
    """Yields the image that a recipe starts with; nothing for an AMI, which Image Builder does not know."""
    return [parent for parent in [str(recipe["ParentImage"])] if parent.startswith("arn:")]


def _components(recipe: Mapping[str, Any]) -> list[str]:
    return [str(component["ComponentArn"]) for component in recipe.get("Components", [])]


#: The parts of an image recipe, by the action that reads them.
_INGREDIENTS = {"imagebuilder:GetComponent": _components, "imagebuilder:GetImage": _parents}


def _cluster(change: Mapping[str, Any]) -> str:
    return str(change["stack_tags"].get("parallelcluster:cluster-name"))
