"""Resources that are one of moto's models, or a model registered with moto."""

import copy
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException
from moto.core.common_models import CloudFormationModel
from moto.ec2.models import ec2_backends
from moto.ec2.models.core import TaggedEC2Resource

from localcloud.cloudformation.errors import UnresolvedValueError
from localcloud.cloudformation.handlers.dynamic_references import with_secrets
from localcloud.cloudformation.resource import (
    Cancel,
    Made,
    PlainHandler,
    Progress,
    Target,
    no_attribute,
    no_cancel,
)

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


def model_for(resource_type: str) -> type[CloudFormationModel] | None:
    """Returns moto's model of a type, if there is one."""
    return parsing.get_model_map().get(resource_type)


@dataclass(frozen=True)
class _Instance:
    """A model that exists, and the name it was created with, which can differ from its physical id."""

    model: Any
    name: str


class ModelHandler(PlainHandler):
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
            name = self._name(target, made)
            model = self._model.update_from_cloudformation_json(
                original_resource=made.state.model,
                new_resource_name=name,
                cloudformation_json=_as_json(target),
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
            value = made.state.model.get_cfn_attribute(name)
        except (UnformattedGetAttTemplateException, NotImplementedError) as error:
            raise no_attribute(made, name) from error
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
        name = self._name(target, None)
        model = self._model.create_from_cloudformation_json(
            name,
            _as_json(target),
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
        physical_id = str(model.physical_resource_id)
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

    def _name(self, target: Target, made: Made | None) -> str:
        name_property = self._model.cloudformation_name_type()
        if name_property and name_property in target.properties:
            return str(target.properties[name_property])
        if made is not None and not (name_property and name_property in made.target.properties):
            return str(made.state.name)
        return parsing.generate_resource_name(target.resource_type, target.stack.name, target.logical_id)

    def _keeps_its_name(self, target: Target, made: Made) -> bool:
        name_property = self._model.cloudformation_name_type()
        return bool(
            name_property
            and name_property in target.properties
            and target.properties[name_property] == made.target.properties.get(name_property)
        )


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
    if target.resource_type not in _TAGGED_BY_PROPERTY or not target.stack_tags:
        return target.properties
    own = target.properties.get("Tags", [])
    own_keys = {tag.get("Key") for tag in own if isinstance(tag, dict)}
    inherited = [{"Key": k, "Value": v} for k, v in target.stack_tags.items() if k not in own_keys]
    return {**target.properties, "Tags": own + inherited}


def _ec2_tags(target: Target) -> dict[str, str]:
    own_keys = {tag.get("Key") for tag in target.properties.get("Tags", []) if isinstance(tag, dict)}
    inherited = {key: value for key, value in target.stack_tags.items() if key not in own_keys}
    return inherited | {
        "aws:cloudformation:logical-id": target.logical_id,
        "aws:cloudformation:stack-id": target.stack.id,
        "aws:cloudformation:stack-name": target.stack.name,
    }
