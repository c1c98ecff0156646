"""The handler of each resource type, and the resources that a template describes."""

from collections.abc import Mapping

from localcloud.cloudformation.errors import UnresolvedValueError
from localcloud.cloudformation.handlers.custom import CustomResourceHandler
from localcloud.cloudformation.handlers.dynamic_references import with_parameters
from localcloud.cloudformation.handlers.hook import LambdaHookHandler
from localcloud.cloudformation.handlers.image import ImageHandler
from localcloud.cloudformation.handlers.metadata import MetadataHandler
from localcloud.cloudformation.handlers.models import ModelHandler, model_for
from localcloud.cloudformation.handlers.wait import WaitConditionHandler, WaitHandleHandler
from localcloud.cloudformation.resource import Handler, Target
from localcloud.cloudformation.stack import Stack
from localcloud.cloudformation.template.compiled import CompiledTemplate
from localcloud.gaps import gap

_CUSTOM = CustomResourceHandler()
_OWN: dict[str, Handler] = {
    "AWS::CDK::Metadata": MetadataHandler(),
    "AWS::CloudFormation::CustomResource": _CUSTOM,
    "AWS::CloudFormation::LambdaHook": LambdaHookHandler(),
    "AWS::CloudFormation::WaitCondition": WaitConditionHandler(),
    "AWS::CloudFormation::WaitConditionHandle": WaitHandleHandler(),
    "AWS::ImageBuilder::Image": ImageHandler(),
}


def register(resource_type: str, handler: Handler) -> None:
    """Sets the handler of a resource type."""
    _OWN[resource_type] = handler


def handler_for(resource_type: str) -> Handler:
    """Returns the handler of a resource type.

    Raises:
        UnresolvedValueError: The type is unknown.
    """
    if resource_type in _OWN:
        return _OWN[resource_type]
    if resource_type.startswith("Custom::"):
        return _CUSTOM
    model = model_for(resource_type)
    if model is None:
        known = gap("cloudformation.resource-types")
        raise UnresolvedValueError(f"localcloud does not know the resource type {resource_type} {known}")
    return ModelHandler(model)


def target_of(stack: Stack, logical_id: str, template: CompiledTemplate, tags: Mapping[str, str]) -> Target:
    """Returns a resource as a template describes it, with its properties evaluated.

    Raises:
        UnresolvedValueError: Its type is unknown, or a function or a dynamic reference to Parameter Store
            has no value.
    """
    definition = template.definitions[logical_id]
    resource_type = definition["Type"]
    handler = handler_for(resource_type)
    properties = with_parameters(
        template.scope(stack).evaluate(definition.get("Properties", {})),
        resource_type,
        stack.account_id,
        stack.region_name,
    )
    return Target(stack, handler, logical_id, resource_type, properties, dict(tags))
