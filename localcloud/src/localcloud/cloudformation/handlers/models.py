"""Resources that are one of moto's models, or a model registered with moto."""

import copy
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException
from moto.core.common_models import CloudFormationModel
from moto.core.utils import camelcase_to_underscores
from moto.ec2.models import ec2_backends
from moto.ec2.models.core import TaggedEC2Resource

from localcloud.cloudformation.errors import ResourceFailedError, UnresolvedValueError
from localcloud.cloudformation.handlers.dynamic_references import with_secrets
from localcloud.cloudformation.resource import (
    Cancel,
    Handler,
    Made,
    Progress,
    Target,
    no_attribute,
    no_cancel,
)
from localcloud.cloudformation.resource_types import has_attribute, identifier, missing_properties
from localcloud.gaps import gap

#: Types whose model reads ``Tags`` as a list of keys and values: the stack's tags join theirs.
_TAGGED_BY_PROPERTY = {
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::DynamoDB::Table",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::FSx::FileSystem",
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
}
#: Those of them that show CloudFormation's own tags as well; so do EC2's resources.
_SYSTEM_TAGGED = {"AWS::Lambda::Function"}


def model_for(resource_type: str) -> type[CloudFormationModel] | None:
    """Returns moto's model of a type, if there is one."""
    return parsing.get_model_map().get(resource_type)


@dataclass(frozen=True)
class _Instance:
    """A model that exists, and the name it was created with, which can differ from its physical id."""

    model: Any
    name: str


class ModelHandler(Handler):
    """Makes resources through a model's class methods, which do their work at once."""

    def __init__(self, model: type[CloudFormationModel]) -> None:
        self._model = model

    def create(self, target: Target, progress: Progress) -> Cancel:
        """Makes the model under its given or a generated name."""
        made = self._create(target)
        progress.initiated(made)
        progress.succeeded(made)
        return no_cancel

    def update(self, target: Target, made: Made, progress: Progress) -> Cancel:
        """Updates in place where the model can; otherwise replaces it."""
        if _is_implemented(self._model.update_from_cloudformation_json):
            name, definition = self._named(target, made)
            model = self._model.update_from_cloudformation_json(
                original_resource=made.state.model,
                new_resource_name=name,
                cloudformation_json=definition,
                account_id=_account(target),
                region_name=_region(target),
            )
            progress.succeeded(self._finish(target, made.state.model if model is None else model, name))
        elif self._keeps_its_name(target, made):
            # Two of one name cannot exist side by side, as a replacement needs.
            self._delete(made)
            progress.succeeded(self._create(target))
        else:
            progress.succeeded(self._create(target), replaces=True)
        return no_cancel

    def delete(self, made: Made, progress: Progress) -> Cancel:
        """Deletes the model."""
        self._delete(made)
        progress.succeeded()
        return no_cancel

    def snapshot(self, made: Made) -> None:
        """Saves the model's content, if it has any."""
        save = getattr(made.state.model, "save_content", None)
        if save is not None:
            save()

    def differs(self, target: Target, made: Made) -> bool:
        """Compares the properties, with the tags the model gets from its stack."""
        return _with_stack_tags(target) != _with_stack_tags(made.target) or (
            isinstance(made.state.model, TaggedEC2Resource) and target.stack_tags != made.target.stack_tags
        )

    def attribute(self, made: Made, name: str) -> Any:
        """Returns an attribute of the model."""
        try:
            value = getattr(made.state.model, "get_cfn_attribute", _no_attributes)(name)
        except (UnformattedGetAttTemplateException, NotImplementedError):
            return _attribute_without_model(made, name)
        except Exception as error:
            # Models are foreign code: whatever they raise is the fault of what reads the attribute.
            raise UnresolvedValueError(
                f"localcloud cannot read attribute {name} of {made.target.logical_id}: {error!r}"
            ) from error
        return "" if value is None else value

    def restore(self, before: Made, made: Made, progress: Progress) -> Cancel:
        """Returns to the replaced resource, if there was a replacement; updates the resource otherwise."""
        if before.state.model is not made.state.model and before in made.target.stack.leftovers:
            progress.succeeded(before, replaces=True)
            return no_cancel
        return self.update(before.target, made, progress)

    def _create(self, target: Target) -> Made:
        name, definition = self._named(target, None)
        model = self._model.create_from_cloudformation_json(
            name,
            definition,
            _account(target),
            _region(target),
            LogicalId=target.logical_id,
            StackId=target.stack.id,
            ResourceType=target.resource_type,
        )
        return self._finish(target, model, name)

    def _finish(self, target: Target, model: Any, name: str) -> Made:
        # What moto's own stacks do to a model, and other code relies on.
        model.cf_resource_type = target.resource_type
        model.logical_resource_id = target.logical_id
        physical_id = str(getattr(model, "physical_resource_id", name))  # some of moto's models have none
        if isinstance(model, TaggedEC2Resource):
            backend = ec2_backends[_account(target)][_region(target)]
            backend.create_tags([physical_id], _ec2_tags(target))
        return Made(target, physical_id, _Instance(model, name))

    def _delete(self, made: Made) -> None:
        target = made.target
        delete = getattr(made.state.model, "delete", None)
        if delete is not None and _takes_account_and_region(delete):
            delete(_account(target), _region(target))
        elif _is_implemented(self._model.delete_from_cloudformation_json):
            self._model.delete_from_cloudformation_json(
                made.physical_id, _as_json(target), _account(target), _region(target)
            )

    def _named(self, target: Target, made: Made | None) -> tuple[str, dict[str, Any]]:
        """Returns the resource's name, and its definition, which has the name as well.

        Raises:
            ResourceFailedError: A property that CloudFormation requires is missing.
        """
        definition = _as_json(target)
        properties = definition["Properties"]
        if missing := missing_properties(target.resource_type, properties):
            reasons = ", ".join(f"The property {{/{name}}} is required" for name in missing)
            raise ResourceFailedError(f"Property validation failure: [{reasons}]")
        name_property = self._model.cloudformation_name_type()
        if name_property and name_property in properties:
            return str(properties[name_property]), definition
        if made is not None and not (name_property and name_property in made.target.properties):
            name = str(made.state.name)
        else:
            name = _generated_name(target)
        if name_property:
            properties[name_property] = name  # most of moto's models read it there
        return name, definition

    def _keeps_its_name(self, target: Target, made: Made) -> bool:
        name_property = self._model.cloudformation_name_type()
        return bool(
            name_property
            and name_property in target.properties
            and target.properties[name_property] == made.target.properties.get(name_property)
        )


def _generated_name(target: Target) -> str:
    name = parsing.generate_resource_name(target.resource_type, target.stack.name, target.logical_id)
    if target.resource_type == "AWS::SSM::Parameter":
        return f"CFN-{target.logical_id}-{name.rpartition('-')[2]}"
    return name


def _no_attributes(_: str) -> Any:
    raise NotImplementedError


def _attribute_without_model(made: Made, name: str) -> Any:
    """Returns an attribute that moto's model does not tell and that is known all the same.

    Raises:
        UnresolvedValueError: The type has no such attribute, or localcloud does not know its value.
    """
    target = made.target
    if not has_attribute(target.resource_type, name):
        raise no_attribute(made, name)
    if name in target.properties:
        return target.properties[name]
    if name == identifier(target.resource_type):
        return made.physical_id
    value = getattr(made.state.model, camelcase_to_underscores(name), None)
    if not isinstance(value, str | int | list):
        raise UnresolvedValueError(
            f"localcloud does not know the attribute {name} of {target.resource_type}, {target.logical_id} "
            + gap("cloudformation.attributes")
        )
    return value


def _is_implemented(method: Any) -> bool:
    return not hasattr(method, "__isabstractmethod__")


def _takes_account_and_region(method: Any) -> bool:
    # Models' own ``delete`` methods come in many forms; this one is the one moto calls for stacks.
    parameters = list(inspect.signature(method).parameters)
    return len(parameters) == 2 and parameters[0] == "account_id"  # noqa: PLR2004 - account and Region


def _account(target: Target) -> str:
    return target.stack.account_id


def _region(target: Target) -> str:
    return target.stack.region_name


def _as_json(target: Target) -> dict[str, Any]:
    # A copy: some models write into what they are given.
    properties = copy.deepcopy(dict(_with_stack_tags(target)))
    return {
        "Type": target.resource_type,
        "Properties": with_secrets(properties, _account(target), _region(target)),
    }


def _with_stack_tags(target: Target) -> Mapping[str, Any]:
    tags = dict(target.stack_tags)
    if target.resource_type in _SYSTEM_TAGGED:
        tags |= _system_tags(target)
    if target.resource_type not in _TAGGED_BY_PROPERTY or not tags:
        return target.properties
    own = target.properties.get("Tags", [])
    own_keys = {tag.get("Key") for tag in own if isinstance(tag, dict)}
    inherited = [{"Key": k, "Value": v} for k, v in tags.items() if k not in own_keys]
    return {**target.properties, "Tags": own + inherited}


def _ec2_tags(target: Target) -> dict[str, str]:
    own_keys = {tag.get("Key") for tag in target.properties.get("Tags", []) if isinstance(tag, dict)}
    inherited = {key: value for key, value in target.stack_tags.items() if key not in own_keys}
    return inherited | _system_tags(target)


def _system_tags(target: Target) -> dict[str, str]:
    return {
        "aws:cloudformation:logical-id": target.logical_id,
        "aws:cloudformation:stack-id": target.stack.id,
        "aws:cloudformation:stack-name": target.stack.name,
    }
