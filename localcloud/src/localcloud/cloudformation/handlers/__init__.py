"""Kinds of resources, and who makes which."""

from localcloud.cloudformation.handlers.base import Handler
from localcloud.cloudformation.handlers.custom import CustomResourceHandler
from localcloud.cloudformation.handlers.image import ImageHandler
from localcloud.cloudformation.handlers.metadata import MetadataHandler
from localcloud.cloudformation.handlers.models import ModelHandler, model_for
from localcloud.cloudformation.handlers.nested import NestedStackHandler
from localcloud.cloudformation.handlers.wait import WaitConditionHandler, WaitHandleHandler

_CUSTOM = CustomResourceHandler()
_OWN: dict[str, Handler] = {
    "AWS::CDK::Metadata": MetadataHandler(),
    "AWS::CloudFormation::CustomResource": _CUSTOM,
    "AWS::CloudFormation::Stack": NestedStackHandler(),
    "AWS::CloudFormation::WaitCondition": WaitConditionHandler(),
    "AWS::CloudFormation::WaitConditionHandle": WaitHandleHandler(),
    "AWS::ImageBuilder::Image": ImageHandler(),
}


def handler_for(resource_type: str) -> Handler | None:
    """Returns who makes resources of a type; None where nobody knows it."""
    if resource_type in _OWN:
        return _OWN[resource_type]
    if resource_type.startswith("Custom::"):
        return _CUSTOM
    model = model_for(resource_type)
    return None if model is None else ModelHandler(model)
